//! Metrics in CloudWatch's embedded metric format: a log line from which CloudWatch makes metrics
//! by itself.
//!
//! No call, no client, no permission, and nothing to flush when Lambda freezes the process. The
//! format:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
//! The crates for it work through a global recorder of the `metrics` facade; what a reconciler
//! counts fits a value that is filled and emitted in one place, and these few lines.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The CloudWatch namespace of everything Caretaker counts.
pub const NAMESPACE: &str = "Caretaker";

/// Metrics in one entry, and values of one metric in one entry: the format's own limits. More
/// become more entries.
const METRICS_PER_ENTRY_MAX: usize = 100;
const VALUES_PER_METRIC_MAX: usize = 100;

/// Dimensions of a metric: the format's own limit, `function` included. What is over it is left
/// out.
const DIMENSIONS_MAX: usize = 30;

/// What a metric's values measure, in CloudWatch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// Milliseconds; the metric's name ends in `_ms`.
    Milliseconds,
    /// Bytes; the metric's name ends in `_bytes`.
    Bytes,
    /// Hundredths; the metric's name ends in `_percent`.
    Percent,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Bytes => "Bytes",
            Self::Percent => "Percent",
        }
    }
}

/// What one pass or one batch has to count, with its dimensions.
///
/// Each combination of name and dimension values is a metric that AWS charges for: a tier is a good
/// dimension, a tenant or a request is a [property](Self::property), which can be searched but
/// costs nothing.
///
/// ```
/// use std::time::Duration;
/// use runtime::metrics::Metrics;
///
/// let mut metrics = Metrics::new("tenant-onboarding");
/// metrics.dimension("tier", "trial").property("tenant", "demo");
/// metrics.count("passes", 1).duration("pass_duration_ms", Duration::from_millis(42));
/// metrics.emit();
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    dimensions: BTreeMap<String, String>,
    properties: BTreeMap<String, Value>,
    values: BTreeMap<String, (Unit, Vec<f64>)>,
}

impl Metrics {
    /// An empty set for the function of that name, which is the dimension `function`.
    pub fn new(function_name: &str) -> Self {
        let dimensions = BTreeMap::from([("function".to_owned(), function_name.to_owned())]);
        Self { dimensions, properties: BTreeMap::new(), values: BTreeMap::new() }
    }

