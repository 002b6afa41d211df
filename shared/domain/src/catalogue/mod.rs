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
//! [`Catalogue::settings`] answers with the settings of one tier in one environment. All
//! mistakes in a file are found at once, each with file, line, what was found and what is
//! accepted; a key that nobody reads is a mistake.

mod facts;
mod kinds;
mod layers;
mod mistakes;
pub mod model;
mod read;
mod suggest;
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
