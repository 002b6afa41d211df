//! Where alerts arrive: the local cloud's Slack, PagerDuty, Teams and webhook, as a test looks at
//! them and breaks them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::cloud::About;

/// The longest answer that is read: the requests of a storm.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The control API of the sinks.
#[derive(Debug, Clone)]
pub struct Sinks {
    base: String,
    agent: ureq::Agent,
}

/// A sink's address and how it is set.
#[derive(Debug, Clone, Deserialize)]
pub struct Address {
    /// Where it answers by plain HTTP on this machine.
    pub plain_url: String,
    /// Its settings, with the credentials that it takes.
    pub settings: Value,
}

/// What came to a sink.
#[derive(Debug, Clone, Deserialize)]
pub struct Taken<K> {
    /// Every request since it forgot the last time.
    pub requests: Vec<Request>,
    /// What it now has of all that it took.
    pub kept: K,
}

/// A request as a sink got it.
#[derive(Debug, Clone, Deserialize)]
pub struct Request {
    /// When, in RFC 3339.
    pub time: jiff::Timestamp,
    /// The path.
    pub path: String,
    /// The headers by their lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// What was answered; 0 if nothing was.
    pub status: u16,
    /// The kind of the failure that had been asked for, if it was one.
    pub fault: Option<String>,
}

/// What PagerDuty has.
#[derive(Debug, Clone, Deserialize)]
pub struct Incidents {
    /// All incidents, the oldest first.
    pub incidents: Vec<Incident>,
}

/// An incident.
#[derive(Debug, Clone, Deserialize)]
pub struct Incident {
    /// By which events belong to it.
    pub dedup_key: String,
    /// `triggered`, `acknowledged` or `resolved`.
    pub state: String,
    /// The events that triggered it, to the letter.
    pub events: Vec<Value>,
    /// What was done to it, in order.
    pub log: Vec<Done>,
}

/// Something that was done to an incident.
#[derive(Debug, Clone, Deserialize)]
pub struct Done {
    /// `trigger`, `acknowledge` or `resolve`.
    pub action: String,
}

impl Incident {
    /// What was done to it, in order: `trigger`, `resolve`.
    pub fn actions(&self) -> Vec<&str> {
        self.log.iter().map(|done| done.action.as_str()).collect()
    }
}

/// What Slack has.
#[derive(Debug, Clone, Deserialize)]
pub struct Messages {
    /// All messages as they now stand, in the order in which they were posted.
    pub messages: Vec<Message>,
}

/// A message in Slack.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// The id of its channel.
    pub channel: String,
    /// Its own name in the channel.
    pub ts: String,
    /// The message that it answers.
    pub thread_ts: Option<String>,
    /// Its plain text.
    pub text: String,
    /// What is drawn instead of the text.
    pub blocks: Value,
    /// The same, with a coloured bar.
    pub attachments: Value,
    /// Whom it pings.
    pub mentions: Vec<String>,
    /// What stood in it before it was updated.
    pub earlier: Vec<Value>,
}

impl Message {
    /// Whether a person reads these words in it.
    pub fn says(&self, words: &str) -> bool {
        self.text.contains(words)
            || self.blocks.to_string().contains(words)
            || self.attachments.to_string().contains(words)
    }
}

/// What Teams has.
#[derive(Debug, Clone, Deserialize)]
pub struct Cards {
    /// All messages, each as the JSON of its cards.
    pub messages: Vec<Value>,
}

/// How a sink is to fail; see the local cloud's README for what each field means.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Failure {
    /// `refuse`, `error_body`, `timeout`, `hang_up`, `slow` or `dead`.
    pub kind: &'static str,
    /// Only requests whose path or body holds this text.
    pub about: String,
    /// `after` where the request takes effect all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<&'static str>,
    /// At most so many requests fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// The status of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// After how many seconds it is to be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// For how many seconds nothing is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// A failure as the sink holds it.
#[derive(Debug, Clone, Deserialize)]
pub struct Failed {
    /// What it was about.
    pub about: String,
    /// How many requests it has hit.
    pub applied: u32,
}

/// A letter that was sent.
#[derive(Debug, Clone, Deserialize)]
pub struct Letter {
    /// `ses` or `sns`.
    pub by: String,
    /// To whom.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The plain text.
    #[serde(default)]
    pub text: Option<String>,
}

impl Letter {
    /// Whether a person reads these words in it.
    pub fn says(&self, words: &str) -> bool {
        self.subject.contains(words)
            || self.text.as_deref().is_some_and(|text| text.contains(words))
    }
}

impl Sinks {
    /// The sinks of this cloud.
    pub fn new(about: &About) -> Self {
        let base = format!("{}/_localcloud", about.endpoint);
        Self { base, agent: ureq::Agent::new_with_defaults() }
    }

    /// All sinks by name: `slack`, `pagerduty`, `teams`, `webhook`.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn addresses(&self) -> Result<BTreeMap<String, Address>> {
        self.get("sinks")
    }

    /// What PagerDuty got.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn pagerduty(&self) -> Result<Taken<Incidents>> {
        self.get("sinks/pagerduty")
    }

    /// What Slack got.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn slack(&self) -> Result<Taken<Messages>> {
        self.get("sinks/slack")
    }

    /// What Teams got.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn teams(&self) -> Result<Taken<Cards>> {
        self.get("sinks/teams")
    }

    /// What came to the webhook.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn webhook(&self) -> Result<Vec<Request>> {
        let taken: Taken<Value> = self.get("sinks/webhook")?;
        Ok(taken.requests)
    }

    /// How many requests a sink has received so far.
    ///
    /// # Errors
    /// When the cloud does not answer or has no such sink.
    pub fn received(&self, sink: &str) -> Result<u64> {
        let all: BTreeMap<String, Value> = self.get("sinks")?;
        let received = all.get(sink).and_then(|sink| sink.get("received")?.as_u64());
        Ok(received.ok_or_else(|| format!("there is no sink {sink}"))?)
    }

    /// All letters, by SES and by topics.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn mail(&self) -> Result<Vec<Letter>> {
        self.get("mail")
    }

    /// Changes settings of a sink.
    ///
    /// # Errors
    /// When it does not know them.
    pub fn set(&self, sink: &str, settings: &Value) -> Result<()> {
        self.agent.put(format!("{}/sinks/{sink}", self.base)).send_json(settings)?;
        Ok(())
    }

    /// Has a sink forget all that it got.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn forget(&self, sink: &str) -> Result<()> {
        self.agent.delete(format!("{}/sinks/{sink}", self.base)).call()?;
        Ok(())
    }

    /// Has a sink fail so, and in no other way.
    ///
    /// # Errors
    /// When the cloud does not understand it.
    pub fn break_with(&self, sink: &str, failures: &[Failure]) -> Result<()> {
        let rules = serde_json::json!({ "rules": failures });
        self.agent.put(format!("{}/sinks/{sink}/faults", self.base)).send_json(rules)?;
        Ok(())
    }

    /// The failures of a sink, with what became of them.
    ///
    /// # Errors
    /// When the cloud does not answer.
    pub fn failures(&self, sink: &str) -> Result<Vec<Failed>> {
        #[derive(Deserialize)]
        struct Answer {
            rules: Vec<Failed>,
        }
        let answer: Answer = self.get(&format!("sinks/{sink}/faults"))?;
        Ok(answer.rules)
    }

    fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut answer = self.agent.get(format!("{}/{path}", self.base)).call()?;
        Ok(answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_json()?)
    }
}
