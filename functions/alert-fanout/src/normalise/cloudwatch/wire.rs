//! The three shapes in which an alarm comes, as one.

use jiff::Timestamp;
use serde_json::Value;

use super::super::arn::{Arn, name_in};
use super::super::eventbridge::Event;
use super::super::fields::Fields;
use super::super::time;

/// How many alarms that a composite alarm went off for are told.
const CHILDREN_MAX: usize = 20;

/// The most dimensions that CloudWatch allows (`PutMetricData`).
const DIMENSIONS_MAX: usize = 30;

/// A change of an alarm's state.
#[derive(Debug, Clone, Default)]
pub(super) struct Alarm {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) account: String,
    pub(super) region: String,
    arn: Option<String>,
    /// `ALARM`, `OK` or `INSUFFICIENT_DATA`.
    pub(super) state: String,
    pub(super) state_before: String,
    pub(super) reason: Option<String>,
    reason_data: Option<Value>,
    pub(super) changed_at: Option<Timestamp>,
    pub(super) metric: Option<Metric>,
    pub(super) threshold: Option<f64>,
    pub(super) comparison: Option<String>,
    /// The rule of a composite alarm.
    pub(super) rule: Option<String>,
    /// The alarms that a composite alarm went off for.
    pub(super) children: Vec<String>,
}

/// What an alarm looks at.
#[derive(Debug, Clone, Default)]
pub(super) struct Metric {
    pub(super) namespace: Option<String>,
    /// The metric's name, or the label of an expression.
    pub(super) name: String,
    pub(super) statistic: Option<String>,
    pub(super) dimensions: Vec<(String, String)>,
    /// The expression of metric math.
    pub(super) expression: Option<String>,
    period_seconds: Option<f64>,
    periods: Option<f64>,
}

impl Metric {
    /// The value of a dimension.
    pub(super) fn dimension(&self, name: &str) -> Option<&str> {
        self.dimensions.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// What the metric is of, in as few words as say it: the most specific dimension.
    pub(super) fn watched(&self) -> Option<&str> {
        const SPECIFIC: [&str; 6] = [
            "ServiceName",
            "TargetGroup",
            "DBInstanceIdentifier",
            "CacheClusterId",
            "FunctionName",
            "QueueName",
        ];
        let specific = SPECIFIC.iter().find_map(|name| self.dimension(name));
        let value =
            specific.or_else(|| self.dimensions.first().map(|(_, value)| value.as_str()))?;
        // `targetgroup/mate-demo-dev-django/943f017f100becff`
        let name = value.strip_prefix("targetgroup/").and_then(|rest| rest.split('/').next());
        Some(name.unwrap_or(value))
    }

    /// The length of a period in minutes; one where it is not said, as it is usual.
    pub(super) fn minutes(&self) -> f64 {
        const MINUTE_SECONDS: f64 = 60.0;
        let seconds = self.period_seconds.filter(|seconds| *seconds > 0.0);
        seconds.unwrap_or(MINUTE_SECONDS) / MINUTE_SECONDS
    }

    /// How long before the change the alarm began to look, in seconds; at most a day, the longest
    /// that alarms of a minute's period can look back.
    pub(super) fn looks_back_seconds(&self) -> i64 {
        const DAY_SECONDS: f64 = 86_400.0;
        let seconds = self.period_seconds.unwrap_or(0.0) * self.periods.unwrap_or(1.0);
        if !(0.0..=DAY_SECONDS).contains(&seconds) {
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "between zero and a day")]
        let seconds = seconds as i64;
        seconds.saturating_mul(2)
    }
}

impl Alarm {
    /// What CloudWatch publishes to a topic.
    pub(super) fn of_message(fields: Fields<'_>) -> Option<Self> {
        let name = fields.text("AlarmName")?;
        let state = fields.text("NewStateValue")?;
        let trigger = fields.at("Trigger");
        let arn = fields.text("AlarmArn");
        // `Region` is a name for people, `EU (Ireland)`.
        let region = arn.and_then(Arn::of).map(|arn| arn.region).unwrap_or_default();
        let children = fields.list("TriggeringChildren").filter_map(|child| child.text("Arn"));
        let text = |key: &str| fields.text(key).map(str::to_owned);
        Some(Self {
            name: name.to_owned(),
            description: text("AlarmDescription"),
            account: text("AWSAccountId").unwrap_or_default(),
            region: region.to_owned(),
            arn: arn.map(str::to_owned),
            state: state.to_owned(),
            state_before: text("OldStateValue").unwrap_or_default(),
            reason: text("NewStateReason"),
            reason_data: fields.text("NewStateReasonData").and_then(parsed),
            changed_at: fields.text("StateChangeTime").and_then(time::parse),
            metric: Metric::of_trigger(trigger),
            threshold: trigger.number("Threshold"),
            comparison: trigger.text("ComparisonOperator").map(str::to_owned),
            rule: text("AlarmRule"),
            children: children.take(CHILDREN_MAX).map(|arn| name_in(arn).to_owned()).collect(),
        })
    }

