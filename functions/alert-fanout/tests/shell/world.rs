//! The function with all that it calls, over time: messages in, and what people heard.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alert_fanout::act::Patience;
use alert_fanout::group::Group;
use alert_fanout::wiring::Wiring;
use alert_fanout::{AlertFanout, Clients};
use aws_lambda_events::event::sqs::SqsBatchResponse;
use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use aws_smithy_mocks::mock;
use aws_smithy_types::DateTime;
use domain::Catalogue;
use jiff::Timestamp;
use runtime::{Backoff, Clock, Invocation, test_client};
use serde_json::{Value, json};

use crate::aws::{Cloud, Kill, State};
use crate::services::Services;

pub(crate) const QUEUE: &str = "http://127.0.0.1/queue";
pub(crate) const DEAD_LETTERS: &str = "http://127.0.0.1/dead";

/// Long enough for several attempts, also on a busy machine, and no test waits for a whole minute.
pub(crate) const PATIENCE: Patience = Patience {
    whole: Duration::from_millis(600),
    least: Duration::from_millis(20),
    pause: Backoff { first: Duration::from_millis(40), factor: 2, cap: Duration::from_millis(150) },
};

/// How long an invocation may take, as in the manifest.
const TIMEOUT: Duration = Duration::from_mins(1);

/// How long a message is hidden after it was received by a function that died.
const VISIBILITY: Duration = Duration::from_mins(3);

/// Critical alerts page and are in the chat, the rest is in the chat; what fails is mailed.
pub(crate) const ROUTES: &str = r#"
[alerting.route]
receiver = "team"
group_by = ["alertname", "tenant"]
[[alerting.route.routes]]
matchers = ['severity="critical"']
receiver = "on-call"
[alerting.receivers.on-call]
sinks = [{ pagerduty = { routing_key = "pagerduty" } }, { slack = { channel = "C024BE91L", token = "slack" } }]
fallback = { sns = {} }
[alerting.receivers.team]
sinks = [{ slack = { channel = "C024BE91L", token = "slack" } }]
"#;

macro_rules! client {
    ($sdk:ident, $cloud:expr) => {{
        let config = runtime::test_config!($sdk)
            .timeout_config($sdk::config::timeout::TimeoutConfig::disabled())
            .stalled_stream_protection($sdk::config::StalledStreamProtectionConfig::disabled())
            .http_client($cloud.clone())
            .build();
        $sdk::Client::from_conf(config)
    }};
}

/// What CloudWatch says of its alarms: by name, the state and since when, or that there is none.
/// Those that are not named are in alarm.
pub(crate) type Alarms = Arc<Mutex<BTreeMap<String, Option<(StateValue, i64)>>>>;

/// What an invocation answers.
pub(crate) type Answer = Result<Option<SqsBatchResponse>, alert_fanout::error::Error>;

