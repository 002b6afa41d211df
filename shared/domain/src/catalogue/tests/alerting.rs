//! What `[alerting]` promises: inheritance as in Alertmanager, and every mistake found before an
//! alert finds it.

use std::time::Duration;

use super::{Catalogue, GOOD};
use crate::catalogue::alerting::{Alerting, GroupBy, Sink};

const ALERTING: &str = include_str!("alerting.toml");

fn parse(text: &str) -> Result<Catalogue, super::super::CatalogueErrors> {
    Catalogue::parse("shop.toml", &format!("{GOOD}{text}"))
}

fn alerting() -> Alerting {
    parse(ALERTING).unwrap_or_else(|errors| panic!("{errors}")).alerting.unwrap()
}

#[test]
fn a_catalogue_without_alerting_is_a_good_one() {
    assert_eq!(parse("").unwrap().alerting, None);
}

#[test]
fn a_route_has_from_its_parent_what_it_does_not_say() {
    let root = alerting().route;
    assert_eq!((root.id.as_str(), root.receiver.as_str()), ("{}", "mail"));
    assert_eq!(root.group_wait, Duration::from_secs(30));
    assert_eq!(root.group_interval, Duration::from_mins(5));
    let [critical, team] = root.routes.as_slice() else { panic!("{root:?}") };
    assert_eq!(critical.id, r#"{}/{severity="critical"}"#);
    assert_eq!((critical.group_wait, critical.goes_on), (Duration::ZERO, true));
    assert_eq!(critical.repeat_interval, Duration::from_hours(2));
    assert_eq!(critical.group_by, root.group_by);
    assert_eq!((team.goes_on, &team.group_by), (false, &GroupBy::All));
    let [hook] = team.routes.as_slice() else { panic!("{team:?}") };
    assert_eq!(
        (hook.group_by.clone(), hook.group_interval),
        (GroupBy::All, Duration::from_mins(1))
    );
    assert!(hook.mute_time_intervals.is_empty(), "time intervals are not inherited");
    assert_eq!(hook.id, r#"{}/{severity=~"critical|warning",environment="prod"}/{tenant="demo"}"#);
}

#[test]
fn escalation_is_in_the_order_of_time() {
    let receivers = alerting().receivers;
    let steps: Vec<&str> =
        receivers["primary"].escalation.iter().map(|step| step.receiver.as_str()).collect();
    assert_eq!(steps, ["second", "manager"]);
}

#[test]
fn a_sink_is_named_without_its_credential() {
    let names: Vec<String> = alerting()
        .receivers
        .values()
        .flat_map(|receiver| receiver.sinks.iter().chain(&receiver.fallback))
        .map(Sink::to_string)
        .collect();
    assert_eq!(
        names,
        [
            "webhook hook#url",
            "sns",
            "slack_webhook slack-hook",
            "slack C024BE91L by slack#bot",
            "email b@example.com",
            "pagerduty pagerduty",
            "teams teams",
        ]
    );
}

#[test]
fn two_routes_with_the_same_matchers_have_ids_of_their_own() {
    let one =
        "[[alerting.route.routes]]\nmatchers = ['severity=\"critical\"']\nreceiver = \"primary\"\n";
    let text =
        ALERTING.replace("[alerting.receivers.mail]", &format!("{one}[alerting.receivers.mail]"));
    let route = parse(&text).unwrap_or_else(|errors| panic!("{errors}")).alerting.unwrap().route;
    let ids: Vec<&str> = route.routes.iter().map(|route| route.id.as_str()).collect();
    assert_eq!((ids[0], ids[2]), (r#"{}/{severity="critical"}"#, r#"{}/{severity="critical"}#2"#));
}

/// One line, what it becomes, and the one mistake that this is.
const CASES: [(&str, &str, &str); 29] = [
    (
        "receiver = \"team\"",
        "receiver = \"taem\"",
        "alerting.receivers.team: nothing refers to the receiver \"team\"; \
         alerting.route.routes[1].receiver: there is no receiver \"taem\", did you mean \"team\"?",
    ),
    (
        "receiver = \"mail\"\n",
        "",
        "alerting.receivers.mail: nothing refers to the receiver \"mail\"; alerting.route.receiver: is missing",
    ),
    (
        "'tenant=\"demo\"'",
        "'tenant=~\"demo(\"'",
        "alerting.route.routes[1].routes[0].matchers: \"tenant=~\\\"demo(\\\"\" is no regular \
         expression: unclosed group",
    ),
    (
        "'tenant=\"demo\"'",
        "'environment=\"dev\"'",
        "alerting.route.routes[1].routes[0].matchers: no alert can match environment=\"dev\" and \
         the others from the root to here",
    ),
    (
        "'tenant=\"demo\"'",
        "'severity=\"info\"'",
        "alerting.route.routes[1].routes[0].matchers: no alert can match severity=\"info\" and \
         the others from the root to here",
    ),
    (
        "'severity=\"critical\"'",
        "'severity=\"crit\"'",
        "alerting.route.routes[0].matchers: no alert can match severity=\"crit\" and the others \
         from the root to here",
    ),
    (
        "'tenant=\"demo\"'",
        "'state=\"firing\"'",
        "alerting.route.routes[1].routes[0].matchers: state=\"firing\" would send an alert and its \
         end to different groups",
    ),
    (
        "continue = true",
        "continue = true\n[[alerting.route.routes]]\nreceiver = \"mail\"",
        "alerting.route.routes[2]: can never match: {}/{} before it takes its alerts",
    ),
    (
        "continue = true",
        "[[alerting.route.routes]]\nmatchers = ['severity=\"critical\"', 'tenant=\"x\"']",
        "alerting.route.routes[1]: can never match: {}/{severity=\"critical\"} before it takes its \
         alerts",
    ),
    (
        "group_by = [\"alertname\", \"tenant\"]",
        "group_by = [\"state\"]",
        "alerting.route.group_by: an alert and its end would be in different groups by \"state\"",
    ),
    (
        "group_by = [\"alertname\", \"tenant\"]",
        "group_by = [\"a\", \"a\"]",
        "alerting.route.group_by: has \"a\" twice",
    ),
    (
        "group_by = [\"...\"]",
        "group_by = [\"...\", \"a\"]",
        "alerting.route.routes[1].group_by: has \"...\" beside labels",
    ),
    (
        "repeat_interval = \"2h\"",
        "repeat_interval = \"2 h\"",
        "alerting.route.repeat_interval: found \"2 h\"",
    ),
    (
        "group_interval = \"1m\"",
        "group_interval = \"0s\"",
        "alerting.route.routes[1].routes[0].group_interval: found \"0s\"",
    ),
    (
        "repeat_interval = \"2h\"",
        "matchers = ['a=b']",
        "alerting.route.matchers: the root has matchers",
    ),
    (
        "mute_time_intervals = [\"nights\"]",
        "mute_time_intervals = [\"night\"]",
        "alerting.route.routes[1].mute_time_intervals: there is no time interval \"night\", did you mean \"nights\"?; alerting.time_intervals.nights: nothing refers to the time interval \"nights\"",
    ),
    (
        "Europe/Berlin",
        "Europe/Belrin",
        "alerting.time_intervals.nights.time_zone: there is no time zone \"Europe/Belrin\", did you mean \"Europe/Berlin\"?",
    ),
    (
        "end_time = \"06:00\"",
        "end_time = \"00:00\"",
        "alerting.time_intervals.nights.times[1].end_time: is not after start_time",
    ),
    (
        "monday:friday",
        "friday:monday",
        "alerting.time_intervals.office.weekdays: found \"friday:monday\"",
    ),
    ("\"1:-1\"", "\"-1:1\"", "alerting.time_intervals.office.days_of_month: found \"-1:1\""),
    (
        "{ sns = {} }",
        "{ sns = {}, email = { from = \"a@b.c\", to = [\"a@b.c\"] } }",
        "alerting.receivers.mail.sinks[0]: names email and sns at once",
    ),
    ("{ sns = {} }", "{}", "alerting.receivers.mail.sinks[0]: names no sink"),
    (
        "\"slack#bot\"",
        "\"xoxb-1-2-3\"",
        "alerting.receivers.primary.sinks[0].slack.token: found a text that may be a credential",
    ),
    (
        "\"C024BE91L\"",
        "\"#alerts\"",
        "alerting.receivers.primary.sinks[0].slack.channel: found \"#alerts\"",
    ),
    (
        "{ slack_webhook = { url = \"slack-hook\" } }",
        "{ slack_webhook = { url = \"slack-hook\" } }, { slack_webhook = { url = \"slack-hook\" } }",
        "alerting.receivers.manager.sinks: slack_webhook slack-hook is there twice",
    ),
    (
        "sinks = [{ slack =",
        "sinks = [{ pagerduty = { routing_key = \"p\" } }, { slack =",
        "alerting.receivers.primary.escalation: pagerduty p escalates by itself, so two would call people",
    ),
    ("ends_at = \"2026-12-01T08:00:00+01:00\"", "", "alerting.silences[0].ends_at: is missing"),
    ("changes = 6", "changes = 2", "alerting.flapping.changes: found 2"),
    (
        "https://wiki.example.com/{alertname}",
        "http://wiki.example.com/{alertname}",
        "alerting.links.runbooks: found \"http://wiki.example.com/{alertname}\"",
    ),
];

#[test]
fn each_mistake_is_found_where_it_is_made() {
    for (from, to, expected) in CASES {
        assert_eq!(ALERTING.matches(from).count(), 1, "{from:?} must stand once in alerting.toml");
        let errors = parse(&ALERTING.replace(from, to)).map(|_| from).expect_err(to);
        let mut told: Vec<String> = errors
            .mistakes
            .iter()
            .map(|mistake| format!("{}: {}", mistake.key, mistake.problem))
            .collect();
        told.sort();
        assert_eq!(told.join("; "), expected, "{from:?} became {to:?}");
    }
}

#[test]
fn a_credential_in_the_file_is_not_repeated_in_the_message() {
    let text = ALERTING.replace("\"slack#bot\"", "\"xoxb-1-2-3\"");
    let errors = parse(&text).unwrap_err();
    assert!(!errors.to_string().contains("xoxb-1-2-3"), "{errors}");
}

#[test]
fn an_empty_alerting_is_told_what_it_needs() {
    let errors = parse("\n[alerting]\n").unwrap_err();
    let told: Vec<(&str, &str)> =
        errors.mistakes.iter().map(|m| (m.key.as_str(), m.problem.as_str())).collect();
    assert_eq!(told, [("alerting.route", "is missing")]);
}
