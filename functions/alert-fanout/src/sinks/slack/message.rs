//! The messages: what stands in the channel, and what is answered in its thread.

use domain::catalogue::Severity;
use serde_json::{Value, json};

use super::blocks::{self, Budget, SECTION_LENGTH_MAX, escape, escape_line};
use super::untouched;
use crate::alert::{Alert, State};
use crate::notification::{Notification, Occasion};
use crate::render::links::{self, Link};
use crate::render::words::{alert_line, links_of, sign};
use crate::render::{Words, text};

/// Alerts of a group that are shown one by one: two screens of a phone.
const ALERTS_SHOWN_MAX: usize = 10;

/// Alerts that are shown of a storm, for an impression: they are many, and their number is the news.
const STORM_SHOWN_MAX: usize = 5;

/// Alerts of a group that an answer names: it is about what is new.
const ALERTS_ANSWERED_MAX: usize = 5;

/// Bytes of the summary of one alert among others.
const ITEM_SUMMARY_LENGTH_MAX: usize = 240;

/// Bytes of a title of one alert among others.
const ITEM_TITLE_LENGTH_MAX: usize = 180;

/// Bytes of an address that stands in a list; the log query of each alert of fifteen would leave no
/// room for their words.
const ITEM_URL_LENGTH_MAX: usize = 400;

/// Bytes that are kept free for what must stand at the end: how many more there are, and who sent
/// it.
const END_RESERVE: usize = 1_000;

/// How many people and groups are mentioned: who mentions more, mentions nobody.
const MENTIONS_MAX: usize = 10;

/// A message that stands in the channel.
#[derive(Debug, Clone)]
pub(in crate::sinks) struct Message {
    /// What notifications and screen readers say.
    fallback: String,
    /// Above the coloured bar.
    blocks: Vec<Value>,
    /// Beside the coloured bar.
    details: Vec<Value>,
    colour: &'static str,
}

impl Message {
    /// The message for a notification.
    pub(in crate::sinks) fn of(
        notification: &Notification,
        mentions: &[String],
        deployment: &str,
    ) -> Self {
        let words = Words::of(notification);
        let mut budget = Budget::new();
        let (mut blocks, mut details) = (Vec::new(), Vec::new());
        let headline = format!("{} {}", words.sign(), words.headline());
        budget.push(&mut blocks, blocks::header(&headline), END_RESERVE);
        if let Some(lead) = lead(words, mentions, notification) {
            budget.push(&mut blocks, blocks::section(&lead), END_RESERVE);
        }
        let summary = words.only().map(|alert| escape(&alert.summary, SECTION_LENGTH_MAX));
        if let Some(summary) = summary.filter(|summary| !summary.is_empty()) {
            budget.push(&mut details, blocks::section(&summary), END_RESERVE);
        }
        for fields in blocks::fields(&words.facts()) {
            budget.push(&mut details, fields, END_RESERVE);
        }
        push_buttons(&mut budget, &mut details, &links_of(words));
        if words.only().is_none() {
            let shown_max = if notification.is_digest { STORM_SHOWN_MAX } else { ALERTS_SHOWN_MAX };
            let shown = notification
                .alerts
                .iter()
                .take(shown_max)
                .take_while(|alert| {
                    budget.push(&mut details, blocks::section(&item(alert)), END_RESERVE)
                })
                .count();
            if let Some(more) = words.more(shown) {
                budget.push(&mut details, blocks::section(&escape_line(&more, 200)), 0);
            }
        }
        let footer = text::footer(notification, deployment);
        budget.push(&mut details, blocks::quiet(&footer), 0);
        Self { fallback: escape_line(&headline, 300), blocks, details, colour: words.colour() }
    }

    /// For `chat.postMessage`.
    pub(in crate::sinks) fn body(&self, channel: &str) -> Value {
        untouched(json!({
            "channel": channel,
            "text": self.fallback,
            "blocks": self.blocks,
            "attachments": self.attachments(),
        }))
    }

    /// For `chat.update`.
    pub(super) fn update(&self, channel: &str, ts: &str) -> Value {
        json!({
            "channel": channel,
            "ts": ts,
            "text": self.fallback,
            "blocks": self.blocks,
            "attachments": self.attachments(),
            "link_names": false,
            "parse": "none",
        })
    }

    /// For an incoming webhook, which has its channel.
    pub(in crate::sinks) fn webhook_body(&self) -> Value {
        untouched(json!({
            "text": self.fallback,
            "blocks": self.blocks,
            "attachments": self.attachments(),
        }))
    }

