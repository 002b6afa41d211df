//! Rotations that nobody goes on with, and values that cannot be used: none may stand in the way of
//! the next rotation, and nothing that the database may hold is thrown away.

use std::time::Duration;

use serde_json::json;

use crate::scenario::{SECRET, STEPS, Scenario};
use crate::whole::{STRATEGIES, mariadb, postgres};

/// A rotation whose value cannot be read when it is to be set: its token, and what `setSecret` says.
async fn spoiled(scenario: &mut Scenario) -> (String, String) {
    let token = scenario.begin(SECRET);
    scenario.step("createSecret", SECRET, &token).await.unwrap().unwrap();
    scenario.spoil(&token);
    let words = scenario.step("setSecret", SECRET, &token).await.unwrap().unwrap_err();
    (token, words)
}

#[tokio::test]
async fn after_three_values_in_a_row_that_cannot_be_used_a_person_is_called() {
    let mut scenario = Scenario::new(mariadb(), "single-user").await;
    for attempt in 1..=4 {
        spoiled(&mut scenario).await;
        scenario.clock.advance(Duration::from_mins(20));
        scenario.look().await;
        let asked = scenario.aws.world.lock().unwrap().secrets.rotations_asked.len();
        assert_eq!(asked, attempt.min(3), "attempt {attempt}");
    }
    let alarms = scenario.aws.world.lock().unwrap().alarms.clone();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(alarms[0].contains("3 values in a row could not be used"), "{alarms:?}");
    // What somebody has mended rotates as if nothing had been.
    scenario.rotate(SECRET).await;
    scenario.assert_whole(SECRET).await;
}

#[tokio::test]
async fn a_pending_value_that_cannot_be_used_is_replaced_by_another_rotation() {
    for strategy in STRATEGIES {
        let mut scenario = Scenario::new(postgres(), strategy).await;
        let (token, words) = spoiled(&mut scenario).await;
        assert!(words.contains("the database does not hold this value"), "{words}");
        assert_eq!(scenario.labels(SECRET, &token), [""; 0], "the label is off");
        scenario.assert_whole(SECRET).await;

        // Not at once, for Secrets Manager may still be trying; but soon, by itself.
        scenario.look().await;
        assert!(scenario.aws.world.lock().unwrap().secrets.rotations_asked.is_empty());
        scenario.clock.advance(Duration::from_mins(10));
        scenario.look().await;
        assert_eq!(scenario.aws.world.lock().unwrap().secrets.rotations_asked, [SECRET]);
        scenario.rotate(SECRET).await;
        scenario.assert_whole(SECRET).await;
    }
}

#[tokio::test]
async fn a_value_that_the_database_may_hold_is_not_thrown_away() {
    let mut scenario = Scenario::new(postgres(), "single-user").await;
    let token = scenario.begin(SECRET);
    scenario.step("createSecret", SECRET, &token).await.unwrap().unwrap();
    scenario.server.sql("ALTER ROLE demo_app NOLOGIN");
    scenario.step("setSecret", SECRET, &token).await.unwrap().unwrap_err();
    scenario.clock.advance(Duration::from_mins(20));
    scenario.look().await;
    assert_eq!(scenario.labels(SECRET, &token), ["AWSPENDING"], "nothing is proven");
    // After a day a person is called.
    scenario.clock.advance(Duration::from_hours(24));
    scenario.look().await;
    let alarms = scenario.aws.world.lock().unwrap().alarms.clone();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(alarms[0].contains("does not open its database"), "{alarms:?}");
}

