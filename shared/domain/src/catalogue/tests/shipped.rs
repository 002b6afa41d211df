//! The catalogues that ship are clean and say what their products' documents say.

use std::path::Path;

use super::Catalogue;
use crate::Tier::{Enterprise, Standard, Trial};
use crate::catalogue::{DatabaseEngine, RotationStrategy};
use crate::{Environment, Tier};

const PRODUCTS: [&str; 4] = ["mate", "social-flow", "ctoprojects", "sarc-ng"];

fn shipped(product: &str) -> Catalogue {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/catalogues");
    let file = folder.join(format!("{product}.toml"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    Catalogue::parse(&file.to_string_lossy(), &text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn environment(name: &str) -> Environment {
    name.parse().unwrap()
}

#[test]
fn all_four_are_clean_and_named_for_their_product() {
    for product in PRODUCTS {
        let catalogue = shipped(product);
        assert_eq!(catalogue.product.as_str(), product);
        assert_eq!(catalogue.environments().count(), 3, "{product}");
    }
}

#[test]
fn an_enterprise_tenant_in_production_survives_the_loss_of_a_zone() {
    for product in PRODUCTS {
        let catalogue = shipped(product);
        let settings = catalogue.settings(&environment("prod"), Enterprise).unwrap();
        let database = &settings.database;
        assert!(database.multi_az || database.instances > 1, "{product}");
        assert!(database.deletion_protection, "{product}");
        assert!(settings.cache.as_ref().is_none_or(|cache| cache.replicas > 0), "{product}");
    }
}

/// product, environment, tier, instance class, node type, CPU and memory of the HTTP service.
type Sizes = (&'static str, &'static str, Tier, &'static str, &'static str, (u32, u32));

#[test]
fn sizes_are_the_documents() {
    let cases: [Sizes; 13] = [
        ("mate", "dev", Trial, "db.t4g.micro", "cache.t4g.micro", (256, 512)),
        ("mate", "dev", Standard, "db.t4g.medium", "cache.t4g.small", (512, 1024)),
        ("mate", "prod", Enterprise, "db.r6g.xlarge", "cache.r7g.large", (1024, 2048)),
        ("social-flow", "dev", Enterprise, "db.t3.small", "cache.t3.micro", (512, 1024)),
        ("social-flow", "staging", Trial, "db.t3.medium", "cache.t3.small", (1024, 2048)),
        ("social-flow", "prod", Trial, "db.t3.small", "cache.t3.micro", (512, 1024)),
        ("social-flow", "prod", Enterprise, "db.r6g.xlarge", "cache.r6g.large", (2048, 4096)),
        ("ctoprojects", "dev", Standard, "db.t3.medium", "cache.t3.micro", (256, 512)),
        ("ctoprojects", "stage", Standard, "db.r5.large", "cache.r5.large", (512, 1024)),
        ("ctoprojects", "prod", Enterprise, "db.r5.2xlarge", "cache.r5.2xlarge", (1024, 2048)),
        ("sarc-ng", "dev", Enterprise, "db.t3.medium", "", (512, 1024)),
        ("sarc-ng", "prod", Trial, "db.t3.medium", "", (512, 1024)),
        ("sarc-ng", "prod", Standard, "db.r5.large", "", (1024, 2048)),
    ];
    for (product, env, tier, class, node_type, task) in cases {
        let catalogue = shipped(product);
        let settings = catalogue.settings(&environment(env), tier).unwrap();
        let http = settings.services.values().find(|service| service.http.is_some()).unwrap();
        let cache = settings.cache.as_ref().map_or("", |cache| &cache.node_type);
        let found = (settings.database.class.as_str(), cache, (http.cpu, http.memory_mb));
        assert_eq!(found, (class, node_type, task), "{product} {env} {tier}");
    }
}

#[test]
fn engines_ports_and_retention_are_the_documents() {
    use DatabaseEngine::{AuroraMysql, Mysql, Postgres};
    for (product, env, engine, version, port, backup_days) in [
        ("mate", "dev", Postgres, "15.7", 8000, 7),
        ("social-flow", "dev", Postgres, "15.4", 8000, 3),
        ("social-flow", "prod", Postgres, "15.4", 8000, 30),
        ("ctoprojects", "prod", Postgres, "15.18", 3000, 30),
        ("sarc-ng", "dev", Mysql, "8.0.46", 8080, 7),
        ("sarc-ng", "prod", AuroraMysql, "8.0.mysql_aurora.3.03.1", 8080, 30),
    ] {
        let catalogue = shipped(product);
        let settings = catalogue.settings(&environment(env), Enterprise).unwrap();
        let http = settings.services.values().find_map(|service| service.http.as_ref()).unwrap();
        let database = &settings.database;
        let found = (database.engine, database.version.as_str(), http.port);
        assert_eq!(found, (engine, version, port), "{product} {env}");
        assert_eq!(database.backup_retention_days, backup_days, "{product} {env}");
    }
}

#[test]
fn critical_services_of_ctoprojects_recover_within_an_hour() {
    let catalogue = shipped("ctoprojects");
    let recovery = |tier| {
        let recovery = &catalogue.settings(&environment("prod"), tier).unwrap().recovery;
        (recovery.rto_minutes, recovery.rpo_minutes)
    };
    assert_eq!(recovery(Standard), (240, 15));
    assert_eq!(recovery(Enterprise), (60, 5));
}

#[test]
fn each_product_rotates_by_the_strategy_chosen_for_it_and_over_tls_alone() {
    use RotationStrategy::{AlternatingUsers, SingleUserByMaster};
    for (product, strategy) in [
        ("mate", AlternatingUsers),
        ("social-flow", AlternatingUsers),
        ("ctoprojects", SingleUserByMaster),
        ("sarc-ng", AlternatingUsers),
    ] {
        let catalogue = shipped(product);
        for name in catalogue.environments() {
            for tier in Tier::ALL {
                let rotation = &catalogue.settings(name, tier).unwrap().rotation;
                assert_eq!(rotation.strategy, strategy, "{product} {name} {tier}");
                assert!(!rotation.permit_plaintext, "{product} {name} {tier}");
            }
        }
    }
}
