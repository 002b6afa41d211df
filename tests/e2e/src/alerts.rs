//! Alerts as a person on call, a monitored database and a nosy reader see them.

use std::time::Duration;

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cloud::Deployment;
use crate::sinks::Sinks;
use crate::{Result, Suite};

/// The function, as the manifest calls it.
pub const FANOUT: &str = "alert-fanout";

/// The most messages that SQS takes at once.
const BATCH: usize = 10;

/// The key with which notifications to the webhook are signed.
const SIGNING_SECRET: &str = "whsec_Y2FyZXRha2VyLWFsZXJ0cy1zaWduaW5nLXNlY3JldA==";

/// An alarm as CloudWatch has it.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// What the alert is called; routes go by it.
    pub name: String,
    /// Whose it is.
    pub tenant: String,
    /// `critical`, `warning` or `info`.
    pub severity: &'static str,
}

impl Alarm {
    /// A critical alarm of the tenant demo.
    pub fn critical(name: impl Into<String>) -> Self {
        Self { name: name.into(), tenant: "demo".to_owned(), severity: "critical" }
    }

    /// The alarm's name in CloudWatch, by the naming scheme.
    pub fn full_name(&self) -> String {
        format!("alerting-{}-dev-{}", self.tenant, self.name)
    }

    /// What alarms of a tenant's stack say about themselves.
    fn description(&self) -> String {
        json!({
            "alarm": self.name, "environment": "dev", "product": "alerting",
            "resource": format!("alerting-{}-dev-database", self.tenant),
            "severity": self.severity, "summary": format!("{} of the database", self.name),
            "tenant": self.tenant,
        })
        .to_string()
    }

    /// What CloudWatch publishes when it has changed to `ALARM` or `OK` at that time.
    pub fn message(&self, state: &str, at: Timestamp) -> String {
        let name = self.full_name();
        json!({
            "AlarmName": name,
            "AlarmDescription": self.description(),
            "AWSAccountId": "000000000000",
            "NewStateValue": state,
            "OldStateValue": if state == "OK" { "ALARM" } else { "OK" },
            "NewStateReason": "Threshold Crossed: 1 datapoint [97.3] was greater than 90.0.",
            "StateChangeTime": at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string(),
            "Region": "US East (N. Virginia)",
            "AlarmArn": format!("arn:aws:cloudwatch:us-east-1:000000000000:alarm:{name}"),
            "Trigger": {
                "MetricName": "CPUUtilization", "Namespace": "AWS/RDS", "Statistic": "AVERAGE",
                "Dimensions": [],
                "Period": 60, "EvaluationPeriods": 1, "Threshold": 90.0,
                "ComparisonOperator": "GreaterThanThreshold",
            },
        })
        .to_string()
    }
}

impl Suite {
    /// The suite whose alerts go to all sinks, with their credentials in their places.
    ///
    /// # Errors
    /// When the cloud does not start or something of it is refused.
    pub async fn alerting(settings: &[&str]) -> Result<Self> {
        let suite = Self::testing("alerting", settings).await?;
        suite.connect_sinks().await?;
        Ok(suite)
    }

    /// Puts the credentials of all sinks in their places, and a mailbox behind the topic for mail.
    ///
    /// # Errors
    /// When something of it is refused.
    pub async fn connect_sinks(&self) -> Result<()> {
        let Deployment { product, environment, .. } = &self.deployment;
        for (name, value) in self.credentials()? {
            let name = format!("caretaker-{product}-{environment}/alerting/{name}");
            self.secrets.create_secret().name(name).secret_string(value).send().await?;
        }
        let ses = aws_sdk_sesv2::Client::new(&self.config);
        ses.create_email_identity().email_identity("example.com").send().await?;
        let topic = self.topic("alert-mail")?;
        let sns = aws_sdk_sns::Client::new(&self.config);
        let subscribed = sns.subscribe().topic_arn(topic).protocol("email");
        subscribed.endpoint("everybody@example.com").send().await?;
        Ok(())
    }

