//! How severe an alarm is that does not say so itself: by a word in its name, then by what it looks
//! at. The thresholds are those of the products' own documents.

use domain::catalogue::Severity;

use super::wire::Alarm;

/// What makes an alarm critical: a metric beyond a bound. `true` is above, `false` below.
const CRITICAL: [(&str, &str, bool, f64); 8] = [
    // No task runs; no target is healthy.
    ("ECS/ContainerInsights", "RunningTaskCount", false, 1.0),
    ("AWS/ApplicationELB", "HealthyHostCount", false, 1.0),
    // A database without CPU answers nobody; a full cache forgets or refuses.
    ("AWS/RDS", "CPUUtilization", true, 90.0),
    ("AWS/ElastiCache", "DatabaseMemoryUsagePercentage", true, 95.0),
    // A storm of errors, in a minute.
    ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", true, 500.0),
    ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", true, 500.0),
    ("AWS/ApiGateway", "5XXError", true, 500.0),
    ("AWS/Lambda", "Errors", true, 500.0),
];

/// The severity of `alarm`, the same in each of its states.
pub(super) fn of(alarm: &Alarm) -> Severity {
    by_name(&alarm.name).or_else(|| by_metric(alarm)).unwrap_or(Severity::Warning)
}

fn by_name(name: &str) -> Option<Severity> {
    let name = name.to_lowercase();
    name.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|word| match word {
        "critical" | "crit" | "sev1" | "p1" => Some(Severity::Critical),
        "warning" | "warn" => Some(Severity::Warning),
        "info" => Some(Severity::Info),
        _ => None,
    })
}

fn by_metric(alarm: &Alarm) -> Option<Severity> {
    let metric = alarm.metric.as_ref()?;
    let threshold = alarm.threshold?;
    // Events do not say the comparison; the metric has but one that makes sense.
    let direction = alarm.comparison.as_deref();
    CRITICAL
        .iter()
        .find(|(namespace, name, is_above, bound)| {
            let word = if *is_above { "Greater" } else { "Less" };
            let is_metric = metric.namespace.as_deref() == Some(namespace) && metric.name == *name;
            let is_direction = direction.is_none_or(|it| it.starts_with(word));
            let is_beyond = if *is_above { threshold >= *bound } else { threshold <= *bound };
            is_metric && is_direction && is_beyond
        })
        .map(|_| Severity::Critical)
}
