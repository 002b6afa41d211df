//! One call of a sink: its turn, its attempts, and what is said of it.
//!
//! AWS would try a failed invocation again after a minute, which is too late for a page. So a sink
//! that fails is tried again here, as soon as it asks for or as politeness allows, and given up in
//! time for the receiver's fallback.

use std::num::NonZeroU32;
use std::time::Duration;

use domain::catalogue::alerting::Sink;
use jiff::Timestamp;
use runtime::metrics::Metrics;
use runtime::{Backoff, Clock, equal_jitter};
use store::{Rate, Take};
use tokio::time::Instant;

use super::Hands;
use crate::FUNCTION;
use crate::decide::{Outcome, Send};
use crate::notification::SinkError;
use crate::time::{after, since};

/// How long a call of a sink is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first attempt to the end of the last.
    pub whole: Duration,
    /// What a sink needs for an answer: no attempt begins when less is left.
    pub least: Duration,
    /// Between the attempts.
    pub pause: Backoff,
}

impl Patience {
    /// 45 s in all: within a minute somebody must have heard of it, if by the fallback. An answer over
    /// a new connection takes a second or two; an attempt that is cut off sooner looks like a failure
    /// of the sink and is none.
    pub const DEFAULT: Self = Self {
        whole: Duration::from_secs(45),
        least: Duration::from_secs(5),
        pause: Backoff {
            first: Duration::from_millis(500),
            factor: 2,
            cap: Duration::from_secs(8),
        },
    };
}

/// How long a sink that took nothing is tried only once by this instance: each alert of a storm that
/// waited 45 s for a dead service would keep the next one waiting.
const TROUBLED_FOR: Duration = Duration::from_secs(30);

/// How soon another invocation takes over what this one has no time left for.
const TAKEN_OVER_AFTER: Duration = Duration::from_secs(1);

/// How long a sink is left alone that asks for patience without saying how much.
const LIMITED_FOR: Duration = Duration::from_secs(5);

/// The longest that a sink's wish to be left alone is heeded; it is a mistake beyond that.
const LIMITED_MAX: Duration = Duration::from_mins(15);

/// Slack takes about one message a second in a channel ("Rate limits", `chat.postMessage` and
/// incoming webhooks), and so does Teams (four requests a second for a connector, less for each
/// channel).
const CHAT: Rate = Rate { tokens: ONE, interval: Duration::from_secs(1), burst: ONE };

/// PagerDuty takes about 120 events a minute for each routing key ("Events API v2", rate limits);
/// 100 spread over the minute and 20 at once are 119 at most.
const PAGER: Rate = Rate { tokens: HUNDRED, interval: Duration::from_mins(1), burst: TWENTY };

/// Slack takes about 50 updates of messages a minute in a workspace ("Rate limits", tier 3 of
/// `chat.update`): 40 spread over the minute and 10 at once are 49 at most.
const CHAT_UPDATES: Rate = Rate { tokens: FORTY, interval: Duration::from_mins(1), burst: TEN };

const ONE: NonZeroU32 = NonZeroU32::MIN;
const TEN: NonZeroU32 = ONE.saturating_add(9);
const TWENTY: NonZeroU32 = ONE.saturating_add(19);
const FORTY: NonZeroU32 = ONE.saturating_add(39);
const HUNDRED: NonZeroU32 = ONE.saturating_add(99);

/// The buckets of which a call takes a token each; shared by all sinks with the same address.
fn limits(send: &Send, partition: &str) -> Vec<(String, Rate)> {
    let sink = &send.sink;
    let limits = match sink {
        Sink::Slack(slack) => {
            let updates = (format!("slack updates by {}", slack.token), CHAT_UPDATES);
            let updates = send.receipt.is_some().then_some(updates);
            let channel = (format!("slack {}", slack.channel), CHAT);
            updates.into_iter().chain([channel]).collect()
        }
        Sink::SlackWebhook(_) | Sink::Teams(_) => vec![(sink.to_string(), CHAT)],
        Sink::PagerDuty(_) => vec![(sink.to_string(), PAGER)],
        Sink::Email(_) | Sink::Sns(_) | Sink::Webhook(_) => Vec::new(),
    };
    let name = |name: String| format!("alert#{partition}#{name}");
    limits.into_iter().map(|(bucket, rate)| (name(bucket), rate)).collect()
}

/// The service behind a sink, as people call it.
fn name(sink: &Sink) -> &'static str {
    match sink {
        Sink::PagerDuty(_) => "PagerDuty",
        Sink::Slack(_) | Sink::SlackWebhook(_) => "Slack",
        Sink::Email(_) => "SES",
        Sink::Sns(_) => "SNS",
        Sink::Teams(_) => "Teams",
        Sink::Webhook(_) => "the webhook",
    }
}

