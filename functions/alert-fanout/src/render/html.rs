//! A notification as a page for mail programs.
//!
//! Why it looks as it does: mail programs know tables and inline styles and little else; a phone
//! shows it 360 pixels wide; a screen reader reads it from top to bottom, so that what matters
//! stands first, layout tables say that they are no tables, and no meaning hangs on a colour alone.

use std::fmt::Write as _;

use super::words::{alert_line, links_of};
use super::{Fact, Words, cut, links, text};
use crate::notification::Notification;

/// Buttons and lists: what all of them look like. Contrast of each colour to its ground is at least
/// 4.5:1 (WCAG 2.2, level AA).
const TEXT: &str = "color:#1f2328;";
const QUIET: &str = "color:#57606a;";

/// Characters with a meaning in HTML, in text and in attributes alike.
#[derive(Debug, Clone, Copy)]
struct Escaped;

impl cut::Measure for Escaped {
    fn write(&self, character: char, out: &mut String) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }

    fn length(&self, written: &str) -> usize {
        // What the reader sees counts: an escape is one character.
        if written.starts_with('&') { 1 } else { written.encode_utf16().count() }
    }
}

/// The notification as an HTML page; `deployment` says who sends it.
pub fn page(notification: &Notification, deployment: &str) -> String {
    let words = Words::of(notification);
    let headline = escape(&words.headline(), text::SUMMARY_LENGTH_MAX);
    let colour = words.colour();
    let mut body = String::new();
    for note in words.notes() {
        let note = escape(&note, text::NOTE_LENGTH_MAX);
        push(
            &mut body,
            &format!(
                "<p style=\"margin:0 0 16px;padding:10px 12px;background:#fff8e1;{TEXT}border-radius:6px\">{note}</p>"
            ),
        );
    }
    if let Some(alert) = words.only() {
        let summary = escape(&alert.summary, text::SUMMARY_LENGTH_MAX).replace('\n', "<br>");
        push(&mut body, &format!("<p style=\"margin:0 0 16px;{TEXT}\">{summary}</p>"));
    }
    push(&mut body, &facts_table(&words.facts()));
    push(&mut body, &buttons(&links_of(words), colour));
    if words.only().is_none() {
        push(&mut body, &items(notification));
        if let Some(more) = words.more(notification.alerts.len().min(text::ALERTS_SHOWN_MAX)) {
            let more = escape(&more, text::NOTE_LENGTH_MAX);
            push(
                &mut body,
                &format!("<p style=\"margin:16px 0 0;{TEXT}\"><strong>{more}</strong></p>"),
            );
        }
    }
    let footer = escape(&text::footer(notification, deployment), text::NOTE_LENGTH_MAX);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light">
<title>{headline}</title>
</head>
<body style="margin:0;padding:24px 12px;background:#f6f8fa;font:15px/1.5 -apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;{TEXT}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:640px;margin:0 auto;border-collapse:separate;background:#ffffff;border:1px solid #d0d7de;border-radius:8px">
<tr><td style="background:{colour};border-radius:8px 8px 0 0;padding:14px 20px">
<h1 style="margin:0;font-size:18px;line-height:1.35;color:#ffffff">{headline}</h1>
</td></tr>
<tr><td style="padding:20px">
{body}</td></tr>
</table>
<p style="max-width:640px;margin:12px auto 0;font-size:12px;{QUIET}text-align:center">{footer}</p>
</body>
</html>
"#
    )
}

fn push(body: &mut String, part: &str) {
    if !part.is_empty() {
        body.push_str(part);
        body.push('\n');
    }
}

fn escape(text: &str, length_max: usize) -> String {
    cut::fit(text, length_max, &Escaped)
}

fn escape_line(text: &str, length_max: usize) -> String {
    cut::one_line_in(text, length_max, &Escaped)
}