#[tokio::test]
async fn a_rotation_that_cannot_be_ended_calls_a_person_once_and_is_left_then() {
    let mut scenario = Scenario::new(mariadb(), "alternating-users").await;
    scenario.server.sql("REVOKE INSERT ON `mate\\_demo`.* FROM demo_app@'%'");
    scenario.fails_in("testSecret").await;
    let events = |scenario: &Scenario| scenario.aws.world.lock().unwrap().events.len();
    for _ in 0..3 {
        scenario.clock.advance(Duration::from_mins(16));
        scenario.look().await;
        // A look that comes again before its time does nothing.
        let told = events(&scenario);
        scenario.look().await;
        assert_eq!(events(&scenario), told);
    }
    {
        let world = scenario.aws.world.lock().unwrap();
        assert_eq!((&world.queue[..], &world.alarms[..]), (&[][..], &[][..]), "no dead letters");
    }
    scenario.clock.advance(Duration::from_hours(24));
    for _ in 0..3 {
        scenario.look().await;
        scenario.clock.advance(Duration::from_mins(16));
    }
    let alarms = scenario.aws.world.lock().unwrap().alarms.clone();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert!(alarms[0].contains("INSERT") && alarms[0].contains("grant what is missing"));
    // Secrets Manager takes it up again when it is asked to, and that is a new beginning.
    scenario.steps(SECRET, "token-0001").await.unwrap().unwrap_err();
    scenario.clock.advance(Duration::from_mins(16));
    scenario.look().await;
    assert_eq!(scenario.aws.world.lock().unwrap().alarms.len(), 1);
    scenario.server.sql("GRANT INSERT ON `mate\\_demo`.* TO demo_app@'%'");
    scenario.steps(SECRET, "token-0001").await.unwrap().unwrap();
    scenario.assert_whole(SECRET).await;
}

#[tokio::test]
async fn a_rotation_that_is_asked_for_and_never_begins_calls_a_person_at_last() {
    let mut scenario = Scenario::new(postgres(), "single-user").await;
    spoiled(&mut scenario).await;
    scenario.clock.advance(Duration::from_mins(20));
    scenario.look().await;
    assert_eq!(scenario.aws.world.lock().unwrap().secrets.rotations_asked, [SECRET]);
    scenario.clock.advance(Duration::from_hours(24));
    scenario.look().await;
    scenario.look().await;
    let alarms = scenario.aws.world.lock().unwrap().alarms.clone();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
}

#[tokio::test]
async fn a_rotation_that_nobody_goes_on_with_is_finished_where_the_database_has_the_new_value() {
    for strategy in STRATEGIES {
        let mut scenario = Scenario::new(postgres(), strategy).await;
        let token = scenario.begin(SECRET);
        for step in ["createSecret", "setSecret"] {
            scenario.step(step, SECRET, &token).await.unwrap().unwrap();
        }
        scenario.calls();
        scenario.look().await;
        assert_eq!(scenario.labels(SECRET, &token), ["AWSPENDING"], "it is not stuck yet");
        scenario.clock.advance(Duration::from_mins(16));
        scenario.look().await;
        assert!(scenario.labels(SECRET, &token).contains(&"AWSCURRENT".to_owned()), "{strategy}");
        scenario.assert_whole(SECRET).await;
    }
}

#[tokio::test]
async fn a_rotation_that_nobody_goes_on_with_is_taken_back_where_the_database_has_the_old_value() {
    for strategy in STRATEGIES {
        let mut scenario = Scenario::new(postgres(), strategy).await;
        let token = scenario.begin(SECRET);
        scenario.step("createSecret", SECRET, &token).await.unwrap().unwrap();
        scenario.clock.advance(Duration::from_mins(16));
        scenario.look().await;
        assert_eq!(scenario.labels(SECRET, &token), [""; 0], "{strategy}");
        scenario.assert_whole(SECRET).await;
        let told = scenario.aws.world.lock().unwrap().events.last().cloned().unwrap();
        assert_eq!(told.0, "SecretRotationFailed");
        // And nothing stands in the way of the next one.
        scenario.rotate(SECRET).await;
        scenario.assert_whole(SECRET).await;
    }
}

#[tokio::test]
async fn a_rotation_whose_last_word_was_lost_is_told_by_the_next_look() {
    let mut scenario = Scenario::new(postgres(), "alternating-users").await;
    let token = scenario.begin(SECRET);
    for step in &STEPS[..3] {
        scenario.step(step, SECRET, &token).await.unwrap().unwrap();
    }
    {
        // Killed after the label was moved and before anything was recorded.
        let mut world = scenario.aws.world.lock().unwrap();
        let asked = json!({"SecretId": SECRET, "VersionStage": "AWSCURRENT",
            "MoveToVersionId": token, "RemoveFromVersionId": "first"});
        world.secrets.answer("UpdateSecretVersionStage", &asked).unwrap();
        assert!(world.events.is_empty());
    }
    scenario.clock.advance(Duration::from_mins(16));
    scenario.look().await;
    let told = scenario.aws.world.lock().unwrap().events.clone();
    assert_eq!(told.first().map(|(kind, _)| kind.as_str()), Some("SecretRotated"));
}
