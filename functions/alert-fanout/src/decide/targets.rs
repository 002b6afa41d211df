//! Who is behind, and whose turn it is: the ledger, sink by sink.
//!
//! Only a sink that is behind is called, so a sink that failed is tried again alone. What a sink
//! missed in between it is not told one by one; it hears the newest state. But it never hears of an
//! end before it has heard of the beginning.

use std::time::Duration;

use domain::catalogue::Severity;
use domain::catalogue::alerting::{Receiver, Sink};
use jiff::Timestamp;

use super::tell::notification;
use super::{Burial, Due, Send, World};
use crate::alert::State;
use crate::group::{Claim, Delivery, Episode, Group};
use crate::notification::Occasion;
use crate::time::after;

/// How long a call of a sink is taken to be on its way: longer than its attempts in one invocation
/// can take (45 s), so that nobody else begins while they last.
pub const CLAIM: Duration = Duration::from_secs(50);

/// After how long a sink that takes nothing is given up. What it missed lies with the dead letters.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(24);

/// What follows for the sinks.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) sends: Vec<Send>,
    pub(super) burials: Vec<Burial>,
    /// When there is more to do. Whoever meets a call of another that is on its way looks again when
    /// its claim runs out: the other may die, and what was found is told by nobody else.
    pub(super) look_at: Option<Timestamp>,
    /// When the first of these calls is taken to have died.
    pub(super) dead_at: Option<Timestamp>,
}

/// A sink that must hear of the group, with what it is in it.
struct Target<'w> {
    name: String,
    sink: &'w Sink,
    receiver: &'w str,
    role: Role,
    /// Whether nobody is told in its place.
    is_last: bool,
}

/// Why a sink is told.
enum Role {
    /// It is one of the receiver's.
    Own,
    /// It is one of somebody's who is called because nobody answered.
    Escalation,
    /// Others failed: which, and why.
    Fallback(String),
}

/// Plans the calls of all sinks that are behind, and claims them.
pub(super) fn plan(
    group: &mut Group,
    world: &World<'_>,
    muted: Option<Timestamp>,
    now: Timestamp,
) -> Planned {
    let (mut look, mut dead) = (Due::default(), Due::default());
    let Some(episode) = group.episode.clone() else {
        return Planned::default();
    };
    if muted.is_none() {
        look.add(escalate(group, world, now));
    }
    let mut sends = Vec::new();
    let mut burials = Vec::new();
    for target in targets(group, world, now) {
        let newest = group.generation;
        let mut delivery = group.ledger.get(&target.name).cloned().unwrap_or_default();
        if delivery.done() < newest
            && let Some(why) = is_needless(&target, &delivery, &episode, group, now)
        {
            tracing::info!(why, "{} is not told any more: {why}", target.name);
            delivery.confirmed = newest;
        }
        if delivery.done() < newest {
            if delivery.is_claimed(now) {
                look.add(delivery.claim.as_ref().map(|claim| claim.until));
            } else if let Some(retry) = delivery.retry_at.filter(|retry| now < *retry) {
                look.add(Some(retry));
            } else {
                let (generation, occasion) = what(&target, &delivery, &episode, newest);
                let told = notification(group, world, target.receiver, generation, occasion, now);
                let fallback_for = match &target.role {
                    Role::Fallback(why) => Some(why.clone()),
                    Role::Own | Role::Escalation => None,
                };
                let until = after(now, CLAIM);
                dead.add(Some(until));
                delivery.claim = Some(Claim { by: world.by.to_owned(), generation, until });
                sends.push(Send {
                    target: target.name.clone(),
                    sink: target.sink.clone(),
                    is_urgent: told.severity == Severity::Critical,
                    is_retry: delivery.failures > 0,
                    notification: crate::notification::Notification { fallback_for, ..told },
                    receipt: delivery.receipt.clone(),
                });
            }
        }
        if target.is_last && delivery.failed > delivery.confirmed.max(delivery.buried) {
            let reason = delivery.error.clone().unwrap_or_default();
            let (_, occasion) = what(&target, &delivery, &episode, newest);
            let lost = notification(group, world, target.receiver, delivery.failed, occasion, now);
            burials.push(Burial { target: target.name.clone(), notification: lost, reason });
            delivery.buried = delivery.failed;
        }
        group.ledger.insert(target.name, delivery);
    }
    Planned { sends, burials, look_at: look.0, dead_at: dead.0 }
}

