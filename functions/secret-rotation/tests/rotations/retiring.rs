//! Taking the old value away is in one look's hands at a time, and those of a dead one open by
//! themselves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::rollouts::{POINTS_MAX, hears, look, looks, rolling_at};
use crate::scenario::{SECRET, Scenario};
use crate::whole::postgres;

/// Longer than any claim: an invocation's two minutes, and five seconds for clocks that are apart.
const CLAIM_IS_OVER: Duration = Duration::from_mins(3);

/// How many connections have been opened since this was asked last.
fn doors(scenario: &Scenario) -> usize {
    scenario.lines.swap(0, Ordering::SeqCst)
}

/// Whether the record says that somebody is taking the old value away.
fn is_claimed(scenario: &Scenario) -> bool {
    let world = scenario.aws.world.lock().unwrap();
    let mut items = world.table.items.values();
    items.any(|item| item.pointer("/value/M/retiring_until/S").is_some())
}

#[tokio::test]
async fn two_looks_at_once_take_the_old_value_away_once() {
    // No service has it, so that a single look comes to the end.
    let scenario = rolling_at(postgres(), &[]).await;
    doors(&scenario);
    let (first, second) = (look(), look());
    let (first, second) = tokio::join!(hears(&scenario, &first), hears(&scenario, &second));
    assert_eq!([first, second].concat(), [""; 0], "neither fails");
    assert_eq!(doors(&scenario), 2, "the proof that the new one opens, and the master");
    assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await);
    scenario.assert_whole(SECRET).await;
    let world = scenario.aws.world.lock().unwrap();
    let ends = world.events.iter().filter(|(kind, _)| kind == "SecretRolloutCompleted").count();
    assert_eq!(ends, 1);
}

#[tokio::test]
async fn what_a_look_died_of_in_the_middle_is_waited_for_and_then_done() {
    let scenario = rolling_at(postgres(), &[]).await;
    let look = look();
    for at in 0..POINTS_MAX {
        scenario.kill.set(at);
        tokio::select! {
            biased;
            () = scenario.kill.happened() => {}
            failed = hears(&scenario, &look) => panic!("killed never: {failed:?}"),
        }
        scenario.kill.disarm();
        if is_claimed(&scenario) {
            break;
        }
    }
    doors(&scenario);
    looks(&scenario).await;
    assert!(is_claimed(&scenario));
    assert_eq!(doors(&scenario), 0, "nobody knows whether the other one is dead");
    assert!(scenario.opens(SECRET, "AWSPREVIOUS").await);

    let chain = look.replace("null", "0");
    scenario.aws.world.lock().unwrap().queue.clear();
    assert_eq!(hears(&scenario, &chain).await, [""; 0]);
    let queue = scenario.aws.world.lock().unwrap().queue.clone();
    assert_eq!(queue, [look.replace("null", "1")], "the chain of looks goes on");

    scenario.clock.advance(CLAIM_IS_OVER);
    looks(&scenario).await;
    assert!(!is_claimed(&scenario));
    assert!(!scenario.opens(SECRET, "AWSPREVIOUS").await);
    scenario.assert_whole(SECRET).await;
}
