//! From an invocation to groups: what the queue or a direct invocation brings is read, graded,
//! routed, and gathered by group, so that ten alerts of one group are one write and not ten.
//!
//! A record of the queue is done with when every group that it touches is written. What a sink makes
//! of it does not matter here.

use std::collections::{BTreeMap, BTreeSet};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::catalogue::Severity;
use futures::stream::{self, StreamExt as _};
use runtime::metrics::Metrics;
use runtime::{CutShort, Invocation, Record, log_failure};
use serde_json::Value;

use crate::alert::{Alert, State};
use crate::decide::Tally;
use crate::error::Error;
use crate::event::{self, Delivery, Message};
use crate::pass::Work;
use crate::route::{Place, places};
use crate::severity::grade;
use crate::silence::Silence;
use crate::{AlertFanout, FUNCTION};

/// How many groups are in work at once. Each waits for the table and for sinks, some for seconds.
const GROUPS_AT_ONCE: usize = 16;

/// What came for a group, and in which records.
#[derive(Debug)]
struct Incoming<'a> {
    place: Place<'a>,
    alerts: Vec<Alert>,
    /// Ends of alerts that may have fired in this group, under another severity.
    perhaps: Vec<Alert>,
    records: BTreeSet<usize>,
    is_critical: bool,
}

/// All groups that an invocation is about, by their keys.
type Gathered<'a> = BTreeMap<String, Incoming<'a>>;

/// Which groups are to be looked at, by their keys.
type Looks = BTreeMap<String, Looked>;

/// Why a group is to be looked at.
#[derive(Debug, Default)]
struct Looked {
    /// The records that ask for it.
    records: BTreeSet<usize>,
    /// Sinks that are to be tried again although they refused.
    again: BTreeSet<String>,
}

impl AlertFanout {
    /// Works through the records of the queue, and answers which of them must come again.
    pub(crate) async fn batch(&self, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
        let records: Vec<Record> = event.records.into_iter().map(Record::from).collect();
        let now = invocation.clock.now();
        let mut messages = Vec::new();
        for (number, record) in records.iter().enumerate() {
            let delivery = Delivery::from(record);
            let read = event::read_body(&record.body, delivery, &self.context, now);
            messages.extend(read.into_iter().map(|message| (number, message)));
        }
        let mut again = BTreeSet::new();
        for (numbers, error) in self.take(messages, invocation).await {
            log_failure(&error, "alerts come again");
            again.extend(numbers);
        }
        let mut response = SqsBatchResponse::default();
        for record in again.into_iter().filter_map(|number| records.get(number)) {
            self.hands.queue.show_again(record).await;
            response.add_failure(record.message_id.clone());
        }
        response
    }

    /// Takes in what a service invoked the function with directly.
    ///
    /// # Errors
    /// When a group could not be written; Lambda then invokes the function again with the same.
    pub(crate) async fn direct(
        &self,
        payload: &Value,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let messages = event::read(payload, &self.context, invocation.clock.now());
        let messages: Vec<(usize, Message)> =
            messages.into_iter().map(|message| (0, message)).collect();
        let all = messages.len();
        let failed = self.take(messages, invocation).await;
        let count = failed.len();
        match failed.into_iter().next() {
            None => Ok(()),
            Some((_, first)) if count == 1 => Err(first),
            Some((_, first)) => {
                Err(Error::Some { failed: count, all: all.max(count), first: Box::new(first) })
            }
        }
    }

    /// Does what the messages say. Answers with what failed, and the numbers of the records that
    /// must come again for it.
    async fn take(
        &self,
        messages: Vec<(usize, Message)>,
        invocation: &Invocation,
    ) -> Vec<(BTreeSet<usize>, Error)> {
        let mut gathered = Gathered::new();
        let mut looks = Looks::new();
        let mut sweeps = BTreeSet::new();
        let mut failed = Vec::new();
        for (number, message) in messages {
            match message {
                Message::Alert(alert) => self.gather(*alert, number, &mut gathered),
                Message::Look(look) => {
                    let asked = looks.entry(look.group).or_default();
                    asked.records.insert(number);
                    asked.again.extend(look.not_told_to);
                }
                Message::Silence(silence) => {
                    if let Err(error) = self.silence(&silence, invocation).await {
                        failed.push((BTreeSet::from([number]), error));
                    }
                }
                Message::Sweep => {
                    sweeps.insert(number);
                }
                Message::Ignored(reason) => tracing::info!(reason, "ignored: {reason}"),
            }
        }
        failed.extend(self.pass_all(gathered, looks, invocation).await);
        if !sweeps.is_empty()
            && let Err(error) = self.sweep(invocation).await
        {
            failed.push((sweeps, error));
        }
        failed
    }

    async fn silence(&self, silence: &Silence, invocation: &Invocation) -> Result<(), Error> {
        let now = invocation.clock.now();
        self.hands.silence(silence, now).await?;
        self.observer.forget_silences();
        let (author, comment, ends_at) = (&silence.author, &silence.comment, silence.ends_at);
        tracing::info!(author, comment, %ends_at, "{author} wants silence until {ends_at}: {comment}");
        Ok(())
    }

