//! Thousands of alerts within a minute, taken by many instances at once.

use std::collections::BTreeMap;
use std::time::Duration;

use alert_fanout::act::Patience;
use futures::future::join_all;

use crate::world::{World, alarm};

/// Instances that work at the same time, batches of ten alerts for each second.
const AT_ONCE: usize = 6;
const SECONDS: usize = 15;

const ROUTES: &str = r#"
[alerting.route]
receiver = "on-call"
group_by = ["tenant"]
[alerting.receivers.on-call]
sinks = [{ pagerduty = { routing_key = "pagerduty" } }, { slack = { channel = "C024BE91L", token = "slack" } }]
"#;

#[tokio::test]
async fn a_storm_becomes_a_digest_with_none_dropped_and_no_limit_broken() {
    // A busy machine is no reason for a sink to be given up.
    let patience = Patience {
        whole: Duration::from_secs(3),
        least: Duration::from_millis(20),
        ..Patience::DEFAULT
    };
    let mut world = World::patient(ROUTES, patience).await;
    let mut posts_by_second: BTreeMap<i64, usize> = BTreeMap::new();
    let (mut posts, mut sent) = (0, 0);
    for second in 0..SECONDS {
        let batches: Vec<Vec<String>> = (0..AT_ONCE)
            .map(|batch| {
                let name = |number| format!("{second}-{batch}-{number}");
                let alarm = |number| alarm(&name(number), "critical", "ALARM", world.now());
                (0..10).map(alarm).collect()
            })
            .collect();
        sent += batches.iter().map(Vec::len).sum::<usize>();
        let failures = join_all(batches.iter().map(|batch| world.hears(batch))).await;
        assert!(failures.iter().flatten().all(Vec::is_empty), "{failures:?}");
        let now = world.services.posts().len();
        *posts_by_second.entry(world.now().as_second()).or_default() += now - posts;
        posts = now;
        world.clock.advance(Duration::from_secs(1));
    }
    assert!(posts_by_second.values().all(|posts| *posts <= 1), "{posts_by_second:?}");
    world.goes_by(Duration::from_mins(1)).await;

    let [group] = world.groups().try_into().unwrap();
    let tracked = group.entries.len();
    let counted = usize::try_from(group.untracked_count()).unwrap();
    assert_eq!(tracked + counted, sent, "every alert is told apart or counted");
    assert!(world.state().calls.iter().filter(|call| *call == "PutItem").count() < sent / 2);
    assert!(group.ledger.values().all(|delivery| delivery.confirmed == group.generation));
    assert!(world.services.pages().len() <= 20, "{}", world.services.pages().len());
    assert_eq!(world.services.incidents().len(), 1);
    let last = world.services.taken();
    let last = last.iter().rev().find(|taken| taken.what == "enqueue").unwrap();
    assert!(last.body.to_string().contains(&sent.to_string()), "the digest counts: {last:?}");
    assert_eq!(world.dead_letters(), Vec::<serde_json::Value>::new());
}
