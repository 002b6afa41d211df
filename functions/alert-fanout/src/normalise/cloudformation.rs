//! AWS CloudFormation: stacks and resources that fail, by EventBridge or as the text that a stack's
//! notification topic gets.
//!
//! A stack that failed is an alert with an end: its next operation that completes. What fails first in
//! a stack is told by the resource's event; what was cancelled because of it is only its echo.

use super::arn::Arn;
use super::eventbridge::Event;
use super::links::{Console, escaped};
use super::{Draft, Outcome, time, words};
use crate::alert::State;
use domain::catalogue::Severity;
use domain::naming::fingerprint;

const SOURCE: &str = "cloudformation";

/// How a reason says that a resource did not fail itself.
const ECHO: &str = "cancelled";

/// What changed, in either form.
struct Change<'a> {
    stack: &'a str,
    /// The logical id; none for the stack itself.
    resource: Option<&'a str>,
    physical_id: Option<&'a str>,
    resource_type: Option<&'a str>,
    status: &'a str,
    reason: &'a str,
    token: &'a str,
}

/// Reads an event of CloudFormation.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let detail = event.detail;
    let stack = detail.text("stack-id").or_else(|| event.resources().next()).unwrap_or_default();
    let status = detail.at("status-details");
    let mut change = Change {
        stack,
        resource: None,
        physical_id: detail.text("physical-resource-id"),
        resource_type: detail.text("resource-type"),
        status: status.text("status").unwrap_or_default(),
        reason: status.text("status-reason").unwrap_or_default(),
        token: detail.text("client-request-token").unwrap_or_default(),
    };
    match event.detail_type {
        "CloudFormation Stack Status Change" => {
            Some(vec![stack_change(&change, event.draft(SOURCE, "CloudFormationStackFailed"))])
        }
        "CloudFormation Resource Status Change" => {
            change.resource = detail.text("logical-resource-id");
            let draft = event.draft(SOURCE, "CloudFormationResourceFailed");
            Some(vec![resource_change(&change, draft)])
        }
        "CloudFormation Drift Detection Status Change" => {
            let drift = detail.at("drift-detection-details").text("stack-drift-status");
            let drift = drift.or_else(|| status.text("stack-drift-status")).unwrap_or("UNKNOWN");
            Some(vec![drift_found(event, &change, drift)])
        }
        _ => None,
    }
}

/// Reads what a stack publishes to its topic: lines of `Key='value'`.
pub(crate) fn text(text: &str) -> Option<Vec<Outcome>> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix("='"));
        line.map(|line| line.trim_end().trim_end_matches('\''))
    };
    let stack = value("StackId")?;
    let status = value("ResourceStatus")?;
    let physical_id = value("PhysicalResourceId");
    let change = Change {
        stack,
        resource: value("LogicalResourceId").filter(|_| physical_id != Some(stack)),
        physical_id,
        resource_type: value("ResourceType"),
        status,
        reason: value("ResourceStatusReason").unwrap_or_default(),
        token: value("ClientRequestToken").unwrap_or_default(),
    };
    let mut draft = Draft::new(SOURCE, "CloudFormationStackFailed");
    draft.happened_at = value("Timestamp").and_then(time::parse);
    let outcome = if change.resource.is_none() {
        stack_change(&change, draft)
    } else {
        "CloudFormationResourceFailed".clone_into(&mut draft.alertname);
        resource_change(&change, draft)
    };
    Some(vec![outcome])
}

/// `mate-demo-dev-data` of `arn:aws:cloudformation:r:a:stack/mate-demo-dev-data/uuid`.
fn stack_name(arn: &str) -> &str {
    let place = Arn::of(arn).and_then(|arn| arn.after("stack/")).unwrap_or(arn);
    place.split('/').next().unwrap_or(place)
}

fn stack_change(change: &Change<'_>, mut draft: Draft) -> Outcome {
    let name = stack_name(change.stack);
    let status = change.status;
    let is_bad = status.contains("ROLLBACK") || status.ends_with("_FAILED");
    if !is_bad && !status.ends_with("_COMPLETE") {
        return Outcome::skip(format!("the stack {name} is at {status}: a step on the way"));
    }
    describe(change, &mut draft);
    change.stack.clone_into(&mut draft.key);
    draft.will_resolve = true;
    draft.title = format!("The stack {name} failed");
    if is_bad {
        draft.title.push_str(": ");
        draft.title.push_str(&words::spoken(status));
    } else if status.starts_with("UPDATE_COMPLETE_CLEANUP") {
        return Outcome::skip(format!("the stack {name} is at {status}: a step on the way"));
    } else {
        draft.state = State::Resolved;
    }
    draft.into()
}

fn resource_change(change: &Change<'_>, mut draft: Draft) -> Outcome {
    let name = stack_name(change.stack);
    let resource = change.resource.unwrap_or("a resource");
    let is_echo = change.reason.to_lowercase().contains(ECHO);
    if !change.status.ends_with("_FAILED") || is_echo {
        let reason = format!("{resource} of {name} is at {}: a step on the way", change.status);
        return Outcome::skip(reason);
    }
    describe(change, &mut draft);
    // The operation's token is in both forms of the event; their times differ by a little.
    let when = draft.happened_at.map(|time| time.to_string()).unwrap_or_default();
    let operation = if change.token.is_empty() { when } else { fingerprint(change.token, 8) };
    draft.key = format!("{}:{resource}:{}:{operation}", change.stack, change.status);
    draft.label("logical_resource_id", Some(resource));
    draft.title = format!("{resource} of the stack {name} failed: {}", change.reason);
    draft.into()
}

fn drift_found(event: &Event<'_>, change: &Change<'_>, found: &str) -> Outcome {
    let name = stack_name(change.stack);
    if found != "DRIFTED" {
        return Outcome::skip(format!("the drift of the stack {name} is {found}"));
    }
    let mut draft = event.draft(SOURCE, "CloudFormationStackDrifted");
    describe(change, &mut draft);
    draft.key = format!("{}:{}", change.stack, event.id());
    draft.severity = Severity::Info;
    draft.title = format!("The stack {name} is not as its template says");
    let details = event.detail.at("drift-detection-details");
    let count = details.word("drifted-resource-count");
    draft.summary =
        count.map(|count| format!("Resources that drifted: {count}")).unwrap_or_default();
    draft.into()
}

fn describe(change: &Change<'_>, draft: &mut Draft) {
    draft.about(change.stack);
    draft.names.extend(change.physical_id.map(str::to_owned));
    draft.label("stack", Some(stack_name(change.stack)));
    draft.label("status", Some(change.status));
    draft.label("resource_type", change.resource_type);
    draft.summary = if change.reason.is_empty() {
        format!("CloudFormation reports {}.", change.status)
    } else {
        format!("{}\nCloudFormation reports {}.", change.reason, change.status)
    };
    if !change.token.is_empty() {
        draft.label("operation", Some(fingerprint(change.token, 4)));
    }
    draft.console = Some(Console::Regional(format!(
        "/cloudformation/home?region={{region}}#/stacks/events?stackId={}",
        escaped(change.stack)
    )));
}
