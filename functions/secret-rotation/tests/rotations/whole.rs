//! Rotations from the first step to the last, and what each must leave behind.

use std::sync::atomic::Ordering;

use ::database::testing::{MariadbServer, PostgresServer};
use serde_json::json;

use crate::database::Server;
use crate::scenario::{FIRST, MASTER_SECRET, SECRET, STEPS, Scenario};

pub(crate) const STRATEGIES: [&str; 3] =
    ["single-user", "alternating-users", "single-user-by-master"];

pub(crate) fn postgres() -> Server {
    Server::Postgres(PostgresServer::start())
}

pub(crate) fn mariadb() -> Server {
    Server::Mariadb(MariadbServer::start())
}

/// Rotates three times, and looks at everything after each.
async fn rotates(server: Server, strategy: &str) {
    let alternates = strategy == "alternating-users";
    let mut scenario = Scenario::new(server, strategy).await;
    for round in 1..=3 {
        let before = scenario.value(SECRET, "AWSCURRENT").unwrap();
        let token = scenario.rotate(SECRET).await;
        scenario.assert_whole(SECRET).await;
        let after = scenario.value(SECRET, "AWSCURRENT").unwrap();
        assert_ne!(after["password"], before["password"]);
        let user = if alternates && round % 2 == 1 { "demo_app_clone" } else { "demo_app" };
        assert_eq!(after["username"], user, "round {round}");
        assert_eq!(after["note"], json!({ "kept": [1, 2] }), "unknown keys are kept");
        assert!(scenario.labels(SECRET, &token).contains(&"AWSCURRENT".to_owned()));
        // With two users the old password is good until the rollout is over; with one it is not.
        assert_eq!(scenario.opens(SECRET, "AWSPREVIOUS").await, alternates, "round {round}");
    }
    let world = scenario.aws.world.lock().unwrap();
    let told: Vec<&str> = world.events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(told, ["SecretRotated"; 3]);
    assert_eq!(world.secrets.rotation_tokens, ["rotation-token-hunter2"; 3]);
    drop(world);
    scenario.assert_nothing_leaked();
}

#[tokio::test]
async fn every_strategy_rotates_a_user_of_postgres() {
    for strategy in STRATEGIES {
        rotates(postgres(), strategy).await;
    }
}

#[tokio::test]
async fn every_strategy_rotates_a_user_of_mariadb() {
    for strategy in STRATEGIES {
        rotates(mariadb(), strategy).await;
    }
}

#[tokio::test]
async fn a_master_changes_its_own_password() {
    for server in [postgres(), mariadb()] {
        let mut scenario = Scenario::new(server, "single-user").await;
        scenario.rotate(MASTER_SECRET).await;
        scenario.assert_whole(MASTER_SECRET).await;
        assert!(!scenario.opens(MASTER_SECRET, "AWSPREVIOUS").await);
        scenario.assert_nothing_leaked();
    }
}

#[tokio::test]
async fn a_master_that_rds_manages_is_found_through_its_tags() {
    let mut scenario = Scenario::new(postgres(), "single-user").await;
    {
        let mut world = scenario.aws.world.lock().unwrap();
        let secret = world.secrets.secrets.get_mut(MASTER_SECRET).unwrap();
        secret.name = "rds!db-0123".to_owned();
        let arn = "arn:aws:rds:us-east-1:111122223333:db:mate-demo-dev-database";
        secret.tags = [("aws:rds:primaryDBInstanceArn".to_owned(), arn.to_owned())].into();
        let version = secret.versions.get_mut("first").unwrap();
        let whole: serde_json::Value =
            serde_json::from_str(version.value.as_ref().unwrap()).unwrap();
        let bare = json!({ "username": whole["username"], "password": whole["password"] });
        version.value = Some(bare.to_string());
    }
    scenario.rotate(MASTER_SECRET).await;
    scenario.assert_whole(MASTER_SECRET).await;
    let current = scenario.value(MASTER_SECRET, "AWSCURRENT").unwrap();
    assert_eq!(current.as_object().unwrap().len(), 2, "nothing was added to RDS's secret");
    scenario.assert_nothing_leaked();
}

