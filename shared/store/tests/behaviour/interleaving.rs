//! However passes interleave, pause and die: no journal line that was acknowledged is lost, none
//! that was refused appears, and no write of a pass that was overtaken gets through.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Acquire, Lease, Store, StoreError, TenantRecord};

use crate::support::{DynamoDb, TTL, created, decisions, entry, instant};

/// How many passes take turns.
const PASSES: usize = 3;

/// What one pass does at its next turn.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Read,
    Acquire,
    Checkpoint,
    Commit,
    Release,
    Append,
    Die,
    /// No pass does anything for so long.
    Wait(i64),
}

/// What a pass knows; a pass that died knows nothing.
#[derive(Debug, Default, Clone)]
struct Pass {
    seen: Option<TenantRecord>,
    lease: Option<Lease>,
}

/// The table as it should be, from what was acknowledged.
struct Model {
    now: i64,
    version: u64,
    fence: u64,
    /// Which pass holds the lease, and from when on it may be taken over.
    held: Option<(usize, i64)>,
    lines: Vec<String>,
}

fn turns() -> impl Strategy<Value = Vec<(usize, Turn)>> {
    let turn = prop_oneof![
        4 => Just(Turn::Read),
        4 => Just(Turn::Acquire),
        2 => Just(Turn::Checkpoint),
        4 => Just(Turn::Commit),
        1 => Just(Turn::Release),
        1 => Just(Turn::Append),
        1 => Just(Turn::Die),
        2 => (1..90_i64).prop_map(Turn::Wait),
    ];
    prop::collection::vec((0..PASSES, turn), 1..50)
}

#[test]
fn no_interleaving_of_passes_loses_a_line_or_lets_a_stale_one_through() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dynamodb = runtime.block_on(DynamoDb::start());
    let store = dynamodb.store();
    // A tenant of its own for every case keeps the cases apart.
    let case = AtomicUsize::new(0);
    let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&turns(), |turns| {
            let tenant = format!("t{}", case.fetch_add(1, Ordering::Relaxed));
            runtime.block_on(play(&store, &tenant, &turns));
            Ok(())
        })
        .unwrap();
}

async fn play(store: &Store, tenant: &str, turns: &[(usize, Turn)]) {
    let first = created(store, tenant).await;
    let key = first.key();
    let mut passes = vec![Pass::default(); PASSES];
    let mut model =
        Model { now: 1, version: 1, fence: 0, held: None, lines: vec!["requested".to_owned()] };
    for (number, &(index, turn)) in turns.iter().enumerate() {
        let pass = &mut passes[index];
        match turn {
            Turn::Wait(seconds) => model.now += seconds,
            Turn::Die => *pass = Pass::default(),
            Turn::Read => pass.seen = store.read(&key).await.unwrap(),
            Turn::Append => {
                let line = format!("{number}: append");
                store.append(&key, &[entry(model.now, &line)]).await.unwrap();
                model.lines.push(line);
            }
            Turn::Acquire => acquire(store, &mut model, pass, index).await,
            Turn::Release => release(store, &mut model, pass).await,
            Turn::Checkpoint | Turn::Commit => {
                let ends = matches!(turn, Turn::Commit);
                write(store, &mut model, pass, &format!("{number}: write"), ends).await;
            }
        }
    }
    let mut found = decisions(store, &key).await;
    found.sort();
    model.lines.sort();
    assert_eq!(found, model.lines);
    assert_eq!(store.read(&key).await.unwrap().unwrap().version, model.version);
}

async fn acquire(store: &Store, model: &mut Model, pass: &mut Pass, index: usize) {
    let Some(seen) = &pass.seen else { return };
    let now = instant(model.now);
    let answer = store.acquire(seen, &format!("pass-{index}"), now, TTL).await.unwrap();
    let blocked = model.held.is_some_and(|(holder, until)| holder != index && model.now <= until);
    match answer {
        Acquire::Held { .. } => assert!(blocked, "held by nobody"),
        Acquire::Changed => assert_ne!(seen.version, model.version, "nothing had changed"),
        Acquire::Taken(lease) => {
            assert!(!blocked, "two passes hold the lease");
            assert_eq!(seen.version, model.version, "taken on a record that was overtaken");
            assert_eq!(lease.fence, model.fence + 1);
            model.fence = lease.fence;
            model.held = Some((index, model.now + 60));
            pass.lease = Some(lease);
        }
    }
}

async fn release(store: &Store, model: &mut Model, pass: &mut Pass) {
    let Some(lease) = pass.lease.take() else { return };
    match store.release(&lease).await {
        Ok(()) => {
            assert_eq!(lease.fence, model.fence, "a stale lease released its successor's");
            model.held = None;
        }
        Err(StoreError::Stale(_)) => assert_ne!(lease.fence, model.fence),
        Err(other) => panic!("{other}"),
    }
}

async fn write(store: &Store, model: &mut Model, pass: &mut Pass, line: &str, ends: bool) {
    let (Some(seen), Some(lease)) = (&pass.seen, &pass.lease) else { return };
    let now = instant(model.now);
    let lines = [entry(model.now, line)];
    let answer = if ends {
        store.commit(lease, seen, &lines, now).await
    } else {
        store.checkpoint(lease, seen, &lines, now).await
    };
    let is_good = lease.fence == model.fence && seen.version == model.version;
    match answer {
        Ok(next) => {
            assert!(is_good, "a stale write got through: {lease:?} on version {}", seen.version);
            model.version = next.version;
            model.lines.push(line.to_owned());
            pass.seen = Some(next);
            if ends {
                model.held = None;
                pass.lease = None;
            }
        }
        Err(StoreError::Stale(_)) => assert!(!is_good, "a good write was refused"),
        Err(other) => panic!("{other}"),
    }
}
