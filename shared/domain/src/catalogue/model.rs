//! The shape of a catalogue's settings: plain data, one struct for each table of the file.
//!
//! The doc of a field is the documentation of its key. Sizes are in the unit that the name
//! ends with.

mod alarms;
pub mod alerting;
mod matcher;
mod rotation;
mod text;

use std::collections::BTreeMap;

pub use alarms::{Alarm, AlarmMetric, AlarmUnit, Severity, Threshold};
pub use matcher::{InvalidMatcher, MatchOperator, Matcher, is_label_name};
pub use rotation::{DatabasePrivilege, DatabaseUser, Rotation, RotationStrategy};
pub use text::{DatabaseField, Piece, Placeholder, SecretReference, Text};

/// Everything that one tier of one environment wants. A tenant's templates are a function of
/// this and of the tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `database`: the tenant's own database.
    pub database: Database,
    /// `cache`: the tenant's own cache, if the product has one.
    pub cache: Option<Cache>,
    /// `buckets.<name>`: the tenant's buckets; each is `{product}-{tenant}-{environment}-<name>`.
    pub buckets: BTreeMap<String, Bucket>,
    /// `file_system`: an access point on the environment's shared EFS file system.
    pub file_system: Option<FileSystem>,
    /// `keys.<name>`: application keys, generated and rotated.
    pub keys: BTreeMap<String, Key>,
    /// `services.<name>`: the ECS services of the application, each laid over `every_service`;
    /// exactly one of them has `http`.
    pub services: BTreeMap<String, Service>,
    /// `alarms.<name>`: what wakes somebody.
    pub alarms: BTreeMap<String, Alarm>,
    /// `rotation`: how often secrets change, and how.
    pub rotation: Rotation,
    /// `logs.retention_days`: how long CloudWatch keeps the services' logs; one of the values
    /// that CloudWatch Logs accepts.
    pub log_retention_days: u32,
    /// `recovery`: what a restore must achieve.
    pub recovery: Recovery,
}

/// A database engine by its name in RDS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseEngine {
    /// `postgres`: RDS for PostgreSQL.
    Postgres,
    /// `mysql`: RDS for MySQL.
    Mysql,
    /// `mariadb`: RDS for MariaDB.
    Mariadb,
    /// `aurora-postgresql`: an Aurora cluster.
    AuroraPostgresql,
    /// `aurora-mysql`: an Aurora cluster.
    AuroraMysql,
}

impl DatabaseEngine {
    /// All engines.
    pub const ALL: [Self; 5] =
        [Self::Postgres, Self::Mysql, Self::Mariadb, Self::AuroraPostgresql, Self::AuroraMysql];

    /// RDS's name of the engine.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
            Self::AuroraPostgresql => "aurora-postgresql",
            Self::AuroraMysql => "aurora-mysql",
        }
    }

    /// Whether it is an Aurora cluster rather than an instance.
    pub fn is_aurora(self) -> bool {
        matches!(self, Self::AuroraPostgresql | Self::AuroraMysql)
    }

    /// Whether it speaks PostgreSQL's protocol rather than MySQL's.
    pub fn is_postgres(self) -> bool {
        matches!(self, Self::Postgres | Self::AuroraPostgresql)
    }

    /// The port that the engine listens on unless told otherwise.
    pub fn default_port(self) -> u16 {
        if self.is_postgres() { 5432 } else { 3306 }
    }
}

/// `database`: an RDS instance or an Aurora cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// `engine`: `postgres`, `mysql`, `mariadb`, `aurora-postgresql` or `aurora-mysql`.
    pub engine: DatabaseEngine,
    /// `version`: the engine's version as RDS writes it.
    pub version: String,
    /// `parameter_family`: the parameter group's family, such as `postgres15`.
    pub parameter_family: String,
    /// `name`: the database inside the server.
    pub name: String,
    /// `port`; the engine's own by default.
    pub port: u16,
    /// `class`: the instance class, such as `db.t4g.micro`.
    pub class: String,
    /// `instances`: how many instances an Aurora cluster has; 1, and not to be given, for RDS.
    pub instances: u32,
    /// `storage_gb`: allocated storage, from 20 (RDS). Aurora grows by itself: 0, not to be given.
    pub storage_gb: u32,
    /// `storage_max_gb`: up to where storage grows by itself (RDS), at least a tenth more than
    /// `storage_gb`. Aurora: 0, not to be given.
    pub storage_max_gb: u32,
    /// `multi_az`: a standby in another availability zone (RDS); false by default.
    pub multi_az: bool,
    /// `backup_retention_days`: 1 to 35.
    pub backup_retention_days: u32,
    /// `backup_window`: `hh:mm-hh:mm`, UTC.
    pub backup_window: String,
    /// `maintenance_window`: `ddd:hh:mm-ddd:hh:mm`, UTC.
    pub maintenance_window: String,
    /// `deletion_protection`.
    pub deletion_protection: bool,
    /// `performance_insights`; false by default.
    pub performance_insights: bool,
    /// `monitoring_interval_seconds`: Enhanced Monitoring; 0, the default, is off.
    pub monitoring_interval_seconds: u32,
    /// `max_connections`: set in the parameter group; alarms on connections are a share of it.
    pub max_connections: u32,
    /// `parameters`: further parameters of the parameter group; texts or whole numbers. TLS and
    /// `max_connections` are Caretaker's own.
    pub parameters: BTreeMap<String, String>,
    /// `extensions`: PostgreSQL extensions that the application may rely on.
    pub extensions: Vec<String>,
    /// `log_exports`: the logs that go to CloudWatch, such as `postgresql` or `slowquery`.
    pub log_exports: Vec<String>,
}