impl Hands {
    /// Calls the sink until it takes the notification, refuses it, or `stop` has come. Never fails:
    /// what went wrong is for the group to remember.
    pub async fn deliver(&self, send: &Send, stop: Instant, clock: &Clock) -> Outcome {
        let once = send.is_retry || self.is_troubled(&send.target, clock.now());
        let stop = stop.min(Instant::now() + self.patience.whole);
        let begin_by = stop.checked_sub(self.patience.least).unwrap_or(stop);
        let mut attempt = 0_u32;
        let mut failed: Option<String> = None;
        let outcome = loop {
            attempt = attempt.saturating_add(1);
            let waits = send.is_urgent || failed.is_some();
            if let Some(until) = self.turn(send, waits, begin_by, clock).await {
                break failed.map_or(Outcome::Postponed(until), Outcome::Failed);
            }
            let told = self.sinks.deliver(&send.sink, &send.notification, send.receipt.as_ref());
            let Ok(told) = tokio::time::timeout_at(stop, told).await else {
                let silent = || format!("{} did not answer in time", name(&send.sink));
                break Outcome::Failed(failed.unwrap_or_else(silent));
            };
            let error = match told {
                Ok(receipt) => break Outcome::Took(receipt),
                Err(error) => error,
            };
            let words = error.to_string();
            let wait = match error {
                SinkError::Refused { .. } => break Outcome::Refused(words),
                // It was read anew already, and is refused all the same.
                SinkError::Unauthorized { .. } => break Outcome::Failed(words),
                SinkError::Failed { .. } => {
                    equal_jitter(self.patience.pause.delay(attempt), &mut fastrand::Rng::new())
                }
                SinkError::Limited { retry_after, .. } => {
                    let wait = retry_after.unwrap_or(LIMITED_FOR).min(LIMITED_MAX);
                    self.pause(send, after(clock.now(), wait)).await;
                    wait
                }
            };
            if once || Instant::now() + wait >= begin_by {
                break Outcome::Failed(words);
            }
            tracing::warn!(attempt, error = words, "{} is tried again: {words}", send.target);
            failed = Some(words);
            tokio::time::sleep(wait).await;
        };
        self.note(send, &outcome, attempt, clock.now());
        outcome
    }

    /// Waits for the sink's turn. Answers with when it would be, where that is too late to begin: what
    /// `waits` does so for as long as there is time, the rest does not wait at all.
    async fn turn(
        &self,
        send: &Send,
        waits: bool,
        begin_by: Instant,
        clock: &Clock,
    ) -> Option<Timestamp> {
        if Instant::now() >= begin_by {
            return Some(after(clock.now(), TAKEN_OVER_AFTER));
        }
        for (bucket, rate) in limits(send, &self.partition) {
            let too_late = self.token(&bucket, &rate, waits, begin_by, clock).await;
            if too_late.is_some() {
                return too_late;
            }
        }
        None
    }

    async fn token(
        &self,
        bucket: &str,
        rate: &Rate,
        waits: bool,
        begin_by: Instant,
        clock: &Clock,
    ) -> Option<Timestamp> {
        loop {
            let now = clock.now();
            let until = match self.documents.take_token(bucket, rate, now).await {
                Ok(Take::Taken) => return None,
                Ok(Take::WaitUntil(until)) => until,
                // Better a message too many than none because the table was busy.
                Err(error) => {
                    tracing::warn!(error = %error, "no token is taken of {bucket}");
                    return None;
                }
            };
            let wait = since(now, until);
            if !waits || Instant::now() + wait >= begin_by {
                return Some(until);
            }
            tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        }
    }

    /// Has all instances leave the sink alone until then.
    async fn pause(&self, send: &Send, until: Timestamp) {
        for (bucket, rate) in limits(send, &self.partition) {
            if let Err(error) = self.documents.pause_bucket(&bucket, &rate, until).await {
                tracing::warn!(error = %error, "others do not know that {bucket} wants patience");
            }
        }
    }

    fn is_troubled(&self, target: &str, now: Timestamp) -> bool {
        let troubled = self.troubled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        troubled.get(target).is_some_and(|until| now < *until)
    }

    /// Says what came of the call: in the log, in the metrics, and for the next call.
    fn note(&self, send: &Send, outcome: &Outcome, attempts: u32, now: Timestamp) {
        let target = &send.target;
        let mut metrics = Metrics::new(FUNCTION);
        metrics
            .dimension("sink", send.sink.kind())
            .property("group", send.notification.group_key.clone());
        let mut troubled = self.troubled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match outcome {
            Outcome::Took(_) => {
                troubled.remove(target);
                let took = since(send.notification.happened_at, now);
                metrics.count("notifications", 1).duration("event_to_acknowledgement_ms", took);
                let (generation, occasion) =
                    (send.notification.generation, send.notification.occasion);
                tracing::info!(generation, attempts, "{target} was told: {occasion:?}");
            }
            Outcome::Failed(why) | Outcome::Refused(why) => {
                troubled.insert(target.clone(), after(now, TROUBLED_FOR));
                metrics.count("notifications_failed", 1);
                tracing::error!(
                    error_type = "SinkFailed",
                    error = why,
                    attempts,
                    "{target}: {why}"
                );
            }
            Outcome::Postponed(until) => {
                metrics.count("notifications_postponed", 1);
                tracing::info!(%until, "{target} is told later: it is not its turn yet");
            }
        }
        metrics.emit();
    }
}
