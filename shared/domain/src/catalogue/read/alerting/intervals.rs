//! `alerting.time_intervals.<name>`: times of day, weekdays, days, months and years.

use std::ops::{Range, RangeInclusive};

use jiff::tz::TimeZone;

use super::values::{Zone, list};
use crate::catalogue::kinds::Text;
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::alerting::TimeInterval;

/// The minutes of a day; `24:00` is its end.
const DAY_MINUTES: u16 = 24 * 60;

const WEEKDAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const TIME: Text<u16> = Text("a time of day from \"00:00\" to \"24:00\"", |text| {
    let (hours, minutes) = text.split_once(':')?;
    let is_two_digits = |word: &str| word.len() == 2 && word.chars().all(|c| c.is_ascii_digit());
    let minutes_alone: u16 = minutes.parse().ok().filter(|minutes| *minutes < 60)?;
    let time = hours.parse::<u16>().ok()?.checked_mul(60)?.checked_add(minutes_alone)?;
    (is_two_digits(hours) && is_two_digits(minutes) && time <= DAY_MINUTES).then_some(time)
});

const WEEKDAY_RANGE: Text<RangeInclusive<i8>> =
    Text("a weekday or a range of them, such as \"sunday\" or \"monday:friday\"", |text| {
        range(text, |word| position(&WEEKDAYS, word))
    });

const MONTH_RANGE: Text<RangeInclusive<i8>> =
    Text("a month or a range of them, such as \"december\", \"12\" or \"june:august\"", |text| {
        range(text, |word| {
            let by_number = || word.parse().ok().filter(|month| (1..=12).contains(month));
            position(&MONTHS, word).map(|month| month + 1).or_else(by_number)
        })
    });

const DAY_RANGE: Text<RangeInclusive<i8>> = Text(
    "a day of the month or a range of them, such as \"1:5\", or from its end, \"-3:-1\"",
    |text| {
        let is_day = |day: &i8| (1..=31).contains(&day.abs());
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        let (first, last): (i8, i8) = (first.parse().ok()?, last.parse().ok()?);
        // From the first to the last of a month is a range too, which only a month can order.
        let is_ordered = first <= last || (first > 0 && last < 0);
        (is_day(&first) && is_day(&last) && is_ordered && !(first < 0 && last > 0))
            .then_some(first..=last)
    },
);

const YEAR_RANGE: Text<RangeInclusive<i16>> =
    Text("a year or a range of them, such as \"2026\" or \"2026:2027\"", |text| {
        range(text, |word| word.parse().ok().filter(|year| (1970..=9999).contains(year)))
    });

fn position(words: &[&str], word: &str) -> Option<i8> {
    i8::try_from(words.iter().position(|known| known.eq_ignore_ascii_case(word))?).ok()
}

fn range<T: PartialOrd + Copy>(
    text: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<RangeInclusive<T>> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let (first, last) = (read(first)?, read(last)?);
    (first <= last).then_some(first..=last)
}

pub(super) fn read(section: &mut Section<'_>) -> Read<TimeInterval> {
    let utc = TimeZone::UTC;
    let time_zone = section.or("time_zone", &Zone, utc);
    let times = section.list_of_tables("times", |_, table| time_range(table));
    let weekdays = section.or("weekdays", &list(WEEKDAY_RANGE), Vec::new());
    let days_of_month = section.or("days_of_month", &list(DAY_RANGE), Vec::new());
    let months = section.or("months", &list(MONTH_RANGE), Vec::new());
    let years = section.or("years", &list(YEAR_RANGE), Vec::new());
    let lists = ["times", "weekdays", "days_of_month", "months", "years"];
    if !lists.into_iter().any(|list| section.has(list)) {
        let expected = "at least one of times, weekdays, days_of_month, months and years";
        section.mistake(section.span(), "", "says no time at all, so it would be always", expected);
    }
    Ok(TimeInterval {
        time_zone: time_zone?.value,
        times: times?,
        weekdays: weekdays?.value,
        days_of_month: days_of_month?.value,
        months: months?.value,
        years: years?.value,
    })
}

fn time_range(section: &mut Section<'_>) -> Read<Range<u16>> {
    let start = section.required("start_time", &TIME);
    let end = section.required("end_time", &TIME);
    let (start, end) = (start?, end?);
    if start.value < end.value {
        return Ok(start.value..end.value);
    }
    let expected = "an end after the start; a night is two ranges, one to 24:00 and one from 00:00";
    Err(section.mistake(end.span, "end_time", "is not after start_time", expected))
}
