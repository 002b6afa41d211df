//! What is remembered of a group of alerts: which of them fire, what was told of it, and to whom.
//!
//! A group is one document under conditional writes, so two instances of the function never tell
//! two stories of it. It lives on for a day after it is over: an `ALARM` that arrives after its `OK`
//! must find somebody who remembers.

mod entry;
mod ledger;
mod texts;

use std::collections::BTreeMap;

use domain::catalogue::alerting::Flapping;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use entry::Entry;
pub use ledger::{Claim, Delivery};

use crate::alert::{Alert, State};
use crate::notification::Occasion;
use crate::overflow::Counts;
use crate::route::{Place, fingerprint};

/// The kind of the documents.
pub const KIND: &str = "alert-group";

/// How many alerts of a group are kept whole, for messages: what a message can show at once. A
/// whole alert has 2 to 4 KB, and each write of the group writes them all.
pub const SHOWN_MAX: usize = 10;

/// How many alerts of a group are told apart. Each has some 300 bytes, and every write of the group
/// writes them all: with a hundred, DynamoDB's thousand write units a second for one item
/// ("Best practices for partition keys") are some twenty-five writes. What is beyond is counted, in
/// documents of its own ([`overflow`](crate::overflow)).
pub const ENTRIES_MAX: usize = 100;

/// A group of alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its identity: [`Place::key`].
    pub key: String,
    /// The id of its route.
    pub route: String,
    /// What its alerts have in common.
    pub labels: Vec<(String, String)>,
    /// The last notification that was decided on, 0 before the first. It only ever grows.
    pub generation: u64,
    /// From its first alert to its end; the last one, where it is over.
    pub episode: Option<Episode>,
    /// Its alerts by fingerprint: those that fire, and those that did.
    #[serde(with = "texts::by_id")]
    pub entries: BTreeMap<String, Entry>,
    /// How many alerts fired in this episode beyond those that are told apart, as far as it was
    /// known when the group was written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub untracked: Counts,
    /// How many of those were told.
    #[serde(default)]
    pub untracked_told: u64,
    /// The alerts that a message would show, whole.
    #[serde(with = "texts::listed")]
    pub shown: Vec<Alert>,
    /// What each sink was told, by the sink's name.
    pub ledger: BTreeMap<String, Delivery>,
    /// The look for which a message waits on the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nudged_for: Option<Timestamp>,
}

/// From a group's first alert to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// When it was told for the first time.
    pub opened_at: Timestamp,
    /// The generation with which it was opened.
    pub opened_by: u64,
    /// When the newest generation was decided on.
    pub told_at: Timestamp,
    /// Why the newest generation is told.
    pub occasion: Occasion,
    /// How many generations it has had.
    pub told: u32,
    /// Since when a critical alert fires that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical_since: Option<Timestamp>,
    /// How many steps of the escalation were taken.
    #[serde(default)]
    pub escalated: usize,
    /// Whether nothing fires any more.
    #[serde(default)]
    pub is_over: bool,
}

/// What became of an alert that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// It is news: a new alert, a new state, a new occurrence, or more urgent than before.
    News,
    /// What is known is confirmed: it still fires.
    Known,
    /// It is the same report again, or one that is older than what is known.
    Stale,
    /// There is no room to tell it apart; it was counted.
    Counted,
}

impl Group {
    /// A group of which nothing is known.
    pub fn new(place: &Place<'_>) -> Self {
        Self {
            key: place.key.clone(),
            route: place.route.id.clone(),
            labels: place.labels.clone(),
            generation: 0,
            episode: None,
            entries: BTreeMap::new(),
            untracked: BTreeMap::new(),
            untracked_told: 0,
            shown: Vec::new(),
            ledger: BTreeMap::new(),
            nudged_for: None,
        }
    }

    /// The document's id of the group with this key.
    pub fn id_of(key: &str) -> String {
        fingerprint(key)
    }

    /// The episode, while it lasts.
    pub fn open_episode(&self) -> Option<&Episode> {
        self.episode.as_ref().filter(|episode| !episode.is_over)
    }

    /// Whether this alert fires, as far as the group knows.
    pub fn knows_firing(&self, dedup_key: &str) -> bool {
        self.entries.get(&fingerprint(dedup_key)).is_some_and(|entry| entry.state == State::Firing)
    }

