use domain::catalogue::alerting::Sink;
use proptest::prelude::*;

use super::*;
use crate::sinks::testing::{Say, Service, place, say, secret, secrets, sinks};
use crate::testing::{alert, notification, resolved};

const NOBODY: [String; 0] = [];

async fn deliver(answer: Say) -> (Result<Receipt, SinkError>, Value) {
    let service = Service::answering(vec![answer]).await;
    let url = format!("{}/workflows/x?sig=hunter2", service.url);
    let sinks = sinks(&service.url, &secrets(&[("teams", &url)]), &[], &[]);
    let sink = Sink::Teams(Teams { url: secret("teams"), mentions: Vec::new() });
    let done = sinks.deliver(&sink, &notification(), None).await;
    (done, service.got()[0].json())
}

#[test]
fn one_alert_is_a_card() {
    insta::assert_json_snapshot!(body(&notification(), &NOBODY, &place()));
}

#[test]
fn each_alert_of_a_group_has_its_links() {
    let mut told = notification();
    told.alerts.push(alert());
    told.firing = 2;
    let card = body(&told, &NOBODY, &place())["attachments"][0]["content"].clone();
    let parts = card["body"].as_array().unwrap();
    let linked = |part: &&Value| part.to_string().contains("Action.OpenUrl");
    let items: Vec<&Value> = parts.iter().filter(linked).collect();
    assert_eq!(items.len(), 2, "{card:#}");
    let of = |item: &Value| -> Vec<String> {
        let runs = item["inlines"].as_array().unwrap();
        let labels = runs.iter().filter_map(|run| run["selectAction"]["title"].as_str());
        labels.map(str::to_owned).collect()
    };
    // The log query is too long for a list.
    assert!(items.iter().all(|item| of(item) == ["Runbook", "Console", "Dashboard"]), "{card:#}");
}

#[tokio::test]
async fn success_is_202_and_not_a_refusal_in_words() {
    let (done, got) = deliver(say(202, "")).await;
    assert!(done.unwrap().credential.is_some());
    assert_eq!(got, body(&notification(), &NOBODY, &place()));
    assert!(deliver(say(200, "1")).await.0.is_ok());
    let failed =
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error ";
    for (status, text, expected) in [
        (200, format!("{failed}429 with ContextId x"), "limited"),
        (200, format!("{failed}413 with ContextId x"), "failed"),
        (400, "bad".to_owned(), "refused"),
        (401, "DirectApiAuthorizationRequired".to_owned(), "unauthorized"),
        (404, "WorkflowNotFound".to_owned(), "unauthorized"),
        (413, "too large".to_owned(), "refused"),
        (429, String::new(), "limited"),
        (502, "NoResponse".to_owned(), "failed"),
    ] {
        let error = deliver(say(status, &text)).await.0.unwrap_err();
        let kind = match &error {
            SinkError::Limited { .. } => "limited",
            SinkError::Unauthorized { .. } => "unauthorized",
            SinkError::Refused { .. } => "refused",
            SinkError::Failed { .. } => "failed",
        };
        assert_eq!(kind, expected, "{status} {text}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn only_the_catalogue_mentions_anybody() {
    let mentions = ["ada@example.com", "U024BE7LH", "<at>all</at>"].map(str::to_owned);
    let card =
        |told: &Notification| body(told, &mentions, &place())["attachments"][0]["content"].clone();
    let mut told = notification();
    told.alerts[0].title = "<at>all</at> look".to_owned();
    let content = card(&told);
    assert_eq!(content["msteams"]["entities"].as_array().unwrap().len(), 1);
    assert_eq!(content["msteams"]["entities"][0]["mentioned"]["id"], "ada@example.com");
    assert_eq!(content["body"].to_string().matches("<at>").count(), 1);
    assert!(!card(&resolved()).to_string().contains("<at>"));
}

proptest! {
    #[test]
    fn any_alert_is_taken(text in any::<String>(), many in 0usize..60) {
        let mut told = notification();
        told.alerts[0].title.clone_from(&text);
        told.alerts[0].summary = text.repeat(100);
        told.alerts[0].labels.insert("x".to_owned(), text.clone());
        told.alerts.extend((0..many).map(|_| alert()));
        told.firing = told.alerts.len() as u64;
        told.fallback_for = Some(text);
        let card = body(&told, &["ada@example.com".to_owned()], &place());
        prop_assert!(card.to_string().len() <= 28 * 1024);
        // Markdown is read in text blocks alone, and the one there is holds the mention.
        prop_assert_eq!(card.to_string().matches("\"TextBlock\"").count(), 1);
    }
}
