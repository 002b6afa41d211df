//! A notification as plain text: what a mail says to who reads no HTML, and all that SNS can carry.

use std::fmt::Write as _;

use super::words::alert_line;
use super::{Fact, Words, cut, links};
use crate::notification::Notification;

/// Alerts of a group that are told one by one: what a person reads before turning to the console.
pub const ALERTS_SHOWN_MAX: usize = 25;

/// UTF-16 units of a summary: a screen's worth.
pub const SUMMARY_LENGTH_MAX: usize = 3_000;

/// UTF-16 units of the summary of one alert among others: a few lines.
pub const ITEM_SUMMARY_LENGTH_MAX: usize = 400;

/// UTF-16 units of a fact's value; the longest ARNs are about so long.
pub const FACT_LENGTH_MAX: usize = 300;

/// UTF-16 units of a note: a sentence with an answer of a service in it.
pub const NOTE_LENGTH_MAX: usize = 600;

/// The notification as plain text; `deployment` says who sends it.
pub fn plain(notification: &Notification, deployment: &str) -> String {
    let words = Words::of(notification);
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line(&words.headline());
    for note in words.notes() {
        line("");
        line(&cut::fit(&note, NOTE_LENGTH_MAX, &cut::Plain));
    }
    if let Some(alert) = words.only().filter(|alert| !alert.summary.trim().is_empty()) {
        line("");
        line(&cut::fit(&alert.summary, SUMMARY_LENGTH_MAX, &cut::Plain));
    }
    line("");
    line(&table(&words.facts()));
    for link in super::words::links_of(words) {
        line(&format!("{}: {}", link.label, link.url));
    }
    if words.only().is_none() {
        let shown = notification.alerts.iter().take(ALERTS_SHOWN_MAX);
        for (number, alert) in (1..).zip(shown) {
            line("");
            line(&format!("{number}. {}", cut::one_line(&alert.title, FACT_LENGTH_MAX)));
            line(&format!("   {}", alert_line(alert)));
            let summary = cut::one_line(&alert.summary, ITEM_SUMMARY_LENGTH_MAX);
            if !summary.is_empty() {
                line(&format!("   {summary}"));
            }
            for link in links::of(alert) {
                line(&format!("   {}: {}", link.label, link.url));
            }
        }
        if let Some(more) = words.more(notification.alerts.len().min(ALERTS_SHOWN_MAX)) {
            line("");
            line(&more);
        }
    }
    line("");
    line("-- ");
    line(&footer(notification, deployment));
    out
}

/// Who sends it to whom, for the last line of a message.
pub fn footer(notification: &Notification, deployment: &str) -> String {
    let receiver = cut::one_line(&notification.receiver, FACT_LENGTH_MAX);
    format!("Caretaker for {deployment}, to the receiver {receiver}")
}

/// Facts in two columns.
fn table(facts: &[Fact]) -> String {
    let width = facts.iter().map(|fact| fact.name.chars().count()).max().unwrap_or_default() + 1;
    facts.iter().fold(String::new(), |mut table, fact| {
        let name = format!("{}:", fact.name);
        let value = cut::one_line(&fact.value.to_text(), FACT_LENGTH_MAX);
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{name:<width$} {value}");
        table
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{alert, notification, resolved};

    #[test]
    fn one_alert_is_told_whole() {
        insta::assert_snapshot!(plain(&notification(), "mate dev"));
    }

    #[test]
    fn its_end_says_how_long_it_took() {
        let text = plain(&resolved(), "mate dev");
        assert!(text.starts_with("Resolved: CPU of mate-demo-dev-db over 90 %\n"), "{text}");
        assert!(text.contains("Lasted:      17 min 30 s"), "{text}");
    }

    #[test]
    fn of_a_storm_the_newest_are_told_and_how_many_more_there_are() {
        let mut storm = notification();
        storm.alerts = (0..100).map(|_| alert()).collect();
        storm.firing = 10_000;
        storm.is_digest = true;
        let text = plain(&storm, "mate dev");
        assert!(text.contains("Too many alerts to tell one by one: 10000 firing."), "{text}");
        assert!(text.contains("… and 9975 more (10000 firing in all)"), "{text}");
        assert!(!text.contains("\n26. "), "{text}");
    }
}