#[tokio::test]
async fn each_step_may_be_repeated() {
    for strategy in STRATEGIES {
        let mut scenario = Scenario::new(postgres(), strategy).await;
        let token = scenario.begin(SECRET);
        for step in STEPS {
            for _ in 0..3 {
                scenario.step(step, SECRET, &token).await.unwrap().unwrap();
            }
        }
        scenario.assert_whole(SECRET).await;
        let world = scenario.aws.world.lock().unwrap();
        assert_eq!(world.events.len(), 1, "it is told once: {:?}", world.events);
    }
}

#[tokio::test]
async fn what_one_of_two_users_made_the_other_can_use_and_change() {
    for (server, table) in
        [(postgres(), "CREATE TABLE orders (id int)"), (mariadb(), "CREATE TABLE orders (id int)")]
    {
        let mut scenario = Scenario::new(server, "alternating-users").await;
        for (statement, check) in [
            (table, ""),
            ("ALTER TABLE orders ADD COLUMN b int", ""),
            ("INSERT INTO orders VALUES (1, 2)", "DROP TABLE orders"),
        ] {
            scenario.run_as_application(SECRET, statement);
            scenario.rotate(SECRET).await;
            if !check.is_empty() {
                scenario.run_as_application(SECRET, check);
            }
        }
    }
}

#[tokio::test]
async fn the_test_of_a_schedule_works_with_an_empty_pending_version() {
    // RotateImmediately=false: testSecret alone, on a temporary version that may be empty.
    let mut scenario = Scenario::new(postgres(), "alternating-users").await;
    let token = scenario.begin(SECRET);
    scenario.step("testSecret", SECRET, &token).await.unwrap().unwrap();
    assert_eq!(scenario.value(SECRET, "AWSPENDING"), None, "nothing was put into it");
    // Or it holds what the current one holds.
    let current = scenario.value(SECRET, "AWSCURRENT").unwrap().to_string();
    {
        let mut world = scenario.aws.world.lock().unwrap();
        let secret = world.secrets.secrets.get_mut(SECRET).unwrap();
        secret.versions.get_mut(&token).unwrap().value = Some(current);
    }
    scenario.step("test_secret", SECRET, &token).await.unwrap().unwrap();
    // And no rotation has begun.
    let world = scenario.aws.world.lock().unwrap();
    assert!(!world.calls.contains(&"PutItem".to_owned()), "{:?}", world.calls);
    assert_eq!(world.events, []);
}

#[tokio::test]
async fn a_user_that_is_missing_is_made_by_the_master() {
    for server in [postgres(), mariadb()] {
        let drop = match &server {
            Server::Postgres(_) => "DROP OWNED BY demo_app; DROP ROLE demo_app;",
            Server::Mariadb(_) => "DROP USER demo_app@'%'",
        };
        let mut scenario = Scenario::new(server, "single-user-by-master").await;
        scenario.server.sql(drop);
        scenario.rotate(SECRET).await;
        scenario.assert_whole(SECRET).await;
        scenario.assert_nothing_leaked();
    }
}

#[tokio::test]
async fn rights_that_somebody_took_or_gave_are_mended_by_the_master() {
    let mut scenario = Scenario::new(postgres(), "single-user-by-master").await;
    scenario.server.sql("REVOKE CREATE ON SCHEMA public FROM demo_owner");
    scenario.server.sql("GRANT pg_monitor TO demo_app");
    scenario.rotate(SECRET).await;
    scenario.run_as_application(SECRET, "CREATE TABLE mended (id int)");
    let member = "SELECT pg_has_role('demo_app', 'pg_monitor', 'member')";
    assert_eq!(scenario.server.sql(member).trim(), "f");
}

