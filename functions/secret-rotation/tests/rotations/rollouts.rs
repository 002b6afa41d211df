//! What comes after a rotation: services are relaunched, the old value is taken away when none has
//! it, and all of that survives every death.

use std::time::Duration;

use runtime::Invocation;
use serde_json::{Value, json};

use crate::database::Server;
use crate::scenario::{SECRET, Scenario};
use crate::secrets_manager::Version;
use crate::whole::{mariadb, postgres};

/// Two services that get the secret when they start, and one that does not.
struct Names {
    web: &'static str,
    worker: &'static str,
    other: &'static str,
}

const MATE: Names = Names {
    web: "mate-demo-dev-django",
    worker: "mate-demo-dev-celery",
    other: "mate-demo-dev-beat",
};

/// How long ElastiCache's, ECS's and our clocks may be apart, and a little more.
pub(crate) const A_MOMENT: Duration = Duration::from_secs(10);

/// No rollout has as many messages: a guard against a test that never ends.
pub(crate) const POINTS_MAX: usize = 1_000;

/// How many looks a rollout takes at most here.
const LOOKS_MAX: usize = 12;

async fn rolling(server: Server) -> Scenario {
    let services =
        [(MATE.web, &["arn:another", SECRET][..]), (MATE.worker, &[SECRET]), (MATE.other, &[])];
    rolling_at(server, &services).await
}

/// A rotation that was just finished, and these services with the secrets that each gets.
pub(crate) async fn rolling_at(server: Server, services: &[(&str, &[&str])]) -> Scenario {
    let mut scenario = Scenario::new(server, "alternating-users").await;
    {
        let mut world = scenario.aws.world.lock().unwrap();
        world.ecs.at(scenario.clock.clone());
        for (service, secrets) in services {
            world.ecs.run(service, secrets);
        }
    }
    scenario.clock.advance(Duration::from_mins(5));
    scenario.rotate(SECRET).await;
    scenario.clock.advance(A_MOMENT);
    scenario
}

/// One message, heard to its end: the ids of those that failed.
pub(crate) async fn hears(scenario: &Scenario, body: &str) -> Vec<String> {
    let event = json!({ "Records": [{
        "messageId": "m", "receiptHandle": "r", "body": body,
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "0" },
        "messageAttributes": {}, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:caretaker",
    }]});
    let invocation = Invocation::for_tests(scenario.clock.clone(), Duration::from_mins(2));
    let answer = scenario.function.handle(event, &invocation).await.unwrap();
    let failed = answer["batchItemFailures"].as_array().unwrap();
    failed.iter().map(|it| it["itemIdentifier"].as_str().unwrap().to_owned()).collect()
}

/// A look that stands alone.
pub(crate) fn look() -> String {
    look_at(SECRET)
}

fn look_at(arn: &str) -> String {
    json!({ "caretaker": "look", "secret": arn, "waited": null }).to_string()
}

pub(crate) async fn looks(scenario: &Scenario) {
    assert_eq!(hears(scenario, &look()).await, [""; 0]);
}

/// What the bus hands on of the last event of this kind.
fn event(scenario: &Scenario, kind: &str) -> Option<Value> {
    let world = scenario.aws.world.lock().unwrap();
    let (_, detail) = world.events.iter().rev().find(|(it, _)| it == kind)?;
    Some(detail.clone())
}

fn redeployed(scenario: &Scenario) -> Vec<String> {
    scenario.aws.world.lock().unwrap().ecs.redeployed.clone()
}

/// Every deployment that is under way comes to its end.
fn deploy(scenario: &Scenario) {
    scenario.aws.world.lock().unwrap().ecs.deploy_all();
}

