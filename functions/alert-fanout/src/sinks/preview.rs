//! What a sink would be sent, without sending it: for people who write routes and read diffs.

use domain::catalogue::alerting::{Email, Sink};
use serde_json::Value;

use super::slack::Message;
use super::{Place, email, pagerduty, sns, teams, webhook};
use crate::notification::Notification;
use crate::render::{html, text};

/// One request to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What would be done: `POST chat.postMessage`, `mail to …`.
    pub what: String,
    /// What would be sent: JSON or text; without credentials, for none are read.
    pub body: String,
}

impl Preview {
    fn json(what: impl Into<String>, body: &Value) -> Self {
        Self { what: what.into(), body: format!("{body:#}") }
    }
}

/// What `sink` would be sent for a notification that is the first of its group.
pub fn preview(place: &Place, sink: &Sink, notification: &Notification) -> Vec<Preview> {
    let deployment = place.deployment();
    match sink {
        Sink::PagerDuty(sink) => {
            let event = Value::Object(pagerduty::preview(notification, place));
            vec![Preview::json(format!("POST /v2/enqueue by {}", sink.routing_key), &event)]
        }
        Sink::Slack(sink) => {
            let message = Message::of(notification, &sink.mentions, &deployment);
            vec![Preview::json("POST chat.postMessage", &message.body(&sink.channel))]
        }
        Sink::SlackWebhook(sink) => {
            let message = Message::of(notification, &sink.mentions, &deployment);
            vec![Preview::json(format!("POST to {}", sink.url), &message.webhook_body())]
        }
        Sink::Teams(sink) => {
            let body = teams::body(notification, &sink.mentions, place);
            vec![Preview::json(format!("POST to {}", sink.url), &body)]
        }
        Sink::Webhook(sink) => {
            let body = webhook::body(notification, place);
            vec![Preview::json(format!("signed POST to {}", sink.url), &body)]
        }
        Sink::Sns(_) => vec![Preview {
            what: format!("publish with the subject {:?}", sns::subject(notification)),
            body: text::plain(notification, &deployment),
        }],
        Sink::Email(Email { to, .. }) => {
            let subject = email::subject(notification);
            let headers: Vec<String> = email::headers(notification, None, place)
                .into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect();
            let headers = headers.join("\n");
            vec![
                Preview {
                    what: format!(
                        "mail to {} with the subject {subject:?}, as text",
                        to.join(", ")
                    ),
                    body: format!("{headers}\n\n{}", text::plain(notification, &deployment)),
                },
                Preview {
                    what: "the same as a page".to_owned(),
                    body: html::page(notification, &deployment),
                },
            ]
        }
    }
}
