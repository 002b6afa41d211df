//! What to tell whom of a group, now, and when to look at it again. Pure: no clock, no network, no
//! chance.
//!
//! [`decide`] folds the alerts that came in into the group, holds back what is silenced or
//! inhibited, decides whether there is something to tell, and claims the calls of the sinks that
//! are behind. [`settle`] takes in what the sinks answered. Between the two lies all that can fail;
//! the group's document is written before and after it.
//!
//! Nothing that comes in is lost: it is told, or it is part of a later update, or it is held back by
//! a silence, an inhibition or a muted time, and told when that ends if it still fires.

mod held;
mod news;
mod targets;
mod tell;

use std::time::Duration;

use domain::catalogue::alerting::{Alerting, Route, Sink};
use jiff::Timestamp;
use runtime::{Backoff, DELAY_MAX};

use crate::alert::{Alert, State};
use crate::group::{Folded, Group};
use crate::inhibit::{Inhibitor, is_source};
use crate::interval::muted_until;
use crate::notification::{Notification, Occasion, Receipt};
use crate::overflow::Counts;
use crate::route::fingerprint;
use crate::silence::Silence;
use crate::time::after;

pub use targets::{CLAIM, GIVE_UP_AFTER};

/// After how long a sink that failed is tried again, beyond the attempts within one invocation: soon
/// enough that a page is not missed for long, and patient with a service that is down for hours.
const RETRY: Backoff =
    Backoff { first: Duration::from_mins(1), factor: 2, cap: Duration::from_mins(10) };

/// How long a group is remembered after it is over: for an `ALARM` that arrives after its `OK`.
const REMEMBERED: Duration = Duration::from_hours(24);

/// How long a group is kept of which nobody hears anything any more. Each reminder renews it.
pub(crate) const FORGOTTEN: Duration = Duration::from_hours(24 * 30);

/// What a decision rests on beside the group itself.
#[derive(Debug, Clone, Copy)]
pub struct World<'w> {
    /// The catalogue's routes, receivers and rules.
    pub alerting: &'w Alerting,
    /// The group's route.
    pub route: &'w Route,
    /// All silences.
    pub silences: &'w [Silence],
    /// All alerts that fire and match the source of an inhibition.
    pub inhibitors: &'w [Inhibitor],
    /// Who decides: the name that claims bear.
    pub by: &'w str,
}

/// A call of a sink, claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Send {
    /// The sink's name in the group's ledger.
    pub target: String,
    /// The sink.
    pub sink: Sink,
    /// What to tell it.
    pub notification: Notification,
    /// What it gave back the last time.
    pub receipt: Option<Receipt>,
    /// Whether it may wait for its turn inside the invocation: critical alerts do, the rest is
    /// looked at again.
    pub is_urgent: bool,
    /// Whether the sink failed before. One attempt shows whether it is back; who waits for it has
    /// been told by the fallback.
    pub is_retry: bool,
}

/// A notification that nobody took.
#[derive(Debug, Clone, PartialEq)]
pub struct Burial {
    /// The sink's name in the group's ledger.
    pub target: String,
    /// What nobody took.
    pub notification: Notification,
    /// Why, in words.
    pub reason: String,
}

/// What changes among the sources of inhibitions.
#[derive(Debug, Clone, PartialEq)]
pub enum SourceChange {
    /// It fires.
    Fires(Inhibitor),
    /// It is over; by its id.
    Over(String),
}

/// What became of the alerts that came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub alerts: u32,
    /// The same again, or older than what is known.
    pub stale: u32,
    /// Held back by a silence.
    pub silenced: u32,
    /// Held back by another alert.
    pub inhibited: u32,
    /// Held back by a muted time.
    pub muted: u32,
    /// Part of a later update.
    pub folded: u32,
    /// Told now.
    pub told: u32,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let sum = u32::saturating_add;
        Self {
            alerts: sum(self.alerts, other.alerts),
            stale: sum(self.stale, other.stale),
            silenced: sum(self.silenced, other.silenced),
            inhibited: sum(self.inhibited, other.inhibited),
            muted: sum(self.muted, other.muted),
            folded: sum(self.folded, other.folded),
            told: sum(self.told, other.told),
        }
    }
}

