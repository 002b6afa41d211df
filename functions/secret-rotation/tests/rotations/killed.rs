//! Rotations that die at every point at which something goes over a wire, and are tried again.

use serde_json::{Value, json};

use crate::database::Server;
use crate::scenario::{SECRET, Scenario};
use crate::whole::{STRATEGIES, mariadb, postgres};

/// No rotation has as many messages: a guard against a test that never ends.
const POINTS_MAX: usize = 1_000;

/// Rotates again and again, each time killed one message later, until one gets through. After each
/// death Secrets Manager tries the four steps again, and `is_well` looks at what became of the value
/// that was there before.
async fn survives(
    scenario: &mut Scenario,
    deaths_min: usize,
    is_well: impl AsyncFn(&Scenario, &Value),
) {
    let mut killed = 0;
    for at in 0..POINTS_MAX {
        let before = scenario.value(SECRET, "AWSCURRENT").unwrap();
        let token = scenario.begin(SECRET);
        scenario.kill.set(at);
        let first = scenario.steps(SECRET, &token).await;
        scenario.kill.disarm();
        let got_through = first.is_some();
        let done = match first {
            Some(done) => done,
            None => scenario.steps(SECRET, &token).await.expect("nobody is killed now"),
        };
        done.unwrap_or_else(|words| panic!("killed at {at}: {words}"));
        let labels = scenario.labels(SECRET, &token);
        assert!(labels.contains(&"AWSCURRENT".to_owned()), "killed at {at}: {labels:?}");
        is_well(scenario, &before).await;
        if got_through {
            break;
        }
        killed += 1;
    }
    assert!(killed > deaths_min, "only {killed} deaths: is the line counted?");
    assert!(killed < POINTS_MAX - 1, "no rotation got through");
    scenario.assert_nothing_leaked();
}

/// The same of a database's user.
async fn user_survives(server: Server, strategy: &str) {
    let mut scenario = Scenario::new(server, strategy).await;
    survives(&mut scenario, 40, async |scenario, _| scenario.assert_whole(SECRET).await).await;
}

#[tokio::test]
async fn a_user_of_postgres_that_changes_its_own_password_survives_every_death() {
    user_survives(postgres(), STRATEGIES[0]).await;
}

#[tokio::test]
async fn alternating_users_of_postgres_survive_every_death() {
    user_survives(postgres(), STRATEGIES[1]).await;
}

#[tokio::test]
async fn a_user_of_postgres_whose_master_sets_its_password_survives_every_death() {
    user_survives(postgres(), STRATEGIES[2]).await;
}

#[tokio::test]
async fn a_user_of_mariadb_that_changes_its_own_password_survives_every_death() {
    user_survives(mariadb(), STRATEGIES[0]).await;
}

#[tokio::test]
async fn alternating_users_of_mariadb_survive_every_death() {
    user_survives(mariadb(), STRATEGIES[1]).await;
}

#[tokio::test]
async fn a_user_of_mariadb_whose_master_sets_its_password_survives_every_death() {
    user_survives(mariadb(), STRATEGIES[2]).await;
}

#[tokio::test]
async fn a_key_of_which_nobody_has_to_be_told_survives_every_death() {
    let mut scenario = Scenario::new(postgres(), STRATEGIES[0]).await;
    scenario.rewrite(SECRET, |value| *value = json!({ "key": "the-first-key", "fallbacks": "" }));
    {
        let mut world = scenario.aws.world.lock().unwrap();
        world.secrets.secrets.get_mut(SECRET).unwrap().tags.remove("RotationStrategy");
    }
    survives(&mut scenario, 20, async |scenario, before| {
        let after = scenario.value(SECRET, "AWSCURRENT").unwrap();
        assert_ne!(after["key"], before["key"]);
        let first = after["fallbacks"].as_str().unwrap().split(',').next().unwrap();
        assert_eq!(first, before["key"], "what was signed with it is still valid");
    })
    .await;
}
