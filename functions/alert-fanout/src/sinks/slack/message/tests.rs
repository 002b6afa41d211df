use proptest::prelude::*;

use super::*;
use crate::render::links::URL_LENGTH_MAX;
use crate::testing::{alert, notification, resolved};

const NOBODY: [String; 0] = [];

/// What ten thousand alerts of a minute become: the newest ten, and how many there are.
fn storm() -> Notification {
    let mut storm = notification();
    storm.group_labels = vec![("alertname".to_owned(), "EcsTaskStopped".to_owned())];
    storm.alerts = ["acme", "globex", "initech", "umbrella", "stark"]
        .iter()
        .flat_map(|tenant| ["django", "celery"].map(|service| (tenant, service)))
        .map(|(tenant, service)| {
            let mut one = alert();
            one.title = format!("A task of mate-{tenant}-dev-{service} stopped");
            one.summary = "Essential container in task exited: exit code 137".to_owned();
            one.tenant = Some(tenant.parse().unwrap());
            one.service = Some(service.to_owned());
            one
        })
        .collect();
    storm.occasion = Occasion::Updated;
    storm.firing = 9_960;
    storm.resolved = 40;
    storm.is_digest = true;
    storm
}

/// Every text in a message, with whether it is mrkdwn.
fn texts(value: &Value, found: &mut Vec<(String, bool)>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get("text") {
                found.push((text.clone(), object.get("type") == Some(&json!("mrkdwn"))));
            }
            object.values().for_each(|value| texts(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        _ => {}
    }
}

fn blocks_of(body: &Value) -> Vec<Value> {
    let mut blocks = body["blocks"].as_array().unwrap().clone();
    if let Some(details) = body["attachments"][0]["blocks"].as_array() {
        blocks.extend(details.clone());
    }
    blocks
}

/// Slack's limits as its reference has them, and that nothing is markup which we did not make.
fn assert_taken(body: &Value) {
    let blocks = blocks_of(body);
    assert!(blocks.len() <= 50, "{} blocks", blocks.len());
    assert!(body.to_string().len() <= 13_000, "{} bytes", body.to_string().len());
    let length = |value: &Value| value.as_str().unwrap().chars().count();
    for block in &blocks {
        match block["type"].as_str().unwrap() {
            "header" => assert!((1..=150).contains(&length(&block["text"]["text"]))),
            "section" => {
                if let Some(fields) = block["fields"].as_array() {
                    assert!((1..=10).contains(&fields.len()));
                    assert!(
                        fields.iter().all(|field| (1..=2_000).contains(&length(&field["text"])))
                    );
                } else {
                    assert!((1..=3_000).contains(&length(&block["text"]["text"])), "{block}");
                }
            }
            "context" => assert!((1..=10).contains(&block["elements"].as_array().unwrap().len())),
            "actions" => {
                let buttons = block["elements"].as_array().unwrap();
                assert!((1..=25).contains(&buttons.len()));
                for button in buttons {
                    assert!(length(&button["text"]["text"]) <= 75);
                    assert!(length(&button["url"]) <= URL_LENGTH_MAX);
                }
            }
            other => panic!("an unknown block: {other}"),
        }
    }
    let mut found = Vec::new();
    texts(body, &mut found);
    for (text, _) in found {
        assert_only_our_markup(&text);
    }
}

/// After our own tokens are taken out, no control character of Slack's is left.
fn assert_only_our_markup(text: &str) {
    let mut rest = text.to_owned();
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').unwrap_or_else(|| panic!("no end: {text}"));
        let token = &rest[start + 1..end];
        let label = token.split_once('|').map(|(_, label)| label);
        let is_ours = (token.starts_with("!date^")
            && label.is_some_and(|label| label.ends_with(" UTC")))
            || (token.starts_with("https://")
                && matches!(label, Some("Console" | "Logs" | "Dashboard" | "Runbook")))
            || matches!(token, "@U024BE7LH" | "!subteam^S0604QSJC");
        assert!(is_ours, "{token} in {text}");
        rest.replace_range(start..=end, "");
    }
    assert!(!rest.contains('>'), "{text}");
    for entity in rest.split('&').skip(1) {
        let is_escape = ["amp;", "lt;", "gt;"].iter().any(|escape| entity.starts_with(escape));
        assert!(is_escape, "{text}");
    }
}

#[test]
fn one_alert_is_a_message_with_its_facts_and_links() {
    let body = Message::of(&notification(), &NOBODY, "mate dev").body("C024BE91L");
    assert_taken(&body);
    insta::assert_json_snapshot!(body);
}

#[test]
fn an_end_is_an_update_and_a_short_answer() {
    let over = resolved();
    let update = Message::of(&over, &NOBODY, "mate dev").update("C024BE91L", "1.2");
    assert_taken(&update);
    insta::assert_json_snapshot!("an_end_is_an_update", update);
    let reply = Reply::of(&over, &NOBODY).unwrap().body("C024BE91L", "1.2");
    insta::assert_json_snapshot!("an_end_is_answered", reply);
}

