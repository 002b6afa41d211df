//! Fifty tenants, asked for in the same moment: all become active, none twice.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use e2e::{Result, Suite};
use jiff::{Timestamp, Unit};
use serde::Serialize;
use store::Status;

use crate::FUNCTION;
use crate::memory::{Memory, Watch};
use crate::tally::{Tally, settled};

/// How many tenants there are.
pub(crate) const TENANTS: usize = 50;

/// The most messages that SQS takes at once.
const BATCH: usize = 10;

/// What the crowd cost. Times are from the moment before the first request was sent.
#[derive(Debug, Serialize)]
pub(crate) struct Crowd {
    tenants: usize,
    /// When half of the tenants were active, in seconds.
    median_active_after_s: f64,
    /// When 95 % were.
    p95_active_after_s: f64,
    /// When all were.
    all_active_after_s: f64,
    /// All calls until nothing was left in the queue.
    calls: Tally,
    memory: Memory,
}

/// Onboards the crowd and makes sure that everything is there exactly once.
pub(crate) async fn measure(suite: &Suite) -> Result<Crowd> {
    let tenants: Vec<String> = (1..=TENANTS).map(|number| format!("crowd-{number:02}")).collect();
    let watch = Watch::over(suite, FUNCTION)?;
    suite.control.forget_calls()?;
    let asked_at = Timestamp::now();
    ask_for(suite, &tenants).await?;
    let mut waited = Vec::new();
    for tenant in &tenants {
        let record = suite.until(tenant, Status::Active).await?;
        let active_at = record.active_at.ok_or("a tenant is active, but since when?")?;
        waited.push((active_at - asked_at).total(Unit::Second)?);
    }
    waited.sort_unstable_by(f64::total_cmp);
    let calls = settled(suite).await?;
    let memory = watch.ended()?;
    has_exactly_one_of_everything(suite, &tenants).await?;
    let at = |percent: usize| waited.get((waited.len() - 1) * percent / 100).copied();
    let [median, p95, all] = [at(50), at(95), at(100)].map(Option::unwrap_or_default);
    Ok(Crowd {
        tenants: TENANTS,
        median_active_after_s: median,
        p95_active_after_s: p95,
        all_active_after_s: all,
        calls,
        memory,
    })
}

async fn ask_for(suite: &Suite, tenants: &[String]) -> Result<()> {
    let queue = &suite.deployment.function(FUNCTION)?.queue_url;
    for tenants in tenants.chunks(BATCH) {
        let mut batch = suite.sqs.send_message_batch().queue_url(queue);
        for tenant in tenants {
            let body = suite.request(tenant, "trial").to_string();
            let entry = SendMessageBatchRequestEntry::builder().id(tenant).message_body(body);
            batch = batch.entries(entry.build()?);
        }
        let answer = batch.send().await?;
        if let Some(failed) = answer.failed().first() {
            return Err(format!("the queue did not take a request: {failed:?}").into());
        }
    }
    Ok(())
}

/// Counts records, stacks and activations: all tenants are there, and nothing twice.
async fn has_exactly_one_of_everything(suite: &Suite, tenants: &[String]) -> Result<()> {
    let active = active_records(suite).await?;
    if active != tenants.len() {
        return Err(format!("{} tenants were asked for, {active} are active", tenants.len()).into());
    }
    let mut complete = stacks(suite).await?;
    for tenant in tenants {
        for part in ["data", "app"] {
            let name = format!("light-{tenant}-dev-{part}");
            match complete.remove(&name).as_deref() {
                Some([status]) if status == "CREATE_COMPLETE" => {}
                otherwise => {
                    return Err(format!("there is to be one stack {name}: {otherwise:?}").into());
                }
            }
        }
        let journal = suite.journal(tenant).await?;
        let marks = journal.iter().filter(|line| line.what.starts_with("mark active")).count();
        if marks != 1 {
            return Err(format!("{tenant} was marked active {marks} times").into());
        }
        let (status, _) = suite.get(tenant, "/health")?;
        if status != 200 {
            return Err(format!("{tenant} is active, and answers with {status}").into());
        }
    }
    if !complete.is_empty() {
        return Err(format!("nobody asked for these stacks: {complete:?}").into());
    }
    let priorities = priorities(suite, tenants).await?;
    if priorities.len() != tenants.len() {
        return Err("two tenants have the same place in the listener's rules".into());
    }
    Ok(())
}

/// How many records say that their tenant is active.
async fn active_records(suite: &Suite) -> Result<usize> {
    let dynamodb = aws_sdk_dynamodb::Client::new(&suite.config);
    let pages = dynamodb
        .scan()
        .table_name(&suite.deployment.table)
        .filter_expression("sk = :record AND #status = :active")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":record", AttributeValue::S("RECORD".to_owned()))
        .expression_attribute_values(":active", AttributeValue::S("active".to_owned()))
        .into_paginator()
        .items()
        .send();
    Ok(pages.collect::<std::result::Result<Vec<_>, _>>().await?.len())
}

/// The status of every stack that ever was, by name.
async fn stacks(suite: &Suite) -> Result<BTreeMap<String, Vec<String>>> {
    let pages = suite.cloudformation.list_stacks().into_paginator().items().send();
    let mut stacks = BTreeMap::<String, Vec<String>>::new();
    for stack in pages.collect::<std::result::Result<Vec<_>, _>>().await? {
        let name = stack.stack_name().unwrap_or_default().to_owned();
        let status = stack.stack_status().map(|status| status.as_str().to_owned());
        stacks.entry(name).or_default().push(status.unwrap_or_default());
    }
    Ok(stacks)
}

async fn priorities(suite: &Suite, tenants: &[String]) -> Result<BTreeSet<u32>> {
    let mut priorities = BTreeSet::new();
    for tenant in tenants {
        let record = suite.record(tenant).await?.ok_or("a record has vanished")?;
        priorities.insert(record.listener_priority);
    }
    Ok(priorities)
}