    /// Finds the groups of an alert. An end goes to all groups in which the alert may have fired:
    /// those of its severity, and those that already know it under another one.
    fn gather<'a>(&'a self, mut alert: Alert, number: usize, gathered: &mut Gathered<'a>) {
        let reported = alert.severity;
        grade(&mut alert, &self.alerting.severity);
        let root = &self.alerting.route;
        let own = places(root, &alert);
        if alert.state == State::Resolved {
            for severity in Severity::ALL {
                let mut other = Alert { severity, ..alert.clone() };
                if severity != reported {
                    grade(&mut other, &self.alerting.severity);
                }
                for place in places(root, &other) {
                    if !own.iter().any(|own| own.key == place.key) {
                        let incoming = incoming(gathered, place, number);
                        incoming.perhaps.push(alert.clone());
                    }
                }
            }
        }
        for place in own {
            let incoming = incoming(gathered, place, number);
            incoming.is_critical |= alert.severity == Severity::Critical;
            incoming.alerts.push(alert.clone());
        }
    }

    /// Passes over all groups, the critical ones first.
    async fn pass_all<'a>(
        &'a self,
        gathered: Gathered<'a>,
        mut looks: Looks,
        invocation: &Invocation,
    ) -> Vec<(BTreeSet<usize>, Error)> {
        let now = invocation.clock.now();
        let keys: Vec<_> =
            gathered.keys().chain(looks.keys()).map(|key| self.observer.group_key(key)).collect();
        let mut known = match self.observer.groups(&keys, now).await {
            Ok(known) => known,
            Err(error) => {
                let records = gathered.values().flat_map(|incoming| &incoming.records);
                let all = records
                    .chain(looks.values().flat_map(|asked| &asked.records))
                    .copied()
                    .collect();
                return vec![(all, error)];
            }
        };
        let mut works: Vec<(bool, BTreeSet<usize>, Work<'a>)> = Vec::new();
        for (key, mut incoming) in gathered {
            let known = known.remove(&self.observer.group_key(&key));
            let ends = incoming.perhaps.into_iter().filter(|alert| {
                known.as_ref().is_some_and(|group| group.value.knows_firing(&alert.dedup_key))
            });
            incoming.alerts.extend(ends);
            if incoming.alerts.is_empty() && !looks.contains_key(&key) {
                continue;
            }
            let Looked { mut records, again } = looks.remove(&key).unwrap_or_default();
            records.extend(incoming.records);
            let (place, alerts) = (incoming.place, incoming.alerts);
            let by = invocation.request_id.clone();
            let work = Work { place, alerts, ended: Vec::new(), again, known, by };
            works.push((incoming.is_critical, records, work));
        }
        for (key, Looked { records, again }) in looks {
            // What is no longer recorded was over long ago, or is in hand with its alerts.
            if let Some(known) = known.remove(&self.observer.group_key(&key)) {
                let look = self.look_at(&known.value, invocation);
                let work = Work { again, known: Some(known.clone()), ..look };
                works.push((false, records, work));
            }
        }
        works.sort_by_key(|(is_critical, ..)| !is_critical);
        let outcomes: Vec<_> = stream::iter(works)
            .map(async |(_, records, work)| (records, self.pass_safely(&work, invocation).await))
            .buffer_unordered(GROUPS_AT_ONCE)
            .collect()
            .await;
        let (mut total, mut failed) = (Tally::default(), Vec::new());
        for (records, outcome) in outcomes {
            match outcome {
                Ok(tally) => total = total + tally,
                Err(error) => failed.push((records, error)),
            }
        }
        count(total);
        failed
    }

    /// A pass that neither panics nor hangs its neighbours.
    async fn pass_safely(&self, work: &Work<'_>, invocation: &Invocation) -> Result<Tally, Error> {
        let group = || work.place.key.clone();
        // On the heap: sixteen of them are in work at once.
        match invocation.guard(Box::pin(self.pass(work, invocation))).await {
            Ok(outcome) => outcome,
            Err(CutShort::Panicked(message)) => Err(Error::Panicked { group: group(), message }),
            Err(CutShort::OutOfTime(_)) => Err(Error::OutOfTime { group: group() }),
        }
    }
}

fn incoming<'a, 'g>(
    gathered: &'g mut Gathered<'a>,
    place: Place<'a>,
    record: usize,
) -> &'g mut Incoming<'a> {
    let incoming = gathered.entry(place.key.clone()).or_insert_with(|| Incoming {
        place,
        alerts: Vec::new(),
        perhaps: Vec::new(),
        records: BTreeSet::new(),
        is_critical: false,
    });
    incoming.records.insert(record);
    incoming
}

fn count(tally: Tally) {
    if tally == Tally::default() {
        return;
    }
    Metrics::new(FUNCTION)
        .count("alerts", tally.alerts)
        .count("alerts_told", tally.told)
        .count("alerts_folded", tally.folded)
        .count("alerts_stale", tally.stale)
        .count("alerts_silenced", tally.silenced)
        .count("alerts_inhibited", tally.inhibited)
        .count("alerts_muted", tally.muted)
        .emit();
}
