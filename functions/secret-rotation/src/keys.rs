//! An application key and its fallbacks, as data: `{"key": "…", "fallbacks": "k1,k2",
//! "fallbacks_until": "t1,t2"}`.
//!
//! Why it exists: what was signed with the old key (sessions, links in e-mails) must stay valid
//! for a while after a rotation, and no longer. So a new key goes first, the old ones follow with
//! the time until which each is accepted, and what has expired is taken out. Pure; the values pass
//! through and are shown nowhere.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

const KEY: &str = "key";
const FALLBACKS: &str = "fallbacks";
const UNTIL: &str = "fallbacks_until";

/// The most fallbacks that are kept. Whoever rotates more often than keys expire would otherwise
/// have every request tried with each of them; Django's documentation warns of the same.
pub const FALLBACKS_MAX: usize = 10;

/// The secret after a rotation: the new key, the old one as a fallback for `keep`, and the other
/// fallbacks that have not expired. A fallback without a time, from before times were kept, is
/// accepted for `keep` from now. `None` where the value is no application key's.
pub fn rotated(
    value: &str,
    new_key: &SecretString,
    keep: Duration,
    now: Timestamp,
) -> Option<SecretString> {
    let mut document = read(value)?;
    let old = document.get(KEY)?.as_str()?.to_owned();
    let until = now.checked_add(SignedDuration::try_from(keep).ok()?).ok()?;
    let mut fallbacks = vec![(old, Some(until))];
    fallbacks.extend(list(&document));
    fallbacks.retain(|(_, until)| until.is_none_or(|until| until > now));
    fallbacks.truncate(FALLBACKS_MAX);
    write(&mut document, &fallbacks, Some(until));
    document.insert(KEY.to_owned(), Value::from(new_key.expose_secret()));
    Some(Value::Object(document).to_string().into())
}

/// The secret without the fallbacks that have expired; `None` where none has.
pub fn without_expired(value: &str, now: Timestamp) -> Option<SecretString> {
    let mut document = read(value)?;
    let mut fallbacks = list(&document);
    let before = fallbacks.len();
    fallbacks.retain(|(_, until)| until.is_none_or(|until| until > now));
    if fallbacks.len() == before {
        return None;
    }
    write(&mut document, &fallbacks, None);
    Some(Value::Object(document).to_string().into())
}

/// When the next fallback expires; `None` where none will.
pub fn next_expiry(value: &str) -> Option<Timestamp> {
    list(&read(value)?).into_iter().filter_map(|(_, until)| until).min()
}

fn read(value: &str) -> Option<Map<String, Value>> {
    serde_json::from_str::<Value>(value).ok()?.as_object().cloned()
}

/// The fallbacks, each with the time until which it is accepted.
fn list(document: &Map<String, Value>) -> Vec<(String, Option<Timestamp>)> {
    let items = |key: &str| -> Vec<String> {
        let text = document.get(key).and_then(Value::as_str).unwrap_or_default();
        text.split(',').map(|item| item.trim().to_owned()).collect()
    };
    let times = items(UNTIL);
    items(FALLBACKS)
        .into_iter()
        .enumerate()
        .filter(|(_, fallback)| !fallback.is_empty())
        .map(|(at, fallback)| (fallback, times.get(at).and_then(|time| time.parse().ok())))
        .collect()
}

fn write(
    document: &mut Map<String, Value>,
    fallbacks: &[(String, Option<Timestamp>)],
    unsaid: Option<Timestamp>,
) {
    let keys: Vec<&str> = fallbacks.iter().map(|(key, _)| key.as_str()).collect();
    let times: Vec<String> = fallbacks
        .iter()
        .map(|(_, until)| until.or(unsaid).map_or_else(String::new, |time| format!("{time:.0}")))
        .collect();
    document.insert(FALLBACKS.to_owned(), Value::from(keys.join(",")));
    document.insert(UNTIL.to_owned(), Value::from(times.join(",")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEEP: Duration = Duration::from_hours(48);

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rotate(value: &Value, now: &str) -> Value {
        let new = SecretString::from("new".to_owned());
        let next = rotated(&value.to_string(), &new, KEEP, at(now)).unwrap();
        serde_json::from_str(next.expose_secret()).unwrap()
    }

    #[test]
    fn the_new_key_is_first_and_the_old_one_is_a_fallback_for_a_set_time() {
        let next =
            rotate(&json!({"key": "old", "fallbacks": "", "note": [1]}), "2026-01-01T00:00:00Z");
        let expected = json!({"key": "new", "fallbacks": "old",
            "fallbacks_until": "2026-01-03T00:00:00Z", "note": [1]});
        assert_eq!(next, expected);
    }

    #[test]
    fn a_fallback_that_has_expired_is_left_out_and_one_without_a_time_is_given_one() {
        let value = json!({"key": "old", "fallbacks": "gone, kept ,timeless",
            "fallbacks_until": "2025-12-31T00:00:00Z,2026-01-02T00:00:00Z"});
        let next = rotate(&value, "2026-01-01T00:00:00Z");
        assert_eq!(next["fallbacks"], "old,kept,timeless");
        assert_eq!(
            next["fallbacks_until"],
            "2026-01-03T00:00:00Z,2026-01-02T00:00:00Z,2026-01-03T00:00:00Z"
        );
    }

    #[test]
    fn what_has_expired_is_taken_out_and_nothing_is_written_where_nothing_has() {
        let value = json!({"key": "k", "fallbacks": "a,b",
            "fallbacks_until": "2026-01-01T00:00:00Z,2026-01-02T00:00:00Z"})
        .to_string();
        assert_eq!(next_expiry(&value), Some(at("2026-01-01T00:00:00Z")));
        assert!(without_expired(&value, at("2025-12-31T00:00:00Z")).is_none());
        let pruned = without_expired(&value, at("2026-01-01T00:00:00Z")).unwrap();
        let pruned: Value = serde_json::from_str(pruned.expose_secret()).unwrap();
        assert_eq!(pruned["fallbacks"], "b");
        assert_eq!(pruned["key"], "k");
        let none = without_expired(&pruned.to_string(), at("2026-02-01T00:00:00Z")).unwrap();
        assert!(next_expiry(none.expose_secret()).is_none());
    }

    #[test]
    fn fallbacks_do_not_grow_without_end() {
        let mut value = json!({"key": "k0", "fallbacks": ""});
        for _ in 0..30 {
            value = rotate(&value, "2026-01-01T00:00:00Z");
        }
        let fallbacks = value["fallbacks"].as_str().unwrap().split(',').count();
        assert_eq!(fallbacks, FALLBACKS_MAX);
    }
}
