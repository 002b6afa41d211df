//! All settings of one tier in one environment, and what must agree between their tables.

use super::text::Resources;
use super::{alarms, cache, database, rotation, service, storage};
use crate::catalogue::facts::LOG_RETENTION_DAYS;
use crate::catalogue::kinds::{OneOf, Whole};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::{Recovery, Settings};
use crate::catalogue::values::{NAME, SERVICE_NAME};

/// RDS ships the transaction log every five minutes; less cannot be promised.
const RPO_MINUTES: Whole<u32> = Whole(5, 7 * 24 * 60);

/// A restore creates a new instance, which takes minutes; a week is no objective any more.
const RTO_MINUTES: Whole<u32> = Whole(10, 7 * 24 * 60);

/// The least and most characters of a generated key: 256 bits of letters and digits at the one
/// end, a line that people can still handle at the other.
const KEY_LENGTH: Whole<u32> = Whole(43, 256);

/// Django's own keys have 50 characters.
const KEY_LENGTH_DEFAULT: u32 = 50;

/// Reads the settings.
pub(super) fn read(section: &mut Section<'_>) -> Read<Settings> {
    let (has_cache, key_names) = (section.has("cache"), section.names_in("keys"));
    let resources = Resources::new(has_cache, &section.names_in("buckets"), &key_names);
    let service_names = section.names_in("services");
    let every_service = section.child("every_service").ok().flatten().map(|table| table.layers());
    let mut speakers = Vec::new();

    let database = section.table("database", database::read);
    let cache = section.optional_table("cache", cache::read);
    let buckets = storage::buckets(section);
    let file_system =
        section.optional_table("file_system", |table| storage::file_system(table, &service_names));
    let keys = section.named_tables("keys", NAME, |_, table| {
        let length = table.or("length", &KEY_LENGTH, KEY_LENGTH_DEFAULT)?;
        Ok(crate::catalogue::Key { length: length.value })
    });
    let services = section.named_tables("services", SERVICE_NAME, |name, table| {
        table.over_others(every_service.as_deref().unwrap_or_default());
        if table.has("http") {
            speakers.push(name.to_owned());
        }
        service::read(name, table, &resources)
    });
    exactly_one_speaks_http(section, &speakers);
    let alarms = alarms::read(section, has_cache);
    let has = rotation::Has { cache: has_cache, keys: !key_names.is_empty() };
    let engine = database.as_ref().ok().map(|database| database.engine);
    let rotation = section.table("rotation", |table| rotation::read(table, &has, engine));
    let log_retention_days = section.table("logs", |logs| {
        logs.required("retention_days", &OneOf(LOG_RETENTION_DAYS)).map(|days| days.value)
    });
    let recovery = section.table("recovery", recovery);
    Ok(Settings {
        database: database?,
        cache: cache?,
        buckets: buckets?,
        file_system: file_system?,
        keys: keys?,
        services: services?,
        alarms: alarms?,
        rotation: rotation?,
        log_retention_days: log_retention_days?,
        recovery: recovery?,
    })
}

/// A tenant has one host name, so one service answers on it.
fn exactly_one_speaks_http(section: &Section<'_>, speakers: &[String]) {
    if speakers.len() != 1 {
        let found = if speakers.is_empty() { "none".to_owned() } else { speakers.join(", ") };
        let span = section.key_span("services").unwrap_or_else(|| section.span());
        let problem = format!("services with http: {found}");
        section.mistake(span, "services", problem, "exactly one service with http");
    }
}

fn recovery(section: &mut Section<'_>) -> Read<Recovery> {
    let point = section.required("rpo_minutes", &RPO_MINUTES);
    let time = section.required("rto_minutes", &RTO_MINUTES);
    Ok(Recovery { rpo_minutes: point?.value, rto_minutes: time?.value })
}