#[tokio::test]
async fn services_are_relaunched_and_then_the_old_login_is_locked() {
    let scenario = rolling(postgres()).await;
    let detail = event(&scenario, "SecretRotated").unwrap();
    let rotated = json!({ "id": "e", "source": "caretaker", "detail-type": "SecretRotated",
                          "detail": detail });
    assert_eq!(hears(&scenario, &rotated.to_string()).await, [""; 0]);
    assert_eq!(redeployed(&scenario), [MATE.worker, MATE.web], "each that uses it, once");
    let next = scenario.aws.world.lock().unwrap().queue.pop().unwrap();
    assert!(next.contains(r#""waited":0"#), "the chain goes on: {next}");

    scenario.clock.advance(A_MOMENT);
    looks(&scenario).await;
    assert!(scenario.opens(SECRET, "AWSPREVIOUS").await, "old tasks must be able to log in");
    {
        let mut world = scenario.aws.world.lock().unwrap();
        world.ecs.deploy(MATE.worker);
        world.ecs.start_tasks(MATE.web);
        world.ecs.complete(MATE.web);
    }
    looks(&scenario).await;
    assert!(scenario.opens(SECRET, "AWSPREVIOUS").await, "tasks on their way out log in, too");

    scenario.aws.world.lock().unwrap().ecs.drain(MATE.web);
    looks(&scenario).await;
    assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await, "the old login is locked");
    assert!(scenario.opens(SECRET, "AWSCURRENT").await);
    let done = event(&scenario, "SecretRolloutCompleted").unwrap();
    assert_eq!(done["services"], json!([MATE.worker, MATE.web]));
    assert_eq!(done["retired"], "lock the login of demo_app");
    assert_eq!(redeployed(&scenario).len(), 2, "nothing was deployed twice");

    let before = scenario.aws.world.lock().unwrap().events.len();
    looks(&scenario).await;
    let world = scenario.aws.world.lock().unwrap();
    assert_eq!(world.events.len(), before, "it is told once");
    drop(world);
    scenario.assert_nothing_leaked();
}

#[tokio::test]
async fn a_service_that_the_catalogue_does_not_know_is_relaunched_too() {
    let report = "mate-demo-dev-report";
    let others = "mate-other-dev-django";
    let services = [(MATE.web, &[SECRET][..]), (report, &[SECRET]), (others, &[SECRET])];
    let scenario = rolling_at(postgres(), &services).await;
    looks(&scenario).await;
    assert_eq!(redeployed(&scenario), [MATE.web, report], "each of the tenant's");
    scenario.aws.world.lock().unwrap().ecs.deploy(MATE.web);
    looks(&scenario).await;
    assert!(scenario.opens(SECRET, "AWSPREVIOUS").await, "the report still has the old login");
    deploy(&scenario);
    looks(&scenario).await;
    assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await);
    let calls = scenario.aws.world.lock().unwrap().calls.clone();
    let lists = calls.iter().filter(|call| *call == "ListServices").count();
    assert_eq!(lists, 3, "one list, of three pages: whoever comes later has the new login");
}

#[tokio::test]
async fn the_old_login_of_mariadb_is_locked_too_and_unlocked_by_the_next_rotation() {
    let mut scenario = Scenario::new(mariadb(), "alternating-users").await;
    scenario.aws.world.lock().unwrap().ecs.at(scenario.clock.clone());
    for round in 0..3 {
        scenario.clock.advance(A_MOMENT);
        scenario.rotate(SECRET).await;
        assert!(scenario.opens(SECRET, "AWSPREVIOUS").await, "round {round}");
        looks(&scenario).await;
        assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await, "round {round}");
        scenario.assert_whole(SECRET).await;
    }
    scenario.assert_nothing_leaked();
}

#[tokio::test]
async fn a_rollout_that_is_rolled_back_takes_nothing_away_until_it_is_mended() {
    let scenario = rolling(postgres()).await;
    looks(&scenario).await;
    {
        let mut world = scenario.aws.world.lock().unwrap();
        world.ecs.deploy(MATE.worker);
        world.ecs.roll_back(MATE.web);
    }
    for _ in 0..3 {
        looks(&scenario).await;
    }
    let failed = event(&scenario, "SecretRolloutFailed").unwrap();
    assert_eq!(failed["services"], json!([MATE.web]));
    assert!(failed["reason"].as_str().unwrap().contains("tasks failed to start"), "{failed}");
    assert!(scenario.opens(SECRET, "AWSPREVIOUS").await, "tasks have the old login");
    let alarms = scenario.aws.world.lock().unwrap().alarms.clone();
    assert_eq!(alarms.len(), 1, "a person is called once: {alarms:?}");
    assert!(alarms[0].contains(MATE.web), "{alarms:?}");
    assert_eq!(redeployed(&scenario).len(), 2, "nothing was deployed again");

    // Somebody mends the service, and ECS tells of its deployment.
    {
        let mut world = scenario.aws.world.lock().unwrap();
        world.ecs.update(MATE.web);
        world.ecs.deploy(MATE.web);
    }
    let told = json!({ "id": "e", "source": "aws.ecs",
        "detail-type": "ECS Deployment State Change",
        "resources": [format!("arn:aws:ecs:us-east-1:111122223333:service/mate-dev/{}", MATE.web)],
    });
    assert_eq!(hears(&scenario, &told.to_string()).await, [""; 0]);
    assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await);
    assert!(event(&scenario, "SecretRolloutCompleted").is_some());
}

