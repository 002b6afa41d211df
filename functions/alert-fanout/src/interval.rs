//! When a route tells anybody: its mute and active time intervals, in their own time zones.

use std::collections::BTreeMap;

use domain::catalogue::alerting::{Route, TimeInterval};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

/// How far ahead the end of a muted time is looked for. What lasts longer is looked at again then.
const HORIZON_DAYS: i32 = 8;

/// Until when the route tells nobody, if it is so now.
pub fn muted_until(
    route: &Route,
    intervals: &BTreeMap<String, TimeInterval>,
    now: Timestamp,
) -> Option<Timestamp> {
    let is_muted = |at: Timestamp| {
        let meets = |names: &[String]| {
            names.iter().filter_map(|name| intervals.get(name)).any(|interval| holds(interval, at))
        };
        meets(&route.mute_time_intervals)
            || (!route.active_time_intervals.is_empty() && !meets(&route.active_time_intervals))
    };
    if !is_muted(now) {
        return None;
    }
    let names = route.mute_time_intervals.iter().chain(&route.active_time_intervals);
    let mut changes: Vec<Timestamp> = names
        .filter_map(|name| intervals.get(name))
        .flat_map(|interval| boundaries(interval, now))
        .filter(|at| *at > now)
        .collect();
    changes.sort_unstable();
    let horizon = now.saturating_add(SignedDuration::from_hours(24 * i64::from(HORIZON_DAYS)));
    let horizon = horizon.unwrap_or(Timestamp::MAX);
    Some(changes.into_iter().find(|at| !is_muted(*at)).unwrap_or(horizon))
}

/// Whether all lists of the interval agree at this instant; as in Alertmanager, an empty list
/// always does.
pub fn holds(interval: &TimeInterval, at: Timestamp) -> bool {
    let local = at.to_zoned(interval.time_zone.clone());
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    let weekday = local.weekday().to_sunday_zero_offset();
    let any = |is_empty: bool, one: bool| is_empty || one;
    any(
        interval.times.is_empty(),
        interval
            .times
            .iter()
            .any(|times| (i32::from(times.start)..i32::from(times.end)).contains(&minute)),
    ) && any(
        interval.weekdays.is_empty(),
        interval.weekdays.iter().any(|days| days.contains(&weekday)),
    ) && any(interval.days_of_month.is_empty(), is_day_of_month(interval, &local))
        && any(
            interval.months.is_empty(),
            interval.months.iter().any(|months| months.contains(&local.month())),
        )
        && any(
            interval.years.is_empty(),
            interval.years.iter().any(|years| years.contains(&local.year())),
        )
}

/// Days are counted from the end of the month where they are negative: -1 is its last.
fn is_day_of_month(interval: &TimeInterval, local: &Zoned) -> bool {
    let last = local.days_in_month();
    let from_the_start = |day: i8| if day < 0 { last + 1 + day } else { day };
    interval.days_of_month.iter().any(|days| {
        let (first, end) = (from_the_start(*days.start()), from_the_start(*days.end()));
        (first..=end).contains(&local.day())
    })
}

/// The instants at which the interval may begin or end: its times on the days that come, and each
/// midnight.
fn boundaries(interval: &TimeInterval, now: Timestamp) -> Vec<Timestamp> {
    let today = now.to_zoned(interval.time_zone.clone()).date();
    let minutes: Vec<i16> = std::iter::once(0)
        .chain(interval.times.iter().flat_map(|times| [times.start, times.end]))
        .filter_map(|minute| i16::try_from(minute).ok())
        .collect();
    let mut instants = Vec::new();
    for day in 0..=HORIZON_DAYS {
        let Ok(date) = today.checked_add(day.days()) else { continue };
        for minute in &minutes {
            // Midnight and minutes rather than a time of day: a day may have 23 hours, and 24:00 is
            // the next one's.
            let civil = date.at(0, 0, 0, 0).checked_add(i64::from(*minute).minutes());
            let zoned = civil.and_then(|civil| civil.to_zoned(interval.time_zone.clone()));
            instants.extend(zoned.map(|zoned| zoned.timestamp()).ok());
        }
    }
    instants
}

