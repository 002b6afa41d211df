//! The templates of four real products, three tiers each, as they lie in `tests/golden`: a change
//! of a catalogue or of the template code is reviewed there, in the words of CloudFormation.
//!
//! `UPDATE_GOLDEN=1 cargo test -p tenant-onboarding --test template` writes them anew; `make check`
//! has cfn-lint look at them.

use std::fs;
use std::path::PathBuf;

use tenant_onboarding::template::TEMPLATE_BYTES_MAX;

use crate::cases::{PRODUCTS, rendered};

/// Set, it has the golden templates written instead of compared.
const UPDATE: &str = "UPDATE_GOLDEN";

fn golden_root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn every_template_is_the_golden_one() {
    let mut differing = Vec::new();
    for case in rendered() {
        let path = golden_root().join(case.path());
        let text = format!("{:#}\n", case.template.body());
        if std::env::var_os(UPDATE).is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            differing.push(case.path());
        }
    }
    assert!(
        differing.is_empty(),
        "these differ from what is rendered now: {differing:#?}\n\
         If that is what you want, run with {UPDATE}=1 and review the diff."
    );
}

#[test]
fn no_golden_template_is_left_over() {
    let expected: Vec<String> = rendered().iter().map(|case| case.path()).collect();
    for (product, _) in PRODUCTS {
        for entry in fs::read_dir(golden_root().join(product)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("{product}/{file}");
            assert!(expected.contains(&path), "nothing renders {path}; delete it");
        }
    }
}

#[test]
fn every_template_fits_into_a_request() {
    let mut report = String::new();
    let mut longest = 0;
    for case in rendered() {
        let bytes = case.template.to_json().len();
        report += &format!("{bytes:>6} {}\n", case.path());
        longest = longest.max(bytes);
    }
    println!("{report}");
    assert!(longest < TEMPLATE_BYTES_MAX, "CreateStack takes {TEMPLATE_BYTES_MAX}:\n{report}");
}