    /// Where alerts arrive.
    pub fn sinks(&self) -> Sinks {
        Sinks::new(&self.about)
    }

    /// The secrets of the sinks by their names in the catalogue.
    fn credentials(&self) -> Result<Vec<(&'static str, String)>> {
        let sinks = self.sinks().addresses()?;
        let sink = |name: &str| sinks.get(name).ok_or_else(|| format!("no sink {name}"));
        let text = |value: Option<&Value>| {
            value.and_then(Value::as_str).map(str::to_owned).ok_or("a sink names no credential")
        };
        let (slack, teams) = (sink("slack")?, sink("teams")?);
        let key = text(sink("pagerduty")?.settings.pointer("/routing_keys/0"))?;
        let token = text(slack.settings.pointer("/tokens/0"))?;
        let hook = slack.settings.get("webhooks").and_then(Value::as_object);
        let hook = hook.and_then(|hooks| hooks.keys().next()).ok_or("Slack has no webhook")?;
        let flow = teams.settings.get("workflows").and_then(Value::as_object);
        let (flow, signature) = flow.and_then(|it| it.iter().next()).ok_or("no workflow")?;
        let signature = text(Some(signature))?;
        Ok(vec![
            ("pagerduty", json!({ "routing_key": key }).to_string()),
            ("slack", json!({ "bot_token": token }).to_string()),
            ("slack-webhook", format!("{}/services/{hook}", slack.plain_url)),
            (
                "teams",
                format!(
                    "{}/workflows/{flow}/triggers/manual/paths/invoke?sig={signature}",
                    teams.plain_url
                ),
            ),
            (
                "hook",
                json!({
                    "url": format!("{}/alerts", sink("webhook")?.plain_url),
                    "secret": SIGNING_SECRET,
                })
                .to_string(),
            ),
        ])
    }

