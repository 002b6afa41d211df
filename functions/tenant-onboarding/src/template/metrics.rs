//! What can be watched of a tenant: CloudWatch's names for the catalogue's metrics, and the
//! resources that have them. Alarms and the dashboard look at the same figures.

use domain::catalogue::{AlarmMetric, Settings};
use serde_json::{Value, json};

use super::app::{service_id, target_group_id};
use super::cfn::Draft;
use super::data;
use super::intrinsics::text;
use super::{identifiers, parameter};

/// Bytes of a gigabyte as RDS counts: storage is allocated in GiB.
const GIGABYTE_BYTES: f64 = 1_073_741_824.0;

/// A metric in CloudWatch.
pub(super) struct Metric {
    /// Such as `AWS/RDS`.
    pub(super) namespace: &'static str,
    /// Such as `CPUUtilization`.
    pub(super) name: &'static str,
    /// What is made of a minute's values: `Average`, `Maximum`, `Sum`, `p95`, …
    pub(super) statistic: &'static str,
    /// What no value means to an alarm (`TreatMissingData`).
    pub(super) missing: &'static str,
    /// In words, for people: `CPU of`.
    pub(super) words: &'static str,
    /// The catalogue's unit, for people.
    pub(super) unit: &'static str,
    /// What a threshold in the catalogue's unit is multiplied by to be in CloudWatch's.
    pub(super) factor: f64,
}

/// No value: nothing is known, and nobody is woken. A stopped database has no CPU.
const UNKNOWN: &str = "missing";
/// No value: nothing happened. The load balancer reports no zeros.
const GOOD: &str = "notBreaching";
/// No value: the thing that should report is gone.
const BAD: &str = "breaching";

/// CloudWatch's side of a catalogue's metric.
pub(super) fn metric(metric: AlarmMetric, settings: &Settings) -> Metric {
    let is_aurora = settings.database.engine.is_aurora();
    let new = |namespace, name, statistic, missing, words, unit| Metric {
        namespace,
        name,
        statistic,
        missing,
        words,
        unit,
        factor: 1.0,
    };
    let rds = |name, statistic, words, unit, factor| Metric {
        factor,
        ..new("AWS/RDS", name, statistic, UNKNOWN, words, unit)
    };
    let percent = "percent";
    match metric {
        AlarmMetric::DatabaseCpu => rds("CPUUtilization", "Average", "CPU of", percent, 1.0),
        AlarmMetric::DatabaseConnections => {
            let one_percent = f64::from(settings.database.max_connections) / 100.0;
            let unit = "percent of max_connections";
            rds("DatabaseConnections", "Maximum", "Connections to", unit, one_percent)
        }
        AlarmMetric::DatabaseFreeStorage => {
            let name = if is_aurora { "FreeLocalStorage" } else { "FreeStorageSpace" };
            rds(name, "Minimum", "Free storage of", "GB", GIGABYTE_BYTES)
        }
        AlarmMetric::CacheCpu => {
            let name = "EngineCPUUtilization";
            new("AWS/ElastiCache", name, "Average", UNKNOWN, "Engine CPU of", percent)
        }
        AlarmMetric::CacheMemory => {
            let name = "DatabaseMemoryUsagePercentage";
            new("AWS/ElastiCache", name, "Maximum", UNKNOWN, "Memory of", percent)
        }
        AlarmMetric::ServiceCpu => {
            new("AWS/ECS", "CPUUtilization", "Average", UNKNOWN, "CPU of", percent)
        }
        AlarmMetric::ServiceMemory => {
            new("AWS/ECS", "MemoryUtilization", "Average", UNKNOWN, "Memory of", percent)
        }
        AlarmMetric::ServiceRunningTasks => {
            let name = "RunningTaskCount";
            new("ECS/ContainerInsights", name, "Minimum", BAD, "Running tasks of", "tasks")
        }
        AlarmMetric::TargetsHealthy => {
            load_balancer("HealthyHostCount", "Minimum", BAD, "Healthy targets of", "targets")
        }
        AlarmMetric::TargetsUnhealthy => {
            load_balancer("UnHealthyHostCount", "Maximum", GOOD, "Unhealthy targets of", "targets")
        }
        AlarmMetric::Latency => load_balancer(
            "TargetResponseTime",
            "p95",
            GOOD,
            "95th percentile latency of",
            "seconds",
        ),
        AlarmMetric::ErrorsPerMinute => {
            let name = "HTTPCode_Target_5XX_Count";
            load_balancer(name, "Sum", GOOD, "5xx answers of", "a minute")
        }
    }
}

fn load_balancer(
    name: &'static str,
    statistic: &'static str,
    missing: &'static str,
    words: &'static str,
    unit: &'static str,
) -> Metric {
    Metric { namespace: "AWS/ApplicationELB", name, statistic, missing, words, unit, factor: 1.0 }
}

