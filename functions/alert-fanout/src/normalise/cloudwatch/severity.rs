//! How severe an alarm is that does not say so itself: by a word in its name, then by what it looks
//! at. The thresholds are those of the products' own documents.
//!
//! What is not critical by them is a warning: a processor over 75 %, connections or memory over 80 %,
//! more than two seconds of latency, more than 100 errors a minute, and whatever else somebody made
//! an alarm for. No metric is only an information.

use domain::catalogue::Severity;

use super::wire::Alarm;

/// What makes an alarm critical: a metric beyond a bound.
struct Bound {
    namespace: &'static str,
    metric: &'static str,
    side: Side,
    value: f64,
}

/// On which side of a bound it is bad.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    /// More of a share (percent) or a level is bad.
    Above,
    /// More of them in a minute is bad: an alarm that adds up five minutes has five times as many.
    AboveInAMinute,
    /// Fewer is bad: none is left.
    Below,
}

const fn bound(namespace: &'static str, metric: &'static str, side: Side, value: f64) -> Bound {
    Bound { namespace, metric, side, value }
}

const CRITICAL: [Bound; 11] = [
    // No task runs; no target is healthy.
    bound("ECS/ContainerInsights", "RunningTaskCount", Side::Below, 1.0),
    bound("AWS/ApplicationELB", "HealthyHostCount", Side::Below, 1.0),
    bound("AWS/NetworkELB", "HealthyHostCount", Side::Below, 1.0),
    // A database without CPU answers nobody; a full cache forgets or refuses.
    bound("AWS/RDS", "CPUUtilization", Side::Above, 90.0),
    bound("AWS/ElastiCache", "DatabaseMemoryUsagePercentage", Side::Above, 95.0),
    bound("AWS/ElastiCache", "DatabaseCapacityUsagePercentage", Side::Above, 95.0),
    // A storm of errors.
    bound("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", Side::AboveInAMinute, 500.0),
    bound("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", Side::AboveInAMinute, 500.0),
    bound("AWS/ApiGateway", "5XXError", Side::AboveInAMinute, 500.0),
    bound("AWS/ApiGateway", "5xx", Side::AboveInAMinute, 500.0),
    bound("AWS/Lambda", "Errors", Side::AboveInAMinute, 500.0),
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
    let is_named = |bound: &&Bound| {
        metric.namespace.as_deref() == Some(bound.namespace) && metric.name == bound.metric
    };
    let bound = CRITICAL.iter().find(is_named)?;
    // Events do not say the comparison; the metric has but one that makes sense.
    let comparison = alarm.comparison.as_deref();
    let is_inclusive = comparison.is_some_and(|it| it.contains("OrEqual"));
    let word = if bound.side == Side::Below { "Less" } else { "Greater" };
    let is_direction = comparison.is_none_or(|it| it.starts_with(word));
    let is_beyond = match bound.side {
        Side::Above => threshold >= bound.value,
        Side::AboveInAMinute => threshold / metric.minutes() >= bound.value,
        // `<= 1` goes off while one is left.
        Side::Below if is_inclusive => threshold < bound.value,
        Side::Below => threshold <= bound.value,
    };
    (is_direction && is_beyond).then_some(Severity::Critical)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::fields::Fields;
    use super::*;

    /// The severity of an alarm that says nothing itself: `AWS/RDS CPUUtilization > 90` in periods of
    /// so many seconds.
    fn severity(condition: &str, period_seconds: u32) -> Severity {
        let [namespace, metric, sign, threshold] =
            condition.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let comparison = match sign {
            ">" => "GreaterThanThreshold",
            ">=" => "GreaterThanOrEqualToThreshold",
            "<" => "LessThanThreshold",
            "<=" => "LessThanOrEqualToThreshold",
            other => panic!("an unknown comparison: {other}"),
        };
        let message = json!({
            "AlarmName": "somebodys-own",
            "NewStateValue": "ALARM",
            "Trigger": {
                "Namespace": namespace,
                "MetricName": metric,
                "Period": period_seconds,
                "EvaluationPeriods": 1,
                "ComparisonOperator": comparison,
                "Threshold": threshold.parse::<f64>().unwrap(),
            },
        });
        of(&Alarm::of_message(Fields(&message)).unwrap())
    }

    #[test]
    fn what_stops_a_tenant_is_critical_and_what_will_is_a_warning() {
        for (condition, expected) in [
            // All tasks stopped.
            ("ECS/ContainerInsights RunningTaskCount < 1", Severity::Critical),
            ("ECS/ContainerInsights RunningTaskCount <= 0", Severity::Critical),
            ("ECS/ContainerInsights RunningTaskCount <= 1", Severity::Warning),
            ("ECS/ContainerInsights RunningTaskCount < 2", Severity::Warning),
            ("ECS/ContainerInsights RunningTaskCount > 0", Severity::Warning),
            // Database CPU > 90 %.
            ("AWS/RDS CPUUtilization > 90", Severity::Critical),
            ("AWS/RDS CPUUtilization > 89", Severity::Warning),
            ("AWS/RDS CPUUtilization < 95", Severity::Warning),
            // Redis memory > 95 %.
            ("AWS/ElastiCache DatabaseMemoryUsagePercentage > 95", Severity::Critical),
            ("AWS/ElastiCache DatabaseMemoryUsagePercentage > 80", Severity::Warning),
            // All targets unhealthy.
            ("AWS/ApplicationELB HealthyHostCount < 1", Severity::Critical),
            ("AWS/NetworkELB HealthyHostCount < 1", Severity::Critical),
            ("AWS/ApplicationELB HealthyHostCount < 2", Severity::Warning),
            ("AWS/ApplicationELB UnHealthyHostCount > 0", Severity::Warning),
            // More than 500 errors a minute.
            ("AWS/ApplicationELB HTTPCode_Target_5XX_Count > 500", Severity::Critical),
            ("AWS/ApplicationELB HTTPCode_ELB_5XX_Count > 500", Severity::Critical),
            ("AWS/ApplicationELB HTTPCode_Target_5XX_Count > 100", Severity::Warning),
            // The other warnings: CPU > 75 %, connections > 80 (percent or not, CloudWatch counts
            // them), latency > 2 s.
            ("AWS/ECS CPUUtilization > 75", Severity::Warning),
            ("AWS/ECS MemoryUtilization > 80", Severity::Warning),
            ("AWS/RDS DatabaseConnections > 80", Severity::Warning),
            ("AWS/ApplicationELB TargetResponseTime > 2", Severity::Warning),
            // The same name of another service says nothing.
            ("AWS/EC2 CPUUtilization > 95", Severity::Warning),
        ] {
            assert_eq!(severity(condition, 60), expected, "{condition}");
        }
    }

    #[test]
    fn errors_are_counted_by_the_minute_whatever_the_alarms_period() {
        for (threshold, period_seconds, expected) in [
            (500, 60, Severity::Critical),
            (500, 300, Severity::Warning),
            (2_500, 300, Severity::Critical),
            (100, 10, Severity::Critical),
            (83, 10, Severity::Warning),
        ] {
            let condition = format!("AWS/ApplicationELB HTTPCode_Target_5XX_Count > {threshold}");
            assert_eq!(
                severity(&condition, period_seconds),
                expected,
                "{threshold} in {period_seconds} s"
            );
        }
    }

    #[test]
    fn a_word_in_the_name_says_more_than_the_metric() {
        for (name, expected) in [
            ("web-5xx-critical", Some(Severity::Critical)),
            ("P1 database", Some(Severity::Critical)),
            ("queue_warn", Some(Severity::Warning)),
            ("info.disk", Some(Severity::Info)),
            ("information-desk", None),
            ("criticality", None),
        ] {
            assert_eq!(by_name(name), expected, "{name}");
        }
    }
}