    /// What must not be found anywhere but in Secrets Manager: the secret part of each credential.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn secret_parts(&self) -> Result<Vec<String>> {
        let sinks = self.sinks().addresses()?;
        let mut parts = vec![SIGNING_SECRET.to_owned()];
        for (sink, pointer) in [("pagerduty", "/routing_keys/0"), ("slack", "/tokens/0")] {
            let value = sinks.get(sink).and_then(|sink| sink.settings.pointer(pointer));
            parts.extend(value.and_then(Value::as_str).map(str::to_owned));
        }
        let within = |sink: &str, setting: &str| {
            sinks.get(sink).and_then(|sink| sink.settings.get(setting)?.as_object().cloned())
        };
        parts.extend(within("slack", "webhooks").into_iter().flatten().map(|(path, _)| path));
        let signatures = within("teams", "workflows").into_iter().flatten();
        parts.extend(signatures.filter_map(|(_, sig)| sig.as_str().map(str::to_owned)));
        Ok(parts)
    }

    /// The ARN of one of the suite's topics: `alarms`.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn topic(&self, name: &str) -> Result<&str> {
        let topic = self.deployment.topics.get(name);
        Ok(topic.ok_or_else(|| format!("there is no topic {name}"))?)
    }

    /// Has CloudWatch watch something, and tell the suite's topic of its alarms.
    ///
    /// # Errors
    /// When CloudWatch does not take it.
    pub async fn watch(&self, alarm: &Alarm) -> Result<()> {
        let topic = self.topic("alarms")?;
        let database = format!("alerting-{}-dev-database", alarm.tenant);
        aws_sdk_cloudwatch::Client::new(&self.config)
            .put_metric_alarm()
            .alarm_name(alarm.full_name())
            .alarm_description(alarm.description())
            .alarm_actions(topic)
            .ok_actions(topic)
            .namespace("AWS/RDS")
            .metric_name("CPUUtilization")
            .dimensions(Dimension::builder().name("DBInstanceIdentifier").value(database).build())
            .statistic(Statistic::Average)
            .period(60)
            .evaluation_periods(1)
            .threshold(90.0)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold)
            .send()
            .await?;
        Ok(())
    }

    /// Has an alarm that is watched change.
    ///
    /// # Errors
    /// When CloudWatch does not take it.
    pub async fn change(&self, alarm: &Alarm, to: StateValue) -> Result<()> {
        let reason = "Threshold Crossed: 1 datapoint [97.3] was greater than 90.0.";
        self.change_alarm(&alarm.full_name(), to, reason).await
    }

    /// Has the alarm of this name change for this reason.
    ///
    /// # Errors
    /// When CloudWatch does not take it.
    pub async fn change_alarm(&self, name: &str, to: StateValue, reason: &str) -> Result<()> {
        let cloudwatch = aws_sdk_cloudwatch::Client::new(&self.config);
        let asked = cloudwatch.set_alarm_state().alarm_name(name).state_value(to);
        asked.state_reason(reason).send().await?;
        Ok(())
    }

    /// Publishes words to the suite's topic for alarms, as anybody may who is let.
    ///
    /// # Errors
    /// When the topic does not take them.
    pub async fn publish(&self, words: &str) -> Result<()> {
        let sns = aws_sdk_sns::Client::new(&self.config);
        sns.publish().topic_arn(self.topic("alarms")?).message(words).send().await?;
        Ok(())
    }

    /// Puts messages on the queue of alert-fanout, all of them visible at `at` at the earliest.
    ///
    /// # Errors
    /// When the queue does not take them.
    pub async fn report(&self, bodies: &[String], at: Option<Timestamp>) -> Result<()> {
        let queue = &self.deployment.function(FANOUT)?.queue_url;
        for bodies in bodies.chunks(BATCH) {
            let until = at.map(|at| at.duration_since(Timestamp::now()).as_secs().max(0));
            let mut batch = self.sqs.send_message_batch().queue_url(queue);
            for (number, body) in bodies.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .message_body(body)
                    .set_delay_seconds(until.map(i32::try_from).transpose()?);
                batch = batch.entries(entry.build()?);
            }
            let answer = batch.send().await?;
            if let Some(failed) = answer.failed().first() {
                return Err(format!("the queue did not take a message: {failed:?}").into());
            }
        }
        Ok(())
    }

    /// How many messages alert-fanout has before it or in hand; looks that are to come later are
    /// not among them.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn unread(&self) -> Result<u64> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesNotVisible as InHand,
        };
        let queue = &self.deployment.function(FANOUT)?.queue_url;
        let wanted = vec![Visible, InHand];
        let asked = self.sqs.get_queue_attributes().queue_url(queue);
        let answer = asked.set_attribute_names(Some(wanted.clone())).send().await?;
        let mut messages = 0;
        for attribute in &wanted {
            let count = answer.attributes().and_then(|all| all.get(attribute));
            messages += count.ok_or("the queue does not say what lies in it")?.parse::<u64>()?;
        }
        Ok(messages)
    }

    /// Waits until alert-fanout has taken in all that was reported.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn until_all_is_read(&self, within: Duration) -> Result<()> {
        let read =
            self.eventually(within, async || Ok((self.unread().await? == 0).then_some(()))).await?;
        match read {
            Some(()) => Ok(()),
            None => Err(format!("{} reports are still unread", self.unread().await?).into()),
        }
    }

    /// What lies with the dead letters of alert-fanout.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn dead_letters(&self) -> Result<Vec<crate::Message>> {
        let queue = self.deployment.function(FANOUT)?.dead_letter_queue_url.clone();
        let mut letters = Vec::new();
        loop {
            let taken = self.take(&queue).await?;
            if taken.is_empty() {
                return Ok(letters);
            }
            letters.extend(taken);
        }
    }
}