/// Something that has a metric.
pub(super) struct Watched {
    /// What tells it from its siblings in names: a service's name, a node's number; nothing for
    /// an only child.
    pub(super) suffix: Option<String>,
    /// Its name, for people.
    pub(super) name: String,
    /// The logical id that an alarm waits for, where its dimensions do not wait already: what is
    /// still being made must wake nobody.
    pub(super) after: Option<String>,
    /// CloudWatch's dimensions; a value may hold `${…}`.
    dimensions: Vec<(&'static str, String)>,
}

impl Watched {
    /// The dimensions as an alarm has them.
    pub(super) fn alarm_dimensions(&self) -> Value {
        self.dimensions
            .iter()
            .map(|(name, value)| json!({ "Name": name, "Value": text(value) }))
            .collect()
    }

    /// The dimensions as a dashboard has them: names and values in turn, for an `Fn::Sub`.
    pub(super) fn dashboard_dimensions(&self) -> impl Iterator<Item = Value> {
        self.dimensions.iter().flat_map(|(name, value)| [json!(name), json!(value)])
    }
}

/// One of a tenant's two stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stack {
    /// What must not be lost.
    Data,
    /// What can be made again.
    App,
}

/// The stack that has what the metric is about.
pub(super) fn stack(metric: AlarmMetric) -> Stack {
    match metric {
        AlarmMetric::DatabaseCpu
        | AlarmMetric::DatabaseConnections
        | AlarmMetric::DatabaseFreeStorage
        | AlarmMetric::CacheCpu
        | AlarmMetric::CacheMemory => Stack::Data,
        AlarmMetric::ServiceCpu
        | AlarmMetric::ServiceMemory
        | AlarmMetric::ServiceRunningTasks
        | AlarmMetric::TargetsHealthy
        | AlarmMetric::TargetsUnhealthy
        | AlarmMetric::Latency
        | AlarmMetric::ErrorsPerMinute => Stack::App,
    }
}

/// Everything of the tenant that has the metric.
pub(super) fn watched(draft: &Draft<'_>, metric: AlarmMetric) -> Vec<Watched> {
    match metric {
        AlarmMetric::DatabaseCpu
        | AlarmMetric::DatabaseConnections
        | AlarmMetric::DatabaseFreeStorage => databases(draft),
        AlarmMetric::CacheCpu | AlarmMetric::CacheMemory => cache_nodes(draft),
        AlarmMetric::ServiceCpu | AlarmMetric::ServiceMemory | AlarmMetric::ServiceRunningTasks => {
            services(draft)
        }
        AlarmMetric::TargetsHealthy
        | AlarmMetric::TargetsUnhealthy
        | AlarmMetric::Latency
        | AlarmMetric::ErrorsPerMinute => target_groups(draft),
    }
}

fn databases(draft: &Draft<'_>) -> Vec<Watched> {
    let settings = &draft.settings.database;
    let is_aurora = settings.engine.is_aurora();
    let instances = identifiers::database_instances(&draft.names, settings);
    let watched = (1..).zip(instances).map(|(number, name)| Watched {
        suffix: is_aurora.then(|| number.to_string()),
        after: Some(if is_aurora { data::instance_id(number) } else { data::DATABASE.to_owned() }),
        dimensions: vec![("DBInstanceIdentifier", name.clone())],
        name,
    });
    watched.collect()
}

fn cache_nodes(draft: &Draft<'_>) -> Vec<Watched> {
    let Some(settings) = &draft.settings.cache else { return Vec::new() };
    let nodes = identifiers::cache_nodes(&draft.names, settings);
    let watched = (1_u32..).zip(nodes).map(|(number, name)| Watched {
        suffix: (settings.replicas > 0).then(|| number.to_string()),
        after: Some(data::CACHE.to_owned()),
        dimensions: vec![("CacheClusterId", name.clone())],
        name,
    });
    watched.collect()
}

fn services(draft: &Draft<'_>) -> Vec<Watched> {
    let watched = draft.settings.services.keys().map(|name| Watched {
        suffix: Some(name.clone()),
        name: draft.names.component(name),
        after: None,
        dimensions: vec![
            ("ClusterName", format!("${{{}}}", parameter::CLUSTER_NAME)),
            ("ServiceName", format!("${{{}.Name}}", service_id(name))),
        ],
    });
    watched.collect()
}

fn target_groups(draft: &Draft<'_>) -> Vec<Watched> {
    let services = draft.settings.services.iter().filter(|(_, service)| service.http.is_some());
    let watched = services.map(|(name, _)| Watched {
        suffix: Some(name.clone()),
        name: draft.names.component(name),
        after: Some(service_id(name)),
        dimensions: vec![
            ("TargetGroup", format!("${{{}.TargetGroupFullName}}", target_group_id(name))),
            ("LoadBalancer", format!("${{{}}}", parameter::LOAD_BALANCER_FULL_NAME)),
        ],
    });
    watched.collect()
}
