//! AWS Security Hub's findings, one alert each.
//!
//! A control that passes again comes as a finding of severity *informational*: under another route
//! than its failure. So findings have no end here, and what passed, was resolved or was suppressed is
//! no news. Sources: Security Hub user guide, "EventBridge event types", and ASFF.

use domain::catalogue::Severity;

use super::eventbridge::{self, Event};
use super::fields::{self, Fields};
use super::links::{Console, escaped_twice};
use super::owner::Claims;
use super::{Outcome, time};

const SOURCE: &str = "security-hub";

/// Security Hub sends at most 100 findings in an event of somebody's own action, one otherwise.
const FINDINGS_MAX: usize = 100;

/// How many of a finding's resources are looked at.
const RESOURCES_MAX: usize = 10;

/// Reads an event of Security Hub.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let findings = event.detail.list("findings").take(FINDINGS_MAX);
    let mut outcomes: Vec<Outcome> = findings.map(|finding| one(event, finding)).collect();
    let more = event.detail.list("findings").count().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        let mut draft = event.draft(SOURCE, "SecurityHubFinding");
        draft.key = event.id();
        draft.title = format!("{more} more findings of Security Hub");
        draft.summary = eventbridge::shown(event.detail.0);
        outcomes.push(draft.into());
    }
    (!outcomes.is_empty()).then_some(outcomes)
}

fn one(event: &Event<'_>, finding: Fields<'_>) -> Outcome {
    // ASFF, and OCSF where Security Hub's newer form is on.
    let info = finding.at("finding_info");
    let id = finding.text("Id").or_else(|| info.text("uid")).unwrap_or_default();
    let title = finding.text("Title").or_else(|| info.text("title")).unwrap_or("A finding");
    if let Some(reason) = no_news(finding) {
        return Outcome::skip(format!("{title}: {reason}"));
    }
    let mut draft = event.draft(SOURCE, "SecurityHubFinding");
    draft.key = if id.is_empty() { event.id() } else { id.to_owned() };
    title.clone_into(&mut draft.title);
    let severity = finding.at("Severity").text("Label").or_else(|| finding.text("severity"));
    draft.severity = match severity.map(str::to_uppercase).as_deref() {
        Some("CRITICAL" | "FATAL") => Severity::Critical,
        Some("LOW" | "INFORMATIONAL") => Severity::Info,
        _ => Severity::Warning,
    };
    draft.label("finding_severity", severity);
    draft.label("product_name", finding.text("ProductName"));
    draft.label("finding_type", finding.texts("Types").next());
    draft.label("control", finding.at("Compliance").text("SecurityControlId"));
    draft.account = finding.text("AwsAccountId").map(str::to_owned).or(draft.account);
    draft.region = finding.text("Region").map(str::to_owned).or(draft.region);
    let changed = finding.text("UpdatedAt").or_else(|| finding.text("LastObservedAt"));
    draft.happened_at = changed.and_then(time::parse).or(draft.happened_at);
    let resources: Vec<Fields<'_>> =
        finding.list("Resources").chain(finding.list("resources")).take(RESOURCES_MAX).collect();
    for resource in &resources {
        let claims = Claims::of_tags(fields::tags(resource.at("Tags")));
        draft.claims = std::mem::take(&mut draft.claims).or(claims);
        if let Some(resource) = resource.text("Id").or_else(|| resource.text("uid")) {
            draft.about(resource);
        }
    }
    let description = finding.text("Description").or_else(|| info.text("desc"));
    let advice = finding.at("Remediation").at("Recommendation").text("Text");
    draft.summary = [description, advice].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
    draft.console = Some(Console::Regional(format!(
        "/securityhub/home?region={{region}}#/findings?search=Id%3D%255Coperator%255C%253AEQUALS\
         %255C%253A{}",
        escaped_twice(id)
    )));
    draft.into()
}

/// Why a finding is no news, if it is none.
fn no_news(finding: Fields<'_>) -> Option<&'static str> {
    let workflow = finding.at("Workflow").text("Status").or_else(|| finding.text("WorkflowState"));
    let status = finding.text("status").unwrap_or_default();
    if finding.text("RecordState") == Some("ARCHIVED") || status == "Archived" {
        return Some("it was archived");
    }
    if matches!(workflow, Some("RESOLVED")) || status == "Resolved" {
        return Some("it was resolved");
    }
    if matches!(workflow, Some("SUPPRESSED")) || status == "Suppressed" {
        return Some("somebody suppressed it");
    }
    let compliance = finding.at("Compliance").text("Status");
    matches!(compliance, Some("PASSED" | "NOT_AVAILABLE")).then_some("the control did not fail")
}