/// A cache engine by its name in ElastiCache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheEngine {
    /// `redis`
    Redis,
    /// `valkey`
    Valkey,
}

impl CacheEngine {
    /// ElastiCache's name of the engine.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Valkey => "valkey",
        }
    }
}

/// `cache`: an ElastiCache replication group with TLS and an auth token.
#[derive(Debug, Clone, PartialEq)]
pub struct Cache {
    /// `engine`: `redis` or `valkey`.
    pub engine: CacheEngine,
    /// `version`, such as `7.0`.
    pub version: String,
    /// `parameter_family`, such as `redis7`.
    pub parameter_family: String,
    /// `node_type`, such as `cache.t4g.micro`.
    pub node_type: String,
    /// `port`; 6379 by default.
    pub port: u16,
    /// `replicas`: beside the primary, none by default; with at least one, failover is automatic over several
    /// availability zones.
    pub replicas: u32,
    /// `snapshot_retention_days`; 0, the default, is none.
    pub snapshot_retention_days: u32,
    /// `parameters`: of the parameter group.
    pub parameters: BTreeMap<String, String>,
}

/// `buckets.<name>`: encrypted, without public access; the rest is said here.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// `versioning`; true by default.
    pub versioning: bool,
    /// `glacier_after_days`: when objects move to Glacier, if ever.
    pub glacier_after_days: Option<u32>,
    /// `expire_after_days`: when objects are deleted, if ever.
    pub expire_after_days: Option<u32>,
    /// `noncurrent_expire_after_days`: when overwritten versions are deleted; 30 by default.
    pub noncurrent_expire_after_days: u32,
    /// `cors_uploads`: whether browsers on the tenant's host name may upload; false by default.
    pub cors_uploads: bool,
}

/// `file_system`: a tenant's own directory on the shared EFS file system.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSystem {
    /// `mount_path`: where services see it.
    pub mount_path: String,
    /// `uid`: the POSIX user that owns it.
    pub uid: u32,
    /// `gid`: the POSIX group that owns it.
    pub gid: u32,
    /// `services`: which services mount it.
    pub services: Vec<String>,
}

/// `keys.<name>`: a generated application key. Its secret is the JSON
/// `{"key": "…", "fallbacks": ""}`: a rotation puts the new key first and keeps the old ones,
/// comma separated, as fallbacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// `length`: characters, letters and digits; 50 by default.
    pub length: u32,
}

/// `services.<name>`: an ECS Fargate service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// `image`: repository and tag, without the registry: `mate-web:stable`.
    pub image: String,
    /// `command`: what runs in it; the image's own command where empty.
    pub command: Vec<String>,
    /// `user`: `uid:gid`, never root.
    pub user: String,
    /// `cpu`: CPU units, 1024 to a core.
    pub cpu: u32,
    /// `memory_mb`.
    pub memory_mb: u32,
    /// `writable_paths`: empty directories to write to; everything else is read-only.
    pub writable_paths: Vec<String>,
    /// `http`: how the load balancer reaches it, if it does.
    pub http: Option<Http>,
    /// `health_command`: the container's own health check, without ECS's word `CMD` in front; exit
    /// code 0 is healthy.
    pub health_command: Vec<String>,
    /// `count`: tasks to start with, and at least; 1 by default.
    pub count: u32,
    /// `scaling`: where more tasks come from; none where the service must stay single.
    pub scaling: Option<Scaling>,
    /// `environment.<NAME>`: plain variables; may hold [`Placeholder`]s.
    pub environment: BTreeMap<String, Text>,
    /// `secrets.<NAME>`: variables that come from a secret.
    pub secrets: BTreeMap<String, SecretReference>,
}

/// `services.<name>.http`: a target group and a host-header rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// `port` on which the container listens.
    pub port: u16,
    /// `health_path`: answers 200 when the task can serve.
    pub health_path: String,
    /// `health_interval_seconds`: 5 to 300; 30 by default.
    pub health_interval_seconds: u32,
    /// `grace_seconds`: how long a starting task may fail its health checks; 60 by default.
    pub grace_seconds: u32,
    /// `drain_seconds`: how long a leaving task keeps its open connections; 300 by default.
    pub drain_seconds: u32,
    /// `sticky_sessions`; false by default.
    pub sticky_sessions: bool,
}

/// `services.<name>.scaling`: target tracking.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    /// `max`: the most tasks.
    pub max: u32,
    /// `cpu_percent` to keep to.
    pub cpu_percent: u32,
    /// `memory_percent` to keep to.
    pub memory_percent: u32,
    /// `requests_per_minute_per_task` to keep to; only with `http`.
    pub requests_per_minute_per_task: Option<u32>,
    /// `out_cooldown_seconds`
    pub out_cooldown_seconds: u32,
    /// `in_cooldown_seconds`
    pub in_cooldown_seconds: u32,
}

/// `recovery`: what backups must make possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// `rpo_minutes`: recovery point objective, the most data that may be lost.
    pub rpo_minutes: u32,
    /// `rto_minutes`: recovery time objective, the longest a restore may take.
    pub rto_minutes: u32,
}
