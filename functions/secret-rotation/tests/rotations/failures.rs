//! Rotations that cannot be done: what is told, to whom, and what is left as it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::database::testing::Authority;
use runtime::Invocation;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::database::Server;
use crate::scenario::{MASTER_SECRET, SECRET, STEPS, Scenario};
use crate::whole::{STRATEGIES, mariadb, postgres};

impl Scenario {
    /// Changes the secret's current value.
    pub(crate) fn rewrite(&self, arn: &str, change: impl Fn(&mut Value)) {
        let mut world = self.aws.world.lock().unwrap();
        let secret = world.secrets.secrets.get_mut(arn).unwrap();
        for version in secret.versions.values_mut() {
            let mut value = serde_json::from_str(version.value.as_ref().unwrap()).unwrap();
            change(&mut value);
            version.value = Some(value.to_string());
        }
    }

    /// Makes the pending value one that cannot be read.
    pub(crate) fn spoil(&self, token: &str) {
        let mut world = self.aws.world.lock().unwrap();
        let secret = world.secrets.secrets.get_mut(SECRET).unwrap();
        secret.versions.get_mut(token).unwrap().value = Some("{broken".to_owned());
    }

    /// Has the secret and RDS name another port.
    fn move_to(&self, port: u16) {
        self.rewrite(SECRET, |value| value["port"] = port.into());
        let mut world = self.aws.world.lock().unwrap();
        world.instances.values_mut().for_each(|instance| instance.port = port);
    }

    /// A rotation whose step must fail; with the words, and the event that tells of it.
    pub(crate) async fn fails_in(&mut self, step: &str) -> (String, Value) {
        let token = self.begin(SECRET);
        for before in STEPS.into_iter().take_while(|it| *it != step) {
            self.step(before, SECRET, &token).await.unwrap().unwrap();
        }
        let words = self.step(step, SECRET, &token).await.unwrap().unwrap_err();
        let world = self.aws.world.lock().unwrap();
        let (kind, detail) = world.events.last().expect("the failure is told").clone();
        assert_eq!(kind, "SecretRotationFailed");
        assert_eq!(detail["step"], step);
        for key in ["secretArn", "secretName", "versionId", "reason", "remedy", "eventId"] {
            assert!(!detail[key].as_str().unwrap().is_empty(), "{key}");
        }
        (words, detail)
    }

    /// The queue's message that has the function look at the secret.
    pub(crate) async fn look(&self) {
        let body = json!({ "caretaker": "look", "secret": SECRET, "waited": null }).to_string();
        let event = json!({ "Records": [{
            "messageId": "m", "receiptHandle": "r", "body": body, "attributes": {},
            "messageAttributes": {}, "eventSource": "aws:sqs",
        }] });
        let invocation = Invocation::for_tests(self.clock.clone(), Duration::from_mins(2));
        let answer = self.function.handle(event, &invocation).await.unwrap();
        assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.aws.world.lock().unwrap().calls)
    }
}

#[tokio::test]
async fn a_server_that_swallows_packets_costs_one_connection_and_is_told_as_network() {
    for strategy in STRATEGIES {
        let mut scenario = Scenario::new(postgres(), strategy).await;
        let deaf = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        scenario.move_to(deaf.local_addr().unwrap().port());
        let heard = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&heard);
        tokio::spawn(async move {
            let mut lines = Vec::new();
            while let Ok((line, _)) = deaf.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                lines.push(line);
            }
        });
        let (words, detail) = scenario.fails_in("setSecret").await;
        assert_eq!(detail["kind"], "network", "{words}");
        assert!(words.contains("security group"), "{words}");
        assert_eq!(heard.load(Ordering::SeqCst), 1, "{strategy}");
        assert_eq!(detail["tenantId"], "demo");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_to_be_trusted_is_told_as_tls_and_nothing_goes_in_clear() {
    let scenario = Scenario::new(postgres(), "single-user").await;
    let folder = tempfile::tempdir().unwrap();
    let stranger = Authority::in_folder(folder.path());
    let mut scenario = scenario.trusting(stranger.file());
    let (words, detail) = scenario.fails_in("setSecret").await;
    assert_eq!(detail["kind"], "tls", "{words}");
    assert!(words.contains("certificate is not acceptable"), "{words}");
    // `ssl: false` in the secret alone permits nothing.
    scenario.rewrite(SECRET, |value| value["ssl"] = false.into());
    let token = "token-0001";
    let words = scenario.step("testSecret", SECRET, token).await.unwrap().unwrap_err();
    assert!(words.contains("tls"), "{words}");
}

