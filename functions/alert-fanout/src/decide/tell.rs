//! From a group's state to the words for one receiver: data still, without any markup.

use std::collections::BTreeSet;

use domain::catalogue::Severity;
use jiff::Timestamp;

use super::World;
use super::news::STORM_MIN;
use crate::alert::{Alert, State};
use crate::group::{Entry, Group};
use crate::notification::{Notification, Occasion};
use crate::route::fingerprint;

/// The label of an alert that is flapping.
const FLAPPING: &str = "flapping";

/// What `receiver` is told of the group as its `generation`.
pub(super) fn notification(
    group: &Group,
    world: &World<'_>,
    receiver: &str,
    generation: u64,
    occasion: Occasion,
    now: Timestamp,
) -> Notification {
    let flapping = world.alerting.flapping;
    let is_over = group.episode.as_ref().is_some_and(|episode| episode.is_over);
    // Whoever hears of a beginning that is over already hears it as it was.
    let as_it_was = is_over && occasion != Occasion::Resolved;
    let told: Vec<(&String, &Entry)> =
        group.entries.iter().filter(|(_, entry)| entry.fired && entry.told.is_some()).collect();
    let fires = |entry: &Entry| {
        let is_told = entry.told == Some(State::Firing) && entry.fires(flapping, now);
        occasion != Occasion::Resolved && (as_it_was || is_told)
    };
    let severities = |of: &dyn Fn(&Entry) -> bool| {
        told.iter().filter(|(_, entry)| of(entry)).map(|(_, entry)| entry.severity).max()
    };
    let untracked = group.untracked_count();
    let all = count(told.len()).saturating_add(untracked);
    let (state, firing, severity) = if occasion == Occasion::Resolved {
        (State::Resolved, 0, severities(&|_| true))
    } else {
        let firing = count(told.iter().filter(|(_, entry)| fires(entry)).count());
        (State::Firing, firing.saturating_add(untracked), severities(&fires))
    };
    let severity = severity.max(group.untracked.keys().copied().max());
    let alerts = shown(group, &told, world, as_it_was, now);
    let opened_at = group.episode.as_ref().map_or(now, |episode| episode.opened_at);
    let happened_at = told.iter().map(|(_, entry)| entry.happened_at).max();
    Notification {
        group_key: group.key.clone(),
        generation,
        occasion,
        receiver: receiver.to_owned(),
        group_labels: group.labels.clone(),
        state,
        severity: severity.unwrap_or(Severity::Info),
        mentions: mentions(world, &alerts),
        alerts,
        firing,
        resolved: all.saturating_sub(firing),
        is_digest: all >= STORM_MIN,
        opened_at,
        happened_at: happened_at.unwrap_or(opened_at),
        fallback_for: None,
    }
}

fn count(how_many: usize) -> u64 {
    u64::try_from(how_many).unwrap_or(u64::MAX)
}

/// The alerts that are shown, the newest first, in the state that is told.
fn shown(
    group: &Group,
    told: &[(&String, &Entry)],
    world: &World<'_>,
    as_it_was: bool,
    now: Timestamp,
) -> Vec<Alert> {
    let flapping = world.alerting.flapping;
    let entry_of = |alert: &Alert| {
        let id = fingerprint(&alert.dedup_key);
        told.iter().find(|(known, _)| **known == id).map(|(_, entry)| *entry)
    };
    let mut alerts: Vec<Alert> = group
        .shown
        .iter()
        .filter_map(|alert| {
            let entry = entry_of(alert)?;
            let mut alert = alert.clone();
            let fires = as_it_was || entry.fires(flapping, now);
            alert.state = if fires { State::Firing } else { State::Resolved };
            // The end of an alert may be reported as harmless; what ends is not.
            alert.severity = entry.severity;
            if !as_it_was && entry.flaps_until(flapping, now).is_some() {
                alert.labels.insert(FLAPPING.to_owned(), "true".to_owned());
                alert.summary = format!(
                    "It is flapping: {} changes in {} minutes. It is quiet until it has been stable \
                     for as long.\n{}",
                    flapping.changes,
                    flapping.within.as_secs().div_ceil(60),
                    alert.summary
                );
            }
            Some(alert)
        })
        .collect();
    alerts.sort_by(|a, b| {
        b.happened_at.cmp(&a.happened_at).then_with(|| a.dedup_key.cmp(&b.dedup_key))
    });
    alerts
}

/// Whom the catalogue wants mentioned for these alerts' tenants and services.
fn mentions(world: &World<'_>, alerts: &[Alert]) -> Vec<String> {
    let known = &world.alerting.mentions;
    let of_tenants =
        alerts.iter().filter_map(|alert| known.tenants.get(alert.tenant.as_ref()?.as_str()));
    let of_services = alerts.iter().filter_map(|alert| known.services.get(alert.service.as_ref()?));
    let all: BTreeSet<&String> = of_tenants.chain(of_services).flatten().collect();
    all.into_iter().cloned().collect()
}
