//! What the reader must know about the deployment to tell whose an alert is and where to look.

use std::collections::BTreeSet;

use domain::catalogue::DatabaseEngine;
use domain::catalogue::alerting::Links;
use domain::{Catalogue, Environment, Product, Tier};

/// The deployment that reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The product that the deployment serves.
    pub product: Product,
    /// The environment that it serves.
    pub environment: Environment,
    /// All environments of the product: only with their names at hand can a resource's name be
    /// taken apart. `mate-my-dev-team-prod-app` is no resource of a tenant `my` in `dev`.
    pub environments: Vec<Environment>,
    /// The names of the product's ECS services, of all tiers.
    pub services: BTreeSet<String>,
    /// The engine of the databases here, and the log of theirs that tells most: the first that the
    /// catalogue exports.
    pub database_log: Option<(DatabaseEngine, String)>,
    /// The region that the deployment runs in: that of reports that name none.
    pub region: String,
    /// The catalogue's templates for links.
    pub links: Links,
}

impl Context {
    /// The context of a deployment of `catalogue`'s product in `environment`.
    pub fn new(catalogue: &Catalogue, environment: &Environment, region: &str) -> Self {
        let settings = |tier| catalogue.settings(environment, tier);
        let services =
            Tier::ALL.into_iter().filter_map(settings).flat_map(|all| all.services.keys().cloned());
        let mut databases = Tier::ALL.into_iter().filter_map(settings).map(|all| &all.database);
        let database_log = databases
            .find_map(|database| Some((database.engine, database.log_exports.first()?.clone())));
        let mut environments: Vec<Environment> = catalogue.environments().cloned().collect();
        if !environments.contains(environment) {
            environments.push(environment.clone());
        }
        Self {
            product: catalogue.product.clone(),
            environment: environment.clone(),
            environments,
            services: services.collect(),
            database_log,
            region: region.to_owned(),
            links: Links::default(),
        }
    }

    /// The same, with the catalogue's templates for links.
    #[must_use]
    pub fn with_links(self, links: &Links) -> Self {
        Self { links: links.clone(), ..self }
    }
}
