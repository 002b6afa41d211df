//! The catalogue that a function starts with: found, read, and held against the deployment.
//!
//! Why it is here: every function reads the same file from the same place, and a deployment whose
//! catalogue is another product's must not start at all.

use std::path::PathBuf;

use domain::{Catalogue, Environment, Product};

use crate::StartError;

/// The catalogue's name beside the binary, where `make package` puts it.
const FILE: &str = "caretaker.toml";

/// Reads the catalogue from `place`, the variable `CARETAKER_CATALOGUE`, or from beside the binary.
///
/// # Errors
/// `CatalogueMissing` when the file cannot be read, `CatalogueInvalid` with all its mistakes.
pub fn read(place: Option<&String>) -> Result<Catalogue, StartError> {
    let path = place.map_or_else(beside_the_binary, PathBuf::from);
    let name = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        StartError::new(
            "CatalogueMissing",
            format!(
                "could not read the catalogue {name}: {error}; `make package` puts it beside the \
                 binary, and CARETAKER_CATALOGUE names another place"
            ),
        )
    })?;
    Catalogue::parse(&name, &text)
        .map_err(|error| StartError::new("CatalogueInvalid", error.to_string()))
}

/// Checks that the catalogue is the one of the product that the deployment serves, and knows its
/// environment.
///
/// # Errors
/// `CatalogueDoesNotFit`, with what each of the two says.
pub fn check(
    catalogue: &Catalogue,
    product: &Product,
    environment: &Environment,
) -> Result<(), StartError> {
    let environments: Vec<&str> = catalogue.environments().map(Environment::as_str).collect();
    if catalogue.product == *product && environments.contains(&environment.as_str()) {
        return Ok(());
    }
    let message = format!(
        "the deployment is wired for {product} in {environment}, but the catalogue is that of {} \
         with the environments {}",
        catalogue.product,
        environments.join(", ")
    );
    Err(StartError::new("CatalogueDoesNotFit", message))
}

fn beside_the_binary() -> PathBuf {
    let folder = std::env::var_os("LAMBDA_TASK_ROOT").map_or_else(PathBuf::new, PathBuf::from);
    folder.join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/catalogues/mate.toml");

    #[test]
    fn a_catalogue_that_is_not_there_is_missed_by_its_place() {
        let error = read(Some(&"/nowhere/caretaker.toml".to_owned())).unwrap_err();
        assert!(error.message().contains("/nowhere/caretaker.toml"), "{}", error.message());
        assert!(error.message().contains("CARETAKER_CATALOGUE"), "{}", error.message());
    }

    #[test]
    fn only_the_catalogue_of_the_deployment_s_product_and_environment_fits() {
        let catalogue = read(Some(&SHIPPED.to_owned())).unwrap();
        let fits = |product: &str, environment: &str| {
            check(&catalogue, &product.parse().unwrap(), &environment.parse().unwrap())
        };
        fits("mate", "dev").unwrap();
        let other = fits("sarc-ng", "dev").unwrap_err();
        assert!(other.message().contains("wired for sarc-ng in dev"), "{}", other.message());
        let unknown = fits("mate", "moon").unwrap_err();
        assert!(unknown.message().ends_with("dev, prod, staging"), "{}", unknown.message());
    }
}
