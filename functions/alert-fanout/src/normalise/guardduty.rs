//! Amazon GuardDuty's findings.
//!
//! A finding keeps its id while GuardDuty sees it again, so its repetitions are one alert. That it is
//! over is never reported. Source: GuardDuty user guide, "Creating custom responses to GuardDuty
//! findings with Amazon EventBridge".

use domain::catalogue::Severity;

use super::eventbridge::Event;
use super::fields::{self, Fields};
use super::links::{Console, escaped};
use super::owner::Claims;
use super::{Outcome, time};

const SOURCE: &str = "guardduty";

/// The least severity that GuardDuty calls high (7.0 to 8.9; from 9.0 it is critical).
const HIGH: f64 = 7.0;

/// The least severity that GuardDuty calls medium (4.0 to 6.9).
const MEDIUM: f64 = 4.0;

/// Reads a finding.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    if event.detail_type != "GuardDuty Finding" {
        return None;
    }
    let detail = event.detail;
    let id = detail.text("id")?;
    let mut draft = event.draft(SOURCE, "GuardDutyFinding");
    let account = detail.text("accountId").or_else(|| event.whole.text("account"));
    draft.key = format!("{}:{id}", account.unwrap_or_default());
    let severity = detail.number("severity");
    draft.severity = match severity {
        Some(severity) if severity >= HIGH => Severity::Critical,
        Some(severity) if severity < MEDIUM => Severity::Info,
        _ => Severity::Warning,
    };
    draft.account = detail.text("accountId").map(str::to_owned).or(draft.account);
    draft.region = detail.text("region").map(str::to_owned).or(draft.region);
    let kind = detail.text("type").unwrap_or("a finding without a type");
    draft.title = detail.text("title").unwrap_or(kind).into();
    draft.label("finding_type", Some(kind));
    draft.label("finding_severity", severity.map(|it| it.to_string()));
    let service = detail.at("service");
    let seen = service.text("eventLastSeen").or_else(|| detail.text("updatedAt"));
    draft.happened_at = seen.and_then(time::parse).or(draft.happened_at);
    draft.resource = detail.text("arn").map(str::to_owned);
    owner(&mut draft, detail.at("resource"));
    let lines = [
        detail.text("description").map(str::to_owned),
        Some(format!("Type: {kind}")),
        service.word("count").map(|count| format!("Seen {count} times")),
        service.text("eventFirstSeen").map(|time| format!("First seen {time}")),
    ];
    draft.summary = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    draft.console = Some(Console::Regional(format!(
        "/guardduty/home?region={{region}}#/findings?search=id%3D{}",
        escaped(id)
    )));
    Some(vec![draft.into()])
}

/// The resource that it was found at: its kind decides where its name and its tags are.
fn owner(draft: &mut super::Draft, resource: Fields<'_>) {
    draft.label("resource_type", resource.text("resourceType"));
    for (_, part) in resource.entries() {
        // `instanceDetails`, `s3BucketDetails` (a list), `ecsClusterDetails`, `rdsDbInstanceDetails`.
        let first = part.0.as_array().and_then(|items| items.first()).map_or(part, Fields);
        let claims = Claims::of_tags(fields::tags(first.at("tags")));
        draft.claims = std::mem::take(&mut draft.claims).or(claims);
        for key in ["arn", "name", "dbInstanceIdentifier", "functionName", "instanceId"] {
            draft.names.extend(first.text(key).map(str::to_owned));
        }
    }
}
