//! `database`: what RDS would refuse, said before it is asked.

use std::collections::BTreeMap;

use toml_span::Spanned;

use crate::catalogue::facts::{self, MONITORING_INTERVAL_SECONDS, RESERVED_PARAMETERS};
use crate::catalogue::kinds::{Choice, Flag, List, OneOf, Parameter, Text, Whole};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::{Database, DatabaseEngine};
use crate::catalogue::values::{
    DAILY_WINDOW, DATABASE_NAME, INSTANCE_CLASS, PARAMETER, VERSION, WEEKLY_WINDOW, WORD,
};

const ENGINE: Choice<DatabaseEngine> = Choice(&DatabaseEngine::ALL, DatabaseEngine::as_str);

/// RDS takes no port below 1150 (API reference, `CreateDBInstance`).
const PORT: Whole<u16> = Whole(1150, 65535);

/// An Aurora cluster has at most one writer and 15 readers.
const INSTANCES: Whole<u32> = Whole(1, 16);

/// General purpose storage, gp3, begins at 20 GB and ends at 64 TB.
const STORAGE_GB: Whole<u32> = Whole(20, 65536);

const BACKUP_DAYS: Whole<u32> = Whole(1, 35);

/// More connections than any instance class can hold is a slip of the finger.
const CONNECTIONS: Whole<u32> = Whole(1, 16000);

const EXTENSION: Text<String> =
    Text("a PostgreSQL extension's name, such as \"pg_stat_statements\"", |text| {
        let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        Text::checked(text, !text.is_empty() && text.chars().all(is_letter))
    });

/// Reads the table.
pub(super) fn read(section: &mut Section<'_>) -> Read<Database> {
    let engine = section.required("engine", &ENGINE);
    let version = section.required("version", &VERSION);
    let parameter_family = section.required("parameter_family", &WORD);
    let name = section.required("name", &DATABASE_NAME);
    let port = section.optional("port", &PORT);
    let class = section.required("class", &INSTANCE_CLASS);
    let instances = section.optional("instances", &INSTANCES);
    let storage_gb = section.optional("storage_gb", &STORAGE_GB);
    let storage_max_gb = section.optional("storage_max_gb", &STORAGE_GB);
    let multi_az = section.or("multi_az", &Flag, false);
    let backup_retention_days = section.required("backup_retention_days", &BACKUP_DAYS);
    let backup_window = section.required("backup_window", &DAILY_WINDOW);
    let maintenance_window = section.required("maintenance_window", &WEEKLY_WINDOW);
    let deletion_protection = section.required("deletion_protection", &Flag);
    let performance_insights = section.or("performance_insights", &Flag, false);
    let monitoring =
        section.or("monitoring_interval_seconds", &OneOf(MONITORING_INTERVAL_SECONDS), 0);
    let max_connections = section.required("max_connections", &CONNECTIONS);
    let parameters = section.named_values("parameters", PARAMETER, &Parameter);
    let extensions = section.optional("extensions", &List(EXTENSION));
    let log_exports = section.optional("log_exports", &List(WORD));

    if let (Ok(backup), Ok(maintenance)) = (&backup_window, &maintenance_window)
        && backup.value.1.meets(maintenance.value.1)
    {
        let problem = format!("{} meets the backup window {}", maintenance.value.0, backup.value.0);
        let expected = "two windows that share no minute";
        section.mistake(maintenance.span, "maintenance_window", problem, expected);
    }
    if let (Ok(least), Ok(most)) = (&storage_gb, &storage_max_gb) {
        storage_has_room_to_grow(section, least.as_ref(), most.as_ref());
    }
    if let Ok(parameters) = &parameters {
        none_is_reserved(section, parameters);
    }
    let engine = engine?.value;
    if let (Ok(version), Ok(family)) = (&version, &parameter_family) {
        version_and_family_agree(section, engine, version, family);
    }
    if let Ok(Some(logs)) = &log_exports {
        engine_has_logs(section, engine, logs);
    }
    if let (Ok(Some(extensions)), false) = (&extensions, engine.is_postgres())
        && !extensions.value.is_empty()
    {
        let problem = format!("{} has no extensions", engine.as_str());
        section.mistake(extensions.span, "extensions", problem, "no extensions, or PostgreSQL");
    }
    if let (Ok(class), Ok(insights)) = (&class, &performance_insights) {
        class_fits(section, engine, class, insights);
    }
    shape_fits(section, engine);

    Ok(Database {
        engine,
        version: version?.value,
        parameter_family: parameter_family?.value,
        name: name?.value,
        port: port?.map_or(engine.default_port(), |port| port.value),
        class: class?.value,
        instances: instances?.map_or(1, |instances| instances.value),
        storage_gb: storage_gb?.map_or(0, |storage| storage.value),
        storage_max_gb: storage_max_gb?.map_or(0, |storage| storage.value),
        multi_az: multi_az?.value,
        backup_retention_days: backup_retention_days?.value,
        backup_window: backup_window?.value.0,
        maintenance_window: maintenance_window?.value.0,
        deletion_protection: deletion_protection?.value,
        performance_insights: performance_insights?.value,
        monitoring_interval_seconds: monitoring?.value,
        max_connections: max_connections?.value,
        parameters: parameters?,
        extensions: extensions?.map_or_else(Vec::new, |extensions| extensions.value),
        log_exports: log_exports?.map_or_else(Vec::new, |logs| logs.value),
    })
}