    /// What CloudWatch invokes a function with.
    pub(super) fn of_action(fields: Fields<'_>) -> Option<Self> {
        let arn = fields.text("alarmArn").or_else(|| fields.texts("resources").next());
        let account = fields.text("accountId").or_else(|| fields.text("account"));
        Self::of_data(fields.at("alarmData"), arn, account, fields)
    }

    /// What CloudWatch puts on the bus. Its documentation has `alarmData` for `detail` in one place.
    pub(super) fn of_event(event: &Event<'_>) -> Option<Self> {
        let data =
            if event.whole.has("alarmData") { event.whole.at("alarmData") } else { event.detail };
        Self::of_data(data, event.resources().next(), event.whole.text("account"), event.whole)
    }

    fn of_data(
        data: Fields<'_>,
        arn: Option<&str>,
        account: Option<&str>,
        around: Fields<'_>,
    ) -> Option<Self> {
        let name = data.text("alarmName")?;
        let state = data.at("state");
        let configuration = data.at("configuration");
        let reason_data = state.text("reasonData").and_then(parsed);
        let data_of = reason_data.as_ref().map(Fields);
        let children = data_of.into_iter().flat_map(|data| data.list("triggeringAlarms"));
        let children = children.filter_map(|child| child.text("arn"));
        let text = |fields: Fields<'_>, key: &str| fields.text(key).map(str::to_owned);
        let changed_at = state.text("timestamp").or_else(|| around.text("time"));
        Some(Self {
            name: name.to_owned(),
            description: text(configuration, "description"),
            account: account.unwrap_or_default().to_owned(),
            region: text(around, "region").unwrap_or_default(),
            arn: arn.map(str::to_owned),
            state: text(state, "value")?,
            state_before: text(data.at("previousState"), "value").unwrap_or_default(),
            reason: text(state, "reason"),
            changed_at: changed_at.and_then(time::parse),
            metric: Metric::of_configuration(configuration),
            threshold: data_of.and_then(|data| data.number("threshold")),
            comparison: None,
            rule: text(configuration, "alarmRule"),
            children: children.take(CHILDREN_MAX).map(|arn| name_in(arn).to_owned()).collect(),
            reason_data,
        })
    }

    /// The alarm's ARN; the same whichever way a report of it came. Old messages have none.
    pub(super) fn arn(&self) -> String {
        let made =
            || format!("arn:aws:cloudwatch:{}:{}:alarm:{}", self.region, self.account, self.name);
        self.arn.clone().unwrap_or_else(made)
    }

    /// The description that Caretaker's own templates write: JSON with whose alarm it is.
    pub(super) fn own_description(&self) -> Option<Value> {
        let description = parsed(self.description.as_deref()?)?;
        Fields(&description).has("alarm").then_some(description)
    }

    /// The value that the alarm judged by, where it is said.
    pub(super) fn value(&self) -> Option<String> {
        let points = self.reason_data.as_ref().map(|data| Fields(data).at("recentDatapoints").0);
        let last = points.and_then(Value::as_array).and_then(|points| points.last());
        if let Some(value) = last.and_then(Value::as_f64) {
            return Some(value.to_string());
        }
        // `Threshold Crossed: 1 datapoint [98.5 (12/02/26 15:44:00)] was greater than …`
        let (_, after) = self.reason.as_deref()?.split_once('[')?;
        let word = after.split([' ', ']', ',']).next()?;
        word.parse::<f64>().ok().filter(|it| it.is_finite()).map(|it| it.to_string())
    }

    /// The threshold with its direction: `> 90`.
    pub(super) fn bound(&self) -> Option<String> {
        let sign = match self.comparison.as_deref()? {
            "GreaterThanThreshold" => ">",
            "GreaterThanOrEqualToThreshold" => "≥",
            "LessThanThreshold" => "<",
            "LessThanOrEqualToThreshold" => "≤",
            "GreaterThanUpperThreshold" => return Some("above its band".to_owned()),
            "LessThanLowerThreshold" => return Some("below its band".to_owned()),
            "LessThanLowerOrGreaterThanUpperThreshold" => {
                return Some("outside its band".to_owned());
            }
            _ => return None,
        };
        Some(format!("{sign} {}", self.threshold?))
    }
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_object)
}

