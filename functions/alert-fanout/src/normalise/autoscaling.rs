//! Auto Scaling: of EC2 groups (by topic and by EventBridge) and of ECS services (by EventBridge).
//!
//! Sources: Amazon EC2 Auto Scaling user guide, "Amazon SNS notification options" and "EventBridge
//! event reference"; Application Auto Scaling user guide, "Monitor scaling activities".

use domain::catalogue::Severity;

use super::eventbridge::Event;
use super::fields::Fields;
use super::links::{Console, escaped};
use super::{Draft, Outcome, time, words};

const SOURCE: &str = "autoscaling";

/// Reads an event of either kind of Auto Scaling.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let detail = event.detail;
    if detail.has("scalableDimension") {
        return Some(vec![application(event)]);
    }
    let group = detail.text("AutoScalingGroupName")?;
    if event.detail_type.ends_with("Lifecycle Action") {
        let reason = format!("{group}: {}: a step on the way", event.detail_type);
        return Some(vec![Outcome::skip(reason)]);
    }
    let mut draft = event.draft(SOURCE, "AutoScaling");
    draft.key = detail.word("ActivityId").unwrap_or_else(|| event.id());
    describe(&mut draft, detail, group, event.detail_type);
    draft.names.extend(event.resources().map(str::to_owned));
    Some(vec![draft.into()])
}

/// Reads a notification.
pub(crate) fn message(fields: Fields<'_>) -> Option<Vec<Outcome>> {
    let group = fields.text("AutoScalingGroupName")?;
    let what = fields.text("Event")?;
    let mut draft = Draft::new(SOURCE, "AutoScaling");
    draft.account = fields.text("AccountId").map(str::to_owned);
    draft.happened_at = fields.text("Time").and_then(time::parse);
    let id = fields.word("ActivityId").or_else(|| fields.word("RequestId"));
    draft.key = id.unwrap_or_else(|| format!("{group}:{what}"));
    let what = what.strip_prefix("autoscaling:").unwrap_or(what);
    describe(&mut draft, fields, group, &words::spoken(what));
    if let Some(arn) = fields.text("AutoScalingGroupARN") {
        draft.about(arn);
    }
    Some(vec![draft.into()])
}

fn describe(draft: &mut Draft, fields: Fields<'_>, group: &str, what: &str) {
    let said = what.to_lowercase();
    let is_bad = said.contains("unsuccessful")
        || said.contains("error")
        || fields.text("StatusCode") == Some("Failed");
    draft.severity = if is_bad { Severity::Warning } else { Severity::Info };
    draft.alertname.push_str(if is_bad { "Failed" } else { "Activity" });
    draft.names.push(group.to_owned());
    draft.resource = Some(group.to_owned());
    draft.label("group", Some(group));
    draft.label("instance", fields.text("EC2InstanceId"));
    draft.title = format!("Group {group}: {}", what.to_lowercase());
    let keys = ["Description", "StatusMessage", "Cause"];
    draft.summary = keys.iter().filter_map(|key| fields.text(key)).collect::<Vec<_>>().join("\n");
    draft.console = Some(Console::Regional(format!(
        "/ec2/home?region={{region}}#AutoScalingGroupDetails:id={};view=activity",
        escaped(group)
    )));
}

/// A scaling activity of an ECS service or another target.
fn application(event: &Event<'_>) -> Outcome {
    let detail = event.detail;
    // `service/mate-dev/mate-demo-dev-django`
    let target = detail.text("resourceId").unwrap_or("a target");
    let name = super::arn::name_in(target).rsplit('/').next().unwrap_or(target);
    let status = detail.text("statusCode").unwrap_or_default();
    if matches!(status, "Pending" | "InProgress") {
        return Outcome::skip(format!("{name} is being scaled"));
    }
    let mut draft = event.draft(SOURCE, "AutoScaling");
    let is_good = matches!(status, "Successful" | "");
    draft.severity = if is_good { Severity::Info } else { Severity::Warning };
    draft.alertname.push_str(if is_good { "Activity" } else { "Failed" });
    draft.key = event.id();
    draft.names.push(target.to_owned());
    draft.resource = Some(target.to_owned());
    draft.label("direction", detail.text("direction"));
    draft.label("scalable_dimension", detail.text("scalableDimension"));
    let count = |key: &str| detail.word(key).unwrap_or_else(|| "?".to_owned());
    let (old, new) = (count("oldDesiredCapacity"), count("newDesiredCapacity"));
    let is_at_most = detail.at("scaledToMax").0.as_bool() == Some(true);
    let most = if is_at_most { ", its most" } else { "" };
    draft.title = if is_good {
        format!("{name} is scaled from {old} to {new}{most}")
    } else {
        format!("{name} could not be scaled from {old} to {new}")
    };
    draft.label("is_at_maximum", is_at_most.then_some("true"));
    let bounds = format!("From {} to {}", count("minCapacity"), count("maxCapacity"));
    draft.summary = [detail.text("statusMessage"), detail.text("cause"), Some(bounds.as_str())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n");
    draft.into()
}
