//! The whole function with clients that answer by rules: a message in, calls out.

use aws_lambda_events::event::sqs::SqsEvent;
use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::operation::create_stack::CreateStackOutput;
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use aws_sdk_eventbridge::Client as EventBridge;
use aws_sdk_eventbridge::operation::put_events::{PutEventsInput, PutEventsOutput};
use aws_sdk_sns::Client as Sns;
use aws_sdk_sns::operation::publish::{PublishInput, PublishOutput};
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::operation::change_message_visibility::{
    ChangeMessageVisibilityInput, ChangeMessageVisibilityOutput,
};
use aws_sdk_sqs::operation::send_message::{SendMessageInput, SendMessageOutput};
use aws_smithy_mocks::{Rule, mock};
use domain::TenantId;
use runtime::{Clock, Invocation};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;
use serde_json::{Value, json};
use std::time::Duration;
use store::TenantRecord;
use tenant_onboarding::TenantOnboarding;
use tenant_onboarding::event::{Look, nudge};

use crate::aws::{Calls, Sent, clients};
use crate::fixtures::{catalogue, now, wiring};

/// The function and the calls it makes.
pub(crate) struct World {
    function: TenantOnboarding,
    invocation: Invocation,
    calls: Calls,
}

impl World {
    /// A function to which AWS answers by these rules.
    pub(crate) fn answering(rules: &[&Rule]) -> Self {
        Self::at(Clock::fixed(now()), rules)
    }

    /// The same, with a clock of the test's own.
    pub(crate) fn at(clock: Clock, rules: &[&Rule]) -> Self {
        let calls = Calls::default();
        let function =
            TenantOnboarding::with_catalogue(catalogue(), wiring(), clients(rules, &calls));
        let invocation = Invocation::for_tests(clock, Duration::from_secs(30));
        Self { function: function.unwrap(), invocation, calls }
    }

    /// Hears one message and answers with the failures: `[]` where it is done with.
    pub(crate) async fn hears(&self, body: &str) -> Vec<String> {
        self.hears_all(&[("m-1", body)]).await
    }

    /// Hears a batch of messages, each with its id, and answers with the ids of those that failed.
    pub(crate) async fn hears_all(&self, messages: &[(&str, &str)]) -> Vec<String> {
        let record = |(id, body): &(&str, &str)| {
            json!({
                "messageId": id, "receiptHandle": format!("receipt of {id}"), "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": now().as_millisecond().to_string(),
                },
                "messageAttributes": {}, "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:caretaker",
            })
        };
        let records: Vec<Value> = messages.iter().map(record).collect();
        let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
        let answer = self.function.handle(event, &self.invocation).await;
        answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    /// The operations it called, in their order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.made()
    }
}

/// The message that says: look at demo; `chain` as in [`Look`].
pub(crate) fn look(chain: Option<u32>) -> String {
    nudge(&Look { tenant_id: "demo".parse().unwrap(), chain })
}

/// The table holds this record and no other.
pub(crate) fn recorded(record: &TenantRecord) -> Rule {
    let item = to_item(record).unwrap();
    let key = partition(&record.tenant.id);
    mock!(DynamoDb::get_item)
        .match_requests(move |request| {
            request.key().and_then(|asked| asked.get("pk")) == Some(&key)
        })
        .then_output(move || GetItemOutput::builder().set_item(Some(item.clone())).build())
}

/// The table holds no record.
pub(crate) fn nothing_recorded() -> Rule {
    mock!(DynamoDb::get_item).then_output(|| GetItemOutput::builder().build())
}

fn partition(tenant: &TenantId) -> AttributeValue {
    AttributeValue::S(format!("TENANT#mate#dev#{tenant}"))
}

/// Leases and claims are free to take.
pub(crate) fn free() -> Rule {
    mock!(DynamoDb::update_item).then_output(|| {
        let one = || AttributeValue::N("1".to_owned());
        UpdateItemOutput::builder().attributes("fence", one()).attributes("value", one()).build()
    })
}

