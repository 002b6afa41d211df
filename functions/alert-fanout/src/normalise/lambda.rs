//! AWS Lambda's records of asynchronous invocations: what a destination gets, and dead letters.
//!
//! Source: Lambda developer guide, "Capturing records of Lambda asynchronous invocations". What the
//! function was invoked with is not told: it may hold what is nobody's business.

use domain::catalogue::Severity;

use super::arn::{Arn, name_in};
use super::eventbridge::Event;
use super::fields::Fields;
use super::links::{Console, escaped};
use super::{Draft, Outcome, time, words};
use crate::event::Report;

const SOURCE: &str = "lambda";

/// Reads a destination's record from the bus.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    Some(vec![record(event.detail, event.draft(SOURCE, "LambdaInvocationFailed"))?])
}

/// Reads a destination's record.
pub(crate) fn message(fields: Fields<'_>) -> Option<Vec<Outcome>> {
    Some(vec![record(fields, Draft::new(SOURCE, "LambdaInvocationFailed"))?])
}

fn record(record: Fields<'_>, mut draft: Draft) -> Option<Outcome> {
    let context = record.at("requestContext");
    let arn = context.text("functionArn")?;
    let condition = context.text("condition")?;
    let name = function_name(arn);
    if condition == "Success" {
        return Some(Outcome::skip(format!("the function {name} succeeded")));
    }
    let response = record.at("responsePayload");
    draft.key = context.word("requestId").map(|id| format!("{arn}:{id}"))?;
    draft.happened_at = record.text("timestamp").and_then(time::parse).or(draft.happened_at);
    draft.names.push(name.to_owned());
    draft.about(arn);
    let error = response.text("errorMessage").unwrap_or("no error was given");
    let kind = response.text("errorType");
    draft.label("error_type", kind);
    draft.label("condition", Some(condition));
    draft.title = format!("The function {name} failed: {}", words::first_line(error));
    let tried = context.word("approximateInvokeCount");
    let trace = response.texts("stackTrace").take(10).map(|line| line.trim_end().to_owned());
    draft.summary = kind
        .map(|kind| format!("{kind}: {error}"))
        .into_iter()
        .chain(std::iter::once(format!("{condition}, tried {} times", tried.unwrap_or_default())))
        .chain(trace)
        .collect::<Vec<_>>()
        .join("\n");
    place(&mut draft, name);
    Some(draft.into())
}

/// Reads a dead letter: the event that a function failed at, with the error in three attributes.
pub(crate) fn dead_letter(report: &Report) -> Option<Outcome> {
    let attribute = |key: &str| report.delivery.attributes.get(key);
    let request = attribute("RequestID")?;
    let code = attribute("ErrorCode")?;
    let error = attribute("ErrorMessage")?;
    let mut draft = Draft::new(SOURCE, "LambdaInvocationFailed");
    draft.severity = Severity::Warning;
    draft.key.clone_from(request);
    draft.label("error_code", Some(code.as_str()));
    draft.label("topic", report.topic.as_deref().map(name_in));
    draft.title = format!("A function failed for good: {}", words::first_line(error));
    draft.summary = format!(
        "{error}\nError code {code}, request {request}. The event that it failed at lies where this \
         came from."
    );
    // Which function it was is not said; who failed names it at times.
    draft.names.push(error.clone());
    Some(draft.into())
}

/// `mate-thumbnails` of `arn:aws:lambda:r:a:function:mate-thumbnails:$LATEST`.
fn function_name(arn: &str) -> &str {
    let name = Arn::of(arn).and_then(|arn| arn.after("function:")).unwrap_or(arn);
    name.split(':').next().unwrap_or(name)
}

fn place(draft: &mut Draft, name: &str) {
    draft.log_group = Some(format!("/aws/lambda/{name}"));
    draft.console = Some(Console::Regional(format!(
        "/lambda/home?region={{region}}#/functions/{}?tab=monitoring",
        escaped(name)
    )));
}