/// What follows for a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The group as it is to be written.
    pub group: Group,
    /// What is to be sent once it is written.
    pub sends: Vec<Send>,
    /// What is to be put with the dead letters before it is written.
    pub burials: Vec<Burial>,
    /// What changes for other groups.
    pub sources: Vec<SourceChange>,
    /// How many of the alerts found no room to be told apart, by severity.
    pub counted: Counts,
    /// When to look again.
    pub due_at: Option<Timestamp>,
    /// When a message on the queue must bring that look, since the sweep would come too late.
    pub nudge_at: Option<Timestamp>,
    /// When a message on the queue must bring a look in case whoever decided this dies over the
    /// calls. It is sent while they are made, so that none waits for it.
    pub watch_at: Option<Timestamp>,
    /// When it can be forgotten.
    pub expires_at: Timestamp,
    /// What became of the alerts.
    pub tally: Tally,
}

impl Decision {
    /// Whether there is nothing to write of the group as it was `before`: nothing has changed, or
    /// only the number of alerts that are not told apart, and a look that adds them up is coming.
    pub fn changes_nothing(&self, before: &Group, now: Timestamp) -> bool {
        let is_looked_at = before.untracked_untold() > 0 || news::adds_up_at(before, now).is_some();
        self.group == *before || (is_looked_at && self.group.only_counts_more_than(before))
    }

    /// Leaves the calls of the sinks to the next look, which comes now.
    pub(crate) fn leave_the_calls(&mut self, now: Timestamp) {
        for send in self.sends.drain(..) {
            if let Some(delivery) = self.group.ledger.get_mut(&send.target) {
                delivery.claim = None;
            }
            (self.due_at, self.nudge_at) = (Some(now), Some(now));
        }
        self.watch_at = None;
    }
}

/// Decides what follows for `group` from these alerts, or from the time alone.
pub fn decide(mut group: Group, alerts: &[Alert], world: &World<'_>, now: Timestamp) -> Decision {
    if group.open_episode().is_none() && group.episode.is_some() && !alerts.is_empty() {
        group.untracked.clear();
        group.untracked_told = 0;
    }
    let known = group.untracked.clone();
    let (folded, sources) = fold(&mut group, alerts, world);
    let counted = more(&group.untracked, &known);
    let mut due = Due::default();
    let muted = muted_until(world.route, &world.alerting.time_intervals, now);
    due.add(held::hold_back(&mut group, world, now));
    let before = group.generation;
    due.add(news::advance(&mut group, world, muted, now));
    let planned = targets::plan(&mut group, world, muted, now);
    due.add(planned.look_at);
    let nudge_at = nudge(&mut group, due.0, now);
    due.add(planned.dead_at);
    let was_told = group.generation > before;
    let tally = tally(&group, &folded, muted.is_some(), was_told);
    let lives_for = if due.0.is_some() { FORGOTTEN } else { REMEMBERED };
    Decision {
        sends: planned.sends,
        burials: planned.burials,
        sources,
        counted,
        nudge_at,
        watch_at: planned.dead_at,
        due_at: due.0,
        expires_at: after(now, lives_for),
        tally,
        group,
    }
}

/// When the queue must bring the next look. One message waits there for each group; the sweep, which
/// looks at all that is due, needs none, and makes good a message that was lost.
fn nudge(group: &mut Group, due_at: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let at = due_at.filter(|at| *at <= after(now, DELAY_MAX))?;
    let is_on_its_way = group.nudged_for.is_some_and(|nudged| now < nudged && nudged <= at);
    if is_on_its_way {
        return None;
    }
    group.nudged_for = Some(at);
    Some(at)
}

