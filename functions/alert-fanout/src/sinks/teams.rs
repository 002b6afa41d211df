//! Microsoft Teams: an Adaptive Card through a webhook of Workflows.
//!
//! Why rich text and no text blocks: a text block reads Markdown, and so an alert could bring links
//! with words of its own; runs of a rich text block are taken literally.
//!
//! Sources: "Create incoming webhooks with Workflows for Microsoft Teams" (28 KB, 4 requests a
//! second), "Cards: Adaptive Card actions", the schema of Adaptive Cards 1.4.

use domain::catalogue::alerting::Teams;
use serde_json::{Value, json};

use super::http::{Answer, Post};
use super::{Place, Sinks, address};
use crate::alert::{Alert, State};
use crate::notification::{Notification, Receipt, SinkError};
use crate::render::cut::{self, Bytes};
use crate::render::links::{self, Link};
use crate::render::words::{alert_line, links_of, sign};
use crate::render::{Fact, Words, text};

/// Bytes of the whole message: Teams takes 28 KB, and counts what it adds as well.
const BYTES_MAX: usize = 24_000;

/// Bytes kept free for what must stand at the end.
const END_RESERVE: usize = 1_500;

/// Alerts of a group that are shown.
const ALERTS_SHOWN_MAX: usize = 15;

/// Bytes of an address that stands in a list; the log query of each of fifteen alerts would leave no
/// room for their words.
const ITEM_URL_LENGTH_MAX: usize = 400;

/// How many people are mentioned.
const MENTIONS_MAX: usize = 10;

/// Bytes of a user's principal name or id; the longest that Entra accepts is 113.
const MENTION_LENGTH_MAX: usize = 113;

impl Sinks {
    /// Posts a card.
    pub(super) async fn post_to_teams(
        &self,
        sink: &Teams,
        notification: &Notification,
    ) -> Result<Receipt, SinkError> {
        let name = format!("Teams webhook {}", sink.url);
        let body = body(notification, &sink.mentions, &self.place);
        self.with_credential(&name, &sink.url, async |url| {
            let address = address(&name, &sink.url, &url)?;
            let answer = self
                .http
                .post(Post {
                    sink: &name,
                    address: &address,
                    body: body.to_string(),
                    headers: Vec::new(),
                    secrets: vec![url.expose()],
                })
                .await?;
            check(&name, &answer)?;
            Ok(Receipt { credential: Some(url.digest()), ..Receipt::default() })
        })
        .await
    }
}

/// Success is 202: the flow has begun. Connectors of the older kind answer 200 with `1`, and with
/// 200 as well when Teams refused the message, in words.
fn check(name: &str, answer: &Answer) -> Result<(), SinkError> {
    let said = answer.body.trim();
    if answer.status == 200 && !said.is_empty() && said != "1" {
        let sink = name.to_owned();
        let reason = answer.quote();
        return Err(if said.contains("HTTP error 429") {
            SinkError::Limited { sink, retry_after: answer.retry_after, reason }
        } else {
            SinkError::Failed { sink, reason }
        });
    }
    match answer.status {
        // The address holds the signature; a flow that was made anew has another address.
        404 | 410 => {
            let reason = format!(
                "{}; the flow is gone: put the address of a new one into the secret",
                answer.quote()
            );
            Err(SinkError::Unauthorized { sink: name.to_owned(), reason })
        }
        _ => answer.check_status(name),
    }
}

/// The message with its card.
pub(super) fn body(notification: &Notification, mentions: &[String], place: &Place) -> Value {
    let words = Words::of(notification);
    let mut left = BYTES_MAX;
    let mut parts = Vec::new();
    let mut push = |parts: &mut Vec<Value>, part: Value, reserve: usize| {
        let bytes = part.to_string().len() + 1;
        let fits = left >= bytes + reserve;
        if fits {
            left -= bytes;
            parts.push(part);
        }
        fits
    };
    push(&mut parts, heading(words), END_RESERVE);
    for note in words.notes() {
        let note = cut::one_line_in(&note, text::NOTE_LENGTH_MAX, &Bytes);
        push(&mut parts, rich(&[run(&note, Look::Plain)]), END_RESERVE);
    }
    let people = people(notification, mentions);
    if !people.is_empty() {
        let names: Vec<String> = people.iter().map(|person| tag(person)).collect();
        // The one text block: what stands in it is ours, and only there is a mention one.
        let block = json!({"type": "TextBlock", "text": names.join(" "), "wrap": true});
        push(&mut parts, block, END_RESERVE);
    }
    if let Some(alert) = words.only() {
        let summary = cut::fit(&alert.summary, text::SUMMARY_LENGTH_MAX, &Bytes);
        if !summary.is_empty() {
            push(&mut parts, rich(&[run(&summary, Look::Plain)]), END_RESERVE);
        }
    }
    for fact in words.facts() {
        push(&mut parts, row(&fact), END_RESERVE);
    }
    // Before the alerts of a group: buttons are few, and of more use than the last of them.
    let actions: Vec<Value> = links_of(words).iter().map(action).collect();
    let mut buttons = Vec::new();
    for action in actions {
        push(&mut buttons, action, END_RESERVE);
    }
    if words.only().is_none() {
        let mut shown = 0;
        for alert in notification.alerts.iter().take(ALERTS_SHOWN_MAX) {
            if !push(&mut parts, item(alert), END_RESERVE) {
                break;
            }
            shown += 1;
        }
        if let Some(more) = words.more(shown) {
            push(&mut parts, rich(&[run(&more, Look::Plain)]), 0);
        }
    }
    let footer = text::footer(notification, &place.deployment());
    let footer = cut::one_line_in(&footer, text::FACT_LENGTH_MAX, &Bytes);
    push(&mut parts, rich(&[run(&footer, Look::Quiet)]), 0);
    let entities: Vec<Value> = people.iter().map(|person| entity(person)).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "fallbackText": unmentioned(&words.headline()),
                "body": parts,
                "actions": buttons,
                "msteams": {"width": "Full", "entities": entities},
            },
        }],
    })
}