/// Facts as a table of two columns, whose first is the headings.
fn facts_table(facts: &[Fact]) -> String {
    let rows = facts.iter().fold(String::new(), |mut rows, fact| {
        let name = escape_line(&fact.name, text::FACT_LENGTH_MAX);
        let value = escape_line(&fact.value.to_text(), text::FACT_LENGTH_MAX);
        // Writing to a String cannot fail.
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\" style=\"padding:3px 16px 3px 0;text-align:left;vertical-align:top;font-weight:normal;white-space:nowrap;{QUIET}\">{name}</th>\
             <td style=\"padding:3px 0;vertical-align:top;word-break:break-word;{TEXT}\">{value}</td></tr>"
        );
        rows
    });
    format!(
        "<table cellpadding=\"0\" cellspacing=\"0\" style=\"border-collapse:collapse;font-size:14px\">\n{rows}</table>"
    )
}

/// Links as buttons, big enough for a thumb.
fn buttons(links: &[links::Link], colour: &str) -> String {
    if links.is_empty() {
        return String::new();
    }
    let buttons: Vec<String> = links
        .iter()
        .zip([true, false, false, false])
        .map(|(link, is_first)| {
            let url = escape(&link.url, links::URL_LENGTH_MAX);
            let ground = if is_first { format!("background:{colour};color:#ffffff;border:1px solid {colour}") } else { format!("background:#ffffff;{TEXT}border:1px solid #8c959f") };
            format!(
                "<a href=\"{url}\" style=\"display:inline-block;margin:0 8px 8px 0;padding:8px 16px;border-radius:6px;font-weight:600;text-decoration:none;{ground}\">{}</a>",
                link.label
            )
        })
        .collect();
    format!("<p style=\"margin:18px 0 0\">{}</p>", buttons.concat())
}

/// The alerts of a group, the newest first.
fn items(notification: &Notification) -> String {
    let rows = notification.alerts.iter().take(text::ALERTS_SHOWN_MAX).fold(
        String::new(),
        |mut rows, alert| {
            let title = escape_line(&alert.title, text::FACT_LENGTH_MAX);
            let line = escape_line(&alert_line(alert), text::FACT_LENGTH_MAX);
            let summary = escape_line(&alert.summary, text::ITEM_SUMMARY_LENGTH_MAX);
            let links: Vec<String> = links::of(alert)
                .iter()
                .map(|link| {
                    let url = escape(&link.url, links::URL_LENGTH_MAX);
                    format!("<a href=\"{url}\" style=\"color:#0550ae\">{}</a>", link.label)
                })
                .collect();
            let links = links.join(" · ");
            let rest = [summary, links].into_iter().filter(|part| !part.is_empty()).fold(
                String::new(),
                |rest, part| rest + "<br>" + &part,
            );
            // Writing to a String cannot fail.
            let _ = writeln!(
                rows,
                "<li style=\"margin:0 0 12px;{TEXT}\"><strong>{title}</strong><br><span style=\"font-size:13px;{QUIET}\">{line}</span>{rest}</li>"
            );
            rows
        },
    );
    format!("<ol style=\"margin:18px 0 0;padding:0 0 0 22px\">\n{rows}</ol>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{alert, notification};
    use proptest::prelude::*;

    #[test]
    fn one_alert_is_a_page() {
        insta::assert_snapshot!(page(&notification(), "mate dev"));
    }

    #[test]
    fn several_are_a_list() {
        let mut group = notification();
        group.alerts = vec![alert(), alert()];
        group.firing = 3;
        let page = page(&group, "mate dev");
        assert_eq!(page.matches("<li ").count(), 2);
        assert!(page.contains("… and 1 more (3 firing in all)"), "{page}");
    }

    proptest! {
        #[test]
        fn no_alert_brings_markup_of_its_own(text in "[<>&\"' a-z\u{202E}]{0,60}") {
            let plain = page(&notification(), "mate dev");
            let mut told = notification();
            told.alerts[0].title = format!("x{text}");
            told.alerts[0].summary = format!("y{text}");
            told.alerts[0].labels.insert("z".to_owned(), format!("z{text}"));
            let marked = page(&told, "mate dev");
            // One row for the label "z": its <tr>, <th>, <td> and their ends.
            prop_assert_eq!(marked.matches('<').count(), plain.matches('<').count() + 6);
            prop_assert_eq!(marked.matches('"').count() % 2, 0);
        }
    }
}
