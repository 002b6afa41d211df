//! A batch of SQS messages, worked through record by record: what one record does never touches its
//! neighbours.
//!
//! A record that fails, panics, hangs or comes too late is reported as failed, and SQS delivers it
//! again, until its receive count sends it to the dead-letter queue; the others are done and
//! deleted. The event source mapping must have `ReportBatchItemFailures` set, or one failure brings
//! the whole batch back.

mod record;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use futures::stream::{self, StreamExt as _};
use tracing::field::Empty;
use tracing::{Instrument as _, error, info_span, warn};

use crate::error::{Classify, log_failure};
use crate::guard::CutShort;
use crate::invocation::Invocation;

pub use record::Record;

/// Records in work at the same time. A record mostly waits for AWS, so several at once shorten a
/// batch; more than five from each of the function's instances would begin to throttle one another
/// at CloudFormation, whose `CreateStack` and `DescribeStacks` allow a few calls a second per
/// account.
pub const RECORDS_AT_ONCE: usize = 5;

/// Hands every record to `handler` and answers which of them failed.
///
/// - At most [`RECORDS_AT_ONCE`] are in work at once. The records of one message group of a FIFO
///   queue are taken one after another, and after a failure the rest of the group is left, so that
///   its order holds.
/// - After the invocation's deadline no record is begun: those left come again.
/// - A record still in work when the answer is due is given up at the point it waits at, as if the
///   function had been killed there, and comes again.
/// - Each record has a span with `message_id` and `receive_count`; the handler fills in `tenant`,
///   `subject` and `pass` ([`tracing::Span::record`]) once it knows them, and every line logged
///   from there on carries them.
pub async fn process<E: Classify>(
    event: SqsEvent,
    invocation: &Invocation,
    handler: impl AsyncFn(Record) -> Result<(), E>,
) -> SqsBatchResponse {
    let lanes = lanes(event);
    let outcomes: Vec<Vec<String>> = stream::iter(lanes)
        .map(|lane| work_through(lane, invocation, &handler))
        .buffer_unordered(RECORDS_AT_ONCE)
        .collect()
        .await;
    let mut response = SqsBatchResponse::default();
    for message_id in outcomes.into_iter().flatten() {
        response.add_failure(message_id);
    }
    response
}

/// Records that must follow one another: a message group of a FIFO queue, in order; any other
/// record is alone. (On a standard queue a group is about fairness, not order.)
fn lanes(event: SqsEvent) -> Vec<Vec<Record>> {
    let mut lanes: Vec<Vec<Record>> = Vec::new();
    for record in event.records.into_iter().map(Record::from) {
        let same_group = |lane: &&mut Vec<Record>| {
            record.is_ordered()
                && lane.first().is_some_and(|first| {
                    first.group_id == record.group_id && first.queue_arn == record.queue_arn
                })
        };
        match lanes.iter_mut().find(same_group) {
            Some(lane) => lane.push(record),
            None => lanes.push(vec![record]),
        }
    }
    lanes
}

/// The ids of the lane's records that failed or were not begun.
async fn work_through<E: Classify>(
    lane: Vec<Record>,
    invocation: &Invocation,
    handler: &impl AsyncFn(Record) -> Result<(), E>,
) -> Vec<String> {
    let mut failed = Vec::new();
    for record in lane {
        let message_id = record.message_id.clone();
        let span = info_span!(
            "record",
            message_id,
            receive_count = record.receive_count,
            tenant = Empty,
            subject = Empty,
            pass = Empty,
        );
        let begun = if failed.is_empty() {
            work(record, invocation, handler).instrument(span).await
        } else {
            span.in_scope(|| {
                warn!("not begun: an earlier record of its group failed, so it comes again");
            });
            Err(NotDone)
        };
        if begun.is_err() {
            failed.push(message_id);
        }
    }
    failed
}

/// The record is reported as failed; why was logged where it happened.
struct NotDone;

async fn work<E: Classify>(
    record: Record,
    invocation: &Invocation,
    handler: &impl AsyncFn(Record) -> Result<(), E>,
) -> Result<(), NotDone> {
    let now = invocation.clock.now();
    if invocation.deadline.has_passed(now) {
        warn!("not begun: the invocation's deadline has passed, so the record comes again");
        return Err(NotDone);
    }
    match invocation.guard(async { handler(record).await }).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => {
            log_failure(&failure, "the record failed and comes again");
            Err(NotDone)
        }
        Err(CutShort::Panicked(message)) => {
            error!(
                error_type = "Panic",
                error = message,
                "the record's work panicked; it comes again"
            );
            Err(NotDone)
        }
        Err(CutShort::OutOfTime(limit)) => {
            error!(
                error_type = "OutOfTime",
                limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
                "given up in the middle of its work: the answer is due; the record comes again"
            );
            Err(NotDone)
        }
    }
}

#[cfg(test)]
mod tests;