impl Metric {
    /// Of a message to a topic: one metric, or a list with an expression in it.
    fn of_trigger(trigger: Fields<'_>) -> Option<Self> {
        let periods = trigger.number("EvaluationPeriods");
        let Some(name) = trigger.text("MetricName") else {
            let queries =
                trigger.list("Metrics").map(|query| Self::of_query(query, &SNS)).collect();
            return Self::of_queries(queries, periods);
        };
        Some(Self {
            namespace: trigger.text("Namespace").map(str::to_owned),
            name: name.to_owned(),
            statistic: statistic(trigger),
            dimensions: dimensions(trigger.at("Dimensions")),
            expression: None,
            period_seconds: trigger.number("Period"),
            periods,
        })
    }

    /// Of an event or an action: always a list.
    fn of_configuration(configuration: Fields<'_>) -> Option<Self> {
        let queries = configuration.list("metrics").map(|query| Self::of_query(query, &EVENT));
        Self::of_queries(queries.collect(), None)
    }

    /// One metric of several: the one whose value is judged names it, and the first that is no
    /// expression has the dimensions.
    fn of_queries(queries: Vec<(Self, bool)>, periods: Option<f64>) -> Option<Self> {
        let base = queries.iter().map(|(metric, _)| metric).find(|it| it.expression.is_none());
        let base = base.cloned();
        let judged = queries.into_iter().find(|(metric, is_judged)| {
            *is_judged && !metric.expression.as_deref().is_some_and(is_band)
        });
        let mut metric = judged.map(|(metric, _)| metric).or_else(|| base.clone())?;
        if let Some(base) = base.filter(|_| metric.dimensions.is_empty()) {
            metric.dimensions = base.dimensions;
            metric.namespace = metric.namespace.or(base.namespace);
            metric.period_seconds = metric.period_seconds.or(base.period_seconds);
        }
        metric.periods = periods;
        Some(metric)
    }

    fn of_query(query: Fields<'_>, keys: &Keys) -> (Self, bool) {
        let stat = query.at(keys.stat);
        let metric = stat.at(keys.metric);
        let text = |fields: Fields<'_>, key: &str| fields.text(key).map(str::to_owned);
        let expression = text(query, keys.expression);
        let name = text(metric, keys.name)
            .or_else(|| text(query, keys.label))
            .or_else(|| expression.clone())
            .or_else(|| text(query, keys.id));
        let read = Self {
            namespace: text(metric, keys.namespace),
            name: name.unwrap_or_default(),
            statistic: text(stat, keys.statistic),
            dimensions: dimensions(metric.at(keys.dimensions)),
            expression,
            period_seconds: stat.number(keys.period).or_else(|| query.number(keys.period)),
            periods: None,
        };
        let is_judged = query.at(keys.returned).0.as_bool().unwrap_or(true);
        (read, is_judged)
    }
}

/// The band of an anomaly alarm is judged, too, and is not what is looked at.
fn is_band(expression: &str) -> bool {
    expression.starts_with("ANOMALY_DETECTION_BAND")
}

/// How the keys of a metric query are written.
struct Keys {
    stat: &'static str,
    metric: &'static str,
    name: &'static str,
    namespace: &'static str,
    dimensions: &'static str,
    statistic: &'static str,
    period: &'static str,
    expression: &'static str,
    label: &'static str,
    id: &'static str,
    returned: &'static str,
}

const SNS: Keys = Keys {
    stat: "MetricStat",
    metric: "Metric",
    name: "MetricName",
    namespace: "Namespace",
    dimensions: "Dimensions",
    statistic: "Stat",
    period: "Period",
    expression: "Expression",
    label: "Label",
    id: "Id",
    returned: "ReturnData",
};

const EVENT: Keys = Keys {
    stat: "metricStat",
    metric: "metric",
    name: "name",
    namespace: "namespace",
    dimensions: "dimensions",
    statistic: "stat",
    period: "period",
    expression: "expression",
    label: "label",
    id: "id",
    returned: "returnData",
};

fn statistic(trigger: Fields<'_>) -> Option<String> {
    let statistic = trigger.text("Statistic").or_else(|| trigger.text("ExtendedStatistic"));
    statistic.map(str::to_owned)
}

/// Dimensions: a list of names and values, or an object.
fn dimensions(fields: Fields<'_>) -> Vec<(String, String)> {
    let listed = fields.0.as_array().into_iter().flatten().map(Fields).filter_map(|dimension| {
        Some((dimension.text("name")?.to_owned(), dimension.text("value")?.to_owned()))
    });
    let named = fields
        .entries()
        .filter_map(|(name, value)| Some((name.to_owned(), value.0.as_str()?.to_owned())));
    listed.chain(named).take(DIMENSIONS_MAX).collect()
}
