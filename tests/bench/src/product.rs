//! The products that ship, as they are measured.

use std::error::Error;
use std::fs;
use std::path::Path;

use domain::catalogue::Settings;
use domain::{Catalogue, Environment, Tenant, Tier};
use serde::Serialize;
use tenant_onboarding::template;

/// Each product and the environment that its golden templates are of.
const PRODUCTS: [(&str, &str); 4] =
    [("mate", "dev"), ("social-flow", "prod"), ("ctoprojects", "prod"), ("sarc-ng", "prod")];

/// A product with its catalogue, as text and as parsed.
pub(crate) struct Product {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) text: String,
    catalogue: Catalogue,
    environment: Environment,
}

/// How large a template is; CloudFormation takes 51,200 bytes.
#[derive(Debug, Serialize)]
pub(crate) struct Size {
    product: String,
    environment: String,
    tier: &'static str,
    data_bytes: usize,
    app_bytes: usize,
}

/// All products that ship.
pub(crate) fn all() -> Result<Vec<Product>, Box<dyn Error>> {
    PRODUCTS.into_iter().map(|(name, environment)| Product::read(name, environment)).collect()
}

impl Product {
    fn read(name: &str, environment: &str) -> Result<Self, Box<dyn Error>> {
        let file = format!("infra/catalogues/{name}.toml");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&file);
        let text =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let catalogue = Catalogue::parse(&file, &text)?;
        Ok(Self { name: name.to_owned(), file, text, catalogue, environment: environment.parse()? })
    }

    fn tenant(&self, tier: Tier) -> Result<(Tenant, &Settings), Box<dyn Error>> {
        let settings = self
            .catalogue
            .settings(&self.environment, tier)
            .ok_or_else(|| format!("{} has no tier {tier} in {}", self.name, self.environment))?;
        let tenant = Tenant {
            product: self.catalogue.product.clone(),
            id: "demo".parse()?,
            environment: self.environment.clone(),
            tier,
            display_name: "Demo".to_owned(),
            admin_email: "admin@demo.example.com".to_owned(),
            ownership: self.catalogue.ownership.clone(),
        };
        Ok((tenant, settings))
    }

    /// A tenant of the tier with the most in it.
    pub(crate) fn largest(&self) -> Result<(Tenant, &Settings), Box<dyn Error>> {
        self.tenant(Tier::Enterprise)
    }

    /// How large the templates of each tier are.
    pub(crate) fn sizes(&self) -> Result<Vec<Size>, Box<dyn Error>> {
        let size = |tier: Tier| {
            let (tenant, settings) = self.tenant(tier)?;
            Ok(Size {
                product: self.name.clone(),
                environment: self.environment.to_string(),
                tier: tier.as_str(),
                data_bytes: template::data(&tenant, settings).to_json().len(),
                app_bytes: template::app(&tenant, settings).to_json().len(),
            })
        };
        Tier::ALL.into_iter().map(size).collect()
    }
}
