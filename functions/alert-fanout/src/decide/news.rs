//! Whether there is something to tell, and if not yet, when.
//!
//! The first alert of a group is told at once, and so is a critical one, and the end. All else waits
//! for the next update, so that a message tells of ten alerts and not ten messages of one.

use std::time::Duration;

use domain::catalogue::Severity;
use domain::catalogue::alerting::Flapping;
use jiff::Timestamp;

use super::World;
use crate::alert::State;
use crate::group::{Entry, Episode, Group, SHOWN_MAX};
use crate::notification::Occasion;
use crate::time::after;

/// From how many alerts on a group is a storm: more than a message shows.
pub(super) const STORM_MIN: u64 = SHOWN_MAX as u64 + 1;

/// The least time between two messages of a storm. Its first critical alert was told at once and
/// somebody is on the way; a message for each of the next thousand would only hide it.
const STORM_INTERVAL: Duration = Duration::from_secs(10);

/// When the number of a full group is added up again after it was told. What is counted at the same
/// moment as it is told is in nobody's number, until then.
pub(super) fn adds_up_at(group: &Group, now: Timestamp) -> Option<Timestamp> {
    let episode = group.open_episode().filter(|_| !group.untracked.is_empty())?;
    Some(after(episode.told_at, STORM_INTERVAL)).filter(|at| now < *at)
}

/// The most generations that one decision can add: the beginning of what is over already, and its
/// end.
const STEPS_MAX: usize = 3;

/// What is next for a group.
enum Next {
    Tell(Occasion),
    /// The episode ends without a word: what has no end was told.
    Close,
    At(Timestamp),
    Nothing,
}

/// Decides on new generations. Answers when there may be another.
pub(super) fn advance(
    group: &mut Group,
    world: &World<'_>,
    muted: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let flapping = world.alerting.flapping;
    for _ in 0..STEPS_MAX {
        forget_what_nobody_hears(group, muted.is_some(), flapping, now);
        match next(group, world, muted, now) {
            Next::Tell(occasion) => tell(group, occasion, flapping, now),
            Next::Close => {
                if let Some(episode) = &mut group.episode {
                    episode.is_over = true;
                }
            }
            Next::At(at) => return look_at(group, world, now).into_iter().chain([at]).min(),
            Next::Nothing => return look_at(group, world, now),
        }
    }
    Some(now)
}

/// What came and went while it was held back, or while nobody was to be told, is no news.
fn forget_what_nobody_hears(group: &mut Group, muted: bool, flapping: Flapping, now: Timestamp) {
    for entry in group.entries.values_mut() {
        let is_gone = !entry.fires(flapping, now) && entry.fired && entry.told.is_none();
        if is_gone && (muted || entry.held_by.is_some()) {
            entry.told = Some(State::Resolved);
        }
        if entry.flaps_until(flapping, now).is_none() {
            entry.told_flapping = false;
        }
    }
}

/// What there is to tell of a group: how many of its alerts…
#[derive(Default)]
struct News {
    /// … were told as firing and still fire.
    live: usize,
    /// … do so and are not held back.
    audible: usize,
    /// … fire and were not told.
    fresh: usize,
    /// … do so and are critical.
    fresh_critical: usize,
    /// … are over and were not told to be.
    ended: usize,
    /// … are flapping without that being told.
    flapping: usize,
    /// … have an end at all.
    lasting: usize,
}

fn news(group: &Group, flapping: Flapping, is_recent: bool, now: Timestamp) -> News {
    // In a group that is full, what is new is known by its number alone.
    let untold = usize::try_from(group.untracked_untold()).unwrap_or(usize::MAX);
    let is_critical = group.untracked.contains_key(&Severity::Critical);
    let fresh_critical = if is_critical { untold } else { 0 };
    let mut news = News { fresh: untold, fresh_critical, ..News::default() };
    for entry in group.entries.values().filter(|entry| entry.fired) {
        let is_held = entry.held_by.is_some();
        news.lasting += usize::from(entry.will_resolve);
        if !entry.fires(flapping, now) {
            news.ended += usize::from(entry.told != Some(State::Resolved));
        } else if entry.told == Some(State::Firing) {
            // What has no end fires for as long as its message is fresh.
            news.live += usize::from(entry.will_resolve || is_recent);
            news.audible += usize::from(entry.will_resolve && !is_held);
            let flaps = !entry.told_flapping && entry.flaps_until(flapping, now).is_some();
            news.flapping += usize::from(flaps && !is_held);
        } else if !is_held {
            news.fresh = news.fresh.saturating_add(1);
            let is_critical = entry.severity == Severity::Critical;
            news.fresh_critical = news.fresh_critical.saturating_add(usize::from(is_critical));
        }
    }
    news
}

