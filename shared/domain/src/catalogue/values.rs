//! The texts in a catalogue that have a form of their own, and the names that its author chooses.

use super::kinds::Text;
use crate::naming::{DATABASE_CLONE_SUFFIX, DATABASE_USER_LENGTH_MAX};

/// A name and, in words, what may be one.
pub(super) type NameRule = (&'static str, fn(&str) -> bool);

/// The longest name of a service: the target group `{product}-{tenant}-{environment}-{service}`
/// is shortened to 32 characters, and its own part should stay readable.
pub(super) const SERVICE_NAME: NameRule =
    ("1 to 12 lower-case letters, digits and single hyphens, beginning with a letter", |name| {
        is_label(name, 12)
    });

/// The longest name of a bucket: with the longest product, tenant and environment, the bucket
/// still has the 63 characters that S3 allows.
pub(super) const BUCKET_NAME: NameRule =
    ("1 to 25 lower-case letters, digits and single hyphens, beginning with a letter", |name| {
        is_label(name, 25)
    });

/// The name of a key or an alarm; a part of a secret's, an alarm's and a resource's name.
pub(super) const NAME: NameRule =
    ("1 to 40 lower-case letters, digits and single hyphens, beginning with a letter", |name| {
        is_label(name, 40)
    });

/// The name of an environment variable.
pub(super) const VARIABLE: NameRule =
    ("capital letters, digits and _, not beginning with a digit", |name| {
        let first = |c: char| c.is_ascii_uppercase() || c == '_';
        name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
    });

/// The name of a database user. Its other half in a rotation of alternating users still has the 32
/// characters of MySQL.
pub(super) const DATABASE_USER: NameRule =
    ("1 to 26 lower-case letters, digits and _, beginning with a letter", |name| {
        name.len() <= DATABASE_USER_LENGTH_MAX - DATABASE_CLONE_SUFFIX.len()
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    });

/// The name of an engine's parameter.
pub(super) const PARAMETER: NameRule =
    ("a parameter's name in lower-case letters, digits, _, - and .", |name| {
        !name.is_empty()
            && name.chars().all(|c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.')
            })
    });

