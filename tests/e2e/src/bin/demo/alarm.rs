//! The third part: an alarm of the tenant goes off, people hear of it, and hear that it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use domain::Catalogue;
use domain::catalogue::alerting::Sink;
use e2e::{Error, Result, Suite};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::show::Show;
use crate::{LOOK_EVERY, TENANT};

/// How long the first one may take to hear of it: less than a second on two idle cores.
const HEARD_WITHIN: Duration = Duration::from_mins(1);

/// Nobody else hears of it when it has been quiet for so long.
const QUIET: Duration = Duration::from_secs(3);

/// Gives alert-fanout its credentials, and Slack the channels of this product.
pub(crate) async fn put_through(suite: &Suite, catalogue: &Catalogue) -> Result<()> {
    suite.connect_sinks().await?;
    let receivers = catalogue.alerting.iter().flat_map(|it| it.receivers.values());
    let channels: BTreeMap<&str, String> = receivers
        .flat_map(|receiver| receiver.sinks.iter().chain(&receiver.fallback))
        .filter_map(|sink| match sink {
            Sink::Slack(slack) => {
                Some((slack.channel.as_str(), format!("{}-alerts", catalogue.product)))
            }
            _ => None,
        })
        .collect();
    suite.sinks().set("slack", &json!({ "channels": channels }))
}

/// Has the alarm go off and be well again, and shows who hears of it.
pub(crate) async fn show(suite: &Suite, show: &Show) -> Result<()> {
    let alarm = gravest(suite).await?;
    let mut heard = Heard { suite, alarm: &alarm, told: BTreeSet::new() };
    for (state, reason) in [
        (StateValue::Alarm, "Threshold Crossed: the demonstration has it go off."),
        (StateValue::Ok, "Threshold Crossed: the demonstration has it be well again."),
    ] {
        show.done(&format!("CloudWatch: {alarm} changes to {state}"));
        suite.change_alarm(&alarm, state, reason).await?;
        heard.follow(show).await?;
    }
    Ok(())
}

/// The tenant's alarm that matters most: a critical one of its database, if there is one.
async fn gravest(suite: &Suite) -> Result<String> {
    let prefix = format!("{}-{TENANT}-{}-", suite.deployment.product, suite.deployment.environment);
    let cloudwatch = aws_sdk_cloudwatch::Client::new(&suite.config);
    let asked = cloudwatch.describe_alarms().alarm_name_prefix(&prefix);
    let pages = asked.into_paginator().send().collect::<std::result::Result<Vec<_>, _>>().await?;
    let alarms = pages.iter().flat_map(DescribeAlarmsOutput::metric_alarms);
    let weight = |alarm: &&MetricAlarm| {
        let text = alarm.alarm_description().unwrap_or_default();
        let about = serde_json::from_str::<Value>(text).unwrap_or_default();
        let severity = about.get("severity").and_then(Value::as_str);
        let name = alarm.alarm_name().unwrap_or_default();
        let (of_database, cpu) = (name.contains("database"), name.ends_with("cpu"));
        (severity == Some("critical"), severity == Some("warning"), of_database, cpu)
    };
    let gravest = alarms.max_by_key(weight).and_then(MetricAlarm::alarm_name);
    Ok(gravest.ok_or_else(|| format!("{TENANT} has no alarm"))?.to_owned())
}

/// Who has heard of the alarm so far.
struct Heard<'a> {
    suite: &'a Suite,
    alarm: &'a str,
    told: BTreeSet<String>,
}

impl Heard<'_> {
    /// Shows what arrives, until nothing more does.
    async fn follow(&mut self, show: &Show) -> Result<()> {
        show.doing("wait for who hears of it");
        let end = Instant::now() + HEARD_WITHIN;
        let mut last = None;
        while Instant::now() < end {
            for line in self.arrived()? {
                if self.told.insert(line.clone()) {
                    show.done(&line);
                    last = Some(Instant::now());
                }
            }
            if last.is_some_and(|last| last.elapsed() > QUIET) {
                return Ok(());
            }
            sleep(LOOK_EVERY).await;
        }
        Err(Error::from(format!(
            "nobody heard of {} within {} s; `docs/functions/alert-fanout.md` says where to look",
            self.alarm,
            HEARD_WITHIN.as_secs()
        )))
    }

    /// What has arrived about the alarm, as a person would tell it.
    fn arrived(&self) -> Result<Vec<String>> {
        let sinks = self.suite.sinks();
        let mut lines = Vec::new();
        for incident in sinks.pagerduty()?.kept.incidents {
            let of_alarm = |event: &Value| event.to_string().contains(self.alarm);
            let Some(event) = incident.events.iter().find(|it| of_alarm(it)) else { continue };
            let summary = event.pointer("/payload/summary").and_then(Value::as_str);
            let summary = summary.unwrap_or_default();
            lines.push(format!("PagerDuty: an incident is triggered: {summary}"));
            if incident.state == "resolved" {
                lines.push("PagerDuty: the same incident is resolved".to_owned());
            }
        }
        let messages = sinks.slack()?.kept.messages;
        for message in &messages {
            let first = message.thread_ts.as_ref();
            let about = |ts: &String| messages.iter().any(|it| it.ts == *ts && it.says(self.alarm));
            match first {
                None if message.says(self.alarm) && message.earlier.is_empty() => {
                    lines
                        .push(format!("Slack: a message in {}: {}", message.channel, message.text));
                }
                None if message.says(self.alarm) => {
                    lines.push(format!("Slack: that message now says: {}", message.text));
                }
                Some(first) if about(first) => {
                    lines.push(format!("Slack: it is answered in its thread: {}", message.text));
                }
                _ => {}
            }
        }
        for letter in sinks.mail()?.iter().filter(|it| it.says(self.alarm)) {
            lines.push(format!("Mail: to {}: {}", letter.to.join(", "), letter.subject));
        }
        Ok(lines)
    }
}