#[test]
fn of_a_storm_some_are_shown_and_how_many_more_there_are() {
    let body = Message::of(&storm(), &NOBODY, "mate dev").body("C024BE91L");
    assert_taken(&body);
    let items = body.to_string().matches("*A task of").count();
    let more = format!("… and {} more (9960 firing, 40 resolved in all)", 10_000 - items);
    assert!(items == STORM_SHOWN_MAX && body.to_string().contains(&more), "{items}: {body:#}");
    insta::assert_json_snapshot!(body);
}

#[test]
fn only_the_catalogue_mentions_anybody_and_only_while_something_fires() {
    let mentions =
        ["U024BE7LH", "S0604QSJC", "ada@example.com", "U024BE7LH", "!channel", "<!here>"]
            .map(str::to_owned);
    let mut told = notification();
    let body = Message::of(&told, &mentions, "mate dev").body("C024BE91L");
    assert_eq!(body["blocks"][1]["text"]["text"], "<@U024BE7LH> <!subteam^S0604QSJC>");
    assert_taken(&body);
    told.mentions = vec!["W012A3CDE".to_owned()];
    let body = Message::of(&told, &NOBODY, "mate dev").body("C024BE91L");
    assert_eq!(body["blocks"][1]["text"]["text"], "<@W012A3CDE>");
    let body = Message::of(&resolved(), &mentions, "mate dev").body("C024BE91L");
    assert!(!body.to_string().contains("U024BE7LH"));
}

#[test]
fn an_answer_is_shown_in_the_channel_only_if_it_is_urgent() {
    let mut told = notification();
    assert!(Reply::of(&told, &NOBODY).is_none(), "the first notification has nothing to answer");
    for (occasion, severity, state, expected) in [
        (Occasion::Updated, Severity::Critical, State::Firing, true),
        (Occasion::Updated, Severity::Warning, State::Firing, false),
        (Occasion::Reminder, Severity::Warning, State::Firing, false),
        (Occasion::Escalated, Severity::Warning, State::Firing, true),
        (Occasion::Resolved, Severity::Critical, State::Resolved, false),
    ] {
        (told.occasion, told.severity, told.state) = (occasion, severity, state);
        let reply = Reply::of(&told, &NOBODY).unwrap().body("C024BE91L", "1.2");
        assert_eq!(reply["reply_broadcast"], expected, "{occasion:?} {severity:?}");
        assert_eq!(reply["thread_ts"], "1.2");
    }
}

#[test]
fn nothing_in_an_alert_chooses_a_channel_or_calls_anybody() {
    let mut told = notification();
    let words =
        "<!channel> <!here> <@U024BE7LX> @here <https://evil.example|Runbook> & \"channel\"";
    told.alerts[0].title = words.to_owned();
    told.alerts[0].summary = words.to_owned();
    told.alerts[0].labels.insert("channel".to_owned(), "C0EVIL0000".to_owned());
    for (body, channel) in [
        (Message::of(&told, &NOBODY, "mate dev").body("C024BE91L"), json!("C024BE91L")),
        (Message::of(&told, &NOBODY, "mate dev").webhook_body(), Value::Null),
    ] {
        assert_eq!(body["channel"], channel);
        assert_eq!((&body["link_names"], &body["parse"]), (&json!(false), &json!("none")));
        assert_taken(&body);
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[<>&!@|\"\\\\ a-z\n]{0,80}", "(<!channel>|&lt;|äöü|🔥|x){0,2000}",]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_alert_is_taken(
        title in any_text(),
        summary in any_text(),
        label in any_text(),
        url in "https://[a-z]{1,9}/[ -~]{0,60}",
        many in 0usize..60,
        fallback in proptest::option::of(any_text()),
        generation in 1u64..3,
    ) {
        let mut told = notification();
        let one = &mut told.alerts[0];
        (one.title, one.summary) = (title, summary);
        one.links[0].url = url;
        one.service = Some(label.clone());
        one.labels.extend((0..12).map(|number| (format!("label_{number}"), label.clone())));
        let one = one.clone();
        told.alerts.extend((0..many).map(|_| one.clone()));
        told.firing = told.alerts.len() as u64 + generation - 1;
        told.group_labels.push(("service".to_owned(), label.clone()));
        told.receiver = label;
        told.fallback_for = fallback;
        told.occasion = if generation == 1 { Occasion::Opened } else { Occasion::Updated };
        let mentions = ["U024BE7LH".to_owned()];
        assert_taken(&Message::of(&told, &mentions, "mate dev").body("C024BE91L"));
        assert_taken(&Message::of(&told, &mentions, "mate dev").update("C024BE91L", "1.2"));
        if let Some(reply) = Reply::of(&told, &mentions) {
            assert_taken(&reply.body("C024BE91L", "1.2"));
        }
    }
}
