//! What wakes somebody, and how urgently.

use serde::{Deserialize, Serialize};

/// How urgently a person must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For trends; mail.
    Info,
    /// In business hours; chat.
    Warning,
    /// At once; a page.
    Critical,
}

impl Severity {
    /// All severities, from the least urgent.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The severity's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// `alarms.<name>`: a CloudWatch alarm on each resource that has the metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// `metric`: what is looked at.
    pub metric: AlarmMetric,
    /// `above` or `below`: the threshold, in the metric's unit. Exactly one of the two is given.
    pub threshold: Threshold,
    /// `for_minutes`: how many one-minute periods in a row.
    pub for_minutes: u32,
    /// `severity`: `critical`, `warning` or `info`.
    pub severity: Severity,
}

/// A bound and its direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// Alarms when the metric is greater.
    Above(f64),
    /// Alarms when the metric is less.
    Below(f64),
}

/// What an alarm may look at. The doc of each says the key, the unit and the CloudWatch metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmMetric {
    /// `database-cpu`, percent: `AWS/RDS CPUUtilization`.
    DatabaseCpu,
    /// `database-connections`, percent of `max_connections`: `AWS/RDS DatabaseConnections`.
    DatabaseConnections,
    /// `database-free-storage`, gigabytes: `AWS/RDS FreeStorageSpace` (RDS) or
    /// `FreeLocalStorage` (Aurora).
    DatabaseFreeStorage,
    /// `cache-cpu`, percent: `AWS/ElastiCache EngineCPUUtilization`.
    CacheCpu,
    /// `cache-memory`, percent: `AWS/ElastiCache DatabaseMemoryUsagePercentage`.
    CacheMemory,
    /// `service-cpu`, percent: `AWS/ECS CPUUtilization`, for each service.
    ServiceCpu,
    /// `service-memory`, percent: `AWS/ECS MemoryUtilization`, for each service.
    ServiceMemory,
    /// `service-running-tasks`, count: `ECS/ContainerInsights RunningTaskCount`, each service.
    ServiceRunningTasks,
    /// `targets-healthy`, count: `AWS/ApplicationELB HealthyHostCount`, each HTTP service.
    TargetsHealthy,
    /// `targets-unhealthy`, count: `AWS/ApplicationELB UnHealthyHostCount`, each HTTP service.
    TargetsUnhealthy,
    /// `latency`, seconds: `AWS/ApplicationELB TargetResponseTime`, each HTTP service.
    Latency,
    /// `errors-per-minute`, count: `AWS/ApplicationELB HTTPCode_Target_5XX_Count`, each HTTP
    /// service.
    ErrorsPerMinute,
}

impl AlarmMetric {
    /// All metrics.
    pub const ALL: [Self; 12] = [
        Self::DatabaseCpu,
        Self::DatabaseConnections,
        Self::DatabaseFreeStorage,
        Self::CacheCpu,
        Self::CacheMemory,
        Self::ServiceCpu,
        Self::ServiceMemory,
        Self::ServiceRunningTasks,
        Self::TargetsHealthy,
        Self::TargetsUnhealthy,
        Self::Latency,
        Self::ErrorsPerMinute,
    ];

    /// The metric's key in a catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DatabaseCpu => "database-cpu",
            Self::DatabaseConnections => "database-connections",
            Self::DatabaseFreeStorage => "database-free-storage",
            Self::CacheCpu => "cache-cpu",
            Self::CacheMemory => "cache-memory",
            Self::ServiceCpu => "service-cpu",
            Self::ServiceMemory => "service-memory",
            Self::ServiceRunningTasks => "service-running-tasks",
            Self::TargetsHealthy => "targets-healthy",
            Self::TargetsUnhealthy => "targets-unhealthy",
            Self::Latency => "latency",
            Self::ErrorsPerMinute => "errors-per-minute",
        }
    }

    /// What the metric is counted in.
    pub fn unit(self) -> AlarmUnit {
        match self {
            Self::DatabaseCpu
            | Self::DatabaseConnections
            | Self::CacheCpu
            | Self::CacheMemory
            | Self::ServiceCpu
            | Self::ServiceMemory => AlarmUnit::Percent,
            Self::DatabaseFreeStorage => AlarmUnit::Gigabytes,
            Self::Latency => AlarmUnit::Seconds,
            Self::ServiceRunningTasks
            | Self::TargetsHealthy
            | Self::TargetsUnhealthy
            | Self::ErrorsPerMinute => AlarmUnit::Count,
        }
    }
}

/// What an [`AlarmMetric`] is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmUnit {
    /// 0 to 100.
    Percent,
    /// 10⁹ bytes.
    Gigabytes,
    /// Seconds.
    Seconds,
    /// How many.
    Count,
}
