//! How many alerts one instance of alert-fanout takes a second.
//!
//! Why it exists beside the measurements on the local cloud: there, the imitation of SQS and
//! DynamoDB takes ten times as long as the function, so that only the imitation would be measured.
//! Here the very binary that ships gets its batches from a Runtime API, a table and a webhook that
//! answer at once. What is left out is the way to DynamoDB and back, twice for each batch.
//!
//! `one-instance BOOTSTRAP FOLDER` writes `FOLDER/instance.json`.

mod api;
#[path = "../../../../../functions/alert-fanout/tests/shell/aws.rs"]
#[expect(dead_code, reason = "the tests of the function use more of it")]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "it is written for tests: what it does not imitate ends the measurement"
)]
mod aws;
#[path = "../../../../../functions/alert-fanout/tests/shell/http.rs"]
mod http;
mod process;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::Api;
use crate::process::Function;

/// Batches of one measurement; the first of all, which finds nothing warm, is not part of it.
const BATCHES: usize = 600;

/// The records of a batch, as the manifest has it.
const BATCH: usize = 10;

/// How long an instance may take for all of it before it is taken to hang.
const WITHIN: Duration = Duration::from_mins(5);

/// Over how many groups the alerts of a measurement are spread, and what that is in practice.
const SPREADS: [(&str, usize); 3] = [
    ("one group", 1),
    ("a group for each tenant of thirty", 30),
    ("a group for each alert", 6_000),
];

/// What was measured.
#[derive(Debug, Serialize)]
struct Spread {
    what: &'static str,
    groups: usize,
    alerts: usize,
    /// From the first batch that the instance asks for to its answer to the last.
    seconds: f64,
    /// The function's time on a processor, of all its threads.
    own_seconds: f64,
    /// Calls of the webhook.
    posts: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(bootstrap), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: one-instance BOOTSTRAP FOLDER");
        return ExitCode::from(2);
    };
    match measure(Path::new(&bootstrap), Path::new(&folder)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("one-instance: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(bootstrap: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut spreads = Vec::new();
    for (what, groups) in SPREADS {
        spreads.push(tokio::time::timeout(WITHIN, spread(bootstrap, what, groups)).await??);
    }
    let text = serde_json::to_string_pretty(&json!({ "spreads": spreads }))?;
    fs::write(folder.join("instance.json"), text)?;
    Ok(())
}

async fn spread(
    bootstrap: &Path,
    what: &'static str,
    groups: usize,
) -> Result<Spread, Box<dyn Error>> {
    let mut api = Api::start().await?;
    let function = Function::start(bootstrap, &api.url)?;
    api.invoke(&batch(&[alarm("warm", Timestamp::now())])).await?;
    let (own_before, posts_before) = (function.own_time()?, api.posts());
    let mut events = Vec::with_capacity(BATCHES);
    for number in 0..BATCHES {
        let alarms: Vec<String> = (number * BATCH..(number + 1) * BATCH)
            .map(|number| alarm(&format!("{}-{number}", number % groups), Timestamp::now()))
            .collect();
        events.push(batch(&alarms));
    }
    let began = Instant::now();
    for event in &events {
        api.invoke(event).await?;
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(Spread {
        what,
        groups,
        alerts: BATCHES * BATCH,
        seconds,
        own_seconds: function.own_time()?.saturating_sub(own_before).as_secs_f64(),
        posts: api.posts() - posts_before,
    })
}

/// A batch of the queue.
fn batch(bodies: &[String]) -> Value {
    let record = |body: &String| {
        json!({
            "messageId": format!("{:032x}", body.len()), "receiptHandle": "r", "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": Timestamp::now().as_millisecond().to_string(),
            },
            "messageAttributes": {}, "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:alerts",
        })
    };
    json!({ "Records": bodies.iter().map(record).collect::<Vec<_>>() })
}

/// A critical alarm of CloudWatch, as its topic brings it. What stands before the first `-` of the
/// name is its group.
fn alarm(name: &str, at: Timestamp) -> String {
    let group = name.split('-').next().unwrap_or_default();
    let described = json!({
        "alarm": format!("flood-{group}"), "environment": "dev", "product": "mate",
        "resource": format!("mate-demo-dev-{name}"), "severity": "critical",
        "summary": "CPU of the database is high", "tenant": "demo",
    });
    let alarm_name = format!("mate-demo-dev-{name}");
    let message = json!({
        "AlarmName": alarm_name, "AlarmDescription": described.to_string(),
        "AWSAccountId": "123456789012", "AlarmConfigurationUpdatedTimestamp": at,
        "NewStateValue": "ALARM", "NewStateReason": "Threshold Crossed", "StateChangeTime": at,
        "Region": "EU (Frankfurt)",
        "AlarmArn": format!("arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{alarm_name}"),
        "OldStateValue": "OK", "OKActions": [], "AlarmActions": [], "InsufficientDataActions": [],
        "Trigger": {
            "MetricName": "CPUUtilization", "Namespace": "AWS/RDS", "StatisticType": "Statistic",
            "Statistic": "AVERAGE", "Unit": null, "Period": 60, "EvaluationPeriods": 3,
            "ComparisonOperator": "GreaterThanThreshold", "Threshold": 90.0,
            "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
            "Dimensions": [{ "name": "DBInstanceIdentifier", "value": "mate-demo-dev-db" }],
        },
    });
    json!({
        "Type": "Notification", "MessageId": format!("{:032x}", name.len()),
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:alarms", "Message": message.to_string(),
        "Timestamp": at,
    })
    .to_string()
}
