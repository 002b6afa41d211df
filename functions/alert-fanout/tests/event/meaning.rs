//! What an alert means, said in sentences: the snapshots show everything, these say what matters.

use alert_fanout::alert::{LinkKind, State};
use alert_fanout::event::{self, Context, Delivery, Look, Message};
use domain::catalogue::Severity;

use crate::corpus::{alert, alerts, all, context, now, read};

#[test]
fn the_severities_are_those_of_the_products_documents() {
    for (name, expected) in [
        ("cloudwatch/own-all-tasks-stopped", Severity::Critical),
        ("cloudwatch/own-no-targets", Severity::Critical),
        ("cloudwatch/foreign-database-cpu", Severity::Critical),
        ("cloudwatch/own-cache-memory-raw-delivery", Severity::Critical),
        ("cloudwatch/errors-500-a-minute", Severity::Critical),
        ("cloudwatch/errors-500-in-five-minutes", Severity::Warning),
        ("ecs/service-start-impaired", Severity::Warning),
        ("autoscaling/sns-launch", Severity::Info),
        ("cloudwatch/description-null", Severity::Warning),
        ("cloudwatch/metric-math", Severity::Warning),
        ("ecs/task-exited", Severity::Warning),
        ("rds/storage-full", Severity::Critical),
        ("rds/backup-finished", Severity::Info),
        ("backup/completed", Severity::Info),
        ("backup/failed", Severity::Warning),
        ("cost-anomaly/sns", Severity::Info),
        ("autoscaling/service-at-maximum", Severity::Info),
        ("guardduty/high-s3", Severity::Critical),
        ("text/without-subject", Severity::Warning),
        ("caretaker/message-active", Severity::Info),
    ] {
        assert_eq!(alert(name).severity, expected, "{name}");
    }
}

#[test]
fn an_end_has_the_key_the_name_and_the_severity_of_its_beginning() {
    for (beginning, end) in [
        ("cloudwatch/own-database-cpu-alarm", "cloudwatch/own-database-cpu-ok"),
        ("cloudformation/stack-rolls-back", "cloudformation/stack-update-complete"),
        ("ecs/service-start-impaired", "ecs/service-steady-state"),
        ("health/issue-open", "health/issue-closed"),
    ] {
        let (beginning, end) = (alert(beginning), alert(end));
        assert_eq!((beginning.state, end.state), (State::Firing, State::Resolved));
        assert!(beginning.will_resolve, "{}", beginning.title);
        assert_eq!(beginning.dedup_key, end.dedup_key);
        assert_eq!(beginning.severity, end.severity);
        assert_eq!(beginning.tenant, end.tenant);
        assert_eq!(beginning.labels["alertname"], end.labels["alertname"]);
    }
}

#[test]
fn a_completed_deployment_is_told_and_ends_a_failed_one() {
    let failed = alert("ecs/deployment-failed");
    let completed = alerts("ecs/deployment-completed");
    let [told, ended] = completed.as_slice() else { panic!("{completed:#?}") };
    assert_eq!((told.severity, told.state), (Severity::Info, State::Firing));
    assert_eq!(told.title, "mate-demo-dev-django is deployed");
    assert_eq!((&ended.dedup_key, ended.state), (&failed.dedup_key, State::Resolved));
}

#[test]
fn one_alarm_has_one_key_by_topic_and_by_bus() {
    let by_topic = alert("cloudwatch/own-database-cpu-alarm");
    let by_bus = alert("cloudwatch/eventbridge-metric");
    assert_eq!(by_topic.dedup_key, by_bus.dedup_key);
    assert_eq!(by_topic.severity, by_bus.severity);
    assert_eq!(by_topic.happened_at, by_bus.happened_at);
    assert_eq!(by_topic.labels["alertname"], "database-cpu");
    let by_subscription = alert("rds/sns-failover-completed");
    assert_eq!(alert("rds/failover-completed").dedup_key, by_subscription.dedup_key);
    let text = alert("cloudformation/sns-text");
    assert_eq!(alert("cloudformation/resource-failed").dedup_key, text.dedup_key);
}

#[test]
fn an_event_of_another_environment_is_no_affair_of_ours() {
    for name in [
        "cloudwatch/eventbridge-other-environment",
        "cloudformation/stack-of-other-environment",
        "ecs/task-of-other-environment",
    ] {
        let fixture = all().into_iter().find(|fixture| fixture.name == name).unwrap();
        let messages = fixture.read();
        let [Message::Ignored(reason)] = messages.as_slice() else { panic!("{messages:#?}") };
        assert!(reason.ends_with(": an affair of mate in prod"), "{reason}");
    }
}

#[test]
fn the_log_query_is_about_the_time_in_question() {
    let alert = alert("cloudwatch/own-no-targets");
    let logs = alert.links.iter().find(|link| link.kind == LinkKind::Logs).unwrap();
    assert!(logs.url.contains("*2fecs*2fmate-demo-dev*2fdjango"), "{}", logs.url);
    assert!(logs.url.contains("start$257E$25272026-03-02T09*3a00*3a30.000Z"), "{}", logs.url);
    assert!(logs.url.contains("end$257E$25272026-03-02T09*3a20*3a30.000Z"), "{}", logs.url);
}