pub(crate) struct World {
    pub(crate) cloud: Cloud,
    pub(crate) services: Services,
    pub(crate) alarms: Alarms,
    pub(crate) clock: Clock,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
    patience: Patience,
    catalogue: Catalogue,
    // On the heap: tests hold several worlds.
    function: Box<AlertFanout>,
    requests: AtomicU32,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(ROUTES).await
    }

    /// A function with these routes.
    pub(crate) async fn with(routes: &str) -> Self {
        Self::patient(routes, PATIENCE).await
    }

    /// The same, with this patience for sinks.
    pub(crate) async fn patient(routes: &str, patience: Patience) -> Self {
        let text = include_str!("../../../../infra/catalogues/mate.toml");
        let (before, _) = text.split_once("[alerting.route]").unwrap();
        let catalogue = Catalogue::parse("test.toml", &format!("{before}{routes}"));
        let catalogue = catalogue.unwrap_or_else(|errors| panic!("{errors}"));
        let cloud = Cloud::default();
        let services = Services::start(cloud.clone()).await;
        let alarms = Alarms::default();
        let function = Box::new(function(&catalogue, &cloud, &services, &alarms, patience));
        let clock = Clock::fixed("2026-07-01T08:00:00Z".parse().unwrap());
        let (timeout, requests) = (TIMEOUT, AtomicU32::new(0));
        Self { cloud, services, alarms, clock, timeout, patience, catalogue, function, requests }
    }

    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.cloud.0.lock().unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new instance of the function, which remembers nothing.
    pub(crate) fn restart(&mut self) {
        *self.function =
            function(&self.catalogue, &self.cloud, &self.services, &self.alarms, self.patience);
    }

    /// A batch of the queue; answers with the numbers of the records that come again, or nothing
    /// where the function was killed.
    pub(crate) async fn hears(&self, bodies: &[String]) -> Option<Vec<String>> {
        let now = self.now().as_millisecond().to_string();
        let record = |(number, body): (usize, &String)| {
            json!({
                "messageId": number.to_string(), "receiptHandle": "r", "body": body,
                "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": now },
                "messageAttributes": {}, "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:alerts",
            })
        };
        let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
        let answer = self.invoke(json!({ "Records": records })).await?;
        let failures = answer.unwrap().unwrap().batch_item_failures;
        Some(failures.into_iter().map(|failure| failure.item_identifier).collect())
    }

    /// An invocation with this payload; nothing where the function was killed.
    pub(crate) async fn invoke(&self, payload: Value) -> Option<Answer> {
        let request = self.requests.fetch_add(1, Ordering::SeqCst);
        let mut invocation = Invocation::for_tests(self.clock.clone(), self.timeout);
        invocation.request_id = format!("request-{request}");
        let cloud = self.cloud.clone();
        let killed = async move {
            while !cloud.0.lock().unwrap().is_dead {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            biased;
            answer = self.function.handle(payload, &invocation) => Some(answer),
            () = killed => None,
        }
    }

    /// Delivers the same messages until they are done with, whatever kills the function on the way,
    /// and then lets an hour go by in which the queue and the sweep do their part.
    pub(crate) async fn lives_through(&mut self, bodies: &[String], kill: Kill) {
        self.state().kill = Some(kill);
        let mut left: Vec<String> = bodies.to_vec();
        for _ in 0..5 {
            match self.hears(&left).await {
                Some(failed) if failed.is_empty() => break,
                Some(failed) => {
                    left = failed
                        .iter()
                        .map(|id| left[id.parse::<usize>().unwrap()].clone())
                        .collect();
                }
                None => {
                    let mut state = self.state();
                    (state.kill, state.is_dead) = (None, false);
                    drop(state);
                    self.restart();
                }
            }
            self.clock.advance(VISIBILITY);
        }
        {
            let mut state = self.state();
            (state.kill, state.is_dead) = (None, false);
        }
        self.goes_by(Duration::from_mins(30)).await;
    }

    /// Lets time go by: what lies on the queue is delivered when it is due, and every five minutes
    /// there is a sweep.
    pub(crate) async fn goes_by(&mut self, time: Duration) {
        const STEP: Duration = Duration::from_secs(5);
        const SWEEPS_EVERY: u64 = 300;
        let mut waiting: Vec<(i64, String)> = Vec::new();
        let mut elapsed = 0;
        while elapsed < time.as_secs() {
            elapsed += STEP.as_secs();
            self.clock.advance(STEP);
            let now = self.now().as_second();
            let sent: Vec<_> = {
                let mut state = self.state();
                let (queue, rest): (Vec<_>, Vec<_>) =
                    state.sent.drain(..).partition(|(queue, ..)| queue == QUEUE);
                state.sent = rest;
                queue
            };
            waiting.extend(sent.into_iter().map(|(_, body, delay)| (now + delay, body)));
            if elapsed.is_multiple_of(SWEEPS_EVERY) {
                waiting.push((now, json!({ "caretaker": "sweep" }).to_string()));
            }
            let (due, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|(at, _)| *at <= now);
            waiting = later;
            for (_, body) in due {
                assert_eq!(
                    self.hears(std::slice::from_ref(&body)).await,
                    Some(Vec::new()),
                    "{body}"
                );
            }
        }
    }

    /// All groups that are recorded.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let state = self.state();
        let groups =
            state.items.iter().filter(|((pk, _), _)| pk.starts_with("DOCUMENT#alert-group"));
        groups
            .map(|(_, item)| {
                let item: serde_dynamo::Item = serde_json::from_value(item.clone()).unwrap();
                let value = item.inner().get("value").unwrap().clone();
                serde_dynamo::from_attribute_value(value).unwrap()
            })
            .collect()
    }

    /// What was put with the dead letters.
    pub(crate) fn dead_letters(&self) -> Vec<Value> {
        let state = self.state();
        let dead = state.sent.iter().filter(|(queue, ..)| queue == DEAD_LETTERS);
        dead.map(|(_, body, _)| serde_json::from_str(body).unwrap()).collect()
    }
}