fn is_label(text: &str, length_max: usize) -> bool {
    text.len() <= length_max
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// A version as its engine writes it.
pub(super) const VERSION: Text<String> = Text("a version in quotes, such as \"15.7\"", |text| {
    let good = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'));
    Text::checked(text, good)
});

/// A text that only must not be empty.
pub(super) const WORD: Text<String> =
    Text("a text that is not empty", |text| Text::checked(text, !text.trim().is_empty()));

/// An instance class of RDS.
pub(super) const INSTANCE_CLASS: Text<String> =
    Text("an RDS instance class, such as \"db.t4g.micro\"", |text| {
        Text::checked(text, is_size_of(text, "db"))
    });

/// A node type of ElastiCache.
pub(super) const NODE_TYPE: Text<String> =
    Text("an ElastiCache node type, such as \"cache.t4g.micro\"", |text| {
        Text::checked(text, is_size_of(text, "cache"))
    });

/// Whether `text` is `{service}.{family}.{size}`: `db.t4g.micro`.
fn is_size_of(text: &str, service: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let parts: Vec<&str> = text.split('.').collect();
    matches!(parts.as_slice(), [first, family, size]
        if *first == service && is_word(family) && is_word(size))
}

/// The database inside the server (RDS API, `DBName`): what all engines accept without quoting.
pub(super) const DATABASE_NAME: Text<String> =
    Text("a letter, then at most 62 lower-case letters, digits and _", |text| {
        let good = text.len() <= 63
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        Text::checked(text, good)
    });

/// An image in the registry that the wiring names.
pub(super) const IMAGE: Text<String> =
    Text("repository and tag without the registry, such as \"mate-web:stable\"", |text| {
        let is_path = |path: &str| {
            !path.is_empty()
                && path
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_./".contains(c))
        };
        let is_tag = |tag: &str| {
            !tag.is_empty() && tag.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        // A first part with a dot would be a registry's host name.
        let is_local = !text.split_once('/').is_some_and(|(first, _)| first.contains('.'));
        let good = text.split_once(':').is_some_and(|(path, tag)| is_path(path) && is_tag(tag))
            && is_local;
        Text::checked(text, good)
    });

/// The user and group that a container runs as.
pub(super) const USER: Text<String> =
    Text("\"uid:gid\" in numbers and never root, such as \"1000:1000\"", |text| {
        let is_id = |id: &str| id.parse::<u32>().is_ok_and(|id| id > 0);
        let good = text.split_once(':').is_some_and(|(uid, gid)| is_id(uid) && is_id(gid));
        Text::checked(text, good)
    });

/// A directory in a container.
pub(super) const DIRECTORY: Text<String> =
    Text("an absolute path that is not /, such as \"/tmp\"", |text| {
        let good = text.len() > 1
            && text.starts_with('/')
            && !text.ends_with('/')
            && !text.split('/').any(|part| part == "..");
        Text::checked(text, good)
    });

/// A path that the load balancer asks for (ELB API, `HealthCheckPath`: up to 1024 characters).
pub(super) const URL_PATH: Text<String> =
    Text("a path that begins with /, such as \"/health/ready\"", |text| {
        let good = text.starts_with('/')
            && text.len() <= 1024
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        Text::checked(text, good)
    });

/// A daily window, UTC.
pub(super) const DAILY_WINDOW: Text<(String, Window)> =
    Text("\"hh:mm-hh:mm\" in UTC, at least 30 minutes, such as \"03:00-04:00\"", |text| {
        Window::daily(text).map(|window| (text.to_owned(), window))
    });

/// A weekly window, UTC.
pub(super) const WEEKLY_WINDOW: Text<(String, Window)> = Text(
    "\"ddd:hh:mm-ddd:hh:mm\" in UTC, at least 30 minutes, such as \"sun:05:00-sun:06:00\"",
    |text| Window::weekly(text).map(|window| (text.to_owned(), window)),
);

const DAY_MINUTES: u32 = 24 * 60;
const WEEK_MINUTES: u32 = 7 * DAY_MINUTES;

/// RDS refuses a shorter window (API reference, `PreferredBackupWindow`).
const WINDOW_MINUTES_MIN: u32 = 30;

/// A stretch of time that comes again every day or every week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Minutes from the beginning of the day or week.
    start: u32,
    minutes: u32,
}

impl Window {
    fn daily(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        Self::between(time_of_day(start)?, time_of_day(end)?, DAY_MINUTES)
    }

    fn weekly(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        Self::between(time_of_week(start)?, time_of_week(end)?, WEEK_MINUTES)
    }

    fn between(start: u32, end: u32, period: u32) -> Option<Self> {
        let minutes = (end + period - start) % period;
        (minutes >= WINDOW_MINUTES_MIN).then_some(Self { start, minutes })
    }

    /// Whether this daily window and a weekly one ever meet; RDS refuses two that do.
    pub(super) fn meets(self, weekly: Self) -> bool {
        (0..7).map(|day| day * DAY_MINUTES + self.start).any(|start| {
            let after = (weekly.start + WEEK_MINUTES - start) % WEEK_MINUTES;
            let before = (start + WEEK_MINUTES - weekly.start) % WEEK_MINUTES;
            after < self.minutes || before < weekly.minutes
        })
    }
}

fn time_of_day(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    Some(two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?)
}

fn two_digits(text: &str, max: u32) -> Option<u32> {
    let good = text.len() == 2 && text.chars().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|number| good && *number <= max)
}

fn time_of_week(text: &str) -> Option<u32> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let (day, time) = text.split_once(':')?;
    let day = DAYS.iter().position(|known| known.eq_ignore_ascii_case(day))?;
    Some(u32::try_from(day).ok()? * DAY_MINUTES + time_of_day(time)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_two_times_at_least_half_an_hour_apart() {
        for good in ["03:00-06:00", "23:45-00:15"] {
            assert!(Window::daily(good).is_some(), "{good}");
        }
        for bad in ["3:00-06:00", "03:00-03:29", "03:00-03:00", "24:00-25:00", "03:00", "a-b"] {
            assert!(Window::daily(bad).is_none(), "{bad}");
        }
        for good in ["Mon:00:00-Mon:03:00", "sun:23:30-mon:00:30"] {
            assert!(Window::weekly(good).is_some(), "{good}");
        }
        for bad in ["mon-tue", "00:00-03:00", "day:00:00-day:01:00", "mon:00:00-mon:00:10"] {
            assert!(Window::weekly(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn two_windows_meet_when_they_share_a_minute() {
        for (daily, weekly, meet) in [
            ("03:00-06:00", "Mon:00:00-Mon:03:00", false),
            ("03:00-06:00", "Mon:00:00-Mon:03:01", true),
            ("03:00-06:00", "tue:04:00-tue:05:00", true),
            ("03:00-06:00", "tue:02:00-tue:08:00", true),
            ("23:30-00:30", "sun:23:00-sun:23:30", false),
            ("23:30-00:30", "mon:00:00-mon:01:00", true),
            ("01:00-02:00", "sun:23:00-mon:01:30", true),
        ] {
            let (a, b) = (Window::daily(daily).unwrap(), Window::weekly(weekly).unwrap());
            assert_eq!(a.meets(b), meet, "{daily} and {weekly}");
        }
    }
}
