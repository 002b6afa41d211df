//! CloudWatch's alarms: metric, metric-math, anomaly and composite ones, by SNS, by EventBridge or as
//! the direct action of an alarm on a function.
//!
//! `aws_lambda_events` has types for them in which the description, the trigger and the metric are
//! required; they are null or missing in composite alarms, metric math and alarms without a
//! description. Sources: CloudWatch user guide, "Alarm events and EventBridge", "Invoke a Lambda
//! function from an alarm"; the messages to SNS are documented by example only.

mod severity;
mod wire;

use domain::catalogue::Severity;

use self::wire::{Alarm, Metric};
use super::draft::TITLE_CHARS_MAX;
use super::eventbridge::Event;
use super::fields::Fields;
use super::links::{Console, escaped};
use super::owner::Claims;
use super::{Draft, Outcome, words};
use crate::alert::State;

const SOURCE: &str = "cloudwatch-alarm";

/// How the alarms are called that Application Auto Scaling makes for itself, two for each target
/// (its user guide, "Target tracking scaling policies").
const OF_SCALING: &str = "TargetTracking-";

/// Reads what CloudWatch publishes to a topic, or invokes a function with.
pub(crate) fn message(fields: Fields<'_>) -> Option<Vec<Outcome>> {
    let alarm = Alarm::of_message(fields).or_else(|| Alarm::of_action(fields))?;
    Some(vec![outcome(&alarm, false)])
}

/// Reads an event of EventBridge.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let alarm = Alarm::of_event(event)?;
    Some(vec![outcome(&alarm, true)])
}

fn outcome(alarm: &Alarm, is_shared: bool) -> Outcome {
    // On the bus everybody hears of them, and an idle service's low one always fires. What comes of
    // them is told by the scaling itself.
    if is_shared && alarm.name.starts_with(OF_SCALING) {
        return Outcome::skip(format!("{}: an alarm by which a service is scaled", alarm.name));
    }
    let mut draft = Draft::new(SOURCE, String::new());
    draft.is_shared = is_shared;
    draft.key = alarm.arn();
    draft.will_resolve = true;
    match alarm.state.as_str() {
        "OK" => draft.state = State::Resolved,
        // On the bus it comes with every alarm that is made and every idle load balancer.
        "INSUFFICIENT_DATA" if is_shared => {
            return Outcome::skip(format!(
                "{} has no data: what it said last is still so, as far as anybody knows",
                alarm.name
            ));
        }
        "INSUFFICIENT_DATA" => {
            // Somebody asked to hear of it. It says nothing about the problem that the alarm is for,
            // so it is an alert of its own, and not an end of the other.
            draft.key.push_str("#insufficient-data");
            draft.will_resolve = false;
        }
        _ => {}
    }
    draft.names.push(alarm.arn());
    draft.happened_at = alarm.changed_at;
    draft.at(&alarm.account, &alarm.region);
    describe(&mut draft, alarm);
    if !draft.will_resolve {
        draft.severity = draft.severity.min(Severity::Warning);
        draft.title = format!("No data: {}", draft.title);
    }
    draft.console = Some(Console::Regional(format!(
        "/cloudwatch/home?region={{region}}#alarmsV2:alarm/{}",
        escaped(&alarm.name)
    )));
    draft.into()
}

