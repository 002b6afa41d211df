//! What AWS accepts: the tables that a catalogue's values are checked against.
//!
//! Each says where it comes from. A catalogue that passes is not refused by AWS an hour later,
//! half-way through a stack.

use std::ops::RangeInclusive;

use super::model::{CacheEngine, DatabaseEngine};

/// The days that CloudWatch Logs can keep a log (API reference, `PutRetentionPolicy`).
pub(super) const LOG_RETENTION_DAYS: &[u32] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// The seconds between two samples of Enhanced Monitoring (RDS API, `CreateDBInstance`); 0 is off.
pub(super) const MONITORING_INTERVAL_SECONDS: &[u32] = &[0, 1, 5, 10, 15, 30, 60];

/// The CPU units that Fargate sells (ECS developer guide, "Task definition parameters").
pub(super) const FARGATE_CPU: &[u32] = &[256, 512, 1024, 2048, 4096, 8192, 16384];

/// The memory that goes with each CPU size: the least and the most, and the step between.
const FARGATE_MEMORY_MB: &[(u32, RangeInclusive<u32>, u32)] = &[
    (256, 512..=2048, 1024),
    (512, 1024..=4096, 1024),
    (1024, 2048..=8192, 1024),
    (2048, 4096..=16384, 1024),
    (4096, 8192..=30720, 1024),
    (8192, 16384..=61440, 4096),
    (16384, 32768..=122_880, 8192),
];

/// Whether Fargate sells this memory with this CPU, and in words what it does sell.
pub(super) fn fargate_memory(cpu: u32, memory_mb: u32) -> Result<(), String> {
    let Some((_, memory, step)) = FARGATE_MEMORY_MB.iter().find(|(known, ..)| *known == cpu) else {
        return Ok(());
    };
    // The smallest of all, 512 MB with 256 units, is half a step.
    if memory.contains(&memory_mb)
        && (memory_mb.is_multiple_of(*step) || memory_mb == *memory.start())
    {
        return Ok(());
    }
    let (least, most) = (memory.start(), memory.end());
    Err(format!(
        "{least} to {most} MB in steps of {step}, which Fargate sells with {cpu} CPU units"
    ))
}

/// What RDS knows about an engine.
pub(super) struct EngineFacts {
    /// The beginnings of the versions it runs, each with its parameter group family
    /// (`describe-db-engine-versions`).
    pub(super) versions: &'static [(&'static str, &'static str)],
    /// The logs it can send to CloudWatch (`EnableCloudwatchLogsExports`).
    pub(super) logs: &'static [&'static str],
}

const MYSQL_LOGS: &[&str] = &["audit", "error", "general", "slowquery"];

/// What RDS knows about this engine.
pub(super) fn engine(engine: DatabaseEngine) -> EngineFacts {
    match engine {
        DatabaseEngine::Postgres => EngineFacts {
            versions: &[
                ("13", "postgres13"),
                ("14", "postgres14"),
                ("15", "postgres15"),
                ("16", "postgres16"),
                ("17", "postgres17"),
            ],
            logs: &["postgresql", "upgrade"],
        },
        DatabaseEngine::Mysql => {
            EngineFacts { versions: &[("8.0", "mysql8.0"), ("8.4", "mysql8.4")], logs: MYSQL_LOGS }
        }
        DatabaseEngine::Mariadb => EngineFacts {
            versions: &[
                ("10.6", "mariadb10.6"),
                ("10.11", "mariadb10.11"),
                ("11.4", "mariadb11.4"),
            ],
            logs: MYSQL_LOGS,
        },
        DatabaseEngine::AuroraPostgresql => EngineFacts {
            versions: &[
                ("13", "aurora-postgresql13"),
                ("14", "aurora-postgresql14"),
                ("15", "aurora-postgresql15"),
                ("16", "aurora-postgresql16"),
                ("17", "aurora-postgresql17"),
            ],
            logs: &["postgresql"],
        },
        DatabaseEngine::AuroraMysql => {
            EngineFacts { versions: &[("8.0.mysql_aurora.3", "aurora-mysql8.0")], logs: MYSQL_LOGS }
        }
    }
}

/// The versions that ElastiCache runs, with their parameter group family
/// (`describe-cache-engine-versions`). Both engines speak TLS and tokens from the first listed.
pub(super) fn cache_versions(engine: CacheEngine) -> &'static [(&'static str, &'static str)] {
    match engine {
        CacheEngine::Redis => &[("6", "redis6.x"), ("7", "redis7")],
        CacheEngine::Valkey => &[("7", "valkey7"), ("8", "valkey8")],
    }
}

/// The parameter family of a version, or in words which versions there are.
pub(super) fn family(
    versions: &[(&'static str, &'static str)],
    version: &str,
) -> Result<&'static str, String> {
    let of = |start: &str| {
        version.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    versions.iter().find(|(start, _)| of(start)).map(|(_, family)| *family).ok_or_else(|| {
        let starts: Vec<&str> = versions.iter().map(|(start, _)| *start).collect();
        format!("a version that begins with {}", starts.join(" or "))
    })
}

/// Parameters that Caretaker sets itself: connections have a key of their own, and TLS is not for
/// a catalogue to turn off.
pub(super) const RESERVED_PARAMETERS: &[&str] =
    &["max_connections", "rds.force_ssl", "require_secure_transport"];
