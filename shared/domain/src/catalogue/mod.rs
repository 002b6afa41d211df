//! The catalogue: what a product *wants*, written by people, reviewed in git.
//!
//! A TOML file in layers. Each layer has the same shape, [`Settings`], and may say as little as
//! it likes; later layers win key by key:
//!
//! ```text
//! [defaults]                    what holds for every tenant
//! [tiers.<tier>]                what a tier changes
//! [environments.<env>]          what an environment changes
//! [environments.<env>.tiers.<tier>]   the exception of the exception
//! ```
//!
//! Tables are laid over one another, values and lists replace one another. `every_service`, in
//! any layer, is laid under each of the `services`, so that one image in three roles is said
//! once. The environments of a product are those that have a table, be it empty; in each of
//! them, all three tiers must be complete.
//!
//! Beside the layers stands `[alerting]`: who hears of what ([`alerting::Alerting`]). It is the
//! same for all environments; a route tells them apart.
//!
//! [`Catalogue::settings`] answers with the settings of one tier in one environment. All
//! mistakes in a file are found at once, each with file, line, what was found and what is
//! accepted; a key that nobody reads is a mistake.
//!
//! ```
//! use domain::{Catalogue, Tier};
//!
//! let text = include_str!("../../../../infra/catalogues/mate.toml");
//! let catalogue = Catalogue::parse("mate.toml", text)?;
//! let settings = catalogue.settings(&"dev".parse()?, Tier::Trial).ok_or("no dev")?;
//! assert_eq!(settings.database.class, "db.t4g.micro");
//!
//! let broken = text.replace("db.t4g.micro", "t4g.micro");
//! let errors = Catalogue::parse("mate.toml", &broken).unwrap_err();
//! assert_eq!(errors.mistakes.len(), 1);
//! assert!(errors.to_string().contains("found \"t4g.micro\""));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! How it is made: `layers` looks a key up through the layers, `kinds` and `values` know what a
//! value alone may be, `facts` holds what AWS accepts, `read` has one reader for each table and
//! checks what must agree between keys, `mistakes` gathers and prints.

mod facts;
mod kinds;
mod layers;
mod mistakes;
pub mod model;
mod read;
mod suggest;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;

use crate::tags::Ownership;
use crate::{Environment, Product, Tier};
pub use mistakes::{CatalogueErrors, Mistake};
pub use model::*;

/// A product's catalogue, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    /// The product.
    pub product: Product,
    /// The product's defaults for who answers for a tenant.
    pub ownership: Ownership,
    /// Who hears of what; the built-in routes hold where the file has no `[alerting]`.
    pub alerting: Option<alerting::Alerting>,
    settings: BTreeMap<(Environment, Tier), Settings>,
}

impl Catalogue {
    /// Reads a catalogue. `file` is how its mistakes name it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, in the order of its lines.
    pub fn parse(file: &str, text: &str) -> Result<Self, CatalogueErrors> {
        read::catalogue(file, text)
    }

    /// What this tier wants in this environment; nothing where the product has no such
    /// environment.
    pub fn settings(&self, environment: &Environment, tier: Tier) -> Option<&Settings> {
        self.settings.get(&(environment.clone(), tier))
    }

    /// The product's environments, by name.
    pub fn environments(&self) -> impl Iterator<Item = &Environment> {
        self.settings.keys().filter(|(_, tier)| *tier == Tier::Trial).map(|(name, _)| name)
    }
}
