//! A rate holds however many draw from the bucket, in whatever order their clocks say.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::{Documents, Rate, Take};

use crate::support::{self, DynamoDb, TABLE, instant};

fn rate(tokens: u32, seconds: u64, burst: u32) -> Rate {
    Rate {
        tokens: NonZeroU32::new(tokens).unwrap(),
        interval: Duration::from_secs(seconds),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

/// Noon and so many milliseconds.
fn at(milliseconds: i64) -> Timestamp {
    instant(0) + SignedDuration::from_millis(milliseconds)
}

async fn start() -> (DynamoDb, Documents) {
    let dynamodb = DynamoDb::start().await;
    let documents = Documents::new(dynamodb.client(), TABLE);
    (dynamodb, documents)
}

#[tokio::test]
async fn a_full_bucket_gives_its_burst_and_then_a_token_at_each_interval() {
    let (_dynamodb, documents) = start().await;
    let rate = rate(2, 1, 3);
    let take = async |milliseconds| {
        documents.take_token("slack#C1", &rate, at(milliseconds)).await.unwrap()
    };
    for _ in 0..3 {
        assert_eq!(take(0).await, Take::Taken);
    }
    assert_eq!(take(0).await, Take::WaitUntil(at(500)));
    assert_eq!(take(499).await, Take::WaitUntil(at(500)));
    assert_eq!(take(500).await, Take::Taken);
    assert_eq!(take(500).await, Take::WaitUntil(at(1_000)));
    // Left alone for long, it is full again and no fuller.
    for _ in 0..3 {
        assert_eq!(take(60_000).await, Take::Taken);
    }
    assert_eq!(take(60_000).await, Take::WaitUntil(at(60_500)));
}

#[tokio::test]
async fn buckets_of_different_names_do_not_share_tokens() {
    let (_dynamodb, documents) = start().await;
    for bucket in ["slack#C1", "slack#C2"] {
        let take = documents.take_token(bucket, &rate(1, 1, 1), at(0)).await.unwrap();
        assert_eq!(take, Take::Taken, "{bucket}");
    }
}

#[tokio::test]
async fn many_that_draw_at_once_get_the_burst_between_them() {
    let (_dynamodb, documents) = start().await;
    let draws = (0..12).map(|_| {
        let documents = documents.clone();
        tokio::spawn(async move { documents.take_token("b", &rate(1, 1, 5), at(0)).await.unwrap() })
    });
    let draws: Vec<_> = draws.collect();
    let mut taken = 0;
    for draw in draws {
        match draw.await.unwrap() {
            Take::Taken => taken += 1,
            Take::WaitUntil(until) => assert_eq!(until, at(1_000)),
        }
    }
    assert_eq!(taken, 5);
}

#[tokio::test]
async fn a_pause_holds_for_all_ends_with_one_token_and_is_never_cut_short() {
    let (_dynamodb, documents) = start().await;
    let rate = rate(1, 1, 3);
    let take =
        async |milliseconds| documents.take_token("b", &rate, at(milliseconds)).await.unwrap();
    documents.pause_bucket("b", &rate, at(30_000)).await.unwrap();
    documents.pause_bucket("b", &rate, at(10_000)).await.unwrap();
    assert_eq!(take(0).await, Take::WaitUntil(at(30_000)));
    assert_eq!(take(29_999).await, Take::WaitUntil(at(30_000)));
    assert_eq!(take(30_000).await, Take::Taken);
    assert_eq!(take(30_000).await, Take::WaitUntil(at(31_000)));
}

#[tokio::test]
async fn a_token_whose_answer_was_lost_never_makes_more_of_them() {
    let (dynamodb, _) = start().await;
    let (port, left) = crate::lossy::start(dynamodb.port(), "UpdateItem", 1);
    let documents = Documents::new(support::client(port), TABLE);
    let first = documents.take_token("b", &rate(1, 1, 2), at(0)).await.unwrap();
    assert_eq!((first, left.load(Ordering::SeqCst)), (Take::Taken, 0));
    // The token was drawn twice: the burst of two is used up.
    let second = documents.take_token("b", &rate(1, 1, 2), at(0)).await.unwrap();
    assert_eq!(second, Take::WaitUntil(at(1_000)));
}

#[test]
fn no_interleaving_of_draws_breaks_the_rate_and_no_token_is_held_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_dynamodb, documents) = runtime.block_on(start());
    let case = AtomicUsize::new(0);
    let draws = prop::collection::vec(0..900_i64, 1..40);
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&(1..6_u32, 1..5_u32, draws), |(tokens, burst, pauses)| {
            let bucket = format!("b{}", case.fetch_add(1, Ordering::Relaxed));
            runtime.block_on(play(&documents, &bucket, &rate(tokens, 1, burst), &pauses));
            Ok(())
        })
        .unwrap();
}

/// Draws after each of these pauses, in milliseconds, and holds what comes of it against the
/// limit that the rate is there to keep.
async fn play(documents: &Documents, bucket: &str, rate: &Rate, pauses: &[i64]) {
    let spacing = i128::from(1_000_000_u32.div_ceil(rate.tokens.get()));
    let (mut now, mut taken) = (0, Vec::new());
    for pause in pauses {
        now += pause;
        match documents.take_token(bucket, rate, at(now)).await.unwrap() {
            Take::Taken => taken.push(now),
            Take::WaitUntil(until) => {
                let wait = until.duration_since(at(now)).as_micros();
                assert!(wait > 0, "a token was there");
                assert!(wait <= spacing, "{wait} µs are longer than to the next token");
            }
        }
    }
    // In any second, no more than the tokens of one interval and the burst.
    let most = rate.tokens.get() + rate.burst.get() - 1;
    for (index, begin) in taken.iter().enumerate() {
        let within = taken[index..].iter().take_while(|time| **time < begin + 1_000).count();
        assert!(within <= most as usize, "{within} of {most} in a second: {taken:?}");
    }
}
