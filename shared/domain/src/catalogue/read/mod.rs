//! From the file to the settings, one module for each table.
//!
//! Every reader follows one pattern: ask for all keys first, then check what must agree, and only
//! then build. A mistake in the first key so never hides one in the last.

mod alarms;
mod alerting;
mod cache;
mod database;
mod rotation;
mod service;
mod settings;
mod storage;
mod text;

use std::collections::BTreeMap;

use super::Catalogue;
use super::kinds::Text;
use super::layers::{Layer, Section};
use super::mistakes::{AllMistakes, CatalogueErrors, Mistakes, Read};
use super::model::alerting::Alerting;
use crate::identity::InvalidName;
use crate::tags::{Ownership, is_tag_value};
use crate::{Environment, Product, Tier};

const PRODUCT: Text<Product> =
    Text("the product's name: 2 to 12 lower-case letters, digits and single hyphens", |text| {
        text.parse().ok()
    });

const TAG: Text<String> =
    Text("a tag's value: letters, digits, spaces and + - = . _ : / @", |text| {
        Text::checked(text, is_tag_value(text))
    });

/// Reads a catalogue, or says all that is wrong with it.
pub(super) fn catalogue(file: &str, text: &str) -> Result<Catalogue, CatalogueErrors> {
    let tree =
        toml_span::parse(text).map_err(|error| CatalogueErrors::no_toml(file, text, &error))?;
    let mut all = AllMistakes::default();
    let mistakes = Mistakes::default();
    let outline = Outline::read(Section::root(&tree, &mistakes));
    let mut settings = BTreeMap::new();
    for (environment, tier, layers) in outline.combinations() {
        let mistakes = Mistakes::default();
        let mut section = Section::over(layers, &mistakes);
        if let (Ok(environment), Ok(read)) = (environment.parse(), settings::read(&mut section)) {
            settings.insert((environment, tier), read);
        }
        section.finish();
        all.of_settings(environment, tier, mistakes);
    }
    let Outline { product, ownership, alerting, .. } = outline;
    all.of_file(mistakes);
    match (product, ownership, alerting) {
        (Ok(product), Ok(ownership), Ok(alerting)) if all.is_empty() => {
            Ok(Catalogue { product, ownership, alerting, settings })
        }
        _ => Err(all.into_errors(file, text)),
    }
}

/// The file without its settings, and the layers that they are made of. A layer that cannot be
/// read is left out, so that the others are still checked.
struct Outline<'a> {
    product: Read<Product>,
    ownership: Read<Ownership>,
    alerting: Read<Option<Alerting>>,
    defaults: Vec<Layer<'a>>,
    tiers: TierLayers<'a>,
    environments: BTreeMap<String, (Vec<Layer<'a>>, TierLayers<'a>)>,
}

type TierLayers<'a> = BTreeMap<Tier, Vec<Layer<'a>>>;

impl<'a> Outline<'a> {
    fn read(mut root: Section<'a>) -> Self {
        let outline = Self {
            product: root.required("product", &PRODUCT).map(|found| found.value),
            ownership: root.table("ownership", ownership),
            alerting: root.optional_table("alerting", alerting::read),
            defaults: root.child("defaults").ok().flatten().map_or_else(Vec::new, |t| t.layers()),
            tiers: tiers(&mut root),
            environments: environments(&mut root),
        };
        root.finish();
        outline
    }

    /// Every environment with every tier, and the layers of the two, the strongest last.
    fn combinations(&self) -> impl Iterator<Item = (&str, Tier, Vec<Layer<'a>>)> {
        self.environments.iter().flat_map(move |(name, (own, exceptions))| {
            Tier::ALL.into_iter().map(move |tier| {
                let of_tier = self.tiers.get(&tier).into_iter().flatten();
                let exception = exceptions.get(&tier).into_iter().flatten();
                let layers = self.defaults.iter().chain(of_tier).chain(own).chain(exception);
                (name.as_str(), tier, layers.copied().collect())
            })
        })
    }
}

fn ownership(section: &mut Section<'_>) -> Read<Ownership> {
    let cost_center = section.required("cost_center", &TAG);
    let owner = section.required("owner", &TAG);
    let data_classification = section.required("data_classification", &TAG);
    let compliance = section.required("compliance", &TAG);
    Ok(Ownership {
        cost_center: cost_center?.value,
        owner: owner?.value,
        data_classification: data_classification?.value,
        compliance: compliance?.value,
    })
}

/// The layers in the table `tiers`, of the file or of an environment.
fn tiers<'a>(section: &mut Section<'a>) -> TierLayers<'a> {
    let mut layers = BTreeMap::new();
    if let Ok(Some(mut tables)) = section.child("tiers") {
        for tier in Tier::ALL {
            if let Ok(Some(table)) = tables.child(tier.as_str()) {
                layers.insert(tier, table.layers());
            }
        }
        tables.finish();
    }
    layers
}

/// The environments' own layers and those of their tiers. A wrong name is a mistake, and what it
/// names is read all the same; so are the defaults where there is no environment at all.
fn environments<'a>(root: &mut Section<'a>) -> BTreeMap<String, (Vec<Layer<'a>>, TierLayers<'a>)> {
    let names = root.names_in("environments");
    let mut layers = BTreeMap::new();
    if let Ok(Some(mut tables)) = root.child("environments") {
        for name in names {
            let Ok(Some(mut table)) = tables.child(name) else { continue };
            if let Err(InvalidName { expected, .. }) = name.parse::<Environment>() {
                tables.mistake(table.span(), name, format!("found the name {name:?}"), expected);
            }
            let exceptions = tiers(&mut table);
            layers.insert(name.to_owned(), (table.layers_without("tiers"), exceptions));
        }
    }
    if layers.is_empty() {
        let expected = "a table for each environment, such as [environments.dev]; it may be empty";
        root.mistake(root.span(), "environments", "there is no environment", expected);
        layers.insert("any environment".to_owned(), (Vec::new(), BTreeMap::new()));
    }
    layers
}