    /// Adds a dimension to every metric of the set. Blank values, which CloudWatch refuses, are
    /// left out.
    pub fn dimension(&mut self, name: &str, value: &str) -> &mut Self {
        let fits = self.dimensions.len() < DIMENSIONS_MAX || self.dimensions.contains_key(name);
        if fits && !value.trim().is_empty() {
            self.dimensions.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Adds a field that can be searched in the logs but is no dimension.
    pub fn property(&mut self, name: &str, value: impl Into<Value>) -> &mut Self {
        self.properties.insert(name.to_owned(), value.into());
        self
    }

    /// Counts `how_many` of `name`.
    pub fn count(&mut self, name: &str, how_many: u32) -> &mut Self {
        self.value(name, Unit::Count, f64::from(how_many))
    }

    /// Notes a duration; `name` ends in `_ms`.
    pub fn duration(&mut self, name: &str, duration: Duration) -> &mut Self {
        self.value(name, Unit::Milliseconds, duration.as_secs_f64() * 1_000.0)
    }

    /// Notes any value. A value that is no number (NaN, infinite) is left out: CloudWatch would
    /// drop the entry.
    ///
    /// A name has one unit; the first one given stays.
    pub fn value(&mut self, name: &str, unit: Unit, value: f64) -> &mut Self {
        if value.is_finite() {
            let (_, values) = self.values.entry(name.to_owned()).or_insert((unit, Vec::new()));
            values.push(value);
        }
        self
    }

    /// Writes the set to standard output, where Lambda's logs are read from, and empties its
    /// values.
    pub fn emit(&mut self) {
        let lines = self.entries(Timestamp::now());
        self.values.clear();
        // Counting is never a reason to fail the work, and there is nowhere else to say so.
        let _ = io::stdout().lock().write_all(lines.concat().as_bytes());
    }

    /// The log lines of the set, each ending with a newline; none when nothing was counted.
    pub fn entries(&self, now: Timestamp) -> Vec<String> {
        // (name, unit, at most as many values as one entry takes of one metric)
        let pieces = self.values.iter().flat_map(|(name, (unit, values))| {
            values.chunks(VALUES_PER_METRIC_MAX).map(move |values| (name.as_str(), *unit, values))
        });
        let mut entries: Vec<Vec<(&str, Unit, &[f64])>> = Vec::new();
        for piece in pieces {
            let has_room = |entry: &&mut Vec<(&str, Unit, &[f64])>| {
                entry.len() < METRICS_PER_ENTRY_MAX
                    && entry.iter().all(|(name, ..)| *name != piece.0)
            };
            match entries.iter_mut().find(has_room) {
                Some(entry) => entry.push(piece),
                None => entries.push(vec![piece]),
            }
        }
        entries.iter().map(|entry| self.line(entry, now)).collect()
    }

    fn line(&self, entry: &[(&str, Unit, &[f64])], now: Timestamp) -> String {
        let definitions: Vec<Value> = entry
            .iter()
            .map(|(name, unit, _)| json!({ "Name": name, "Unit": unit.as_str() }))
            .collect();
        let mut fields: Map<String, Value> = self.properties.clone().into_iter().collect();
        for (name, _, values) in entry {
            let value = if let [single] = values { json!(single) } else { json!(values) };
            fields.insert((*name).to_owned(), value);
        }
        for (name, value) in &self.dimensions {
            fields.insert(name.clone(), json!(value));
        }
        fields.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [self.dimensions.keys().collect::<Vec<_>>()],
                    "Metrics": definitions,
                }],
            }),
        );
        format!("{}\n", Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(metrics: &Metrics) -> Vec<Value> {
        let now = Timestamp::from_millisecond(1_767_323_045_006).unwrap();
        metrics.entries(now).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn an_entry_has_the_shape_that_cloudwatch_reads() {
        let mut metrics = Metrics::new("tenant-onboarding");
        metrics.dimension("tier", "trial").property("tenant", "demo").count("passes", 1);
        metrics.duration("pass_duration_ms", Duration::from_micros(42_500));
        assert_eq!(
            parsed(&metrics),
            [json!({
                "_aws": {
                    "Timestamp": 1_767_323_045_006_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Caretaker",
                        "Dimensions": [["function", "tier"]],
                        "Metrics": [
                            { "Name": "pass_duration_ms", "Unit": "Milliseconds" },
                            { "Name": "passes", "Unit": "Count" },
                        ],
                    }],
                },
                "function": "tenant-onboarding",
                "tier": "trial",
                "tenant": "demo",
                "passes": 1.0,
                "pass_duration_ms": 42.5,
            })]
        );
    }

    #[test]
    fn several_values_of_one_metric_are_a_list() {
        let mut metrics = Metrics::new("f");
        metrics.count("passes", 1).count("passes", 2);
        assert_eq!(parsed(&metrics)[0]["passes"], json!([1.0, 2.0]));
    }

    #[test]
    fn no_entry_has_more_than_a_hundred_metrics_or_values_and_none_is_lost() {
        let mut metrics = Metrics::new("f");
        for metric in 0..150 {
            metrics.count(&format!("metric_{metric}"), 1);
        }
        for value in 0..250 {
            metrics.count("many", value);
        }
        let entries = parsed(&metrics);
        let mut values_seen = 0;
        for entry in &entries {
            let definitions = entry["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
            assert!(definitions.len() <= 100);
            for definition in definitions {
                let values = &entry[definition["Name"].as_str().unwrap()];
                let count = values.as_array().map_or(1, Vec::len);
                assert!(count <= 100);
                values_seen += count;
            }
        }
        assert_eq!(values_seen, 150 + 250);
    }

    #[test]
    fn what_cloudwatch_would_refuse_is_left_out() {
        let mut metrics = Metrics::new("f");
        metrics.value("ratio_percent", Unit::Percent, f64::NAN).dimension("tier", " ");
        assert!(parsed(&metrics).is_empty(), "nothing was counted, so there is no entry");
        metrics.count("passes", 1);
        for dimension in 0..40 {
            metrics.dimension(&format!("d{dimension}"), "x");
        }
        let entry = &parsed(&metrics)[0];
        let dimensions = entry["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap();
        assert_eq!(dimensions.len(), 30);
        assert!(entry.get("tier").is_none());
    }

    #[test]
    fn a_set_that_was_emitted_starts_again_from_nothing() {
        let mut metrics = Metrics::new("f");
        metrics.count("passes", 1).emit();
        assert!(parsed(&metrics).is_empty());
    }
}
