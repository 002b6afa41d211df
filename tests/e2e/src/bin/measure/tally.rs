//! The calls of a function, counted.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use e2e::{Call, Result, Suite};
use serde::Serialize;

use crate::FUNCTION;

/// How long messages may be under way after the last tenant has arrived. The longest pause of a
/// chain of looks is two minutes.
const QUIET_WITHIN: Duration = Duration::from_mins(3);

/// Messages that are on their way, one way or another.
const UNDER_WAY: [Attribute; 3] = [
    Attribute::ApproximateNumberOfMessages,
    Attribute::ApproximateNumberOfMessagesNotVisible,
    Attribute::ApproximateNumberOfMessagesDelayed,
];

/// So often in a row the queue must be empty and the calls the same, before the function is
/// believed to be done: an event may be between a stack and the queue.
const QUIET_LOOKS: u32 = 10;

/// How many calls were made.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tally {
    pub(crate) calls: usize,
    /// Of them, those that AWS answered with an error: a stack that does not exist yet is one.
    pub(crate) refused: usize,
    /// By service and operation: `dynamodb GetItem`.
    pub(crate) by_operation: BTreeMap<String, usize>,
}

impl Tally {
    /// Counts these.
    pub(crate) fn of(calls: &[Call]) -> Self {
        let mut tally = Self::default();
        for call in calls {
            tally.calls += 1;
            tally.refused += usize::from(!(200..300).contains(&call.status));
            *tally
                .by_operation
                .entry(format!("{} {}", call.service, call.operation))
                .or_default() += 1;
        }
        tally
    }
}

/// All calls of the function so far.
pub(crate) fn taken(suite: &Suite) -> Result<Tally> {
    Ok(Tally::of(&suite.control.calls(FUNCTION)?))
}

/// Waits until nothing is under way to the function, and answers with all its calls so far.
pub(crate) async fn settled(suite: &Suite) -> Result<Tally> {
    let quiet = std::cell::Cell::new((0, usize::MAX));
    let settled = suite
        .eventually(QUIET_WITHIN, async || {
            let tally = taken(suite)?;
            let (looks, calls) = quiet.get();
            let still = tally.calls == calls && messages(suite).await? == 0;
            let looks = if still { looks + 1 } else { 0 };
            quiet.set((looks, tally.calls));
            Ok((looks >= QUIET_LOOKS).then_some(tally))
        })
        .await?;
    Ok(settled.ok_or_else(|| {
        format!(
            "the queue was not empty {} s after the tenants had arrived",
            QUIET_WITHIN.as_secs()
        )
    })?)
}

/// How many messages lie in the function's queue, seen or unseen.
async fn messages(suite: &Suite) -> Result<u64> {
    let queue = &suite.deployment.function(FUNCTION)?.queue_url;
    let asked = suite.sqs.get_queue_attributes().queue_url(queue);
    let answer = asked.set_attribute_names(Some(UNDER_WAY.to_vec())).send().await?;
    let mut messages = 0;
    for attribute in &UNDER_WAY {
        let count = answer.attributes().and_then(|all| all.get(attribute));
        messages += count.ok_or("the queue does not say what lies in it")?.parse::<u64>()?;
    }
    Ok(messages)
}
