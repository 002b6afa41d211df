//! `alerting.receivers.<name>`: sinks, the fallback, and who is told when nobody answers.

use super::Names;
use super::values::{ADDRESS, CHANNEL, INTERVAL, MENTION, Secret, TOPIC, list};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::alerting::{
    Email, Escalation, PagerDuty, Receiver, SecretRef, Sink, Slack, SlackWebhook, Sns, Teams,
    Webhook,
};

/// The most addresses in one mail (SES API reference, `SendEmail`: 50 recipients).
const RECIPIENTS_MAX: usize = 50;

pub(super) fn read(section: &mut Section<'_>, receivers: &Names<'_>) -> Read<Receiver> {
    let sinks = section.list_of_tables("sinks", |_, table| sink(table));
    let fallback = section.optional_table("fallback", sink);
    let escalation = section.list_of_tables("escalation", |_, table| {
        let after = table.required("after", &INTERVAL);
        let receiver = table.required("receiver", &receivers);
        Ok(Escalation { after: after?.value, receiver: receiver?.value })
    });
    let (sinks, fallback, mut escalation) = (sinks?, fallback?, escalation?);
    for (number, one) in sinks.iter().enumerate() {
        if sinks.iter().take(number).any(|earlier| earlier.to_string() == one.to_string()) {
            let span = section.key_span("sinks").unwrap_or_else(|| section.span());
            section.mistake(span, "sinks", format!("{one} is there twice"), "each sink once");
        }
    }
    if let (Some(fallback), Some(span)) = (&fallback, section.key_span("fallback"))
        && sinks.iter().any(|sink| sink.to_string() == fallback.to_string())
    {
        let problem = format!("{fallback} is one of the sinks, which fails with it");
        section.mistake(span, "fallback", problem, "another sink than those of the receiver");
    }
    escalation.sort_by_key(|step| step.after);
    if let (Some(by_itself), Some(span)) =
        (sinks.iter().find(|sink| sink.escalates()), section.key_span("escalation"))
    {
        let problem = format!("{by_itself} escalates by itself, so two would call people");
        section.mistake(span, "escalation", problem, "no escalation beside such a sink");
    }
    Ok(Receiver { sinks, fallback, escalation })
}

/// A table with one key, which says what kind of sink it is.
fn sink(section: &mut Section<'_>) -> Read<Sink> {
    let found = [
        section.optional_table("pagerduty", |table| {
            let routing_key = table.required("routing_key", &Secret)?.value;
            Ok(Sink::PagerDuty(PagerDuty { routing_key }))
        }),
        section.optional_table("slack", slack),
        section.optional_table("slack_webhook", |table| {
            let (url, mentions) = url_and_mentions(table)?;
            Ok(Sink::SlackWebhook(SlackWebhook { url, mentions }))
        }),
        section.optional_table("email", email),
        section.optional_table("sns", |table| {
            let topic_arn = table.optional("topic_arn", &TOPIC)?.map(|found| found.value);
            Ok(Sink::Sns(Sns { topic_arn }))
        }),
        section.optional_table("teams", |table| {
            let (url, mentions) = url_and_mentions(table)?;
            Ok(Sink::Teams(Teams { url, mentions }))
        }),
        section.optional_table("webhook", |table| {
            let url = table.required("url", &Secret);
            let signing_secret = table.required("signing_secret", &Secret);
            let (url, signing_secret) = (url?.value, signing_secret?.value);
            Ok(Sink::Webhook(Webhook { url, signing_secret }))
        }),
    ];
    let mut given = Vec::new();
    for sink in found {
        given.extend(sink?);
    }
    match <[Sink; 1]>::try_from(given) {
        Ok([sink]) => Ok(sink),
        Err(given) => {
            let kinds: Vec<&str> = given.iter().map(Sink::kind).collect();
            let problem = if kinds.is_empty() {
                "names no sink".to_owned()
            } else {
                format!("names {} at once", kinds.join(" and "))
            };
            let expected = "one of pagerduty, slack, slack_webhook, email, sns, teams and webhook";
            Err(section.mistake(section.span(), "", problem, expected))
        }
    }
}

fn slack(table: &mut Section<'_>) -> Read<Sink> {
    let channel = table.required("channel", &CHANNEL);
    let token = table.required("token", &Secret);
    let mentions = table.or("mentions", &list(MENTION), Vec::new());
    Ok(Sink::Slack(Slack {
        channel: channel?.value,
        token: token?.value,
        mentions: mentions?.value,
    }))
}

fn url_and_mentions(table: &mut Section<'_>) -> Read<(SecretRef, Vec<String>)> {
    let url = table.required("url", &Secret);
    let mentions = table.or("mentions", &list(MENTION), Vec::new());
    Ok((url?.value, mentions?.value))
}

fn email(table: &mut Section<'_>) -> Read<Sink> {
    let from = table.required("from", &ADDRESS);
    let to = table.required("to", &list(ADDRESS));
    let (from, to) = (from?, to?);
    if to.value.is_empty() || to.value.len() > RECIPIENTS_MAX {
        let problem = format!("has {} addresses", to.value.len());
        return Err(table.mistake(to.span, "to", problem, "1 to 50 addresses, as SES takes"));
    }
    Ok(Sink::Email(Email { from: from.value, to: to.value }))
}
