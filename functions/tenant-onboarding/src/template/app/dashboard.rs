//! One page that shows how the tenant is: requests first, as its users see it, then what they
//! rest on.

use domain::catalogue::AlarmMetric;
use serde_json::{Value, json};

use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::{document, sub};
use crate::template::metrics::{Metric, metric, watched};

/// A dashboard is 24 columns wide (CloudWatch, dashboard body structure); three to a row.
const WIDGET_WIDTH: usize = 8;
/// CloudWatch's default, so it need not be said.
const WIDGET_HEIGHT: usize = 6;
const WIDGETS_IN_A_ROW: usize = 3;

/// Seconds that one point of a graph stands for.
const PERIOD_SECONDS: u32 = 60;

/// The graphs in their order, row by row.
const GRAPHS: [(&str, AlarmMetric); 12] = [
    ("Errors (5xx) a minute", AlarmMetric::ErrorsPerMinute),
    ("Latency, p95 (s)", AlarmMetric::Latency),
    ("Healthy targets", AlarmMetric::TargetsHealthy),
    ("Services: running tasks", AlarmMetric::ServiceRunningTasks),
    ("Services: CPU (%)", AlarmMetric::ServiceCpu),
    ("Services: memory (%)", AlarmMetric::ServiceMemory),
    ("Database: CPU (%)", AlarmMetric::DatabaseCpu),
    ("Database: connections", AlarmMetric::DatabaseConnections),
    ("Database: free storage (bytes)", AlarmMetric::DatabaseFreeStorage),
    ("Cache: engine CPU (%)", AlarmMetric::CacheCpu),
    ("Cache: memory (%)", AlarmMetric::CacheMemory),
    ("Unhealthy targets", AlarmMetric::TargetsUnhealthy),
];

/// Adds the dashboard.
pub(super) fn add(draft: &mut Draft<'_>) {
    let graphs = GRAPHS.iter().filter_map(|(title, shown)| {
        let metric = metric(*shown, draft.settings);
        let lines = lines(draft, *shown, &metric);
        (!lines.is_empty()).then_some((title, metric, lines))
    });
    let widgets: Vec<Value> = graphs
        .enumerate()
        .map(|(place, (title, metric, lines))| widget(place, title, &metric, &lines))
        .collect();
    let dashboard = Resource::new(
        "AWS::CloudWatch::Dashboard",
        json!({
            "DashboardName": draft.names.base(),
            "DashboardBody": sub(document(json!({ "widgets": widgets }))),
        }),
    );
    draft.add("Dashboard", dashboard);
}

/// The lines of a graph: one for each resource that has the metric.
fn lines(draft: &Draft<'_>, shown: AlarmMetric, metric: &Metric) -> Vec<Value> {
    let lines = watched(draft, shown).into_iter().map(|watched| {
        let mut line = vec![json!(metric.namespace), json!(metric.name)];
        line.extend(watched.dashboard_dimensions());
        Value::from(line)
    });
    lines.collect()
}

fn widget(place: usize, title: &str, metric: &Metric, lines: &[Value]) -> Value {
    json!({
        "type": "metric",
        "x": place % WIDGETS_IN_A_ROW * WIDGET_WIDTH,
        "y": place / WIDGETS_IN_A_ROW * WIDGET_HEIGHT,
        "width": WIDGET_WIDTH,
        "properties": {
            "title": title,
            "region": "${AWS::Region}",
            "stat": metric.statistic,
            "period": PERIOD_SECONDS,
            "metrics": lines,
        },
    })
}