#[cfg(test)]
mod tests {
    use domain::Catalogue;
    use domain::catalogue::alerting::Alerting;

    use super::*;

    fn alerting(route: &str, interval: &str) -> Alerting {
        let text = include_str!("../../../infra/catalogues/mate.toml");
        let (before, _) = text.split_once("[alerting.route]").unwrap();
        let text = format!(
            "{before}[alerting.route]\nreceiver = \"a\"\n{route}\n[alerting.receivers.a]\n\
             sinks = [{{ sns = {{}} }}]\n[alerting.time_intervals.times]\n{interval}\n"
        );
        Catalogue::parse("test.toml", &text).unwrap_or_else(|e| panic!("{e}")).alerting.unwrap()
    }

    const MUTE: &str = "mute_time_intervals = [\"times\"]";
    const ACTIVE: &str = "active_time_intervals = [\"times\"]";
    const NIGHTS: &str = "time_zone = \"Europe/Berlin\"\ntimes = [\
        { start_time = \"22:00\", end_time = \"24:00\" }, \
        { start_time = \"00:00\", end_time = \"06:00\" }]";
    const OFFICE: &str = "time_zone = \"America/New_York\"\nweekdays = [\"monday:friday\"]\n\
        times = [{ start_time = \"09:00\", end_time = \"17:00\" }]";

    /// Until when it is muted at `now`, or `told`.
    fn muted(route: &str, interval: &str, now: &str) -> String {
        let alerting = alerting(route, interval);
        let until = muted_until(&alerting.route, &alerting.time_intervals, now.parse().unwrap());
        until.map_or_else(|| "told".to_owned(), |until| until.to_string())
    }

    #[test]
    fn a_route_is_muted_in_its_mute_intervals_and_out_of_its_active_ones() {
        for (route, interval, now, expected) in [
            (MUTE, NIGHTS, "2026-07-01T19:59:59Z", "told"),
            (MUTE, NIGHTS, "2026-07-01T20:00:00Z", "2026-07-02T04:00:00Z"),
            (MUTE, NIGHTS, "2026-07-02T03:59:00Z", "2026-07-02T04:00:00Z"),
            (MUTE, NIGHTS, "2026-07-02T04:00:00Z", "told"),
            // In winter the same clock is an hour later.
            (MUTE, NIGHTS, "2026-01-01T20:30:00Z", "told"),
            // The night in which the clock goes back has nine hours.
            (MUTE, NIGHTS, "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"),
            (ACTIVE, OFFICE, "2026-07-01T13:00:00Z", "told"),
            (ACTIVE, OFFICE, "2026-07-01T21:00:00Z", "2026-07-02T13:00:00Z"),
            (ACTIVE, OFFICE, "2026-07-03T21:00:00Z", "2026-07-06T13:00:00Z"),
            (MUTE, "days_of_month = [\"-2:-1\"]", "2026-02-27T00:00:00Z", "2026-03-01T00:00:00Z"),
            (MUTE, "days_of_month = [\"-2:-1\"]", "2026-02-26T00:00:00Z", "told"),
            (MUTE, "days_of_month = [\"30:31\"]", "2026-02-28T00:00:00Z", "told"),
            (MUTE, "months = [\"december\"]", "2026-12-30T12:00:00Z", "2027-01-01T00:00:00Z"),
            (MUTE, "months = [\"december\"]", "2026-12-01T12:00:00Z", "2026-12-09T12:00:00Z"),
            (MUTE, "years = [\"2025\"]", "2026-01-01T00:00:00Z", "told"),
        ] {
            assert_eq!(muted(route, interval, now), expected, "{route} {interval} at {now}");
        }
    }
}
