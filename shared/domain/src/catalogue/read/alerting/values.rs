//! The texts of `[alerting]` that have a form of their own.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use toml_span::value::Value;

use crate::catalogue::kinds::{Kind, List, Text, Wrong};
use crate::catalogue::mistakes::MAY_BE_A_CREDENTIAL;
use crate::catalogue::model::alerting::SecretRef;
use crate::catalogue::model::{Matcher, is_label_name};
use crate::catalogue::suggest::did_you_mean;

/// A list of texts of one form.
pub(super) fn list<T>(of: Text<T>) -> List<Text<T>> {
    List(of)
}

/// The longest time that a catalogue can ask for: what is repeated once a year is forgotten.
const DURATION_MAX: Duration = Duration::from_hours(24 * 366);

/// A time span as Prometheus writes it.
pub(super) const DURATION: Text<Duration> =
    Text("a time such as \"30s\", \"5m\", \"1h30m\" or \"2d\"", |text| {
        duration(text).filter(|time| *time <= DURATION_MAX)
    });

/// A time span that is not nothing: what is repeated every 0 seconds never ends.
pub(super) const INTERVAL: Text<Duration> =
    Text("a time of at least a minute, such as \"5m\" or \"4h\"", |text| {
        let at_least_a_minute = Duration::from_mins(1)..=DURATION_MAX;
        duration(text).filter(|time| at_least_a_minute.contains(time))
    });

/// Units as Prometheus has them (configuration reference, `<duration>`), the largest first: each
/// may stand once, in this order.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut milliseconds, mut units) = (text, 0_u64, UNITS.iter());
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let word = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(word);
        let (_, worth) = units.by_ref().find(|(known, _)| *known == unit)?;
        milliseconds =
            number.parse::<u64>().ok()?.checked_mul(*worth)?.checked_add(milliseconds)?;
        rest = after;
    }
    (!text.is_empty()).then(|| Duration::from_millis(milliseconds))
}

/// A matcher; says itself what is wrong with it.
pub(super) struct MatcherText;

impl Kind for MatcherText {
    type Value = Matcher;

    fn expected(&self) -> String {
        "a matcher such as 'severity=\"critical\"' or 'tenant=~\"demo|acme\"'".to_owned()
    }

    fn read(&self, value: &Value<'_>) -> Result<Matcher, Vec<Wrong>> {
        let text = value.as_str().ok_or_else(|| self.refuse(value))?;
        text.parse().map_err(|error| {
            let problem = format!("{error}");
            vec![Wrong { span: value.span, problem, expected: self.expected() }]
        })
    }
}

/// A time zone of the IANA's database.
pub(super) struct Zone;

impl Kind for Zone {
    type Value = TimeZone;

    fn expected(&self) -> String {
        "a time zone's name, such as \"Europe/Berlin\" or \"UTC\"".to_owned()
    }

    fn read(&self, value: &Value<'_>) -> Result<TimeZone, Vec<Wrong>> {
        let name = value.as_str().ok_or_else(|| self.refuse(value))?;
        // From the database that is compiled in: what is checked here holds where it runs.
        TimeZone::get(name).map_err(|_| {
            let names: Vec<String> =
                jiff::tz::db().available().map(|known| known.to_string()).collect();
            let hint = did_you_mean(name, names.iter().map(String::as_str));
            let problem = format!("there is no time zone {name:?}{hint}");
            vec![Wrong { span: value.span, problem, expected: self.expected() }]
        })
    }
}

/// An instant.
pub(super) const INSTANT: Text<Timestamp> =
    Text("an instant with its zone in quotes, such as \"2026-07-01T08:00:00Z\"", |text| {
        text.parse().ok()
    });

/// A label's name.
pub(super) const LABEL: Text<String> =
    Text("a label's name: letters, digits and _, not beginning with a digit", |text| {
        Text::checked(text, is_label_name(text))
    });

/// A credential by the name of its secret. What may be the credential itself is refused, and is
/// not repeated: the file is in git, and what checks it writes logs.
pub(super) struct Secret;

impl Kind for Secret {
    type Value = SecretRef;

    fn expected(&self) -> String {
        "the ARN or the name of a secret that holds the credential, such as \"slack\" or \
         \"slack#bot_token\""
            .to_owned()
    }

    fn read(&self, value: &Value<'_>) -> Result<SecretRef, Vec<Wrong>> {
        let text = value.as_str().ok_or_else(|| self.refuse(value))?;
        secret(text).ok_or_else(|| {
            let problem = MAY_BE_A_CREDENTIAL.to_owned();
            vec![Wrong { span: value.span, problem, expected: self.expected() }]
        })
    }
}