/// Leases and claims are taken; the item stands like this.
pub(crate) fn taken(item: &'static [(&'static str, &'static str)]) -> Rule {
    mock!(DynamoDb::update_item).then_error(move || {
        let value = |value: &str| match value.parse::<u64>() {
            Ok(_) => AttributeValue::N(value.to_owned()),
            Err(_) => AttributeValue::S(value.to_owned()),
        };
        let item = item.iter().map(|(name, text)| ((*name).to_owned(), value(text))).collect();
        let refused = ConditionalCheckFailedException::builder().set_item(Some(item)).build();
        UpdateItemError::ConditionalCheckFailedException(refused)
    })
}

/// What a pass writes to the table.
pub(crate) struct Writes(Sent<TransactWriteItemsInput>);

impl Writes {
    /// A rule that takes every transaction, and what it took.
    pub(crate) fn taken() -> (Rule, Self) {
        let sent = Sent::new();
        let rule = mock!(DynamoDb::transact_write_items)
            .match_requests(sent.keep())
            .then_output(|| TransactWriteItemsOutput::builder().build());
        (rule, Self(sent))
    }

    /// A text of the record as it was last written; nested ones with a dot: `failure.reason`.
    pub(crate) fn last(&self, field: &str) -> Option<String> {
        let sent = self.0.all();
        let items = sent.last()?.transact_items();
        let record = items.iter().find_map(|item| {
            let update = item.update().and_then(|update| update.expression_attribute_values());
            update.or(item.put().map(Put::item).filter(|put| put.contains_key("status")))
        })?;
        let mut names = field.split('.');
        let first = names.next()?;
        let mut value = record.get(&format!(":{first}")).or_else(|| record.get(first))?;
        for name in names {
            value = value.as_m().ok()?.get(name)?;
        }
        match value {
            AttributeValue::S(text) | AttributeValue::N(text) => Some(text.clone()),
            AttributeValue::Bool(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    /// The journal, line by line: `data stack: create the data stack: begun`.
    pub(crate) fn journal(&self) -> Vec<String> {
        let sent = self.0.all();
        let puts =
            sent.iter().flat_map(TransactWriteItemsInput::transact_items).filter_map(|it| it.put());
        puts.filter_map(|put| {
            let text = |name: &str| put.item().get(name)?.as_s().ok();
            Some(format!("{}: {}: {}", text("step")?, text("what")?, text("outcome")?))
        })
        .collect()
    }
}

/// CloudFormation takes a new stack.
pub(crate) fn stack_taken() -> Rule {
    mock!(CloudFormation::create_stack).then_output(|| CreateStackOutput::builder().build())
}

/// The bus takes events.
pub(crate) fn bus() -> (Rule, Sent<PutEventsInput>) {
    let sent = Sent::new();
    let rule = mock!(EventBridge::put_events)
        .match_requests(sent.keep())
        .then_output(|| PutEventsOutput::builder().build());
    (rule, sent)
}

/// The topics take messages.
pub(crate) fn topics() -> (Rule, Sent<PublishInput>) {
    let sent = Sent::new();
    let rule = mock!(Sns::publish)
        .match_requests(sent.keep())
        .then_output(|| PublishOutput::builder().build());
    (rule, sent)
}

/// The queues take messages.
pub(crate) fn queues() -> (Rule, Sent<SendMessageInput>) {
    let sent = Sent::new();
    let rule = mock!(Sqs::send_message)
        .match_requests(sent.keep())
        .then_output(|| SendMessageOutput::builder().build());
    (rule, sent)
}

/// The queue shows a message again when it is told to.
pub(crate) fn visibility() -> (Rule, Sent<ChangeMessageVisibilityInput>) {
    let sent = Sent::new();
    let rule = mock!(Sqs::change_message_visibility)
        .match_requests(sent.keep())
        .then_output(|| ChangeMessageVisibilityOutput::builder().build());
    (rule, sent)
}