    /// The whole alert of this entry, where it is still kept.
    pub fn whole(&self, id: &str) -> Option<&Alert> {
        self.shown.iter().find(|alert| fingerprint(&alert.dedup_key) == id)
    }

    /// Takes an alert in. Order is judged by when things happened: what is older than what is known
    /// changes nothing, and of an alert and its end at the same instant the end is the later.
    pub fn fold(&mut self, alert: &Alert, flapping: Flapping) -> Folded {
        let id = fingerprint(&alert.dedup_key);
        let folded = if let Some(entry) = self.entries.get_mut(&id) {
            entry.fold(alert, flapping)
        } else if self.has_room() {
            self.entries.insert(id, Entry::new(alert));
            Folded::News
        } else {
            return self.count(alert);
        };
        if folded != Folded::Stale {
            self.show(alert);
        }
        folded
    }

    /// Forgets that a sink refused or failed: somebody has mended it, and sends again what it was
    /// not told.
    pub fn try_again(&mut self, sink: &str) {
        if let Some(delivery) = self.ledger.get_mut(sink) {
            delivery.try_again();
        }
    }

    /// Notes that an alert was seen to be over, which nobody reported.
    pub fn end(&mut self, id: &str, at: Timestamp, flapping: Flapping) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        if entry.end(at, flapping) == Folded::Stale {
            return;
        }
        let shown = self.shown.iter_mut().find(|alert| fingerprint(&alert.dedup_key) == id);
        if let Some(alert) = shown {
            alert.state = State::Resolved;
            alert.happened_at = at;
        }
    }

    /// Makes room for another entry, if need be by forgetting the end that is the longest ago.
    fn has_room(&mut self) -> bool {
        if self.entries.len() < ENTRIES_MAX {
            return true;
        }
        let ended = self.entries.iter().filter(|(_, entry)| entry.is_settled());
        let oldest = ended.min_by_key(|(_, entry)| entry.happened_at).map(|(id, _)| id.clone());
        oldest.is_some_and(|id| self.entries.remove(&id).is_some())
    }

    fn count(&mut self, alert: &Alert) -> Folded {
        if alert.state == State::Firing {
            let count = self.untracked.entry(alert.severity).or_default();
            *count = count.saturating_add(1);
        }
        Folded::Counted
    }

    /// Keeps the alert whole, and of all that are kept those that are most worth showing: what fires
    /// before what is over, the urgent before the rest, the new before the old.
    fn show(&mut self, alert: &Alert) {
        let same = self.shown.iter_mut().find(|shown| shown.dedup_key == alert.dedup_key);
        match same {
            Some(same) => same.clone_from(alert),
            None => self.shown.push(alert.clone()),
        }
        if self.shown.len() > SHOWN_MAX {
            self.shown.sort_by_key(|alert| {
                std::cmp::Reverse((alert.state == State::Firing, alert.severity, alert.happened_at))
            });
            self.shown.truncate(SHOWN_MAX);
        }
    }

    /// How many alerts there were beyond those that are told apart.
    pub fn untracked_count(&self) -> u64 {
        self.untracked.values().copied().fold(0, u64::saturating_add)
    }

    /// How many of those were not told.
    pub fn untracked_untold(&self) -> u64 {
        self.untracked_count().saturating_sub(self.untracked_told)
    }

    /// The generation with which the episode was opened, or will be: what is counted beyond the
    /// entries is counted for this episode and no other.
    pub fn counts_for(&self) -> u64 {
        let open = self.open_episode().map(|episode| episode.opened_by);
        open.unwrap_or_else(|| self.generation.saturating_add(1))
    }

    /// Takes in how many alerts others have counted. What was counted stays counted.
    pub fn count_at_least(&mut self, counted: &Counts) {
        for (severity, count) in counted {
            let known = self.untracked.entry(*severity).or_default();
            *known = (*known).max(*count);
        }
    }

    /// Whether all that this group has over `before` is a higher count, of severities that were
    /// counted already.
    pub fn only_counts_more_than(&self, before: &Self) -> bool {
        let is_more = self.untracked != before.untracked
            && self.untracked.keys().all(|severity| before.untracked.contains_key(severity));
        is_more && *before == Self { untracked: before.untracked.clone(), ..self.clone() }
    }
}
