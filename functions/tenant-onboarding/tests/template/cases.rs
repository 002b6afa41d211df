//! The templates that the tests look at: every product that ships, in one environment, in every
//! tier.

use std::fs;
use std::path::PathBuf;

use domain::catalogue::Settings;
use domain::{Catalogue, Environment, Tenant, Tier};
use serde_json::Value;
use tenant_onboarding::template::{self, Template};

/// Each product with the environment that tells most: mate's demonstration tenant lives in dev;
/// the others differ most from it in prod, where sarc-ng has Aurora.
pub(crate) const PRODUCTS: [(&str, &str); 4] =
    [("mate", "dev"), ("social-flow", "prod"), ("ctoprojects", "prod"), ("sarc-ng", "prod")];

/// One rendered template and what it was rendered from.
pub(crate) struct Case {
    /// The tenant.
    pub(crate) tenant: Tenant,
    /// The settings of its tier.
    pub(crate) settings: Settings,
    /// `data` or `app`.
    pub(crate) stack: &'static str,
    /// The result.
    pub(crate) template: Template,
}

impl Case {
    /// Where it lies under `tests/golden`.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}-{}.json", self.tenant.product, self.tenant.tier, self.stack)
    }
}

/// A product's catalogue as it ships.
pub(crate) fn catalogue(product: &str) -> Catalogue {
    let file = format!("{product}.toml");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/catalogues");
    let text = fs::read_to_string(folder.join(&file)).unwrap_or_else(|error| {
        panic!("reading {file} in {}: {error}", folder.display());
    });
    Catalogue::parse(&file, &text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Tenant `demo` of a product.
pub(crate) fn demo(catalogue: &Catalogue, environment: &Environment, tier: Tier) -> Tenant {
    Tenant {
        product: catalogue.product.clone(),
        id: "demo".parse().unwrap(),
        environment: environment.clone(),
        tier,
        display_name: "Demo".to_owned(),
        admin_email: "admin@demo.example.com".to_owned(),
        ownership: catalogue.ownership.clone(),
    }
}

/// All templates.
pub(crate) fn rendered() -> Vec<Case> {
    let mut cases = Vec::new();
    for (product, environment) in PRODUCTS {
        let catalogue = catalogue(product);
        let environment: Environment = environment.parse().unwrap();
        for tier in Tier::ALL {
            let settings = catalogue.settings(&environment, tier).unwrap_or_else(|| {
                panic!("{product} has no tier {tier} in {environment}");
            });
            let tenant = demo(&catalogue, &environment, tier);
            for (stack, template) in [
                ("data", template::data(&tenant, settings)),
                ("app", template::app(&tenant, settings)),
            ] {
                let (tenant, settings) = (tenant.clone(), settings.clone());
                cases.push(Case { tenant, settings, stack, template });
            }
        }
    }
    cases
}

/// One template of one product and tier.
pub(crate) fn case(product: &str, tier: Tier, stack: &str) -> Case {
    let mut cases = rendered().into_iter();
    cases
        .find(|case| {
            case.tenant.product.as_str() == product
                && case.tenant.tier == tier
                && case.stack == stack
        })
        .unwrap_or_else(|| panic!("no {stack} template of {product} {tier}"))
}

impl Case {
    /// All resources with their logical ids.
    pub(crate) fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.section("Resources")
    }

    /// A section of the template, entry by entry.
    pub(crate) fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let section = self.template.body()[name].as_object();
        section.into_iter().flatten().map(|(id, value)| (id.as_str(), value))
    }

    /// The properties of all resources of a type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<&Value> {
        let resources = self.resources().filter(|(_, resource)| resource["Type"] == kind);
        resources.map(|(_, resource)| &resource["Properties"]).collect()
    }

    /// One resource, whole.
    pub(crate) fn resource(&self, id: &str) -> &Value {
        let resource = &self.template.body()["Resources"][id];
        assert!(resource.is_object(), "{} has no resource {id}", self.path());
        resource
    }

    /// One resource's properties.
    pub(crate) fn properties(&self, id: &str) -> &Value {
        &self.resource(id)["Properties"]
    }
}

/// Visits every value in a JSON document, with the key that it has in its object.
pub(crate) fn visit<'a>(value: &'a Value, seen: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, seen)),
        Value::Object(fields) => {
            for (key, value) in fields {
                seen(key, value);
                visit(value, seen);
            }
        }
        _ => {}
    }
}
