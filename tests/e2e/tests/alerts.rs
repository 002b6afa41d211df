//! Alerts on their whole way: from what reports them through topic, queue, function and table to the
//! people, whatever fails in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_cloudwatch::types::StateValue;
use e2e::{Alarm, FANOUT, Failure, Fault, Incident, Letter, Request, Result, SlackMessage, Suite};
use jiff::{Timestamp, ToSpan};
use serde_json::json;

/// "Within seconds", with room for a machine that has other things to do.
const SECONDS: Duration = Duration::from_mins(1);

/// Within which a sink that failed has been tried again, or a call that died has been made again.
const MINUTES: Duration = Duration::from_mins(3);

/// Nobody waits six minutes for a message whose function was killed.
const IMPATIENT: [&str; 4] = [
    "timeout_seconds=20",
    "queue.visibility_timeout_seconds=20",
    "queue.max_receive_count=20",
    "queue.event_source.batch_size=1",
];

/// A claim lasts for 50 s.
const VISIBLE_AGAIN: &str = "visibility_timeout_seconds=60";

/// Where PagerDuty keeps what belongs to an alarm.
async fn incident_of(suite: &Suite, alarm: &Alarm, state: &str) -> Result<Incident> {
    let sinks = suite.sinks();
    let found = suite
        .eventually(MINUTES, async || {
            let incidents = sinks.pagerduty()?.kept.incidents;
            Ok(incidents.into_iter().find(|it| is_about(it, &alarm.name) && it.state == state))
        })
        .await?;
    let missing = || format!("{} is not {state} in PagerDuty", alarm.name);
    Ok(found.ok_or_else(missing)?)
}

fn is_about(incident: &Incident, name: &str) -> bool {
    incident.dedup_key.contains(&format!("\"{name}\""))
}

/// All messages of a channel that begin a thread and name the alarm.
fn messages_of(suite: &Suite, name: &str) -> Result<Vec<SlackMessage>> {
    let mut messages = suite.sinks().slack()?.kept.messages;
    messages.retain(|it| it.thread_ts.is_none() && it.says(name));
    Ok(messages)
}

/// Makes sure that no sink had to ask for patience by itself.
fn no_limit_was_broken(suite: &Suite) -> Result<()> {
    let sinks = suite.sinks();
    for (sink, requests) in [
        ("PagerDuty", sinks.pagerduty()?.requests),
        ("Slack", sinks.slack()?.requests),
        ("Teams", sinks.teams()?.requests),
    ] {
        let broken: Vec<&Request> =
            requests.iter().filter(|it| it.status == 429 && it.fault.is_none()).collect();
        assert!(broken.is_empty(), "{sink} was called too often: {broken:#?}");
    }
    Ok(())
}