/// RDS wants the maximum to be at least a tenth above the allocated storage.
fn storage_has_room_to_grow(
    section: &Section<'_>,
    least: Option<&Spanned<u32>>,
    most: Option<&Spanned<u32>>,
) {
    if let (Some(least), Some(most)) = (least, most)
        && most.value * 10 < least.value * 11
    {
        let problem = format!("{} leaves {} no room to grow", most.value, least.value);
        let expected = "at least a tenth more than storage_gb";
        section.mistake(most.span, "storage_max_gb", problem, expected);
    }
}

fn none_is_reserved(section: &mut Section<'_>, parameters: &BTreeMap<String, String>) {
    for name in RESERVED_PARAMETERS.iter().filter(|name| parameters.contains_key(**name)) {
        let span =
            section.child("parameters").ok().flatten().and_then(|table| table.key_span(name));
        let expected = "the key max_connections; TLS is always required";
        section.mistake(
            span.unwrap_or_else(|| section.span()),
            &format!("parameters.{name}"),
            "is set by Caretaker itself",
            expected,
        );
    }
}

fn version_and_family_agree(
    section: &Section<'_>,
    engine: DatabaseEngine,
    version: &Spanned<String>,
    family: &Spanned<String>,
) {
    match facts::family(facts::engine(engine).versions, &version.value) {
        Err(known) => {
            let problem = format!("{} has no version {:?}", engine.as_str(), version.value);
            section.mistake(version.span, "version", problem, known);
        }
        Ok(known) if known != family.value => {
            let problem = format!(
                "{:?} does not go with {} {}",
                family.value,
                engine.as_str(),
                version.value
            );
            section.mistake(family.span, "parameter_family", problem, format!("{known:?}"));
        }
        Ok(_) => {}
    }
}

fn engine_has_logs(section: &Section<'_>, engine: DatabaseEngine, logs: &Spanned<Vec<String>>) {
    let known = facts::engine(engine).logs;
    for log in logs.value.iter().filter(|log| !known.contains(&log.as_str())) {
        let problem = format!("{} has no log {log:?}", engine.as_str());
        section.mistake(logs.span, "log_exports", problem, format!("some of {}", known.join(", ")));
    }
}

/// Aurora runs on fewer classes than RDS, and Performance Insights on fewer again.
fn class_fits(
    section: &Section<'_>,
    engine: DatabaseEngine,
    class: &Spanned<String>,
    insights: &Spanned<bool>,
) {
    let is_small = [".micro", ".small"].iter().any(|size| class.value.ends_with(size));
    if engine.is_aurora() && (is_small || class.value.starts_with("db.m")) {
        let problem = format!("{} does not run on {}", engine.as_str(), class.value);
        let expected = "a class of a t family from medium, or of an r or x family";
        section.mistake(class.span, "class", problem, expected);
    }
    let is_t = ["db.t2.", "db.t3."].iter().any(|family| class.value.starts_with(family));
    let without_insights = match engine {
        DatabaseEngine::Mysql | DatabaseEngine::Mariadb => is_small,
        DatabaseEngine::AuroraMysql => is_t,
        DatabaseEngine::Postgres | DatabaseEngine::AuroraPostgresql => false,
    };
    if insights.value && without_insights {
        let problem = format!("{} on {} has none", engine.as_str(), class.value);
        section.mistake(insights.span, "performance_insights", problem, "false, or a larger class");
    }
}

/// An instance has storage and may have a standby; a cluster has instances.
fn shape_fits(section: &Section<'_>, engine: DatabaseEngine) {
    let (needed, refused): (&[&str], &[&str]) = if engine.is_aurora() {
        (&["instances"], &["storage_gb", "storage_max_gb", "multi_az"])
    } else {
        (&["storage_gb", "storage_max_gb"], &["instances"])
    };
    let kind = if engine.is_aurora() { "an Aurora cluster" } else { "an RDS instance" };
    for key in needed.iter().filter(|key| !section.has(key)) {
        section.mistake(section.span(), key, "is missing", format!("a number, for {kind}"));
    }
    for key in refused {
        if let Some(span) = section.key_span(key) {
            let problem = format!("{} has no {key}", engine.as_str());
            let expected = format!("{} for {kind}", needed.join(" and "));
            section.mistake(span, key, problem, expected);
        }
    }
}