#[tokio::test]
async fn without_tls_only_where_the_secret_and_the_catalogue_both_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = Authority::in_folder(folder.path());
    let scenario = Scenario::new(postgres(), "single-user").await;
    let Server::Postgres(server) = &scenario.server else { panic!("it is PostgreSQL") };
    server.accept_plaintext();
    // The catalogue permits it, and the secret does not ask: TLS, which this stranger cannot vouch
    // for.
    let mut scenario = scenario.permitting_plaintext(stranger.file());
    let (_, detail) = scenario.fails_in("setSecret").await;
    assert_eq!(detail["kind"], "tls");
    scenario.rewrite(SECRET, |value| value["ssl"] = false.into());
    scenario.steps(SECRET, "token-0001").await.unwrap().unwrap();
    scenario.assert_whole(SECRET).await;
    scenario.assert_nothing_leaked();
}

/// MariaDB's plugin wants to see the password, and is only ever sent a hash.
#[tokio::test]
async fn a_rule_that_cannot_judge_a_hash_is_told_as_policy_with_the_rules_name() {
    let mut scenario = Scenario::new(mariadb(), "single-user").await;
    scenario.server.sql("INSTALL SONAME 'simple_password_check'");
    let (words, detail) = scenario.fails_in("setSecret").await;
    assert_eq!(detail["kind"], "policy", "{words}");
    assert!(words.contains("turn strict_password_validation off"), "{words}");
    scenario.server.sql("SET GLOBAL strict_password_validation = OFF");
    scenario.steps(SECRET, "token-0001").await.unwrap().unwrap();
    scenario.assert_whole(SECRET).await;
}

#[tokio::test]
async fn a_password_that_nobody_knows_any_more_is_told_as_authentication() {
    for server in [postgres(), mariadb()] {
        let mut scenario = Scenario::new(server, "single-user").await;
        scenario.rewrite(SECRET, |value| value["password"] = "not-the-one".into());
        let (words, detail) = scenario.fails_in("setSecret").await;
        assert_eq!(detail["kind"], "authentication", "{words}");
        assert!(detail["remedy"].as_str().unwrap().contains("masterarn"), "{detail}");
        assert!(!words.contains("not-the-one"));
    }
}

#[tokio::test]
async fn a_secret_that_points_at_another_tenants_database_is_refused_before_any_connection() {
    type Forge = fn(&mut Value);
    let forgeries: [(Forge, &str); 3] = [
        (|value| value["dbInstanceIdentifier"] = "mate-acme-dev-database".into(), "acme"),
        (|value| value["host"] = "acme.example".into(), "its host is acme.example"),
        (|value| value["username"] = "acme_app".into(), "none of the tenant's"),
    ];
    for (forge, fault) in forgeries {
        let mut scenario = Scenario::new(postgres(), "alternating-users").await;
        {
            let mut world = scenario.aws.world.lock().unwrap();
            let mut acmes = world.instances["mate-demo-dev-database"].clone();
            acmes.tags.insert("Tenant".to_owned(), "acme".to_owned());
            world.instances.insert("mate-acme-dev-database".to_owned(), acmes);
        }
        scenario.rewrite(SECRET, forge);
        let (words, detail) = scenario.fails_in("createSecret").await;
        assert_eq!(detail["kind"], "binding", "{words}");
        assert!(words.contains(fault), "{words}");
        let world = scenario.aws.world.lock().unwrap();
        assert_eq!(world.alarms.len(), 1);
        assert!(world.alarms[0].starts_with("CRITICAL: "), "{:?}", world.alarms);
        assert!(!world.calls.iter().any(|call| call == "PutSecretValue"), "{:?}", world.calls);
        assert!(!scenario.server.log().contains("connection authorized: user=demo_app_clone"));
    }
}

