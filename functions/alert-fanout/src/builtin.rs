//! The routes of a product whose catalogue has none: critical alerts page and are in the chat,
//! warnings are in the chat, and everything is mailed that these two cannot take.
//!
//! Their credentials lie where the suite expects them, `{prefix}/alerting/pagerduty` and
//! `{prefix}/alerting/slack`, the latter the address of an incoming webhook.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::catalogue::alerting::{
    Alerting, Flapping, GroupBy, Links, Mentions, PagerDuty, Receiver, Route, SecretRef, Sink,
    SlackWebhook, Sns,
};
use domain::catalogue::{InvalidMatcher, MatchOperator, Matcher, Severity};

/// The built-in routes.
///
/// # Errors
/// Never: their matchers are texts without regular expressions.
pub fn alerting() -> Result<Alerting, InvalidMatcher> {
    let secret = |name: &str| SecretRef { secret: name.to_owned(), field: None };
    let page = Sink::PagerDuty(PagerDuty { routing_key: secret("pagerduty") });
    let chat = Sink::SlackWebhook(SlackWebhook { url: secret("slack"), mentions: Vec::new() });
    let mail = Sink::Sns(Sns { topic_arn: None });
    let receiver = |sinks: Vec<Sink>, fallback: Option<Sink>| Receiver {
        sinks,
        fallback,
        escalation: Vec::new(),
    };
    let receivers = BTreeMap::from([
        ("critical".to_owned(), receiver(vec![page, chat.clone()], Some(mail.clone()))),
        ("warning".to_owned(), receiver(vec![chat], Some(mail.clone()))),
        ("info".to_owned(), receiver(vec![mail], None)),
    ]);
    let root = route("info", Vec::new());
    let child = |severity: Severity| {
        let matcher = Matcher::new("severity", MatchOperator::Equal, severity.as_str())?;
        Ok(route(severity.as_str(), vec![matcher]))
    };
    let routes = vec![child(Severity::Critical)?, child(Severity::Warning)?];
    Ok(Alerting {
        route: Route { routes, ..root },
        receivers,
        inhibit_rules: Vec::new(),
        time_intervals: BTreeMap::new(),
        silences: Vec::new(),
        severity: Vec::new(),
        flapping: Flapping::default(),
        links: Links::default(),
        mentions: Mentions::default(),
    })
}

fn route(receiver: &str, matchers: Vec<Matcher>) -> Route {
    let own: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    let id = if own.is_empty() { "{}".to_owned() } else { format!("{{}}/{{{}}}", own.join(",")) };
    let labels = ["alertname", "environment", "tenant"].map(str::to_owned);
    Route {
        id,
        receiver: receiver.to_owned(),
        matchers,
        goes_on: false,
        group_by: GroupBy::Labels(labels.to_vec()),
        group_wait: Duration::from_secs(30),
        group_interval: Duration::from_mins(5),
        repeat_interval: Duration::from_hours(4),
        mute_time_intervals: Vec::new(),
        active_time_intervals: Vec::new(),
        routes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::places;
    use crate::testing;

    #[test]
    fn critical_alerts_page_warnings_are_in_the_chat_and_the_rest_is_mailed() {
        let alerting = alerting().unwrap();
        for severity in Severity::ALL {
            let alert = crate::alert::Alert { severity, ..testing::alert() };
            let [place] = places(&alerting.route, &alert).try_into().unwrap();
            assert_eq!(place.route.receiver, severity.as_str());
            assert!(alerting.receivers.contains_key(severity.as_str()));
        }
    }
}