fn next(group: &Group, world: &World<'_>, muted: Option<Timestamp>, now: Timestamp) -> Next {
    let (route, flapping) = (world.route, world.alerting.flapping);
    let Some(episode) = group.open_episode() else {
        let news = news(group, flapping, false, now);
        return match muted {
            _ if news.fresh == 0 && news.ended == 0 => Next::Nothing,
            Some(until) => Next::At(until),
            None => Next::Tell(Occasion::Opened),
        };
    };
    let close_at = after(episode.told_at, route.group_interval);
    let news = news(group, flapping, now < close_at, now);
    if let Some(until) = muted {
        return Next::At(until);
    }
    if news.live == 0 && news.fresh == 0 {
        if news.lasting > 0 {
            return Next::Tell(Occasion::Resolved);
        }
        return Next::Close;
    }
    let pause = if episode.told == 1 { route.group_wait } else { route.group_interval };
    if news.fresh_critical > 0 {
        let is_storm = firing(group, flapping, now) >= STORM_MIN && episode.told > 1;
        let at = if is_storm { after(episode.told_at, STORM_INTERVAL) } else { now };
        // A route that tells more often than that tells a critical alert as often.
        let at = at.min(after(episode.told_at, pause));
        return due(at, Occasion::Updated, now);
    }
    if news.ended + news.flapping > 0 || news.fresh > 0 {
        return due(after(episode.told_at, pause), Occasion::Updated, now);
    }
    if news.audible > 0 {
        return due(after(episode.told_at, route.repeat_interval), Occasion::Reminder, now);
    }
    // Only what has no end was told, or all that fires is held back.
    if news.lasting > 0 { Next::Nothing } else { Next::At(close_at) }
}

fn due(at: Timestamp, occasion: Occasion, now: Timestamp) -> Next {
    if at <= now { Next::Tell(occasion) } else { Next::At(at) }
}

/// How many alerts fire that were told or are to be.
pub(super) fn firing(group: &Group, flapping: Flapping, now: Timestamp) -> u64 {
    let fires = |entry: &&Entry| {
        entry.fired
            && entry.fires(flapping, now)
            && (entry.held_by.is_none() || entry.told == Some(State::Firing))
    };
    let tracked = group.entries.values().filter(fires).count();
    u64::try_from(tracked).unwrap_or(u64::MAX).saturating_add(group.untracked_count())
}

/// When there may be something to tell that nobody reports.
fn look_at(group: &Group, world: &World<'_>, now: Timestamp) -> Option<Timestamp> {
    calm_at(group, world, now).into_iter().chain(adds_up_at(group, now)).min()
}

/// When the first of the entries that flap will have been calm for long enough.
fn calm_at(group: &Group, world: &World<'_>, now: Timestamp) -> Option<Timestamp> {
    let flapping = world.alerting.flapping;
    group.entries.values().filter_map(|entry| entry.flaps_until(flapping, now)).min()
}

/// Adds a generation: what is to be told is noted as told, and the ledger sees to it that it is.
fn tell(group: &mut Group, occasion: Occasion, flapping: Flapping, now: Timestamp) {
    group.generation = group.generation.saturating_add(1);
    group.untracked_told = group.untracked_count();
    let opens = occasion == Occasion::Opened;
    if opens {
        for entry in group.entries.values_mut() {
            // What was told in the last episode is none of this one's.
            entry.fired &= entry.told.is_none()
                || (entry.told == Some(State::Firing) && entry.will_resolve)
                || (entry.told == Some(State::Resolved) && entry.fires(flapping, now));
        }
        for delivery in group.ledger.values_mut() {
            delivery.begin_episode(group.generation);
        }
        group.episode = Some(Episode {
            opened_at: now,
            opened_by: group.generation,
            told_at: now,
            occasion,
            told: 0,
            critical_since: None,
            escalated: 0,
            is_over: false,
        });
    }
    let mut is_critical = false;
    for entry in group.entries.values_mut().filter(|entry| entry.fired) {
        if entry.fires(flapping, now) {
            if entry.held_by.is_none() {
                entry.told = Some(State::Firing);
            }
            is_critical |=
                entry.severity == Severity::Critical && entry.told == Some(State::Firing);
            entry.told_flapping |= entry.flaps_until(flapping, now).is_some();
        } else if opens {
            // It is over before anybody heard of it: they hear that it was, and then that it is over.
            entry.told = Some(State::Firing);
        } else {
            entry.told = Some(State::Resolved);
        }
    }
    if let Some(episode) = &mut group.episode {
        episode.told_at = now;
        episode.told = episode.told.saturating_add(1);
        episode.occasion = occasion;
        episode.is_over = occasion == Occasion::Resolved;
        episode.critical_since = is_critical.then(|| episode.critical_since.unwrap_or(now));
    }
}
