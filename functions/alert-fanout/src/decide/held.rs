//! What is held back, and by what.

use std::collections::BTreeMap;

use jiff::Timestamp;
use std::time::Duration;

use super::World;
use crate::alert::State;
use crate::group::{Entry, Group};
use crate::inhibit;
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
    for (id, entry) in &mut entries {
        if entry.state != State::Firing {
            continue;
        }
        let (held_by, until) = match holder(group, id, entry, world, now) {
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

/// What holds this entry back, and until when at least.
fn holder(
    group: &Group,
    id: &str,
    entry: &Entry,
    world: &World<'_>,
    now: Timestamp,
) -> Option<(String, Timestamp)> {
    let whole = group.whole(id);
    let labels = whole.map_or_else(|| known_labels(group, entry), |alert| alert.all_labels());
    // Of an alert that is not kept whole only some labels are known; what held it back is.
    let still = entry.held_by.as_deref().filter(|_| whole.is_none());
    let silences = world.silences.iter().filter(|silence| silence.is_active(now));
    let silence = silences.into_iter().find(|silence| {
        silence.is_about(&labels) || still == Some(&format!("{SILENCE}{}", silence.id()))
    });
    if let Some(silence) = silence {
        return Some((format!("{SILENCE}{}", silence.id()), silence.ends_at));
    }
    let rules = &world.alerting.inhibit_rules;
    let inhibitor = inhibit::inhibitor(rules, world.inhibitors, id, &labels).or_else(|| {
        let name = still?.strip_prefix(INHIBITOR)?;
        world.inhibitors.iter().find(|inhibitor| inhibitor.id == name)
    });
    inhibitor.map(|inhibitor| (format!("{INHIBITOR}{}", inhibitor.id), after(now, RECHECK)))
}

fn known_labels<'g>(group: &'g Group, entry: &Entry) -> BTreeMap<&'g str, &'g str> {
    let common = group.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let own = [("severity", entry.severity.as_str()), ("state", entry.state.as_str())];
    common.chain(own).collect()
}