/// Calls the next person when nobody ended a critical alert in time. Answers when the one after
/// would be called.
fn escalate(group: &mut Group, world: &World<'_>, now: Timestamp) -> Option<Timestamp> {
    let receiver = world.alerting.receivers.get(&world.route.receiver)?;
    // A silence is how a person says "I have seen it".
    let flapping = world.alerting.flapping;
    let is_heard = group.entries.values().any(|entry| {
        entry.fired
            && entry.severity == Severity::Critical
            && entry.told == Some(State::Firing)
            && entry.fires(flapping, now)
            && entry.held_by.is_none()
    });
    let episode = group.episode.as_mut().filter(|episode| !episode.is_over)?;
    let since = episode.critical_since.filter(|_| is_heard)?;
    if receiver.sinks.iter().any(Sink::escalates) {
        return None;
    }
    while let Some(step) = receiver.escalation.get(episode.escalated) {
        let at = after(since, step.after);
        if now < at {
            return Some(at);
        }
        episode.escalated += 1;
    }
    None
}

/// Everyone who must hear of the group.
fn targets<'w>(group: &Group, world: &World<'w>, now: Timestamp) -> Vec<Target<'w>> {
    let alerting = world.alerting;
    let Some((name, own)) = alerting.receivers.get_key_value(&world.route.receiver) else {
        return Vec::new();
    };
    let escalated = group.episode.as_ref().map_or(0, |episode| episode.escalated);
    let called = own.escalation.iter().take(escalated);
    let called = called.filter_map(|step| alerting.receivers.get_key_value(&step.receiver));
    let mut targets = Vec::new();
    for (name, receiver, is_called) in
        std::iter::once((name, own, false)).chain(called.map(|(name, one)| (name, one, true)))
    {
        // Somebody who is called twice, or is the first one as well, is told once.
        if targets.iter().any(|target: &Target<'_>| target.receiver == name) {
            continue;
        }
        targets.extend(receiver.sinks.iter().map(|sink| Target {
            name: format!("{name}: {sink}"),
            sink,
            receiver: name,
            role: if is_called { Role::Escalation } else { Role::Own },
            is_last: receiver.fallback.is_none(),
        }));
        targets.extend(fallback(group, name, receiver, now));
    }
    targets
}

/// The receiver's fallback, where one of its sinks fails; or where it was told of a beginning, so
/// that it hears of the end.
fn fallback<'w>(
    group: &Group,
    name: &'w str,
    receiver: &'w Receiver,
    now: Timestamp,
) -> Option<Target<'w>> {
    let sink = receiver.fallback.as_ref()?;
    let failing: Vec<String> = receiver
        .sinks
        .iter()
        .filter_map(|one| {
            let delivery = group.ledger.get(&format!("{name}: {one}"))?;
            let why = delivery.error.as_deref().unwrap_or("it did not answer");
            delivery.is_failing(group.generation, now).then(|| why.to_owned())
        })
        .collect();
    let target = format!("{name}: fallback {sink}");
    let hears_the_end = group.ledger.get(&target).is_some_and(|delivery| delivery.opened)
        && group.episode.as_ref().is_some_and(|episode| episode.is_over);
    if failing.is_empty() && !hears_the_end {
        return None;
    }
    let role = if failing.is_empty() { Role::Own } else { Role::Fallback(failing.join("; ")) };
    Some(Target { name: target, sink, receiver: name, role, is_last: true })
}

/// Why a sink that is behind need not be told any more, in words.
fn is_needless(
    target: &Target<'_>,
    delivery: &Delivery,
    episode: &Episode,
    group: &Group,
    now: Timestamp,
) -> Option<&'static str> {
    if now >= after(episode.told_at, GIVE_UP_AFTER) {
        return Some("it has taken nothing for a day");
    }
    if !episode.is_over || delivery.opened {
        return None;
    }
    let refused = delivery.refused >= episode.opened_by;
    let fallback = format!("{}: fallback ", target.receiver);
    let fell_back =
        group.ledger.iter().any(|(name, delivery)| name.starts_with(&fallback) && delivery.opened);
    match target.role {
        Role::Escalation => Some("it is over before anybody had to be called"),
        Role::Own if fell_back => Some("the fallback told that it was and that it is over"),
        _ if refused => Some("it refused to hear that it was, so it need not hear that it is over"),
        Role::Own | Role::Fallback(_) => None,
    }
}

/// Which generation the sink is told, and as what.
fn what(
    target: &Target<'_>,
    delivery: &Delivery,
    episode: &Episode,
    newest: u64,
) -> (u64, Occasion) {
    let opening = match target.role {
        Role::Escalation => Occasion::Escalated,
        Role::Own | Role::Fallback(_) => Occasion::Opened,
    };
    match (delivery.opened, episode.is_over) {
        (false, false) => (newest, opening),
        // The beginning first; the end is the next call.
        (false, true) => (newest.saturating_sub(1).max(episode.opened_by), opening),
        (true, true) => (newest, Occasion::Resolved),
        (true, false) => (newest, episode.occasion),
    }
}