/// How a run looks.
#[derive(Debug, Clone, Copy)]
enum Look {
    Plain,
    Bold,
    Large,
    Quiet,
}

/// Text that is taken literally.
fn run(text: &str, look: Look) -> Value {
    let text = unmentioned(text);
    match look {
        Look::Plain => json!({"type": "TextRun", "text": text}),
        Look::Bold => json!({"type": "TextRun", "text": text, "weight": "Bolder"}),
        Look::Large => {
            json!({"type": "TextRun", "text": text, "weight": "Bolder", "size": "Large"})
        }
        Look::Quiet => json!({"type": "TextRun", "text": text, "isSubtle": true, "size": "Small"}),
    }
}

/// Even in text that is taken literally, tags are looked at for mentions.
fn unmentioned(text: &str) -> String {
    text.replace("<at>", "‹at›").replace("</at>", "‹/at›")
}

fn rich(runs: &[Value]) -> Value {
    json!({"type": "RichTextBlock", "inlines": runs})
}

/// The headline on the colour of its severity.
fn heading(words: Words<'_>) -> Value {
    let style = match words.status() {
        "Resolved" => "good",
        "Warning" => "warning",
        "Info" => "accent",
        _ => "attention",
    };
    let headline = format!("{} {}", words.sign(), words.headline());
    let headline = cut::one_line_in(&headline, text::FACT_LENGTH_MAX, &Bytes);
    let items = json!([rich(&[run(&headline, Look::Large)])]);
    json!({"type": "Container", "style": style, "bleed": true, "items": items})
}

/// A fact as a row of two columns.
fn row(fact: &Fact) -> Value {
    let name = cut::one_line_in(&fact.name, text::FACT_LENGTH_MAX, &Bytes);
    let value = cut::one_line_in(&fact.value.to_text(), text::FACT_LENGTH_MAX, &Bytes);
    let column = |width: &str, look, text: &str| json!({"type": "Column", "width": width, "items": [rich(&[run(text, look)])]});
    json!({
        "type": "ColumnSet",
        "spacing": "Small",
        "columns": [column("110px", Look::Bold, &name), column("stretch", Look::Plain, &value)],
    })
}

/// One alert of a group; a run with an action is a link.
fn item(alert: &Alert) -> Value {
    let title = cut::one_line_in(&alert.title, text::FACT_LENGTH_MAX, &Bytes);
    let line = cut::one_line_in(&alert_line(alert), text::FACT_LENGTH_MAX, &Bytes);
    let sign = sign(alert.state, alert.severity);
    let mut runs = vec![run(&format!("{sign} {title}\n"), Look::Bold), run(&line, Look::Quiet)];
    let links = links::of(alert);
    let links = links.iter().filter(|link| link.url.len() <= ITEM_URL_LENGTH_MAX);
    for (place, link) in links.enumerate() {
        runs.push(run(if place == 0 { "\n" } else { " · " }, Look::Quiet));
        let mut linked = run(link.label, Look::Quiet);
        if let Some(linked) = linked.as_object_mut() {
            linked.insert("selectAction".to_owned(), action(link));
        }
        runs.push(linked);
    }
    rich(&runs)
}

fn action(link: &Link) -> Value {
    json!({"type": "Action.OpenUrl", "title": link.label, "url": link.url})
}

/// Whom the catalogue wants mentioned, by principal name or object id, while something fires.
fn people(notification: &Notification, mentions: &[String]) -> Vec<String> {
    if notification.state == State::Resolved {
        return Vec::new();
    }
    let mut people: Vec<String> = Vec::new();
    for id in mentions.iter().chain(&notification.mentions) {
        if is_person(id) && !people.contains(id) {
            people.push(id.clone());
        }
    }
    people.truncate(MENTIONS_MAX);
    people
}

/// A user principal name, or an object id (a UUID); ids of other services are neither.
fn is_person(id: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'+');
    let is_uuid = id.len() == 36 && id.matches('-').count() == 4;
    id.len() <= MENTION_LENGTH_MAX && id.bytes().all(is_plain) && (id.contains('@') || is_uuid)
}

fn tag(person: &str) -> String {
    format!("<at>{person}</at>")
}

fn entity(person: &str) -> Value {
    let name = person.split('@').next().unwrap_or(person);
    json!({
        "type": "mention",
        "text": tag(person),
        "mentioned": {"id": person, "name": name},
    })
}

#[cfg(test)]
mod tests;
