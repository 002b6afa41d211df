//! The catalogue's alarms, one for each resource that has the metric, in the stack of that
//! resource.
//!
//! An alarm's message reaches the alert function through a topic, and CloudWatch sends no tags
//! along. So the description is a small JSON document: whose alarm it is, how urgent, and in
//! words what it says.
//!
//! ```json
//! {"alarm":"database-cpu","environment":"dev","product":"mate","resource":"mate-demo-dev-database",
//!  "severity":"critical","summary":"CPU of mate-demo-dev-database above 90 percent for 5 minutes",
//!  "tenant":"demo"}
//! ```

use domain::catalogue::{Alarm, Threshold};
use serde_json::{Value, json};

use super::cfn::{Draft, Resource};
use super::intrinsics::{document, pascal, reference};
use super::metrics::{Metric, Stack, Watched, metric, stack, watched};
use super::parameter;

/// Seconds of a period: the finest that AWS's own metrics have without extra cost.
const PERIOD_SECONDS: u32 = 60;

/// Adds the alarms that belong to this stack.
pub(super) fn add(draft: &mut Draft<'_>, this: Stack) {
    let alarms = draft.settings.alarms.iter().filter(|(_, alarm)| stack(alarm.metric) == this);
    for (name, alarm) in alarms {
        let metric = metric(alarm.metric, draft.settings);
        for watched in watched(draft, alarm.metric) {
            let mut full_name = name.clone();
            if let Some(suffix) = &watched.suffix {
                full_name = format!("{name}-{suffix}");
            }
            let properties = properties(draft, name, &full_name, alarm, &metric, &watched);
            let id = format!("Alarm{}", pascal(&full_name));
            let alarm = Resource::new("AWS::CloudWatch::Alarm", properties);
            draft.add(id, alarm.after(watched.after));
        }
    }
}

fn properties(
    draft: &Draft<'_>,
    name: &str,
    full_name: &str,
    alarm: &Alarm,
    metric: &Metric,
    watched: &Watched,
) -> Value {
    let (comparison, direction, threshold) = match alarm.threshold {
        Threshold::Above(value) => ("GreaterThanThreshold", "above", value),
        Threshold::Below(value) => ("LessThanThreshold", "below", value),
    };
    let summary = format!(
        "{} {} {direction} {threshold} {} for {} minute{}",
        metric.words,
        watched.name,
        metric.unit,
        alarm.for_minutes,
        if alarm.for_minutes == 1 { "" } else { "s" },
    );
    let description = json!({
        "alarm": name,
        "severity": alarm.severity.as_str(),
        "product": draft.tenant.product,
        "tenant": draft.tenant.id,
        "environment": draft.tenant.environment,
        "resource": watched.name,
        "summary": summary,
    });
    // CloudWatch keeps percentiles apart from the other statistics.
    let is_percentile = metric.statistic.starts_with('p');
    let statistic = if is_percentile { "ExtendedStatistic" } else { "Statistic" };
    let topic = [reference(parameter::ALARM_TOPIC_ARN)];
    json!({
        "AlarmName": draft.names.component(full_name),
        "AlarmDescription": document(description),
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": watched.alarm_dimensions(),
        statistic: metric.statistic,
        "Period": PERIOD_SECONDS,
        "EvaluationPeriods": alarm.for_minutes,
        "ComparisonOperator": comparison,
        "Threshold": threshold * metric.factor,
        "TreatMissingData": metric.missing,
        "AlarmActions": topic,
        // Who was woken is told when it is over.
        "OKActions": topic,
    })
}
