//! Times, in all the ways that AWS's services write them.

use jiff::fmt::{rfc2822, temporal};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How far a source's clock may be ahead of ours. A time further ahead is not believed: order is
/// judged by it, and one alert from next year would make all that follow look old.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// AWS Health's times; their day of the week is not always the right one.
static RFC_2822: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);

static ISO_8601: temporal::DateTimeParser = temporal::DateTimeParser::new();

/// Reads `2026-01-02T03:04:05.678Z`, `…+0000` (CloudWatch), `2026-01-02 03:04:05.678` (RDS, in
/// UTC) and `Fri, 2 Jan 2026 03:04:05 GMT` (AWS Health).
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = ISO_8601.parse_timestamp(text) {
        return Some(time);
    }
    if let Ok(time) = RFC_2822.parse_timestamp(text) {
        return Some(time);
    }
    let civil = ISO_8601.parse_datetime(text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The time that is believed: `time`, unless it is ahead of `now`.
pub(crate) fn believed(time: Timestamp, now: Timestamp) -> Timestamp {
    match now.checked_add(AHEAD_MAX) {
        Ok(latest) if time > latest => now,
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_time_is_read() {
        for (text, expected) in [
            ("2026-01-12T16:30:42.236+0000", "2026-01-12T16:30:42.236Z"),
            ("2026-01-12T16:30:42.236+00:00", "2026-01-12T16:30:42.236Z"),
            ("2026-01-12T16:30:42Z", "2026-01-12T16:30:42Z"),
            ("2026-01-12T18:30:42+0200", "2026-01-12T16:30:42Z"),
            ("2026-01-12 16:30:42.893", "2026-01-12T16:30:42.893Z"),
            ("Sat, 05 Jun 2016 15:10:09 GMT", "2016-06-05T15:10:09Z"),
            ("Mon, 27 Jan 2023 09:01:22 GMT", "2023-01-27T09:01:22Z"),
        ] {
            assert_eq!(parse(text).map(|it| it.to_string()).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "12/02/19 15:44:00", "2026-13-01T00:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_ahead_of_ours_is_not_believed() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
            ("2026-01-01T00:05:00Z", "2026-01-01T00:05:00Z"),
            ("2026-01-01T00:05:01Z", "2026-01-01T00:00:00Z"),
            ("9999-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(believed(text.parse().unwrap(), now).to_string(), expected, "{text}");
        }
    }
}