/// Folds the alerts in the order in which they happened, and says what each was.
fn fold(
    group: &mut Group,
    alerts: &[Alert],
    world: &World<'_>,
) -> (Vec<(String, Folded)>, Vec<SourceChange>) {
    let mut ordered: Vec<&Alert> = alerts.iter().collect();
    ordered.sort_by_key(|alert| (alert.happened_at, alert.state));
    let (mut folded, mut sources) = (Vec::with_capacity(ordered.len()), Vec::new());
    for alert in ordered {
        let what = group.fold(alert, world.alerting.flapping);
        let id = fingerprint(&alert.dedup_key);
        let labels = alert.all_labels();
        // What has no end would hold others back for ever.
        if what != Folded::Stale
            && alert.will_resolve
            && is_source(&world.alerting.inhibit_rules, &labels)
        {
            sources.push(match alert.state {
                State::Resolved => SourceChange::Over(id.clone()),
                State::Firing => SourceChange::Fires(Inhibitor {
                    id: id.clone(),
                    labels: labels.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
                    since: alert.happened_at,
                }),
            });
        }
        folded.push((id, what));
    }
    (folded, sources)
}

/// By how much each of the counts has grown.
fn more(now: &Counts, before: &Counts) -> Counts {
    let grown = now.iter().map(|(severity, count)| {
        (*severity, count.saturating_sub(before.get(severity).copied().unwrap_or_default()))
    });
    grown.filter(|(_, count)| *count > 0).collect()
}

fn tally(group: &Group, folded: &[(String, Folded)], muted: bool, was_told: bool) -> Tally {
    let mut tally = Tally::default();
    for (id, what) in folded {
        tally.alerts += 1;
        let entry = group.entries.get(id);
        let held_by = entry.and_then(|entry| entry.held_by.as_deref());
        let is_told = entry.is_none_or(|entry| entry.told == Some(entry.state));
        let counter = match (what, held_by) {
            (Folded::Stale | Folded::Known, _) => &mut tally.stale,
            (_, Some(by)) if by.starts_with(held::SILENCE) => &mut tally.silenced,
            (_, Some(_)) => &mut tally.inhibited,
            _ if was_told && is_told => &mut tally.told,
            _ if muted => &mut tally.muted,
            _ => &mut tally.folded,
        };
        *counter += 1;
    }
    tally
}

/// The earliest of several instants.
#[derive(Debug, Default)]
struct Due(Option<Timestamp>);

impl Due {
    fn add(&mut self, at: Option<Timestamp>) {
        self.0 = match (self.0, at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// How a call of a sink ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It took the notification.
    Took(Receipt),
    /// It did not, and trying again later may help.
    Failed(String),
    /// It did not, and never will.
    Refused(String),
    /// It was not its turn: the limit of its rate is shared with others, or no time was left.
    Postponed(Timestamp),
}

/// Takes in how a call ended: what the sink knows from now on, or when it is tried again.
pub fn settle(group: &mut Group, send: &Send, outcome: &Outcome, by: &str, now: Timestamp) {
    let opened_by = group.episode.as_ref().map_or(0, |episode| episode.opened_by);
    let generation = send.notification.generation;
    let delivery = group.ledger.entry(send.target.clone()).or_default();
    if delivery.claim.as_ref().is_some_and(|claim| claim.by == by) {
        delivery.claim = None;
    }
    match outcome {
        Outcome::Took(receipt) => {
            delivery.confirmed = delivery.confirmed.max(generation);
            delivery.failures = 0;
            delivery.error = None;
            delivery.retry_at = None;
            if generation >= opened_by {
                delivery.opened = true;
                delivery.receipt = Some(receipt.clone());
            } else if send.notification.occasion == Occasion::Resolved {
                // The end of an episode, when the next one has begun already.
                delivery.close();
            }
        }
        Outcome::Failed(why) => {
            delivery.failed = delivery.failed.max(generation);
            delivery.failures = delivery.failures.saturating_add(1);
            delivery.error = Some(why.clone());
            delivery.retry_at = Some(after(now, RETRY.delay(delivery.failures)));
        }
        Outcome::Refused(why) => {
            delivery.failed = delivery.failed.max(generation);
            delivery.refused = delivery.refused.max(generation);
            delivery.error = Some(why.clone());
        }
        Outcome::Postponed(until) => delivery.retry_at = Some(*until),
    }
}