#[tokio::test]
async fn a_rollout_that_is_never_steady_fails_after_its_time() {
    let scenario = rolling(postgres()).await;
    looks(&scenario).await;
    scenario.clock.advance(Duration::from_hours(2));
    looks(&scenario).await;
    assert!(event(&scenario, "SecretRolloutFailed").is_none(), "its time is not over");
    scenario.clock.advance(Duration::from_mins(2));
    looks(&scenario).await;
    let failed = event(&scenario, "SecretRolloutFailed").unwrap();
    assert!(failed["reason"].as_str().unwrap().contains("not steady after 2 hours"), "{failed}");
    assert!(scenario.opens(SECRET, "AWSPREVIOUS").await);
}

#[tokio::test]
async fn two_looks_at_once_deploy_each_service_once() {
    let scenario = rolling(postgres()).await;
    let (first, second) = (look(), look());
    let (first, second) = tokio::join!(hears(&scenario, &first), hears(&scenario, &second));
    assert_eq!([first, second].concat(), [""; 0]);
    let mut names = redeployed(&scenario);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), redeployed(&scenario).len(), "{:?}", redeployed(&scenario));
    looks(&scenario).await;
    assert_eq!(redeployed(&scenario).len(), 2);
}

#[tokio::test]
async fn a_sweep_takes_up_a_rollout_of_which_nobody_told() {
    let scenario = rolling(postgres()).await;
    scenario.aws.world.lock().unwrap().queue.clear();
    assert_eq!(hears(&scenario, r#"{"caretaker":"sweep"}"#).await, [""; 0]);
    let nudges = std::mem::take(&mut scenario.aws.world.lock().unwrap().queue);
    assert_eq!(nudges, [look()]);
    for nudge in nudges {
        hears(&scenario, &nudge).await;
    }
    deploy(&scenario);
    looks(&scenario).await;
    assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await);
    hears(&scenario, r#"{"caretaker":"sweep"}"#).await;
    let queue = scenario.aws.world.lock().unwrap().queue.clone();
    assert_eq!(queue, [""; 0], "what is settled is not swept");
}

#[tokio::test]
async fn the_current_login_is_never_locked() {
    let scenario = rolling(postgres()).await;
    // Somebody goes back to the version before.
    {
        let mut world = scenario.aws.world.lock().unwrap();
        let secret = world.secrets.secrets.get_mut(SECRET).unwrap();
        let current = secret.with("AWSCURRENT").unwrap().0.clone();
        let previous = secret.with("AWSPREVIOUS").unwrap().0.clone();
        secret.versions.get_mut(&current).unwrap().labels = ["AWSPREVIOUS".to_owned()].into();
        secret.versions.get_mut(&previous).unwrap().labels = ["AWSCURRENT".to_owned()].into();
    }
    looks(&scenario).await;
    deploy(&scenario);
    looks(&scenario).await;
    assert!(scenario.opens(SECRET, "AWSCURRENT").await, "it would have locked everybody out");
    let failed = event(&scenario, "SecretRolloutFailed").unwrap();
    assert!(failed["reason"].as_str().unwrap().contains("not locked"), "{failed}");
}

#[tokio::test]
async fn the_old_login_is_not_locked_while_the_new_one_opens_nothing() {
    let scenario = rolling(postgres()).await;
    scenario.server.sql("ALTER ROLE demo_app_clone PASSWORD 'somebody-changed-it'");
    looks(&scenario).await;
    deploy(&scenario);
    looks(&scenario).await;
    assert!(scenario.opens(SECRET, "AWSPREVIOUS").await, "it is the only way in");
    let failed = event(&scenario, "SecretRolloutFailed").unwrap();
    assert!(failed["reason"].as_str().unwrap().contains("is not taken away"), "{failed}");
}

#[tokio::test]
async fn of_several_accounts_of_one_name_the_one_that_the_application_uses_is_locked() {
    let mut scenario = Scenario::new(mariadb(), "alternating-users").await;
    scenario.aws.world.lock().unwrap().ecs.at(scenario.clock.clone());
    scenario.server.sql("CREATE USER demo_app@'10.%' IDENTIFIED BY 'a-report'");
    scenario.clock.advance(A_MOMENT);
    scenario.rotate(SECRET).await;
    looks(&scenario).await;
    assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await);
    let locked = "SELECT JSON_VALUE(Priv, '$.account_locked') IS NULL FROM mysql.global_priv \
                  WHERE User = 'demo_app' AND Host = '10.%'";
    assert_eq!(scenario.server.sql(locked).trim(), "1", "it is somebody else's");
}

/// An application key with the one that it replaced long ago.
const KEY: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:demo/key-django-AbCdEf";

/// How long `mate` accepts a key that was replaced (`key_fallback_hours` of its catalogue).
const FALLBACK: Duration = Duration::from_hours(14 * 24);

#[tokio::test]
async fn a_key_is_a_fallback_for_its_time_and_then_services_are_relaunched_without_it() {
    let mut scenario = rolling_at(postgres(), &[(MATE.web, &[KEY])]).await;
    {
        let mut world = scenario.aws.world.lock().unwrap();
        let mut secret = world.secrets.secrets[SECRET].clone();
        secret.name = "mate-demo-dev/key-django".to_owned();
        secret.tags.remove("RotationStrategy");
        let value = json!({ "key": "the-first-key-0123", "fallbacks": "" }).to_string();
        let labels = ["AWSCURRENT".to_owned()].into();
        let first = Version { value: Some(value), labels };
        secret.versions = [("first".to_owned(), first)].into();
        world.secrets.secrets.insert(KEY.to_owned(), secret);
        world.events.clear();
        world.queue.clear();
    }
    scenario.rotate(KEY).await;
    let fallbacks = || scenario.value(KEY, "AWSCURRENT").unwrap()["fallbacks"].clone();
    assert_eq!(fallbacks(), "the-first-key-0123");
    let swept = async || {
        scenario.aws.world.lock().unwrap().queue.clear();
        hears(&scenario, r#"{"caretaker":"sweep"}"#).await;
        let queue = scenario.aws.world.lock().unwrap().queue.clone();
        queue.contains(&look_at(KEY))
    };
    for _ in 0..3 {
        hears(&scenario, &look_at(KEY)).await;
        scenario.clock.advance(A_MOMENT);
        deploy(&scenario);
    }
    assert_eq!(redeployed(&scenario), [MATE.web]);
    assert!(!swept().await, "nothing is to be done until the key has expired");
    assert_eq!(fallbacks(), "the-first-key-0123", "what was signed with it is still valid");
    assert!(event(&scenario, "SecretRolloutCompleted").is_none());

    scenario.clock.advance(FALLBACK);
    assert!(swept().await, "its time has come");
    for _ in 0..4 {
        hears(&scenario, &look_at(KEY)).await;
        scenario.clock.advance(A_MOMENT);
        deploy(&scenario);
    }
    assert_eq!(fallbacks(), "");
    assert_eq!(redeployed(&scenario), [MATE.web, MATE.web], "it must not be held in memory");
    let done = event(&scenario, "SecretRolloutCompleted").unwrap();
    assert_eq!(done["secretName"], "mate-demo-dev/key-django");
    assert!(!swept().await, "it is settled");
}

#[tokio::test]
async fn a_rollout_survives_every_death() {
    let mut killed = 0;
    // One service: a second one would only be the same again.
    let mut scenario = rolling_at(postgres(), &[(MATE.web, &[SECRET])]).await;
    for at in 0..POINTS_MAX {
        scenario.kill.set(at);
        let whole = tokio::select! {
            biased;
            () = scenario.kill.happened() => false,
            () = to_the_end(&scenario) => true,
        };
        scenario.kill.disarm();
        // The claim of a pass that was killed ends by itself.
        scenario.clock.advance(Duration::from_mins(3));
        to_the_end(&scenario).await;
        assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await, "killed at {at}");
        scenario.assert_whole(SECRET).await;
        let ids = told(&scenario);
        assert_eq!(ids.len(), 1, "killed at {at}: told as one fact, however often: {ids:?}");
        if whole {
            break;
        }
        killed += 1;
        // The next round begins with services that have the old value again.
        scenario.aws.world.lock().unwrap().events.clear();
        scenario.rotate(SECRET).await;
        scenario.clock.advance(A_MOMENT);
    }
    assert!(killed > 30, "only {killed} deaths");
    scenario.assert_nothing_leaked();
}

/// Looks, with ECS doing its part in between, until it is told that all is done.
async fn to_the_end(scenario: &Scenario) {
    for _ in 0..LOOKS_MAX {
        if event(scenario, "SecretRolloutCompleted").is_some() {
            // Once more: whoever was killed after telling and before noting it tells again.
            hears(scenario, &look()).await;
            return;
        }
        hears(scenario, &look()).await;
        scenario.clock.advance(A_MOMENT);
        deploy(scenario);
    }
    panic!("the rollout does not end: {:?}", scenario.aws.world.lock().unwrap().events);
}

/// The ids of what was told of the end.
fn told(scenario: &Scenario) -> std::collections::BTreeSet<String> {
    let world = scenario.aws.world.lock().unwrap();
    let ends = world.events.iter().filter(|(kind, _)| kind.starts_with("SecretRollout"));
    ends.map(|(_, detail)| detail["eventId"].as_str().unwrap().to_owned()).collect()
}
