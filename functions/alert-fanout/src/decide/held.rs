//! What is held back, and by what.

use std::collections::BTreeMap;

use jiff::Timestamp;
use std::time::Duration;

use super::World;
use crate::alert::{Alert, State};
use crate::group::{Entry, Group};
use crate::inhibit::{self, Inhibitor};
use crate::route::fingerprint;
use crate::time::after;

/// How the name of a silence begins in [`Entry::held_by`].
pub(super) const SILENCE: &str = "silence:";

/// How the name of an inhibitor begins there.
const INHIBITOR: &str = "inhibitor:";

/// How soon it is looked whether an inhibitor still fires: its end is told to its own group only.
const RECHECK: Duration = Duration::from_mins(5);

/// Notes on each entry that fires what holds it back. Answers when that may change.
pub(super) fn hold_back(group: &mut Group, world: &World<'_>, now: Timestamp) -> Option<Timestamp> {
    let mut entries = std::mem::take(&mut group.entries);
    let mut recheck: Option<Timestamp> = None;
    // Once for all entries: a group has hundreds of them, and this is done for each alert.
    let wholes: BTreeMap<String, &Alert> =
        group.shown.iter().map(|alert| (fingerprint(&alert.dedup_key), alert)).collect();
    let holders = Holders { group, wholes: &wholes, world, now };
    for (id, entry) in &mut entries {
        if entry.state != State::Firing {
            continue;
        }
        let (held_by, until) = match holders.of(id, entry) {
            Some((by, until)) => (Some(by), Some(until)),
            None => (None, None),
        };
        entry.held_by = held_by;
        // What has no end and was told once is not told again, so nothing is waited for.
        if entry.will_resolve || entry.told.is_none() {
            recheck = recheck.into_iter().chain(until).min();
        }
    }
    group.entries = entries;
    recheck
}

/// What may hold entries of a group back.
struct Holders<'a> {
    group: &'a Group,
    /// The alerts that are kept whole, by fingerprint.
    wholes: &'a BTreeMap<String, &'a Alert>,
    world: &'a World<'a>,
    now: Timestamp,
}

impl Holders<'_> {
    /// What holds this entry back, and until when at least.
    fn of(&self, id: &str, entry: &Entry) -> Option<(String, Timestamp)> {
        let (world, now) = (self.world, self.now);
        let rules = &world.alerting.inhibit_rules;
        let may_be_inhibited = !rules.is_empty() && !world.inhibitors.is_empty();
        if world.silences.is_empty() && !may_be_inhibited {
            return None;
        }
        let whole = self.wholes.get(id);
        let labels =
            whole.map_or_else(|| known_labels(self.group, entry), |alert| alert.all_labels());
        // Of an alert that is not kept whole only some labels are known; what held it back is.
        let still = entry.held_by.as_deref().filter(|_| whole.is_none());
        let still = |name: &str| still.is_some_and(|held_by| held_by == name);
        for silence in world.silences.iter().filter(|silence| silence.is_active(now)) {
            let name = || format!("{SILENCE}{}", silence.id());
            if silence.is_about(&labels) || (entry.held_by.is_some() && still(&name())) {
                return Some((name(), silence.ends_at));
            }
        }
        let name = |inhibitor: &Inhibitor| format!("{INHIBITOR}{}", inhibitor.id);
        let inhibitor = inhibit::inhibitor(rules, world.inhibitors, id, &labels)
            .or_else(|| world.inhibitors.iter().find(|inhibitor| still(&name(inhibitor))));
        inhibitor.map(|inhibitor| (name(inhibitor), after(now, RECHECK)))
    }
}

fn known_labels<'g>(group: &'g Group, entry: &Entry) -> BTreeMap<&'g str, &'g str> {
    let common = group.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let own = [("severity", entry.severity.as_str()), ("state", entry.state.as_str())];
    common.chain(own).collect()
}