/// What goes over the wire in each step, in its order, and how many connections a server sees.
#[tokio::test]
async fn each_step_makes_few_calls_and_opens_two_connections_at_most() {
    for (strategy, doors) in [
        ("single-user", [0, 2, 1, 0]),
        ("alternating-users", [0, 2, 1, 0]),
        ("single-user-by-master", [0, 2, 1, 0]),
    ] {
        let mut scenario = Scenario::new(postgres(), strategy).await;
        let token = scenario.begin(SECRET);
        // The secret, its tenant, its value, its server; the rotation's document; the new value.
        let before = [
            "DescribeSecret",
            "GetItem",
            "GetSecretValue",
            "DescribeDBInstances",
            "GetItem",
            "PutItem",
            "GetSecretValue",
        ];
        let master: &[&str] =
            if strategy == "single-user" { &[] } else { &["DescribeSecret", "GetSecretValue"] };
        let own: [&[&str]; 4] = [
            &["GetRandomPassword", "PutSecretValue"],
            master,
            &[],
            &["UpdateSecretVersionStage", "GetItem", "PutItem", "PutEvents", "GetItem", "PutItem"],
        ];
        for ((step, own), doors) in STEPS.into_iter().zip(own).zip(doors) {
            scenario.aws.world.lock().unwrap().calls.clear();
            scenario.lines.store(0, Ordering::SeqCst);
            scenario.step(step, SECRET, &token).await.unwrap().unwrap();
            let calls = scenario.aws.world.lock().unwrap().calls.clone();
            assert_eq!(calls, [&before, own].concat(), "{step} of {strategy}");
            assert_eq!(scenario.lines.load(Ordering::SeqCst), doors, "{step} of {strategy}");
        }
    }
}

#[tokio::test]
async fn a_password_that_somebody_changed_back_is_found_in_the_previous_version() {
    let mut scenario = Scenario::new(postgres(), "single-user").await;
    scenario.rotate(SECRET).await;
    // Somebody restored a snapshot: the database knows the password from before.
    scenario.server.sql(&format!("ALTER ROLE demo_app PASSWORD '{FIRST}'"));
    assert!(!scenario.opens(SECRET, "AWSCURRENT").await);
    scenario.rotate(SECRET).await;
    scenario.assert_whole(SECRET).await;
}

#[tokio::test]
async fn a_key_and_a_generated_value_are_rotated_without_a_database() {
    let mut scenario = Scenario::new(postgres(), "single-user").await;
    for (value, tags, field) in [
        (json!({ "key": "k".repeat(50), "fallbacks": "" }), vec![], "key"),
        (
            json!({ "api": "old", "url": "https://example.com" }),
            vec![("RotationStrategy", "generated"), ("RotationField", "api")],
            "api",
        ),
    ] {
        {
            let mut world = scenario.aws.world.lock().unwrap();
            let secret = world.secrets.secrets.get_mut(SECRET).unwrap();
            secret.versions.clear();
            let version = secret.versions.entry("first".to_owned()).or_default();
            version.value = Some(value.to_string());
            version.labels.insert("AWSCURRENT".to_owned());
            secret.tags.remove("RotationStrategy");
            secret.tags.extend(tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        }
        scenario.rotate(SECRET).await;
        let next = scenario.value(SECRET, "AWSCURRENT").unwrap();
        assert_ne!(next[field], value[field]);
        if field == "key" {
            assert_eq!(next["fallbacks"], value["key"], "the old key is accepted for a while");
            assert_eq!(next["key"].as_str().unwrap().len(), 50);
        } else {
            assert_eq!(next["url"], value["url"], "the rest is kept");
        }
    }
}

#[tokio::test]
async fn the_next_rotation_waits_for_the_rollout_of_the_one_before_where_two_users_take_turns() {
    for (strategy, waits) in STRATEGIES.into_iter().zip([false, true, false]) {
        let mut scenario = Scenario::new(postgres(), strategy).await;
        scenario.rotate(SECRET).await;
        let token = scenario.begin_at_once(SECRET);
        let done = scenario.steps(SECRET, &token).await.expect("nobody is killed");
        if waits {
            let words = done.unwrap_err();
            assert!(words.contains("createSecret") && words.contains("rollout"), "{words}");
            assert!(scenario.opens(SECRET, "AWSPREVIOUS").await, "tasks with the old value work");
        } else {
            done.unwrap();
            scenario.assert_whole(SECRET).await;
        }
    }
}