fn function(
    catalogue: &Catalogue,
    cloud: &Cloud,
    services: &Services,
    alarms: &Alarms,
    patience: Patience,
) -> AlertFanout {
    let wiring = Wiring::read(runtime::Wiring::from_pairs([
        ("CARETAKER_PRODUCT", "mate"),
        ("CARETAKER_ENVIRONMENT", "dev"),
        ("CARETAKER_TABLE", "records"),
        ("CARETAKER_QUEUE_URL", QUEUE),
        ("CARETAKER_DEAD_LETTER_QUEUE_URL", DEAD_LETTERS),
        ("CARETAKER_ALERT_MAIL_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:mail"),
        ("CARETAKER_SLACK_URL", &format!("{}/api", services.url)),
        ("CARETAKER_PAGERDUTY_URL", &services.url),
        ("AWS_REGION", "eu-central-1"),
    ]));
    let clients = Clients {
        cloudwatch: cloudwatch(alarms),
        dynamodb: client!(aws_sdk_dynamodb, cloud),
        secrets: client!(aws_sdk_secretsmanager, cloud),
        ses: client!(aws_sdk_sesv2, cloud),
        sns: client!(aws_sdk_sns, cloud),
        sqs: client!(aws_sdk_sqs, cloud),
    };
    AlertFanout::with_catalogue(catalogue, wiring.unwrap(), clients, patience).unwrap()
}

fn cloudwatch(alarms: &Alarms) -> aws_sdk_cloudwatch::Client {
    let alarms = Arc::clone(alarms);
    let rule =
        mock!(aws_sdk_cloudwatch::Client::describe_alarms).then_compute_output(move |asked| {
            let alarms = alarms.lock().unwrap();
            let alarm = |name: &String| {
                let says = alarms.get(name).cloned().unwrap_or(Some((StateValue::Alarm, 0)))?;
                let alarm = MetricAlarm::builder().alarm_name(name).state_value(says.0);
                Some(alarm.state_updated_timestamp(DateTime::from_secs(says.1)).build())
            };
            let known = asked.alarm_names().iter().filter_map(alarm).collect();
            DescribeAlarmsOutput::builder().set_metric_alarms(Some(known)).build()
        });
    test_client!(aws_sdk_cloudwatch, [&rule])
}

/// An alarm of CloudWatch as its topic brings it to the queue.
pub(crate) fn alarm(name: &str, severity: &str, state: &str, at: Timestamp) -> String {
    let described = json!({
        "alarm": name, "environment": "dev", "product": "mate", "resource": "mate-demo-dev-db",
        "severity": severity, "summary": format!("{name} of mate-demo-dev-db"), "tenant": "demo",
    });
    let alarm_name = format!("mate-demo-dev-{name}");
    let message = json!({
        "AlarmName": alarm_name,
        "AlarmDescription": described.to_string(),
        "AWSAccountId": "123456789012",
        "NewStateValue": state,
        "OldStateValue": if state == "OK" { "ALARM" } else { "OK" },
        "NewStateReason": "Threshold Crossed",
        "StateChangeTime": at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string(),
        "Region": "EU (Frankfurt)",
        "AlarmArn": format!("arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{alarm_name}"),
        "Trigger": {
            "MetricName": "CPUUtilization", "Namespace": "AWS/RDS", "Statistic": "AVERAGE",
            "Dimensions": [{ "name": "DBInstanceIdentifier", "value": "mate-demo-dev-db" }],
            "Period": 60, "EvaluationPeriods": 5, "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 90.0,
        },
    });
    json!({
        "Type": "Notification", "MessageId": "m", "Timestamp": at.to_string(),
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:caretaker-mate-dev-alarms",
        "Subject": format!("{state}: \"{alarm_name}\""), "Message": message.to_string(),
    })
    .to_string()
}
