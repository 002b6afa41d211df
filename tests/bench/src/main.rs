//! What thinking costs: one decision, one catalogue, one template.
//!
//! Why it exists: a pass is meant to consist of AWS calls and nothing else. These figures show
//! that what happens between the calls is too short to be billed for, and they show it when that
//! changes. It is a program and not a `benches/` target so that cargo-lambda builds it with the
//! very flags of the functions: what is measured is what ships.
//!
//! `bench FOLDER` writes `FOLDER/pure.json`.

mod alerts;
mod product;
mod situations;
mod timing;

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

use domain::Catalogue;
use serde::Serialize;
use tenant_onboarding::decide::decide;
use tenant_onboarding::template;

use crate::product::{Product, Size};
use crate::situations::Situation;
use crate::timing::Timing;

/// All that is measured here.
#[derive(Serialize)]
struct Figures {
    timings: Vec<Timing>,
    templates: Vec<Size>,
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("usage: bench FOLDER");
        return ExitCode::from(2);
    };
    match measure(Path::new(&folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut timings = Vec::new();
    for situation in &situations::all()? {
        let Situation { name, record, observed, wanted, now } = situation;
        timings.push(timing::measure("decide", name, || {
            decide(black_box(record), black_box(observed), *wanted, *now)
        }));
    }
    let products = product::all()?;
    for product in &products {
        timings.push(timing::measure("parse the catalogue", &product.name, || {
            Catalogue::parse(&product.file, black_box(&product.text))
        }));
    }
    for product in &products {
        let (tenant, settings) = product.largest()?;
        timings.push(timing::measure("render the data template", &product.name, || {
            template::data(black_box(&tenant), black_box(settings)).to_json()
        }));
        timings.push(timing::measure("render the app template", &product.name, || {
            template::app(black_box(&tenant), black_box(settings)).to_json()
        }));
    }
    timings.extend(alerts::measure()?);
    let sizes = products.iter().map(Product::sizes).collect::<Result<Vec<_>, _>>()?;
    let templates = sizes.into_iter().flatten().collect();
    let figures = serde_json::to_vec_pretty(&Figures { timings, templates })?;
    fs::create_dir_all(folder)?;
    Ok(fs::write(folder.join("pure.json"), figures)?)
}
