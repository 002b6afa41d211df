//! Rotations that die at every point at which something goes over a wire, and are tried again.

use crate::database::Server;
use crate::scenario::{SECRET, Scenario};
use crate::whole::{STRATEGIES, mariadb, postgres};

/// No rotation has as many messages: a guard against a test that never ends.
const POINTS_MAX: usize = 1_000;

/// Rotates again and again, each time killed one message later, until one gets through. After each
/// death Secrets Manager tries the four steps again.
async fn survives(server: Server, strategy: &str) {
    let mut scenario = Scenario::new(server, strategy).await;
    let mut killed = 0;
    for at in 0..POINTS_MAX {
        let token = scenario.begin(SECRET);
        scenario.kill.set(at);
        let whole = scenario.steps(SECRET, &token).await;
        scenario.kill.disarm();
        if let Some(done) = whole {
            done.unwrap();
            break;
        }
        killed += 1;
        let again = scenario.steps(SECRET, &token).await.expect("nobody is killed now");
        again.unwrap_or_else(|words| panic!("killed at {at}: {words}"));
        scenario.assert_whole(SECRET).await;
        let labels = scenario.labels(SECRET, &token);
        assert!(labels.contains(&"AWSCURRENT".to_owned()), "killed at {at}: {labels:?}");
    }
    assert!(killed > 40, "only {killed} deaths: is the line counted?");
    assert!(killed < POINTS_MAX - 1, "no rotation got through");
    scenario.assert_whole(SECRET).await;
    scenario.assert_nothing_leaked();
}

#[tokio::test]
async fn a_user_of_postgres_that_changes_its_own_password_survives_every_death() {
    survives(postgres(), STRATEGIES[0]).await;
}

#[tokio::test]
async fn alternating_users_of_postgres_survive_every_death() {
    survives(postgres(), STRATEGIES[1]).await;
}

#[tokio::test]
async fn a_user_of_postgres_whose_master_sets_its_password_survives_every_death() {
    survives(postgres(), STRATEGIES[2]).await;
}

#[tokio::test]
async fn a_user_of_mariadb_that_changes_its_own_password_survives_every_death() {
    survives(mariadb(), STRATEGIES[0]).await;
}

#[tokio::test]
async fn alternating_users_of_mariadb_survive_every_death() {
    survives(mariadb(), STRATEGIES[1]).await;
}

#[tokio::test]
async fn a_user_of_mariadb_whose_master_sets_its_password_survives_every_death() {
    survives(mariadb(), STRATEGIES[2]).await;
}