/// Makes sure that no credential stands in a log, in the table or in anything that was published.
async fn no_credential_was_written(suite: &Suite) -> Result<()> {
    let written = suite.everything_written().await?;
    assert!(written.iter().any(|(place, text)| place.starts_with("table") && !text.is_empty()));
    for secret in suite.secret_parts()? {
        assert!(secret.len() > 12, "{secret} would be found by chance");
        for (place, text) in &written {
            assert!(!text.contains(&secret), "{secret} stands in {place}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_alarm_pages_and_its_end_resolves_the_same_incident_and_the_same_message() -> Result<()>
{
    let suite = Suite::alerting(&[]).await?;
    let alarm = Alarm::critical("page-cpu");
    suite.watch(&alarm).await?;
    suite.change(&alarm, StateValue::Alarm).await?;
    let paged = suite
        .eventually(SECONDS, async || {
            let incidents = suite.sinks().pagerduty()?.kept.incidents;
            Ok((!incidents.is_empty() && !messages_of(&suite, "page-cpu")?.is_empty())
                .then_some(()))
        })
        .await?;
    paged.ok_or("nobody was paged within seconds")?;
    let [message] =
        messages_of(&suite, "page-cpu")?.try_into().map_err(|all| format!("{all:?}"))?;
    assert_eq!(message.channel, "C0CRITICAL");
    assert_eq!(message.mentions, ["@U0ONCALL1"]);
    let began = Timestamp::now();

    suite.change(&alarm, StateValue::Ok).await?;
    let over = incident_of(&suite, &alarm, "resolved").await?;
    assert_eq!(over.actions(), ["trigger", "resolve"]);
    let answered = suite
        .eventually(SECONDS, async || {
            let messages = suite.sinks().slack()?.kept.messages;
            Ok(messages.into_iter().find(|it| it.thread_ts.as_ref() == Some(&message.ts)))
        })
        .await?;
    let answer = answered.ok_or("nobody answered in the message's thread")?;
    assert!(answer.says("Resolved") && answer.mentions.is_empty(), "{answer:#?}");
    let [updated] =
        messages_of(&suite, "page-cpu")?.try_into().map_err(|all| format!("{all:?}"))?;
    assert!(updated.says("Resolved") && !updated.earlier.is_empty(), "{updated:#?}");

    // SQS delivers twice and in any order, and so does SNS.
    let late = alarm.message("ALARM", began - 10.minutes());
    let again = alarm.message("OK", Timestamp::now() + 1.second());
    suite.report(&[late.clone(), again.clone(), again, late], None).await?;
    suite.until_all_is_read(SECONDS).await?;
    assert_eq!(suite.sinks().pagerduty()?.requests.len(), 2, "what came late paged somebody");
    assert_eq!(suite.sinks().slack()?.requests.len(), 3, "post, update, answer, and no more");
    no_credential_was_written(&suite).await
}

#[tokio::test]
async fn every_sink_tells_its_people_and_what_nobody_understands_is_told_as_well() -> Result<()> {
    let suite = Suite::alerting(&[]).await?;
    let sinks = suite.sinks();
    let names = ["hook-disk", "chat-disk", "teams-disk", "letter-disk"];
    let now = Timestamp::now();
    let firing = names.map(|name| Alarm::critical(name).message("ALARM", now));
    suite.report(&firing, None).await?;
    suite.publish("the coffee machine is on fire").await?;
    suite.control.fire("caretaker-alerting-dev-alert-fanout-heartbeat")?;
    let told = suite
        .eventually(SECONDS, async || {
            let letters = sinks.mail()?;
            let has = |by: &str, words: &str| {
                letters.iter().any(|letter| letter.by == by && letter.says(words))
            };
            let all = sinks.webhook()?.len() == 1
                && sinks.slack()?.kept.messages.len() == 1
                && sinks.teams()?.kept.messages.len() == 1
                && has("ses", "letter-disk")
                && has("sns", "coffee machine")
                && has("sns", "Heartbeat");
            Ok(all.then_some(letters))
        })
        .await?;
    let letters = told.ok_or_else(|| format!("somebody was not told: {:#?}", sinks.mail()))?;
    assert_eq!(letters.len(), 3, "{letters:#?}");
    let [signed] = sinks.webhook()?.try_into().map_err(|all| format!("{all:?}"))?;
    let header = |name: &str| signed.headers.get(name).cloned().unwrap_or_default();
    assert!(header("webhook-signature").starts_with("v1,"), "{signed:#?}");
    assert!(!header("webhook-id").is_empty() && !header("webhook-timestamp").is_empty());
    assert!(signed.body.contains("hook-disk"));
    assert!(messages_of(&suite, "chat-disk")?.len() == 1);
    no_credential_was_written(&suite).await
}

#[tokio::test]
async fn whatever_a_sink_answers_for_once_nothing_is_lost_and_nobody_is_paged_twice() -> Result<()>
{
    let suite = Suite::alerting(&[]).await?;
    let sinks = suite.sinks();
    // The webhook's channel is another one: one address does not know of the other's limit.
    let hook =
        json!({ "webhooks": { "T0LOCALCLD/B0CRITICAL/localcloudcritical00": "C0WARNINGS" } });
    sinks.set("slack", &hook)?;
    let ways = [
        ("busy", Failure { kind: "refuse", status: Some(429), retry_after: Some(1), ..once() }),
        ("broken", Failure { kind: "refuse", status: Some(500), ..once() }),
        ("silent", Failure { kind: "timeout", seconds: Some(1), ..once() }),
        ("wrong", Failure { kind: "error_body", ..once() }),
        ("lost", Failure { kind: "hang_up", when: Some("after"), ..once() }),
    ];
    let mut reports = Vec::new();
    for (sink, routes) in [
        ("pagerduty", &["page"][..]),
        ("slack", &["page", "chat"]),
        ("teams", &["teams"]),
        ("webhook", &["hook"]),
    ] {
        let about = |route: &str, way: &str| format!("{route}-{way}");
        let failures: Vec<Failure> = routes
            .iter()
            .flat_map(|route| ways.iter().map(move |(way, it)| (about(route, way), it)))
            // A webhook's receiver says by its status alone whether it took something.
            .filter(|(about, _)| about != "hook-wrong")
            .map(|(about, failure)| Failure { about, ..failure.clone() })
            .collect();
        sinks.break_with(sink, &failures)?;
        if sink != "pagerduty" {
            let now = Timestamp::now();
            let alarms = failures.iter().map(|it| Alarm::critical(&it.about));
            reports.extend(alarms.map(|alarm| alarm.message("ALARM", now)));
        }
    }
    suite.report(&reports, None).await?;
    suite.until_all_is_read(MINUTES).await?;

    for sink in ["pagerduty", "slack", "teams", "webhook"] {
        for failure in sinks.failures(sink)? {
            assert_eq!(failure.applied, 1, "{sink} did not fail for {}", failure.about);
        }
    }
    let incidents = sinks.pagerduty()?.kept.incidents;
    let (cards, hooks) = (sinks.teams()?.kept.messages, sinks.webhook()?);
    for (way, _) in &ways {
        // Only where the answer alone was lost may a person see the same twice: but no second page.
        let most = if *way == "lost" { 2 } else { 1 };
        let pages = incidents.iter().filter(|it| is_about(it, &format!("page-{way}"))).count();
        assert_eq!(pages, 1, "incidents of page-{way}");
        for route in ["page", "chat"] {
            let messages = messages_of(&suite, &format!("{route}-{way}"))?.len();
            assert!((1..=most).contains(&messages), "{messages} messages of {route}-{way}");
        }
        let about = format!("teams-{way}");
        let shown = cards.iter().filter(|it| it.to_string().contains(&about)).count();
        assert!((1..=most).contains(&shown), "{shown} cards of {about}");
        let about = format!("hook-{way}");
        let about: Vec<&Request> = hooks.iter().filter(|it| it.body.contains(&about)).collect();
        let ids: BTreeSet<_> = about.iter().map(|it| it.headers.get("webhook-id")).collect();
        let expected = usize::from(*way != "wrong");
        assert_eq!(ids.len(), expected, "a repetition is known by its id: {about:#?}");
        let taken = about.iter().filter(|it| it.status == 204).count();
        assert_eq!(taken, expected, "{about:#?}");
    }
    let letters = sinks.mail()?;
    assert!(letters.is_empty(), "no fallback was needed: {letters:#?}");
    let dead = suite.dead_letters().await?;
    assert!(dead.is_empty(), "{dead:#?}");
    no_limit_was_broken(&suite)
}

/// A failure of one request.
fn once() -> Failure {
    Failure { count: Some(1), ..Failure::default() }
}

#[tokio::test]
async fn while_a_sink_is_dead_the_fallback_says_so_and_afterwards_it_is_told_by_itself()
-> Result<()> {
    let suite = Suite::alerting(&IMPATIENT).await?;
    let sinks = suite.sinks();
    let (alarm, lonely) = (Alarm::critical("page-dead"), Alarm::critical("lonely-dead"));
    let broken = [("pagerduty", &alarm), ("slack", &lonely)];
    for (sink, alarm) in broken {
        // It cuts every connection until somebody mends it.
        let about = alarm.name.clone();
        sinks.break_with(sink, &[Failure { kind: "hang_up", about, ..Failure::default() }])?;
    }
    let now = Timestamp::now();
    suite.report(&[&alarm, &lonely].map(|alarm| alarm.message("ALARM", now)), None).await?;
    let [letter] = letters(&suite, 1).await?.try_into().map_err(|all| format!("{all:?}"))?;
    assert!(letter.says("another way failed") && letter.says("PagerDuty"), "{letter:#?}");
    assert!(sinks.pagerduty()?.kept.incidents.is_empty());
    assert_eq!(messages_of(&suite, &alarm.name)?.len(), 1, "Slack was told, and once");

    // Where there is no fallback, a dead letter says what was not told, and to whom.
    let queue = suite.deployment.function(FANOUT)?.dead_letter_queue_url.clone();
    let dead = suite.message(&queue, |message| message.body.contains(&lonely.name)).await?;
    let reason = dead.attributes.get("CaretakerReason").cloned().unwrap_or_default();
    assert!(reason.contains("Slack channel C0WARNINGS"), "{dead:#?}");
    assert!(messages_of(&suite, &lonely.name)?.is_empty());

    // Somebody mends both, and sends the dead letter again.
    for (sink, _) in broken {
        sinks.break_with(sink, &[])?;
    }
    suite.report(&[dead.body], None).await?;
    let told =
        suite.eventually(SECONDS, async || Ok(messages_of(&suite, &lonely.name)?.pop())).await?;
    assert!(told.is_some(), "Slack is back, and nobody was told of {}", lonely.name);

    incident_of(&suite, &alarm, "triggered").await?;
    suite.report(&[alarm.message("OK", Timestamp::now())], None).await?;
    let over = incident_of(&suite, &alarm, "resolved").await?;
    assert_eq!(over.actions(), ["trigger", "resolve"]);
    let letters = letters(&suite, 2).await?;
    assert_eq!(letters.len(), 2, "who heard of the beginning hears of the end: {letters:#?}");
    for alarm in [&alarm, &lonely] {
        assert_eq!(messages_of(&suite, &alarm.name)?.len(), 1, "{} is told once", alarm.name);
    }
    let dead = suite.dead_letters().await?;
    assert!(dead.is_empty(), "{dead:#?}");
    Ok(())
}

/// Waits until there are so many letters.
async fn letters(suite: &Suite, least: usize) -> Result<Vec<Letter>> {
    let sinks = suite.sinks();
    let found = suite
        .eventually(MINUTES, async || {
            Ok(Some(sinks.mail()?).filter(|letters| letters.len() >= least))
        })
        .await?;
    Ok(found.ok_or_else(|| format!("there were to be {least} letters"))?)
}

/// How many calls a function that was just started makes for an alarm.
async fn calls_of_an_alarm(suite: &Suite) -> Result<u32> {
    let alarm = Alarm::critical("page-counted");
    suite.control.forget_calls()?;
    suite.report(&[alarm.message("ALARM", Timestamp::now())], None).await?;
    incident_of(suite, &alarm, "triggered").await?;
    suite.until_all_is_read(MINUTES).await?;
    Ok(u32::try_from(suite.control.calls(FANOUT)?.len())?)
}

/// Reports alarms one after the other, and has the function killed at another call for each.
async fn killed_at_every_call(suite: &Suite, calls: u32, when: &'static str) -> Result<Vec<Alarm>> {
    let mut alarms = Vec::new();
    for skip in 0..calls {
        let alarm = Alarm::critical(format!("page-{when}-{skip:02}"));
        suite.control.break_with(&[Fault {
            kind: "kill",
            caller: FANOUT.to_owned(),
            when: Some(when),
            count: Some(1),
            skip,
            ..Fault::default()
        }])?;
        suite.report(&[alarm.message("ALARM", Timestamp::now())], None).await?;
        let killed = suite
            .eventually(MINUTES, async || {
                let faults = suite.control.faults()?;
                Ok(faults.iter().any(|fault| fault.applied > 0).then_some(()))
            })
            .await?;
        assert!(killed.is_some(), "the function was not killed {when} call {skip}");
        alarms.push(alarm);
    }
    Ok(alarms)
}

fn is_told(suite: &Suite, alarm: &Alarm) -> Result<bool> {
    let incidents = suite.sinks().pagerduty()?.kept.incidents;
    Ok(incidents.iter().any(|it| is_about(it, &alarm.name))
        && !messages_of(suite, &alarm.name)?.is_empty())
}

#[tokio::test]
async fn killed_before_or_after_any_call_every_alert_is_told_and_is_one_incident() -> Result<()> {
    // As in the manifest, a message comes again after its function's claims have run out.
    let settings = IMPATIENT.map(|it| it.replace("visibility_timeout_seconds=20", VISIBLE_AGAIN));
    let suite = Suite::alerting(&settings.each_ref().map(String::as_str)).await?;
    let calls = calls_of_an_alarm(&suite).await?;
    assert!(calls > 5, "only {calls} calls for an alarm of two sinks");
    let mut alarms = killed_at_every_call(&suite, calls, "before").await?;
    alarms.extend(killed_at_every_call(&suite, calls, "after").await?);
    suite.control.break_with(&[])?;
    for alarm in &alarms {
        let told =
            suite.eventually(MINUTES, async || Ok(is_told(&suite, alarm)?.then_some(()))).await?;
        assert!(told.is_some(), "nobody heard of {}", alarm.name);
    }
    suite.until_all_is_read(MINUTES).await?;
    let incidents = suite.sinks().pagerduty()?.kept.incidents;
    for alarm in &alarms {
        let pages = incidents.iter().filter(|it| is_about(it, &alarm.name)).count();
        assert_eq!(pages, 1, "incidents of {}", alarm.name);
        let messages = messages_of(&suite, &alarm.name)?.len();
        assert!(messages <= 2, "{messages} messages of {}", alarm.name);
    }
    let dead = suite.dead_letters().await?;
    assert!(dead.is_empty(), "{dead:#?}");
    no_limit_was_broken(&suite)
}

#[tokio::test]
async fn a_storm_is_a_digest_for_each_group_that_counts_every_alert() -> Result<()> {
    // The bench has ten thousand; so many are enough for instances to be in each other's way.
    const EACH: usize = 1_000;
    let suite = Suite::alerting(&[]).await?;
    let sinks = suite.sinks();
    let now = Timestamp::now();
    let tenants = ["acme", "demo"];
    let reports: Vec<String> = (0..EACH)
        .flat_map(|number| tenants.map(|tenant| (number, tenant)))
        .map(|(number, tenant)| {
            let alarm = Alarm::critical(format!("storm-{number:04}"));
            Alarm { tenant: tenant.to_owned(), ..alarm }.message("ALARM", now)
        })
        .collect();
    suite.report(&reports, None).await?;
    let all = format!("{EACH} firing");
    let counted = suite
        .eventually(MINUTES, async || {
            let pages = sinks.pagerduty()?.kept.incidents;
            let last =
                |it: &Incident| it.events.last().is_some_and(|it| it.to_string().contains(&all));
            let messages = messages_of(&suite, &all)?;
            Ok((pages.iter().filter(|it| last(it)).count() == 2 && messages.len() == 2)
                .then_some(()))
        })
        .await?;
    assert!(counted.is_some(), "{:#?}", shown(&suite)?);
    suite.until_all_is_read(MINUTES).await?;
    let pages = sinks.pagerduty()?;
    assert_eq!(pages.kept.incidents.len(), tenants.len());
    assert!(pages.requests.len() <= 60, "{} events for PagerDuty", pages.requests.len());
    let posts = sinks.slack()?.requests.len();
    assert!(posts <= 120, "{posts} calls of Slack");
    let dead = suite.dead_letters().await?;
    assert!(dead.is_empty(), "{dead:#?}");
    no_limit_was_broken(&suite)
}

/// What stands at the top of each incident and message, for a test that failed.
fn shown(suite: &Suite) -> Result<BTreeMap<&'static str, Vec<String>>> {
    let pages = suite.sinks().pagerduty()?.kept.incidents;
    let summary = |it: &Incident| {
        let last = it.events.last()?;
        Some(last.pointer("/payload/summary")?.to_string())
    };
    let messages = suite.sinks().slack()?.kept.messages;
    Ok(BTreeMap::from([
        ("PagerDuty", pages.iter().filter_map(summary).collect()),
        ("Slack", messages.into_iter().map(|it| it.text).collect()),
    ]))
}