/// What is told of an alarm in any state.
fn describe(draft: &mut Draft, alarm: &Alarm) {
    let own = alarm.own_description();
    if let Some(own) = own.as_ref() {
        let own = Fields(own);
        draft.claims = Claims {
            product: own.text("product").and_then(|it| it.parse().ok()),
            tenant: own.text("tenant").and_then(|it| it.parse().ok()),
            environment: own.text("environment").and_then(|it| it.parse().ok()),
            ..Claims::default()
        };
        draft.resource = own.text("resource").map(str::to_owned);
        draft.names.insert(0, own.text("resource").unwrap_or_default().to_owned());
    }
    let own = own.as_ref().map(Fields);
    let metric = alarm.metric.as_ref();
    let dimensions = metric.map(|metric| metric.dimensions.as_slice()).unwrap_or_default();
    for (_, value) in dimensions {
        draft.names.insert(0, value.clone());
    }
    let said = |key: &str| own.and_then(|own| own.text(key)).map(str::to_owned);
    draft.alertname = said("alarm").unwrap_or_else(|| alarm.name.clone());
    let severity = said("severity")
        .and_then(|word| Severity::ALL.into_iter().find(|severity| severity.as_str() == word));
    draft.severity = severity.unwrap_or_else(|| severity::of(alarm));
    draft.title = said("summary").unwrap_or_else(|| title(alarm));
    if draft.resource.is_none() {
        draft.resource = Some(alarm.arn());
    }
    draft.label("alarm_name", Some(alarm.name.as_str()));
    draft.label("alarm_state", Some(alarm.state.as_str()));
    if let Some(metric) = metric {
        draft.label("namespace", metric.namespace.clone());
        draft.label("metric", Some(metric.name.as_str()));
        draft.label("statistic", metric.statistic.clone());
        draft.looks_back_seconds = draft.looks_back_seconds.max(metric.looks_back_seconds());
        if let Some(function) = metric.dimension("FunctionName") {
            draft.log_group = Some(format!("/aws/lambda/{function}"));
        }
    }
    draft.label("threshold", alarm.threshold.map(|it| it.to_string()));
    draft.label("comparison", alarm.comparison.clone());
    draft.label("value", alarm.value());
    for (name, value) in dimensions {
        draft.label(name, Some(value.as_str()));
    }
    draft.summary = summary(alarm, own.is_some());
}

/// What an alarm without words of ours is about: `high-cpu: the database is busy`, and where nobody
/// described it `high-cpu: CPUUtilization of app-1 > 90`.
fn title(alarm: &Alarm) -> String {
    let description = alarm.description.as_deref().map(words::first_line);
    match description.map(str::to_owned).or_else(|| measured(alarm)) {
        Some(what) => format!("{}: {what}", alarm.name),
        None => alarm.name.clone(),
    }
}

/// `CPUUtilization of app-1 > 90`.
fn measured(alarm: &Alarm) -> Option<String> {
    let metric = alarm.metric.as_ref()?;
    let of = metric.watched().map(|watched| format!(" of {watched}")).unwrap_or_default();
    let bound = alarm.bound().map(|bound| format!(" {bound}")).unwrap_or_default();
    Some(format!("{}{of}{bound}", metric.name))
}

fn summary(alarm: &Alarm, is_own: bool) -> String {
    let mut lines = Vec::new();
    let description = alarm.description.as_deref().filter(|_| !is_own).unwrap_or_default().trim();
    // One line alone is the title already, unless it is cut there.
    if description.contains('\n') || description.chars().count() > TITLE_CHARS_MAX / 2 {
        lines.push(description.to_owned());
    }
    lines.extend(alarm.reason.clone());
    lines.extend(measured(alarm).filter(|_| !is_own));
    if let Some(rule) = &alarm.rule {
        lines.push(format!("Rule: {rule}"));
    }
    if !alarm.children.is_empty() {
        lines.push(format!("Because of: {}", alarm.children.join(", ")));
    }
    if let Some(Metric { expression: Some(expression), .. }) = &alarm.metric {
        lines.push(format!("Expression: {expression}"));
    }
    lines.push(format!("{} {} before.", alarm.name, before(&alarm.state_before)));
    lines.join("\n")
}

/// How it was with an alarm in an earlier state, as people say it.
fn before(state: &str) -> String {
    match state {
        "OK" => "was OK".to_owned(),
        "ALARM" => "was in alarm".to_owned(),
        "INSUFFICIENT_DATA" => "had too little data".to_owned(),
        other => format!("was {}", words::spoken(other)),
    }
}
