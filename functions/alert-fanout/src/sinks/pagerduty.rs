//! PagerDuty: one incident for each group, by Events API v2.
//!
//! A group that fires is a `trigger`, its end a `resolve`, both under a `dedup_key` made of the
//! group's key: whatever is sent twice is one incident. A resolve must carry the routing key of its
//! trigger, so the receipt keeps that key's digest, and a key that was rotated meanwhile is taken
//! from the secret's previous version.
//!
//! Source: PagerDuty's "Events API v2 overview" and "Send an alert event".

use domain::catalogue::alerting::PagerDuty;
use domain::naming::fingerprint;
use serde_json::{Map, Value, json};

use super::http::{Answer, Post};
use super::{Place, Sinks, endpoint};
use crate::alert::State;
use crate::credentials::Credential;
use crate::notification::{Notification, Receipt, SinkError};
use crate::render::cut::{self, Bytes};
use crate::render::links::{self, Link};
use crate::render::words::{alert_line, links_of};
use crate::render::{Words, text};

/// The sink, as its errors name it.
const NAME: &str = "PagerDuty";

/// Characters of a `dedup_key`; bytes are counted, which are never fewer.
const DEDUP_KEY_LENGTH_MAX: usize = 255;

/// Bytes of the digest that stands for a key which is longer: all of SHA-256.
const DIGEST_BYTES: usize = 32;

/// Characters of `payload.summary`; bytes are counted, which are never fewer.
const SUMMARY_LENGTH_MAX: usize = 1_024;

/// Bytes of `payload.source`, `component`, `group` and `class`, for which nothing is documented: an
/// ARN's length.
const NAME_LENGTH_MAX: usize = 255;

/// Alerts of a group that the details list: the whole event stays far below its 512 KB.
const ALERTS_SHOWN_MAX: usize = 25;

/// Links of an event: those of a few alerts.
const LINKS_MAX: usize = 8;

impl Sinks {
    /// Triggers or resolves the group's incident.
    pub(super) async fn page(
        &self,
        sink: &PagerDuty,
        notification: &Notification,
        receipt: Option<&Receipt>,
    ) -> Result<Receipt, SinkError> {
        let triggered_by = receipt.and_then(|receipt| receipt.credential.as_deref());
        if let (State::Resolved, Some(digest)) = (notification.state, triggered_by) {
            let key = self.key_of_trigger(sink, digest).await?;
            return self.enqueue(notification, &key, receipt).await;
        }
        self.with_credential(NAME, &sink.routing_key, async |key| {
            self.enqueue(notification, &key, receipt).await
        })
        .await
    }

    /// The routing key that triggered the incident, known by its digest.
    async fn key_of_trigger(
        &self,
        sink: &PagerDuty,
        digest: &str,
    ) -> Result<Credential, SinkError> {
        let wanted = &sink.routing_key;
        let current = self.credentials.get(NAME, wanted).await?;
        if current.digest() == digest {
            return Ok(current);
        }
        // What was read some minutes ago may be the older of the two.
        if let Some(newer) = self.credentials.reread(NAME, wanted, &current).await?
            && newer.digest() == digest
        {
            return Ok(newer);
        }
        match self.credentials.previous(NAME, wanted).await? {
            Some(previous) if previous.digest() == digest => Ok(previous),
            _ => Err(SinkError::Refused {
                sink: NAME.to_owned(),
                reason: format!(
                    "the incident was triggered with a routing key that the secret {wanted} no \
                     longer holds, neither now nor in its previous version, and only that key can \
                     resolve it: resolve the incident in PagerDuty by hand"
                ),
            }),
        }
    }

    async fn enqueue(
        &self,
        notification: &Notification,
        routing_key: &Credential,
        receipt: Option<&Receipt>,
    ) -> Result<Receipt, SinkError> {
        let known = receipt.and_then(|receipt| receipt.key.clone());
        let dedup_key = known.unwrap_or_else(|| dedup_key(notification, &self.place));
        let mut event = event(notification, &dedup_key, &self.place);
        event.insert("routing_key".to_owned(), routing_key.expose().into());
        let address = endpoint(NAME, &self.place.endpoints.pagerduty, "/v2/enqueue")?;
        let answer = self
            .http
            .post(Post {
                sink: NAME,
                address: &address,
                body: Value::Object(event).to_string(),
                headers: Vec::new(),
                secrets: vec![routing_key.expose()],
            })
            .await?;
        check(&answer)?;
        Ok(Receipt { key: Some(dedup_key), place: None, credential: Some(routing_key.digest()) })
    }
}

/// Success is 202. A key that PagerDuty does not know is a 400 that says so in words.
fn check(answer: &Answer) -> Result<(), SinkError> {
    match answer.status {
        202 => Ok(()),
        // Any other 2xx is not what is documented: perhaps a proxy, and certainly no page.
        200..=299 => {
            let reason = format!("only 202 means that an event was taken: {}", answer.quote());
            Err(SinkError::Failed { sink: NAME.to_owned(), reason })
        }
        400 if answer.body.to_lowercase().contains("routing key") => {
            Err(SinkError::Unauthorized { sink: NAME.to_owned(), reason: answer.quote() })
        }
        _ => answer.check_status(NAME),
    }
}

