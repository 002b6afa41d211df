//! Whose a secret is, and that nothing it names is somebody else's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::catalogue::Settings;
use domain::tags::Ownership;
use domain::{Catalogue, Environment, Product, Tenant, TenantId, Tier};
use secret_rotation::binding::{
    Claim, Here, Login, Server, alternate, cache, login, master, recorded, tenant, tenant_of_server,
};
use secret_rotation::kind::Tags;
use secret_rotation::refusal::{FailureKind, Refusal};
use store::{Status, TenantRecord};

struct World {
    product: Product,
    environment: Environment,
    record: TenantRecord,
    settings: Settings,
}

impl World {
    fn here(&self) -> Here<'_> {
        Here { product: &self.product, environment: &self.environment }
    }
}

fn world() -> World {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/catalogues/mate.toml");
    let catalogue = Catalogue::parse("mate", &std::fs::read_to_string(file).unwrap()).unwrap();
    let (product, environment): (Product, Environment) =
        ("mate".parse().unwrap(), "dev".parse().unwrap());
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    let record = TenantRecord {
        tenant: Tenant {
            product: product.clone(),
            id: "demo".parse().unwrap(),
            environment: environment.clone(),
            tier: Tier::Trial,
            display_name: "Demo".to_owned(),
            admin_email: "a@example.com".to_owned(),
            ownership: Ownership {
                cost_center: "c".to_owned(),
                owner: "o".to_owned(),
                data_classification: "internal".to_owned(),
                compliance: "none".to_owned(),
            },
        },
        status: Status::Active,
        request_id: "r".to_owned(),
        registration_id: None,
        registration_unprefixed: false,
        attempt: 1,
        attempt_at: at,
        listener_priority: 1,
        database_role_at: None,
        announced: true,
        failure: None,
        cleaning_up: false,
        url: None,
        created_at: at,
        updated_at: at,
        active_at: None,
        version: 1,
    };
    let settings = catalogue.settings(&environment, Tier::Trial).unwrap().clone();
    World { product, environment, record, settings }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn demos() -> Tags {
    tags(&[("Product", "mate"), ("Tenant", "demo"), ("Environment", "dev")])
}

fn server() -> Server {
    Server {
        identifier: "mate-demo-dev-database".to_owned(),
        arn: "arn:aws:rds:r:a:db:mate-demo-dev-database".to_owned(),
        engine: "postgres".to_owned(),
        hosts: vec!["db.example".to_owned()],
        port: Some(5432),
        master_username: "caretaker".to_owned(),
        tags: demos(),
        copies: None,
    }
}

fn faults(refused: Result<impl std::fmt::Debug, Refusal>) -> String {
    let refusal = refused.unwrap_err();
    assert_eq!(refusal.kind, FailureKind::Binding);
    assert!(!refusal.remedy.is_empty());
    refusal.reason
}

#[test]
fn tag_and_name_say_whose_a_secret_is() {
    let world = world();
    for name in ["mate-demo-dev/database-app", "named/by-hand", "without-slash"] {
        let tags = demos();
        let whose = tenant(Claim { name, tags: &tags }, world.here());
        assert_eq!(whose.map(String::from), Ok("demo".to_owned()), "{name}");
    }
}

#[test]
fn a_secret_that_is_of_nobody_or_of_two_is_refused() {
    let world = world();
    let refused = |name: &str, pairs: &[(&str, &str)]| {
        let tags = tags(pairs);
        faults(tenant(Claim { name, tags: &tags }, world.here()))
    };
    let name = "mate-demo-dev/database-app";
    assert!(refused(name, &[]).contains("no tag Tenant"));
    assert!(refused(name, &[("Tenant", "acme")]).contains("its name is demo's"));
    assert!(refused(name, &[("Tenant", "No Tenant")]).contains("tag Tenant"));
    let both = refused(name, &[("Tenant", "demo"), ("Product", "x"), ("Environment", "prod")]);
    assert!(
        both.contains("tag Product is x") && both.contains("tag Environment is prod"),
        "{both}"
    );
}

#[test]
fn a_tenant_must_be_recorded_and_not_gone() {
    let (world, tags) = (world(), demos());
    let claim = Claim { name: "s", tags: &tags };
    let id: TenantId = "demo".parse().unwrap();
    assert!(recorded(claim, &id, Some(world.record.clone())).is_ok());
    assert!(faults(recorded(claim, &id, None)).contains("no tenant demo"));
    let gone = TenantRecord { status: Status::Offboarded, ..world.record };
    assert!(faults(recorded(claim, &id, Some(gone))).contains("offboarded"));
}

/// Checks demo's secret with this login against this server.
fn checked(host: &str, port: u16, username: &str, server: Option<&Server>) -> Result<(), Refusal> {
    let (world, tags) = (world(), demos());
    let claim = Claim { name: "mate-demo-dev/database-app", tags: &tags };
    let asked = Login { host, port, username };
    login(claim, world.here(), &world.record, &world.settings, asked, server)
}

#[test]
fn the_users_of_a_tenant_on_its_own_server_are_taken() {
    for user in ["demo_app", "demo_app_clone", "caretaker"] {
        assert_eq!(checked("DB.example", 5432, user, Some(&server())), Ok(()), "{user}");
    }
}

#[test]
fn a_secret_that_points_at_another_tenants_database_is_refused_with_all_that_does_not_fit() {
    let acmes = Server { tags: tags(&[("Tenant", "acme"), ("Environment", "prod")]), ..server() };
    let words = faults(checked("other.example", 3306, "acme_app", Some(&acmes)));
    for fault in [
        "is the tenant acme's",
        "tag Environment is prod",
        "its host is other.example",
        "its port is 3306",
        "\"acme_app\" is none of the tenant's",
    ] {
        assert!(words.contains(fault), "{fault}: {words}");
    }
    let untagged = Server { tags: BTreeMap::new(), ..server() };
    let words = faults(checked("db.example", 5432, "demo_app", Some(&untagged)));
    assert!(words.contains("nothing says whose it is"), "{words}");
    let words = faults(checked("db.example", 5432, "demo_app", None));
    assert!(words.contains("RDS knows no server"), "{words}");
}

#[test]
fn the_host_of_a_proxy_is_refused_with_what_to_write_instead() {
    for host in [
        "orders.proxy-c1.eu-west-1.rds.amazonaws.com",
        "Reader.endpoint.proxy-c1.eu-west-1.rds.amazonaws.com",
    ] {
        let words = faults(checked(host, 5432, "demo_app", Some(&server())));
        assert!(words.contains("is an RDS Proxy's"), "{words}");
        assert!(words.contains("must be the server's own, db.example"), "{words}");
        let words = faults(checked(host, 5432, "demo_app", None));
        assert!(words.contains("must be the server's own"), "{words}");
    }
    let named_alike = "proxy-1.c1.eu-west-1.rds.amazonaws.com";
    let words = faults(checked(named_alike, 5432, "demo_app", Some(&server())));
    assert!(words.contains("its host is proxy-1"), "{words}");
}

#[test]
fn a_server_whose_master_rds_manages_says_whose_it_is() {
    let (world, none) = (world(), Tags::new());
    let claim = Claim { name: "rds!db-1", tags: &none };
    let whose = tenant_of_server(claim, world.here(), Some(&server()));
    assert_eq!(whose.map(String::from), Ok("demo".to_owned()));
    for (server, fault) in [
        (None, "does not know"),
        (Some(Server { tags: BTreeMap::new(), ..server() }), "no tag Tenant"),
        (
            Some(Server { tags: tags(&[("Tenant", "demo"), ("Product", "x")]), ..server() }),
            "tag Product is x",
        ),
    ] {
        let words = faults(tenant_of_server(claim, world.here(), server.as_ref()));
        assert!(words.contains(fault), "{words}");
    }
}

/// Checks a master's secret of these tags and this host for a user of demo's on the server.
fn mastered(name: &str, tags: &Tags, host: Option<&str>, server: &Server) -> Result<(), Refusal> {
    let (world, demo) = (world(), "demo".parse().unwrap());
    master(Claim { name, tags }, world.here(), &demo, host, server)
}

#[test]
fn a_master_is_of_the_same_tenant_and_for_the_same_server() {
    let name = "mate-demo-dev/database-master";
    assert_eq!(mastered(name, &demos(), Some("db.example"), &server()), Ok(()));
    let acmes = tags(&[("Tenant", "acme")]);
    let words = faults(mastered("x", &acmes, Some("other.example"), &server()));
    assert!(words.contains("the tenant acme's"), "{words}");
    assert!(words.contains("its host is other.example"), "{words}");
}

#[test]
fn the_master_of_a_replicas_source_is_its_master_too() {
    let replica = Server {
        identifier: "replica".to_owned(),
        hosts: vec!["replica.example".to_owned()],
        copies: Some(Box::new(server())),
        ..server()
    };
    let name = "mate-demo-dev/database-master";
    assert_eq!(mastered(name, &demos(), Some("db.example"), &replica), Ok(()));
}

#[test]
fn the_master_of_a_cluster_is_that_of_its_instances_too() {
    let cluster = Server {
        arn: "arn:aws:rds:r:a:cluster:c".to_owned(),
        hosts: vec!["writer.example".to_owned(), "reader.example".to_owned()],
        ..server()
    };
    let instance = Server { copies: Some(Box::new(cluster.clone())), ..server() };
    let name = "mate-demo-dev/database-master";
    assert_eq!(mastered(name, &demos(), Some("writer.example"), &instance), Ok(()));
    let managed = tags(&[("aws:rds:primaryDBClusterArn", &cluster.arn)]);
    assert_eq!(mastered("rds!cluster-1", &managed, None, &instance), Ok(()));
}

#[test]
fn a_master_that_rds_manages_belongs_to_the_server_in_its_tags() {
    let of = |arn: &str| tags(&[("aws:rds:primaryDBInstanceArn", arn)]);
    assert_eq!(mastered("rds!db-1", &of(&server().arn), None, &server()), Ok(()));
    let words = faults(mastered("rds!db-1", &of("arn:other"), None, &server()));
    assert!(words.contains("RDS manages it for arn:other"), "{words}");
}

#[test]
fn a_cache_is_the_tenants_by_its_own_tags() {
    let (world, tags, demo) = (world(), demos(), "demo".parse().unwrap());
    let claim = Claim { name: "mate-demo-dev/cache-token", tags: &tags };
    assert_eq!(cache(claim, world.here(), &demo, Some(("arn:g", &demos()))), Ok(()));
    let acmes = BTreeMap::from([("Tenant".to_owned(), "acme".to_owned())]);
    assert!(faults(cache(claim, world.here(), &demo, Some(("arn:g", &acmes)))).contains("acme's"));
    assert!(faults(cache(claim, world.here(), &demo, None)).contains("does not know"));
}

#[test]
fn two_users_take_turns() {
    assert_eq!(alternate("demo_app"), "demo_app_clone");
    assert_eq!(alternate("demo_app_clone"), "demo_app");
}
