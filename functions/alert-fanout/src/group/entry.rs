//! One alert of a group, as short as it can be: a storm has hundreds of them.

use domain::catalogue::Severity;
use domain::catalogue::alerting::Flapping;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Folded;
use crate::alert::{Alert, State};
use crate::time::{after, since};

/// What is known of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What was reported last.
    pub state: State,
    /// How urgent it was when it fired last.
    pub severity: Severity,
    /// When the last report happened, by its source's clock.
    pub happened_at: Timestamp,
    /// Whether its end will be reported.
    pub will_resolve: bool,
    /// The state that was decided to be told last; none before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<State>,
    /// Whether it fired in this episode.
    #[serde(default)]
    pub fired: bool,
    /// When its state changed, the newest last; no more than make it flapping.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Timestamp>,
    /// Whether it was told that it is flapping.
    #[serde(default)]
    pub told_flapping: bool,
    /// The silence or the inhibitor that holds it back: `silence:…`, `inhibitor:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// The CloudWatch alarm that can be asked whether it still fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
}

/// The label that names a CloudWatch alarm.
const ALARM_NAME: &str = "alarm_name";

/// The source of CloudWatch's alarms.
const CLOUDWATCH: &str = "cloudwatch-alarm";

impl Entry {
    /// What is known of an alert after its first report.
    pub(super) fn new(alert: &Alert) -> Self {
        let fires = alert.state == State::Firing;
        let alarm = (alert.source == CLOUDWATCH && alert.will_resolve)
            .then(|| alert.labels.get(ALARM_NAME).cloned())
            .flatten();
        Self {
            state: alert.state,
            severity: alert.severity,
            happened_at: alert.happened_at,
            will_resolve: alert.will_resolve,
            told: None,
            fired: fires,
            changes: if fires { vec![alert.happened_at] } else { Vec::new() },
            told_flapping: false,
            held_by: None,
            alarm,
        }
    }

    /// Takes another report of it in.
    pub(super) fn fold(&mut self, alert: &Alert, flapping: Flapping) -> Folded {
        if alert.state == State::Resolved {
            return self.end(alert.happened_at, flapping);
        }
        if alert.happened_at <= self.happened_at {
            return Folded::Stale;
        }
        let is_worse = alert.severity > self.severity;
        let changed = self.turn(State::Firing, alert.happened_at, flapping);
        self.will_resolve |= alert.will_resolve;
        self.fired = true;
        self.severity = alert.severity;
        if changed {
            return Folded::News;
        }
        // What has no end is news each time that it happens.
        if is_worse || !self.will_resolve {
            self.told = None;
            return Folded::News;
        }
        Folded::Known
    }

    /// Takes in that it is over since then.
    pub(super) fn end(&mut self, at: Timestamp, flapping: Flapping) -> Folded {
        let ends_at_once = at == self.happened_at && self.state == State::Firing;
        if at <= self.happened_at && !ends_at_once {
            return Folded::Stale;
        }
        let changed = self.turn(State::Resolved, at, flapping);
        self.will_resolve = true;
        if changed { Folded::News } else { Folded::Known }
    }

    /// Notes a state and since when it is so. Answers whether it is another than before.
    fn turn(&mut self, state: State, at: Timestamp, flapping: Flapping) -> bool {
        let changed = state != self.state;
        self.state = state;
        self.happened_at = at;
        if changed {
            self.changes.push(at);
            let keep = usize::try_from(flapping.changes).unwrap_or(usize::MAX);
            self.changes.drain(..self.changes.len().saturating_sub(keep));
        }
        changed
    }

    /// Until when it is flapping, if it is at `now`: so often has it changed, in so short a time, and
    /// the last change is not as long ago.
    pub fn flaps_until(&self, flapping: Flapping, now: Timestamp) -> Option<Timestamp> {
        let often = usize::try_from(flapping.changes).ok()?;
        let first = self.changes.get(self.changes.len().checked_sub(often)?)?;
        let last = self.changes.last()?;
        let calm = after(*last, flapping.within);
        (since(*first, *last) <= flapping.within && now < calm).then_some(calm)
    }

    /// Whether it is to be taken as firing: what flaps is, whatever it says at the moment.
    pub fn fires(&self, flapping: Flapping, now: Timestamp) -> bool {
        self.state == State::Firing || self.flaps_until(flapping, now).is_some()
    }

    /// Whether nothing of it is left to tell.
    pub(super) fn is_settled(&self) -> bool {
        self.state == State::Resolved && (self.told == Some(State::Resolved) || !self.fired)
    }
}