fn secret(text: &str) -> Option<SecretRef> {
    let (secret, field) = match text.split_once('#') {
        Some((secret, field)) => (secret, Some(field)),
        None => (text, None),
    };
    let is_word = |word: &str, more: &str, length_max: usize| {
        (1..=length_max).contains(&word.len())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    let is_arn = secret.starts_with("arn:") && is_word(secret, ":/_+=.@-", 2048);
    // A bot token begins with `xox`, a signing key with `whsec_`, a routing key has 32 characters.
    let is_key = secret.starts_with("xox")
        || secret.starts_with("whsec_")
        || (secret.len() == 32 && secret.chars().all(|c| c.is_ascii_alphanumeric()));
    let is_name = is_word(secret, "/_-", 64) && !is_key;
    let field_is_good = field.is_none_or(|field| is_word(field, "_-", 64));
    ((is_arn || is_name) && field_is_good)
        .then(|| SecretRef { secret: secret.to_owned(), field: field.map(str::to_owned) })
}

/// A channel of Slack by its id: only an id survives renaming, and only an id can be updated.
pub(super) const CHANNEL: Text<String> =
    Text("a channel's id, such as \"C024BE91L\" (in Slack: channel details, at the end)", |text| {
        let good = text.starts_with(['C', 'G', 'D'])
            && (9..=16).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        Text::checked(text, good)
    });

/// Whom to mention. Each sink takes what has its own shape.
pub(super) const MENTION: Text<String> = Text(
    "the id of a Slack user or user group (\"U024BE7LH\", \"S0614TZR7\"), or the Entra user \
     principal name or object id of somebody in Teams",
    |text| {
        let is_slack = text.starts_with(['U', 'W', 'S'])
            && (6..=16).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        let is_object = text.len() == 36
            && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
            && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        Text::checked(text, is_slack || is_object || is_address(text))
    },
);

/// An address of e-mail, as far as a typing mistake can be told from one.
pub(super) const ADDRESS: Text<String> =
    Text("an e-mail address, such as \"oncall@example.com\"", |text| {
        Text::checked(text, is_address(text))
    });

fn is_address(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_graphic() && !"@<>()[],;:\\\"".contains(c))
    };
    text.len() <= 254
        && text.split_once('@').is_some_and(|(local, domain)| {
            is_part(local)
                && is_part(domain)
                && domain.split('.').count() > 1
                && domain.split('.').all(|word| !word.is_empty())
        })
}

/// A topic of SNS.
pub(super) const TOPIC: Text<String> =
    Text("a topic's ARN, such as \"arn:aws:sns:eu-central-1:123456789012:oncall\"", |text| {
        let parts: Vec<&str> = text.split(':').collect();
        let good = matches!(parts.as_slice(), ["arn", _, "sns", region, account, name]
            if !region.is_empty() && account.len() == 12 && !name.is_empty());
        Text::checked(text, good)
    });

/// An address with labels in it.
pub(super) const LINK: Text<String> =
    Text("an https address, such as \"https://wiki.example.com/{alertname}\"", |text| {
        let mut good = text.len() <= 1024
            && text
                .strip_prefix("https://")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
            && text.chars().all(|c| c.is_ascii_graphic() && !"\"<>".contains(c));
        let mut rest = text;
        while let Some((_, opened)) = rest.split_once('{') {
            let Some((label, after)) = opened.split_once('}') else {
                good = false;
                break;
            };
            good &= is_label_name(label);
            rest = after;
        }
        Text::checked(text, good)
    });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_prometheus() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("5m", Some(300)),
            ("1h30m", Some(5_400)),
            ("1d2h3m4s", Some(93_784)),
            ("2w", Some(1_209_600)),
            ("1500ms", Some(1)),
            ("", None),
            ("5", None),
            ("m", None),
            ("5 m", None),
            ("-5m", None),
            ("1.5h", None),
            ("30m1h", None),
            ("1h1h", None),
            ("99999999999999999999h", None),
        ] {
            assert_eq!(duration(text).map(|time| time.as_secs()), seconds, "{text:?}");
        }
    }

    #[test]
    fn what_looks_like_a_credential_is_no_name_of_one() {
        for good in ["slack", "oncall/pagerduty#key", "arn:aws:secretsmanager:r:1:secret:a-b"] {
            assert!(secret(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "#key",
            "slack#",
            "xoxb-not-a-token",
            "https://hooks.example.com/services/T0/B0/x",
            "0123456789abcdef0123456789ABCDEF",
        ] {
            assert!(secret(bad).is_none(), "{bad}");
        }
    }
}