/// The incident's key: the group's, and whose group it is, since deployments may share a service.
fn dedup_key(notification: &Notification, place: &Place) -> String {
    let Place { product, environment, .. } = place;
    let key = format!("{product}-{environment}:{}", notification.group_key);
    if key.len() <= DEDUP_KEY_LENGTH_MAX {
        return key;
    }
    format!("{product}-{environment}:sha256:{}", fingerprint(&notification.group_key, DIGEST_BYTES))
}

/// The event, all but its routing key.
pub(super) fn event(
    notification: &Notification,
    dedup_key: &str,
    place: &Place,
) -> Map<String, Value> {
    let mut event = Map::new();
    let mut set = |name: &str, value: Value| event.insert(name.to_owned(), value);
    set("dedup_key", dedup_key.into());
    let action = match notification.state {
        State::Firing => "trigger",
        State::Resolved => "resolve",
    };
    set("event_action", action.into());
    if notification.state == State::Firing {
        set("client", format!("Caretaker for {}", place.deployment()).into());
        set("payload", payload(notification));
        set("links", links(notification));
    }
    event
}

/// The preview's event, with the key that would be made.
pub(super) fn preview(notification: &Notification, place: &Place) -> Map<String, Value> {
    event(notification, &dedup_key(notification, place), place)
}

fn payload(notification: &Notification) -> Value {
    let words = Words::of(notification);
    let first = notification.alerts.first();
    let whose = words.whose();
    let name = |text: &str| cut::one_line_in(text, NAME_LENGTH_MAX, &Bytes);
    let subject = words.subject();
    let summary = whose.as_ref().map_or(subject.clone(), |whose| format!("{subject} [{whose}]"));
    let source = first
        .and_then(|alert| alert.resource.as_deref().or(Some(alert.source.as_str())))
        .filter(|source| !source.trim().is_empty())
        .unwrap_or("caretaker");
    let mut payload = json!({
        "summary": cut::one_line_in(&summary, SUMMARY_LENGTH_MAX, &Bytes),
        "source": name(source),
        "severity": notification.severity.as_str(),
        "timestamp": notification.happened_at.to_string(),
        "custom_details": details(notification, words),
    });
    let more = [
        ("component", first.and_then(|alert| alert.service.as_deref())),
        ("group", whose.as_deref()),
        ("class", first.and_then(|alert| alert.labels.get("alertname").map(String::as_str))),
    ];
    if let Some(payload) = payload.as_object_mut() {
        for (key, value) in more.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            payload.insert(key.to_owned(), name(value).into());
        }
    }
    payload
}

/// What is known, by name, for who opens the incident.
fn details(notification: &Notification, words: Words<'_>) -> Value {
    let fit = |text: &str, length_max| Value::from(cut::fit(text, length_max, &Bytes));
    let mut details = Map::new();
    for (name, note) in ["Note", "Second note", "Third note"].iter().zip(words.notes()) {
        details.insert((*name).to_owned(), fit(&note, text::NOTE_LENGTH_MAX));
    }
    if let Some(alert) = words.only() {
        details.insert("Summary".to_owned(), fit(&alert.summary, text::SUMMARY_LENGTH_MAX));
    }
    for fact in words.facts() {
        // A label may be called as something else that is shown.
        details
            .entry(fact.name)
            .or_insert_with(|| fit(&fact.value.to_text(), text::FACT_LENGTH_MAX));
    }
    if words.only().is_none() {
        let mut alerts: Vec<Value> = notification
            .alerts
            .iter()
            .take(ALERTS_SHOWN_MAX)
            .map(|alert| {
                let title = cut::one_line(&alert.title, text::FACT_LENGTH_MAX);
                fit(&format!("{title} ({})", alert_line(alert)), 2 * text::FACT_LENGTH_MAX)
            })
            .collect();
        let shown = alerts.len();
        alerts.extend(words.more(shown).map(Value::from));
        details.insert("Alerts".to_owned(), alerts.into());
    }
    details.into()
}

fn links(notification: &Notification) -> Value {
    let words = Words::of(notification);
    let link =
        |link: &Link, of: &str| json!({"href": link.url, "text": format!("{}{of}", link.label)});
    let links: Vec<Value> = if words.only().is_some() {
        links_of(words).iter().map(|found| link(found, "")).collect()
    } else {
        let of = |alert| links::of(alert).into_iter().map(move |link| (alert, link));
        notification
            .alerts
            .iter()
            .flat_map(of)
            .take(LINKS_MAX)
            .map(|(alert, found)| {
                link(&found, &format!(": {}", cut::one_line(&alert.title, NAME_LENGTH_MAX)))
            })
            .collect()
    };
    links.into()
}

#[cfg(test)]
mod tests;
