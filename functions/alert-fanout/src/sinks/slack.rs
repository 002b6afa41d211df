//! Slack: a message for each group, which is updated, and answered in its thread.
//!
//! By bot token (`chat.postMessage`, `chat.update`). A group's first notification is a message; the
//! later ones bring that message up to date, which nobody is notified of, and say in its thread what
//! has changed, which somebody is. An incoming webhook gives no `ts` back, so there every
//! notification is a message of its own.
//!
//! Sources: Slack's Web API reference for both methods; "Sending messages using incoming webhooks";
//! "Rate limits".

mod answer;
mod blocks;
mod message;

pub(super) use message::{Message, Reply};

use domain::catalogue::alerting::{Slack, SlackWebhook};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::http::Post;
use super::{Sinks, address, endpoint};
use crate::notification::{Notification, Receipt, SinkError};
use answer::{Failure, Posted};

/// A message that cannot be updated any more, so that a new one is due: it was deleted, another app
/// had posted it, or the workspace does not let messages be edited for so long.
const GONE: [&str; 3] = ["message_not_found", "cant_update_message", "edit_window_closed"];

impl Sinks {
    /// Posts, or updates and answers, by bot token.
    pub(super) async fn post_to_slack(
        &self,
        sink: &Slack,
        notification: &Notification,
        receipt: Option<&Receipt>,
    ) -> Result<Receipt, SinkError> {
        let name = format!("Slack channel {}", sink.channel);
        let message = Message::of(notification, &sink.mentions, &self.place.deployment());
        let known = receipt.and_then(|receipt| Some((receipt.key.as_deref()?, receipt)));
        self.with_credential(&name, &sink.token, async |token| {
            let chat = Chat { sinks: self, name: &name, token: token.expose().to_owned().into() };
            let posted = |posted: Posted| Receipt {
                key: posted.ts,
                place: posted.channel.or_else(|| Some(sink.channel.clone())),
                credential: Some(token.digest()),
            };
            let Some((ts, receipt)) = known else {
                let body = message.body(&sink.channel);
                return Ok(posted(chat.call("chat.postMessage", body).await?));
            };
            let channel = receipt.place.as_deref().unwrap_or(&sink.channel);
            match chat.call("chat.update", message.update(channel, ts)).await {
                Err(failure) if GONE.contains(&failure.code.as_str()) => {
                    let body = message.body(&sink.channel);
                    return Ok(posted(chat.call("chat.postMessage", body).await?));
                }
                updated => updated?,
            };
            if let Some(reply) = Reply::of(notification, &sink.mentions) {
                chat.call("chat.postMessage", reply.body(channel, ts)).await?;
            }
            Ok(receipt.clone())
        })
        .await
    }

    /// Posts through an incoming webhook.
    pub(super) async fn post_to_slack_webhook(
        &self,
        sink: &SlackWebhook,
        notification: &Notification,
    ) -> Result<Receipt, SinkError> {
        let name = format!("Slack webhook {}", sink.url);
        let message = Message::of(notification, &sink.mentions, &self.place.deployment());
        self.with_credential(&name, &sink.url, async |url| {
            let address = address(&name, &sink.url, &url)?;
            let answer = self
                .http
                .post(Post {
                    sink: &name,
                    address: &address,
                    body: message.webhook_body().to_string(),
                    headers: Vec::new(),
                    secrets: vec![url.expose()],
                })
                .await?;
            answer::of_webhook(&name, &answer)?;
            Ok(Receipt { credential: Some(url.digest()), ..Receipt::default() })
        })
        .await
    }
}

/// The Web API with a token.
struct Chat<'a> {
    sinks: &'a Sinks,
    name: &'a str,
    token: SecretString,
}

impl Chat<'_> {
    async fn call(&self, method: &str, body: Value) -> Result<Posted, Failure> {
        let address =
            endpoint(self.name, &self.sinks.place.endpoints.slack, &format!("/{method}"))?;
        let token = self.token.expose_secret();
        let answer = self
            .sinks
            .http
            .post(Post {
                sink: self.name,
                address: &address,
                body: body.to_string(),
                headers: vec![("authorization", format!("Bearer {token}"))],
                secrets: vec![token],
            })
            .await?;
        answer::of_method(self.name, method, &answer)
    }
}

/// What every message says about how Slack is to treat it: nothing is to be made of its words.
fn untouched(mut body: Value) -> Value {
    if let Some(body) = body.as_object_mut() {
        body.insert("unfurl_links".to_owned(), json!(false));
        body.insert("unfurl_media".to_owned(), json!(false));
        body.insert("link_names".to_owned(), json!(false));
        body.insert("parse".to_owned(), json!("none"));
    }
    body
}

#[cfg(test)]
mod tests;
