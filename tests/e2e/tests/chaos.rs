//! The tenant ends active whatever happens on the way: killed functions, lost messages, an AWS
//! that throttles and breaks.

use std::collections::BTreeMap;

use e2e::{Fault, Result, Suite};
use store::Status;

/// What is caught below: everything that the functions call.
const FUNCTION: &str = "tenant-onboarding";

/// What makes a killed pass come again soon. A message is one batch, so that a kill hits the one
/// tenant that it is meant for.
const IMPATIENT: [&str; 4] = [
    // A lease ends soon after its invocation would have: the next pass need not wait for long.
    "timeout_seconds=12",
    "queue.visibility_timeout_seconds=5",
    "queue.max_receive_count=20",
    "queue.event_source.batch_size=1",
];

/// At most so many calls are made for one tenant; beyond, nothing is left to be killed at.
const CALLS_MAX: u32 = 60;

/// So many tenants are on their way at once.
const AT_ONCE: u32 = 12;

async fn has_exactly_one_of_everything(suite: &Suite, tenant: &str) -> Result<()> {
    let pages = suite.cloudformation.describe_stacks().into_paginator().items().send();
    let stacks = pages.collect::<std::result::Result<Vec<_>, _>>().await?;
    let mut found = BTreeMap::<&str, u32>::new();
    let prefix = format!("light-{tenant}-dev-");
    for stack in &stacks {
        let name = stack.stack_name().unwrap_or_default();
        if name.starts_with(&prefix) {
            *found.entry(name).or_default() += 1;
        }
    }
    let (data, app) = (format!("{prefix}data"), format!("{prefix}app"));
    assert_eq!(found, BTreeMap::from([(app.as_str(), 1), (data.as_str(), 1)]), "{tenant}");
    let (status, _) = suite.get(tenant, "/health")?;
    assert_eq!(status, 200, "{tenant} does not answer");
    let journal = suite.journal(tenant).await?;
    let activated = journal.iter().filter(|line| line.what.starts_with("mark active")).count();
    assert_eq!(activated, 1, "{tenant} became active {activated} times");
    Ok(())
}

/// Kills the function at every single call that it makes for a tenant, `when` the call has taken
/// effect or not. Tenants are told apart by their names, which all of their calls carry.
async fn killed_at_every_call(when: &'static str) -> Result<()> {
    let suite = Suite::light(&IMPATIENT).await?;
    let mut calls = 0..CALLS_MAX;
    loop {
        let these: Vec<u32> = calls.by_ref().take(AT_ONCE as usize).collect();
        let tenants: Vec<String> = these.iter().map(|skip| format!("killed-{skip:02}x")).collect();
        let faults: Vec<Fault> = these
            .iter()
            .zip(&tenants)
            .map(|(skip, tenant)| Fault {
                kind: "kill",
                caller: FUNCTION.to_owned(),
                about: tenant.clone(),
                when: Some(when),
                count: Some(1),
                skip: *skip,
                ..Fault::default()
            })
            .collect();
        suite.control.break_with(&faults)?;
        for tenant in &tenants {
            suite.ask_for(tenant, "trial").await?;
        }
        for tenant in &tenants {
            suite.until(tenant, Status::Active).await?;
            has_exactly_one_of_everything(&suite, tenant).await?;
        }
        let killed = suite.control.faults()?.iter().map(|fault| fault.applied).sum::<u32>();
        if killed < AT_ONCE {
            // The last of them made fewer calls than were let pass: every call has had its turn.
            assert!(these.first() > Some(&0), "not one call was killed");
            return Ok(());
        }
        assert!(!these.is_empty(), "a tenant takes more than {CALLS_MAX} calls");
    }
}

#[tokio::test]
async fn killed_before_any_call_takes_effect_the_tenant_still_ends_active() -> Result<()> {
    killed_at_every_call("before").await
}

#[tokio::test]
async fn killed_after_any_call_took_effect_the_tenant_still_ends_active() -> Result<()> {
    killed_at_every_call("after").await
}

#[tokio::test]
async fn with_a_fifth_of_all_calls_throttled_and_a_fifth_broken_the_tenant_only_comes_later()
-> Result<()> {
    let suite =
        Suite::light(&["queue.visibility_timeout_seconds=5", "queue.max_receive_count=20"]).await?;
    let fault = |kind, when| Fault {
        kind,
        caller: FUNCTION.to_owned(),
        when: Some(when),
        rate: Some(0.2),
        ..Fault::default()
    };
    suite.control.break_with(&[fault("throttle", "before"), fault("error500", "after")])?;
    let tenants = ["one", "two", "three", "four", "five"];
    for tenant in tenants {
        suite.ask_for(tenant, "trial").await?;
    }
    for tenant in tenants {
        suite.until(tenant, Status::Active).await?;
        has_exactly_one_of_everything(&suite, tenant).await?;
    }
    let hit: u32 = suite.control.faults()?.iter().map(|fault| fault.applied).sum();
    assert!(hit > 0, "nothing was throttled");
    Ok(())
}

#[tokio::test]
async fn a_tenant_whose_messages_were_all_lost_is_taken_up_by_the_sweep() -> Result<()> {
    let suite = Suite::light(&[]).await?;
    // The database takes its time, and meanwhile every message about the tenant is lost.
    suite.control.set(&serde_json::json!({ "rds_available_seconds": 4 }))?;
    suite.ask_for("stranded", "trial").await?;
    let queue = &suite.deployment.function(FUNCTION)?.queue_url;
    let begun = suite
        .eventually(std::time::Duration::from_secs(30), async || {
            Ok(suite.record("stranded").await?.filter(|record| record.version > 2))
        })
        .await?;
    assert!(begun.is_some(), "the tenant was not even begun");
    suite.sqs.purge_queue().queue_url(queue).send().await?;
    suite.send(r#"{"caretaker":"sweep"}"#).await?;
    suite.until("stranded", Status::Active).await?;
    Ok(())
}

#[tokio::test]
async fn looking_at_an_active_tenant_costs_at_most_four_calls() -> Result<()> {
    let suite = Suite::light(&[]).await?;
    suite.ask_for("idle", "trial").await?;
    suite.until("idle", Status::Active).await?;
    suite.control.forget_calls()?;
    suite.send(r#"{"caretaker":"look","tenant":"idle","waited":0}"#).await?;
    let looked = suite
        .eventually(std::time::Duration::from_secs(30), async || {
            let calls = suite.control.calls(FUNCTION)?;
            Ok((!calls.is_empty()).then_some(calls))
        })
        .await?
        .ok_or("nobody looked")?;
    assert!(looked.len() <= 4, "{looked:#?}");
    Ok(())
}