#[test]
fn an_alert_about_a_database_leads_to_its_log() {
    let alert = alert("cloudwatch/own-database-cpu-alarm");
    let logs = alert.links.iter().find(|link| link.kind == LinkKind::Logs).unwrap();
    let group = "*2faws*2frds*2finstance*2fmate-demo-dev-database*2fpostgresql";
    assert!(logs.url.contains(group), "{}", logs.url);
}

#[test]
fn alarms_by_which_a_service_is_scaled_are_no_news_on_the_bus() {
    let name = "cloudwatch/eventbridge-target-tracking";
    let fixture = all().into_iter().find(|fixture| fixture.name == name).unwrap();
    let [Message::Ignored(reason)] = &fixture.read()[..] else { panic!("{:#?}", fixture.read()) };
    assert!(reason.ends_with("an alarm by which a service is scaled"), "{reason}");
}

#[test]
fn links_lead_to_the_alarm_the_dashboard_and_the_runbook() {
    let alert = alert("cloudwatch/own-database-cpu-alarm");
    let link = |kind| alert.links.iter().find(|link| link.kind == kind).unwrap().url.as_str();
    let host = "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1";
    assert_eq!(
        link(LinkKind::Console),
        format!("{host}#alarmsV2:alarm/mate-demo-dev-database-cpu")
    );
    assert_eq!(link(LinkKind::Dashboard), format!("{host}#dashboards/dashboard/mate-demo-dev"));
    assert_eq!(link(LinkKind::Runbook), "https://wiki.example.com/runbooks/database-cpu");
}

#[test]
fn no_link_of_a_report_is_passed_on_and_no_text_becomes_a_host() {
    for fixture in all() {
        for alert in event::alerts(fixture.read()) {
            for link in &alert.links {
                assert!(!link.url.contains("evil"), "{}: {}", fixture.name, link.url);
            }
        }
    }
}

#[test]
fn a_time_that_has_not_come_yet_is_now() {
    assert_eq!(alert("text/far-future").happened_at, now());
}

#[test]
fn what_looks_like_an_order_to_slack_is_only_text() {
    let alert = alert("text/slack-payload");
    assert_eq!((alert.source.as_str(), alert.tenant.as_ref()), ("text", None));
    assert_eq!(alert.title, "<!channel> pay here");
    assert!(!alert.labels.contains_key("channel"));
    let own_words = crate::corpus::alert("text/alertmanager-like");
    assert_eq!((own_words.severity, own_words.tenant), (Severity::Warning, None));
}

#[test]
fn a_command_is_taken_from_the_queue_and_never_from_a_topic() {
    assert_eq!(read(r#"{"caretaker":"sweep"}"#), [Message::Sweep]);
    assert_eq!(alert("caretaker/command-through-a-topic").source, "caretaker");
    assert_eq!(alert("caretaker/command-of-another-version").source, "text");
    let look = Look::at("{}:{tenant=\"demo\"}");
    assert_eq!(read(&event::nudge(&look)), [Message::Look(look)]);
}

#[test]
fn a_heartbeat_is_an_alert_of_its_own() {
    let heartbeat = alert("caretaker/heartbeat");
    assert_eq!(heartbeat.labels["alertname"], "Heartbeat");
    assert_eq!((heartbeat.severity, heartbeat.will_resolve), (Severity::Info, false));
}

#[test]
fn a_message_that_comes_twice_has_one_key_and_two_messages_two() {
    let of = |id: &str| {
        let delivery = Delivery { id: Some(id.to_owned()), ..Delivery::default() };
        let mut alerts = event::alerts(event::read_body("disk full", delivery, context(), now()));
        alerts.remove(0).dedup_key
    };
    assert_eq!(of("m1"), of("m1"));
    assert_ne!(of("m1"), of("m2"));
}

#[test]
fn a_long_list_is_told_to_its_end() {
    let items: Vec<_> = (0..250).map(|n| serde_json::json!({ "title": format!("n{n}") })).collect();
    let alerts = event::alerts(event::read(&items.into(), context(), now()));
    assert_eq!(alerts.len(), 101);
    assert_eq!(alerts[100].title, "150 more reports");
}

#[test]
fn a_context_knows_the_services_of_all_tiers() {
    let Context { services, environments, .. } = context();
    assert!(services.contains("django") && services.contains("celery"), "{services:?}");
    assert!(environments.len() >= 2, "{environments:?}");
}

#[test]
fn what_a_function_was_invoked_with_is_not_told() {
    for name in ["lambda/destination", "lambda/destination-by-queue", "lambda/dead-letter"] {
        let told = serde_json::to_string(&alert(name)).unwrap();
        assert!(!told.contains("not to be told") && !told.contains("AlarmName"), "{told}");
    }
}