    fn attachments(&self) -> Value {
        json!([{"color": self.colour, "fallback": self.fallback, "blocks": self.details}])
    }
}

/// What is answered in the thread of a message that was brought up to date.
#[derive(Debug, Clone)]
pub(in crate::sinks) struct Reply {
    fallback: String,
    blocks: Vec<Value>,
    is_broadcast: bool,
}

impl Reply {
    /// The answer for a notification; the first of a group has none.
    pub(in crate::sinks) fn of(notification: &Notification, mentions: &[String]) -> Option<Self> {
        if notification.occasion == Occasion::Opened {
            return None;
        }
        let words = Words::of(notification);
        let mut budget = Budget::new();
        let mut blocks = Vec::new();
        let headline = format!("{} {}", words.sign(), words.headline());
        let headline = escape_line(&headline, 300);
        let mut lines = vec![format!("*{headline}*")];
        lines.extend(lead(words, mentions, notification));
        let lasted = words.facts().into_iter().find(|fact| fact.name == "Lasted");
        lines.extend(
            lasted.map(|fact| format!("It lasted {}.", escape_line(&fact.value.to_text(), 100))),
        );
        budget.push(&mut blocks, blocks::section(&lines.join("\n")), END_RESERVE);
        if words.only().is_none() && notification.occasion == Occasion::Updated {
            let newest = notification.alerts.iter().take(ALERTS_ANSWERED_MAX);
            for alert in newest {
                budget.push(&mut blocks, blocks::section(&item(alert)), END_RESERVE);
            }
        }
        let is_urgent = notification.state == State::Firing
            && (notification.severity == Severity::Critical
                || notification.occasion == Occasion::Escalated);
        Some(Self { fallback: headline, blocks, is_broadcast: is_urgent })
    }

    /// For `chat.postMessage`; what is urgent is shown in the channel as well.
    pub(in crate::sinks) fn body(&self, channel: &str, ts: &str) -> Value {
        untouched(json!({
            "channel": channel,
            "thread_ts": ts,
            "reply_broadcast": self.is_broadcast,
            "text": self.fallback,
            "blocks": self.blocks,
        }))
    }
}

/// Notes, and who is mentioned while there is something to do.
fn lead(words: Words<'_>, mentions: &[String], notification: &Notification) -> Option<String> {
    let mut lines: Vec<String> =
        words.notes().iter().map(|note| escape_line(note, text::NOTE_LENGTH_MAX)).collect();
    if notification.state == State::Firing {
        let mut seen: Vec<String> = Vec::new();
        for id in mentions.iter().chain(&notification.mentions) {
            seen.extend(mention(id).filter(|mention| !seen.contains(mention)));
        }
        seen.truncate(MENTIONS_MAX);
        if !seen.is_empty() {
            lines.push(seen.join(" "));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The mention of a user (`U…`, `W…`) or a user group (`S…`); of nobody, where the id is another
/// service's.
fn mention(id: &str) -> Option<String> {
    let mut characters = id.chars();
    let kind = characters.next()?;
    let rest = characters.as_str();
    let is_id = (5..=20).contains(&rest.len())
        && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    match kind {
        'U' | 'W' if is_id => Some(format!("<@{id}>")),
        'S' if is_id => Some(format!("<!subteam^{id}>")),
        _ => None,
    }
}

/// One alert of a group.
fn item(alert: &Alert) -> String {
    let sign = sign(alert.state, alert.severity);
    let title = escape_line(&alert.title, ITEM_TITLE_LENGTH_MAX);
    let line = escape_line(&alert_line(alert), ITEM_TITLE_LENGTH_MAX);
    let summary = escape_line(&alert.summary, ITEM_SUMMARY_LENGTH_MAX);
    let anchors: Vec<String> = links::of(alert)
        .iter()
        .filter(|link| link.url.len() <= ITEM_URL_LENGTH_MAX)
        .map(blocks::anchor)
        .collect();
    let lines = [format!("{sign} *{title}*"), line, summary, anchors.join(" · ")];
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Buttons, as many as there is room for: the first are the most useful.
fn push_buttons(budget: &mut Budget, blocks: &mut Vec<Value>, links: &[Link]) {
    let fitting = (1..=links.len()).rev().find(|count| {
        let first: Vec<Link> = links.iter().take(*count).cloned().collect();
        blocks::buttons(&first).is_some_and(|buttons| budget.push(blocks, buttons, END_RESERVE))
    });
    if fitting.is_none() && !links.is_empty() {
        tracing::debug!("no room for a link");
    }
}

#[cfg(test)]
mod tests;