#[tokio::test]
async fn another_tenants_master_is_not_used() {
    let mut scenario = Scenario::new(postgres(), "alternating-users").await;
    {
        let mut world = scenario.aws.world.lock().unwrap();
        let master = world.secrets.secrets.get_mut(MASTER_SECRET).unwrap();
        master.name = "mate-acme-dev/database-master".to_owned();
        master.tags.insert("Tenant".to_owned(), "acme".to_owned());
    }
    let (words, detail) = scenario.fails_in("setSecret").await;
    assert_eq!(detail["kind"], "binding", "{words}");
    assert!(words.contains("the tenant acme's"), "{words}");
    assert_eq!(scenario.aws.world.lock().unwrap().alarms.len(), 1);
}

#[tokio::test]
async fn a_missing_privilege_is_found_while_the_old_password_still_works() {
    // A user that changes its own password is looked at before; of two that take turns, the other.
    for (strategy, step) in [("single-user", "setSecret"), ("alternating-users", "testSecret")] {
        let mut scenario = Scenario::new(mariadb(), strategy).await;
        scenario.server.sql("REVOKE INSERT ON `mate\\_demo`.* FROM demo_app@'%'");
        let (words, detail) = scenario.fails_in(step).await;
        assert_eq!(detail["kind"], "permission", "{words}");
        assert!(words.contains("INSERT"), "{words}");
        {
            let world = scenario.aws.world.lock().unwrap();
            let (current, _) = world.secrets.secrets[SECRET].with("AWSCURRENT").unwrap();
            assert_eq!(current, "first", "the old version stays current");
        }
        assert!(scenario.opens(SECRET, "AWSCURRENT").await, "{strategy}");
        scenario.server.sql("GRANT INSERT ON `mate\\_demo`.* TO demo_app@'%'");
        scenario.steps(SECRET, "token-0001").await.unwrap().unwrap();
        scenario.assert_whole(SECRET).await;
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_rotated_says_so_and_what_would_help() {
    let mut scenario = Scenario::new(postgres(), "single-user").await;
    scenario.rewrite(SECRET, |value| *value = json!({ "api_key": "k" }));
    let (words, detail) = scenario.fails_in("createSecret").await;
    assert_eq!(detail["kind"], "configuration");
    assert!(words.contains("cannot be rotated"), "{words}");
    assert!(words.contains("RotationStrategy"), "{words}");
}

#[tokio::test]
async fn a_user_name_that_the_server_would_cut_is_refused_before_anything_is_made() {
    let mut scenario = Scenario::new(postgres(), "alternating-users").await;
    let long = "u".repeat(60);
    scenario.rewrite(SECRET, |value| value["username"] = long.as_str().into());
    {
        let mut world = scenario.aws.world.lock().unwrap();
        world.instances.values_mut().for_each(|it| it.master.clone_from(&long));
    }
    let (words, _) = scenario.fails_in("createSecret").await;
    assert!(words.contains("66 bytes long, and PostgreSQL takes 63"), "{words}");
}

#[tokio::test]
async fn an_event_that_is_neither_a_step_nor_a_batch_is_refused_with_all_its_faults() {
    let scenario = Scenario::new(postgres(), "single-user").await;
    let words = scenario.step("danceSecret", SECRET, "").await.unwrap().unwrap_err();
    for fault in ["ClientRequestToken", "expected createSecret"] {
        assert!(words.contains(fault), "{words}");
    }
    assert_eq!(scenario.calls(), [""; 0]);
}

#[tokio::test]
async fn a_step_of_a_rotation_that_is_over_needs_neither_tenant_nor_database() {
    let mut scenario = Scenario::new(postgres(), "single-user").await;
    let token = scenario.rotate(SECRET).await;
    scenario.calls();
    for step in &STEPS[..3] {
        scenario.step(step, SECRET, &token).await.unwrap().unwrap();
        assert_eq!(scenario.calls(), ["DescribeSecret"], "{step}");
    }
    let words = scenario.step("setSecret", SECRET, "no-such-token").await.unwrap().unwrap_err();
    assert!(words.contains("no version of this token"), "{words}");
}
