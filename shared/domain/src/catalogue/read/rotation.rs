//! `rotation`: what Secrets Manager would refuse, and what no rotation could do.

use toml_span::Spanned;

use crate::catalogue::kinds::{Choice, Flag, List, Whole};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::{
    DatabaseEngine, DatabasePrivilege, DatabaseUser, Rotation, RotationStrategy,
};
use crate::catalogue::values::DATABASE_USER;
use crate::naming::DATABASE_MASTER_USER;

const STRATEGY: Choice<RotationStrategy> = Choice(&RotationStrategy::ALL, RotationStrategy::as_str);

const PRIVILEGES: List<Choice<DatabasePrivilege>> =
    List(Choice(&DatabasePrivilege::ALL, DatabasePrivilege::as_str));

/// The days between two rotations that Secrets Manager can schedule (API reference,
/// `RotationRulesType`).
const DAYS: Whole<u32> = Whole(1, 1000);

/// Longer than a year no key is a fallback of anything.
const FALLBACK_HOURS: Whole<u32> = Whole(1, 366 * 24);

/// Two days: a session that began before a weekend's last hours ends, a link in a mail is opened.
const FALLBACK_HOURS_DEFAULT: u32 = 48;

/// What there is to rotate, beside the database that every tenant has.
pub(super) struct Has {
    pub(super) cache: bool,
    pub(super) keys: bool,
}

/// Reads the table. `engine` is `None` where it could not be read.
pub(super) fn read(
    section: &mut Section<'_>,
    has: &Has,
    engine: Option<DatabaseEngine>,
) -> Read<Rotation> {
    let database = section.required("database_days", &DAYS);
    let master = section.required("master_days", &DAYS);
    let mut only_with = |is_there: bool, key: &'static str| {
        if is_there { section.required(key, &DAYS) } else { section.or(key, &DAYS, 0) }
    };
    let cache = only_with(has.cache, "cache_days");
    let keys = only_with(has.keys, "keys_days");
    let strategy = section.or("strategy", &STRATEGY, RotationStrategy::SingleUser);
    let permit_plaintext = section.or("permit_plaintext", &Flag, false);
    let fallback = section.or("key_fallback_hours", &FALLBACK_HOURS, FALLBACK_HOURS_DEFAULT);
    let privileges = section.optional("privileges", &PRIVILEGES);
    let users = section.named_tables("users", DATABASE_USER, |_, user| {
        let privileges = user.required("privileges", &PRIVILEGES)?;
        engine_has(user, engine, &privileges);
        Ok(DatabaseUser { privileges: privileges.value })
    });

    if let (Ok(keys), Ok(fallback)) = (&keys, &fallback)
        && has.keys
        && fallback.value >= keys.value * 24
    {
        let problem = format!("{} are not before the next rotation", fallback.value);
        let expected = format!("less than {}, the hours of keys_days", keys.value * 24);
        section.mistake(fallback.span, "key_fallback_hours", problem, expected);
    }
    if let Ok(Some(privileges)) = &privileges {
        engine_has(section, engine, privileges);
    }
    if let Ok(users) = &users {
        none_is_taken(section, users.keys());
    }
    let usual = || engine.map(DatabasePrivilege::usual).unwrap_or_default();
    Ok(Rotation {
        database_days: database?.value,
        master_days: master?.value,
        cache_days: cache?.value,
        keys_days: keys?.value,
        strategy: strategy?.value,
        permit_plaintext: permit_plaintext?.value,
        key_fallback_hours: fallback?.value,
        privileges: privileges?.map_or_else(usual, |privileges| privileges.value),
        users: users?,
    })
}

/// A privilege that the engine does not have would fail every rotation.
fn engine_has(
    section: &Section<'_>,
    engine: Option<DatabaseEngine>,
    privileges: &Spanned<Vec<DatabasePrivilege>>,
) {
    let Some(engine) = engine else { return };
    let known = DatabasePrivilege::of(engine);
    for privilege in privileges.value.iter().filter(|privilege| !known.contains(privilege)) {
        let words: Vec<&str> = known.iter().map(|known| known.as_str()).collect();
        let problem = format!("{} has no privilege {privilege}", engine.as_str());
        let expected = format!("some of {}", words.join(", "));
        section.mistake(privileges.span, "privileges", problem, expected);
    }
}

/// The master, and what Caretaker makes of another user's name, are nobody's own names.
fn none_is_taken<'n>(section: &mut Section<'_>, names: impl Iterator<Item = &'n String>) {
    for name in names {
        let is_made = ["_app", "_clone", "_owner"].iter().any(|suffix| name.ends_with(suffix));
        if !is_made && name != DATABASE_MASTER_USER {
            continue;
        }
        let span = section.child("users").ok().flatten().and_then(|users| users.key_span(name));
        let expected = format!(
            "a name other than {DATABASE_MASTER_USER} and without _app, _clone and _owner at its end"
        );
        section.mistake(
            span.unwrap_or_else(|| section.span()),
            &format!("users.{name}"),
            "is a name that Caretaker gives itself",
            expected,
        );
    }
}
