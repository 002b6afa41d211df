//! What would become of an event, in words: for `alert-route`.
//!
//! Why it exists: a route tree is easy to write and hard to foresee. This walks the very way that
//! the function walks (reader, severity, routes, decision, messages), with a table in which nothing
//! is recorded yet and without sending anything.

use std::fmt::{self, Write as _};

use domain::catalogue::alerting::Alerting;
use domain::{Catalogue, Environment};
use jiff::Timestamp;
use serde_json::Value;

use crate::alert::Alert;
use crate::decide::{self, Decision, World};
use crate::event::{self, Context, Delivery, Message};
use crate::group::Group;
use crate::render::words::utc;
use crate::route::{self, Place as Taken};
use crate::severity;
use crate::silence::Silence;
use crate::sinks::{self, Endpoints, Place};

/// Who decides here; it bears no claim, for nothing is written.
const NOBODY: &str = "alert-route";

/// What an event is looked at with.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The product's catalogue.
    pub catalogue: &'a Catalogue,
    /// Its routes.
    pub alerting: &'a Alerting,
    /// The environment that the deployment serves.
    pub environment: &'a Environment,
    /// The region that it runs in.
    pub region: &'a str,
    /// When the event comes in: routes can be muted by the clock.
    pub now: Timestamp,
    /// Whether the messages are shown whole, and not only who gets them.
    pub with_messages: bool,
}

/// What becomes of an event: every alert in it, the routes that take it, and what would be sent.
///
/// # Errors
/// None but those of writing to `out`.
pub fn explain(event: &str, question: &Question<'_>, out: &mut impl fmt::Write) -> fmt::Result {
    for message in read(event, question) {
        match message {
            Message::Alert(mut alert) => {
                let reported = alert.severity;
                severity::grade(&mut alert, &question.alerting.severity);
                describe(&alert, out)?;
                if reported != alert.severity {
                    let (was, is) = (reported.as_str(), alert.severity.as_str());
                    writeln!(out, "  by a rule    severity {is} in place of {was}")?;
                }
                for taken in route::places(&question.alerting.route, &alert) {
                    way(&alert, &taken, question, out)?;
                }
            }
            Message::Look(look) => writeln!(out, "A look at the group {}.", look.group)?,
            Message::Silence(silence) => {
                writeln!(out, "A silence until {}, by {}.", silence.ends_at, silence.author)?;
            }
            Message::Sweep => writeln!(out, "A sweep: a look at all groups that are due.")?,
            Message::Ignored(reason) => writeln!(out, "Ignored: {reason}.")?,
        }
    }
    Ok(())
}

/// The event as the function reads it: an invocation's payload, or a text from the queue.
fn read(event: &str, question: &Question<'_>) -> Vec<Message> {
    let context = Context::new(question.catalogue, question.environment, question.region)
        .with_links(&question.alerting.links);
    match serde_json::from_str::<Value>(event) {
        Ok(payload) => event::read(&payload, &context, question.now),
        Err(_) => event::read_body(event, Delivery::default(), &context, question.now),
    }
}

fn describe(alert: &Alert, out: &mut impl fmt::Write) -> fmt::Result {
    writeln!(out, "ALERT {}", alert.title)?;
    writeln!(out, "  happened     {}", utc(alert.happened_at))?;
    writeln!(out, "  same as      {}", alert.dedup_key)?;
    for (name, value) in alert.all_labels() {
        writeln!(out, "  {name:<12} {value}")?;
    }
    for link in &alert.links {
        let kind = format!("{:?}", link.kind).to_lowercase();
        writeln!(out, "  {kind:<12} {}", link.url)?;
    }
    for line in alert.summary.lines() {
        writeln!(out, "  | {line}")?;
    }
    Ok(())
}

/// One route that takes the alert, and what would be told to whom.
fn way(
    alert: &Alert,
    taken: &Taken<'_>,
    question: &Question<'_>,
    out: &mut impl fmt::Write,
) -> fmt::Result {
    writeln!(out, "\nROUTE {}", taken.route.id)?;
    writeln!(out, "  receiver     {}", taken.route.receiver)?;
    writeln!(out, "  group        {}", taken.key)?;
    let decision = decide(alert, taken, question);
    for send in &decision.sends {
        writeln!(out, "  tells        {}", send.sink)?;
    }
    if decision.sends.is_empty() {
        writeln!(out, "  tells        nobody now: {}", silence(&decision))?;
    }
    if let Some(due_at) = decision.due_at {
        writeln!(out, "  looks again  {}", utc(due_at))?;
    }
    if !question.with_messages {
        return Ok(());
    }
    let place = Place {
        product: question.catalogue.product.clone(),
        environment: question.environment.clone(),
        region: question.region.to_owned(),
        mail_topic_arn: None,
        endpoints: Endpoints::default(),
    };
    for send in &decision.sends {
        for preview in sinks::preview(&place, &send.sink, &send.notification) {
            writeln!(out, "\nMESSAGE {}: {}\n{}", send.sink, preview.what, preview.body)?;
        }
    }
    Ok(())
}

