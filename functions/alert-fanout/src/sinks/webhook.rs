//! A webhook of anybody's: Alertmanager's JSON, signed as Standard Webhooks has it.
//!
//! Why this shape: whatever takes alerts from Alertmanager takes them from here, and whatever
//! verifies Standard Webhooks has a library for it in its own language. `webhook-id` is the same for
//! each attempt at one notification, so that a receiver can tell a repetition.
//!
//! Sources: Alertmanager's "Configuration", `<webhook_config>` (version 4); the specification of
//! Standard Webhooks, "Signature scheme".

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::catalogue::alerting::Webhook;
use domain::naming::fingerprint;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::http::{Answer, Post};
use super::{Place, Sinks, address};
use crate::alert::{Alert, LinkKind, State};
use crate::credentials::Credential;
use crate::notification::{Notification, Receipt, SinkError};
use crate::render::cut;
use crate::render::{links, text};

/// What a signing secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// Bytes of a signing secret's key: less could be guessed, more helps nobody (Standard Webhooks).
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Alerts of a group that are sent; the rest is counted in `truncatedAlerts`, as Alertmanager does
/// with `max_alerts`.
const ALERTS_MAX: usize = 100;

/// Bytes of the digest in `webhook-id`.
const ID_BYTES: usize = 16;

/// Bytes of a fingerprint; Alertmanager's is 64 bits.
const FINGERPRINT_BYTES: usize = 8;

/// What Alertmanager sends for an alert that is not over.
const NO_END: &str = "0001-01-01T00:00:00Z";

impl Sinks {
    /// Posts the signed notification.
    pub(super) async fn post_to_webhook(
        &self,
        sink: &Webhook,
        notification: &Notification,
    ) -> Result<Receipt, SinkError> {
        let name = format!("webhook {}", sink.url);
        let body = body(notification, &self.place).to_string();
        let id = id(notification, &self.place);
        let now = Timestamp::now().as_second();
        self.with_credential(&name, &sink.signing_secret, async |secret| {
            let key = key(&name, sink, &secret)?;
            let signature = sign(&key, &id, now, &body);
            self.with_credential(&name, &sink.url, async |url| {
                let address = address(&name, &sink.url, &url)?;
                let answer = self
                    .http
                    .post(Post {
                        sink: &name,
                        address: &address,
                        body: body.clone(),
                        headers: vec![
                            ("webhook-id", id.clone()),
                            ("webhook-timestamp", now.to_string()),
                            ("webhook-signature", signature.clone()),
                        ],
                        secrets: vec![url.expose(), secret.expose()],
                    })
                    .await?;
                check(&name, &answer)?;
                Ok(Receipt { key: Some(id.clone()), place: None, credential: Some(url.digest()) })
            })
            .await
        })
        .await
    }
}

/// Success is any 2xx (Standard Webhooks).
fn check(name: &str, answer: &Answer) -> Result<(), SinkError> {
    answer.check_status(name)
}

/// The key of the signature: base64 after its prefix.
fn key(name: &str, sink: &Webhook, secret: &Credential) -> Result<hmac::Key, SinkError> {
    let text = secret.expose();
    let encoded = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
    match STANDARD.decode(encoded) {
        Ok(key) if KEY_BYTES.contains(&key.len()) => Ok(hmac::Key::new(hmac::HMAC_SHA256, &key)),
        // The decoder's own message would quote a character of the secret.
        _ => Err(SinkError::Refused {
            sink: name.to_owned(),
            reason: format!(
                "the secret {} is no signing secret: {SECRET_PREFIX} and base64 of {} to {} bytes \
                 is expected",
                sink.signing_secret,
                KEY_BYTES.start(),
                KEY_BYTES.end()
            ),
        }),
    }
}

/// `v1,` and the base64 of the HMAC over id, time and body.
fn sign(key: &hmac::Key, id: &str, now: i64, body: &str) -> String {
    let signed = format!("{id}.{now}.{body}");
    format!("v1,{}", STANDARD.encode(hmac::sign(key, signed.as_bytes())))
}

/// The same for every attempt at one notification, and for no two notifications.
fn id(notification: &Notification, place: &Place) -> String {
    let Notification { group_key, generation, occasion, receiver, .. } = notification;
    let what =
        format!("{}\n{group_key}\n{generation}\n{occasion:?}\n{receiver}", place.deployment());
    format!("msg_{}", fingerprint(&what, ID_BYTES))
}

/// The notification as Alertmanager would send it.
pub(super) fn body(notification: &Notification, place: &Place) -> Value {
    let alerts: Vec<&Alert> = notification.alerts.iter().take(ALERTS_MAX).collect();
    let all = notification.firing.saturating_add(notification.resolved);
    let shown = u64::try_from(alerts.len()).unwrap_or(u64::MAX);
    let labels: Vec<Map<String, Value>> = alerts.iter().map(|alert| labels(alert)).collect();
    let annotations: Vec<_> = alerts.iter().map(|alert| annotations(alert)).collect();
    let group_labels: Map<String, Value> = notification
        .group_labels
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    json!({
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": all.saturating_sub(shown),
        "status": notification.state.as_str(),
        "receiver": notification.receiver,
        "groupLabels": group_labels,
        "commonLabels": common(&labels),
        "commonAnnotations": common(&annotations),
        "externalURL": "",
        "alerts": alerts
            .iter()
            .zip(labels.iter().zip(&annotations))
            .map(|(alert, (labels, annotations))| entry(alert, labels, annotations, notification))
            .collect::<Vec<_>>(),
        // Beside Alertmanager's own fields: what it has no field for.
        "caretaker": {
            "deployment": place.deployment(),
            "occasion": notification.occasion,
            "generation": notification.generation,
            "severity": notification.severity.as_str(),
            "firing": notification.firing,
            "resolved": notification.resolved,
            "isDigest": notification.is_digest,
            "fallbackFor": notification.fallback_for,
        },
    })
}

fn entry(
    alert: &Alert,
    labels: &Map<String, Value>,
    annotations: &Map<String, Value>,
    notification: &Notification,
) -> Value {
    let (starts_at, ends_at) = match alert.state {
        State::Firing => (alert.happened_at, NO_END.to_owned()),
        State::Resolved => {
            (notification.opened_at.min(alert.happened_at), alert.happened_at.to_string())
        }
    };
    let console = alert.links.iter().find(|link| link.kind == LinkKind::Console);
    json!({
        "status": alert.state.as_str(),
        "labels": labels,
        "annotations": annotations,
        "startsAt": starts_at.to_string(),
        "endsAt": ends_at,
        "generatorURL": console.map_or("", |link| link.url.as_str()),
        "fingerprint": fingerprint(&alert.dedup_key, FINGERPRINT_BYTES),
    })
}

/// The labels as they are matched; the state is no label in Alertmanager.
fn labels(alert: &Alert) -> Map<String, Value> {
    alert
        .all_labels()
        .into_iter()
        .filter(|(name, _)| *name != "state")
        .map(|(name, value)| {
            (name.to_owned(), cut::fit(value, text::FACT_LENGTH_MAX, &cut::Plain).into())
        })
        .collect()
}

fn annotations(alert: &Alert) -> Map<String, Value> {
    let mut annotations = Map::new();
    let title = cut::one_line(&alert.title, text::FACT_LENGTH_MAX);
    annotations.insert("summary".to_owned(), title.into());
    let description = cut::fit(&alert.summary, text::SUMMARY_LENGTH_MAX, &cut::Plain);
    annotations.insert("description".to_owned(), description.into());
    for link in links::of(alert) {
        annotations.insert(format!("{}_url", link.label.to_lowercase()), link.url.into());
    }
    annotations
}

/// What all of them agree in.
fn common(all: &[Map<String, Value>]) -> Map<String, Value> {
    let Some((first, rest)) = all.split_first() else { return Map::new() };
    first
        .iter()
        .filter(|(name, value)| rest.iter().all(|other| other.get(*name) == Some(*value)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