fn decide(alert: &Alert, taken: &Taken<'_>, question: &Question<'_>) -> Decision {
    let silences: Vec<Silence> = question.alerting.silences.iter().map(Silence::from).collect();
    let world = World {
        alerting: question.alerting,
        route: taken.route,
        silences: &silences,
        inhibitors: &[],
        by: NOBODY,
    };
    decide::decide(Group::new(taken), std::slice::from_ref(alert), &world, question.now)
}

/// Why nobody is told.
fn silence(decision: &Decision) -> String {
    let tally = decision.tally;
    let reasons = [
        (tally.silenced, "a silence"),
        (tally.inhibited, "another alert that explains it"),
        (tally.muted, "the route is muted at this time"),
        (tally.folded, "it is told with the group's next update"),
        (tally.stale, "nothing was known of it that could be over"),
    ];
    let mut words = String::new();
    for (_, reason) in reasons.into_iter().filter(|(count, _)| *count > 0) {
        let separator = if words.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(words, "{separator}{reason}");
    }
    if words.is_empty() { "there is nothing to tell".to_owned() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = include_str!("../tests/fixtures/cloudwatch/own-database-cpu-alarm.json");

    fn explained(event: &str, routes: &str, with_messages: bool) -> String {
        let text = include_str!("../../../infra/catalogues/mate.toml");
        let catalogue = Catalogue::parse("mate.toml", &format!("{text}\n{routes}")).unwrap();
        let mut shown = String::new();
        let question = Question {
            catalogue: &catalogue,
            alerting: catalogue.alerting.as_ref().unwrap(),
            environment: &"dev".parse().unwrap(),
            region: "eu-central-1",
            now: "2026-03-02T12:00:00Z".parse().unwrap(),
            with_messages,
        };
        explain(event, &question, &mut shown).unwrap();
        shown
    }

    #[test]
    fn it_says_what_it_is_who_takes_it_and_what_would_be_sent() {
        insta::assert_snapshot!(explained(EVENT, "", false));
        let whole = explained(EVENT, "", true);
        assert!(
            whole.contains("MESSAGE slack C0MATEINFRA by slack#bot_token: POST chat.postMessage")
        );
        assert!(whole.contains("\"channel\": \"C0MATEINFRA\""), "{whole}");
    }

    #[test]
    fn it_says_why_nobody_is_told() {
        let silence = "[[alerting.silences]]\nmatchers = ['tenant=\"demo\"']\n\
                       ends_at = \"2027-01-01T00:00:00Z\"\nauthor = \"ada\"\ncomment = \"moving house\"\n";
        let shown = explained(EVENT, silence, true);
        assert!(shown.contains("nobody now: a silence"), "{shown}");
        assert!(!shown.contains("MESSAGE"), "{shown}");
    }

    #[test]
    fn a_catalogue_without_routes_has_the_built_in_ones() {
        let text = include_str!("../../../infra/catalogues/mate.toml");
        let (text, _) = text.split_once("[alerting.").unwrap();
        let catalogue = Catalogue::parse("mate.toml", text).unwrap();
        assert_eq!(catalogue.alerting, None);
        let mut shown = String::new();
        let question = Question {
            catalogue: &catalogue,
            alerting: &crate::builtin::alerting().unwrap(),
            environment: &"dev".parse().unwrap(),
            region: "eu-central-1",
            now: "2026-03-02T12:00:00Z".parse().unwrap(),
            with_messages: false,
        };
        explain(EVENT, &question, &mut shown).unwrap();
        for told in ["pagerduty pagerduty", "slack_webhook slack"] {
            assert!(shown.contains(&format!("tells        {told}\n")), "{shown}");
        }
    }

    #[test]
    fn what_is_no_alert_is_said_too() {
        assert_eq!(
            explained(r#"{"caretaker": "sweep"}"#, "", true),
            "A sweep: a look at all groups that are due.\n"
        );
        assert!(explained("just words", "", false).starts_with("ALERT just words\n"));
    }
}
