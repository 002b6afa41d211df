//! AWS Health: what AWS itself has trouble with, plans, or has to say about the account.
//!
//! Source: AWS Health user guide, "AWS Health events Amazon EventBridge schema".

use domain::catalogue::Severity;

use super::eventbridge::Event;
use super::fields::{self, Fields};
use super::links::{Console, escaped};
use super::owner::Claims;
use super::{Outcome, time, words};
use crate::alert::State;

const SOURCE: &str = "health";

/// How many of the affected resources are told; the rest are counted.
const ENTITIES_TOLD: usize = 10;

/// Reads an event of AWS Health.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let detail = event.detail;
    let arn = detail.text("eventArn")?;
    let code = detail.text("eventTypeCode").unwrap_or("AWS_HEALTH_EVENT");
    let category = detail.text("eventTypeCategory").unwrap_or_default();
    if let Some(page) = detail.number("page").filter(|page| *page > 1.0) {
        return Some(vec![Outcome::skip(format!("page {page} of {code}, which was told already"))]);
    }
    let is_abuse = event.detail_type.contains("Abuse");
    let is_over = detail.text("statusCode") == Some("closed");
    let mut draft = event.draft(SOURCE, words::alert_name(code));
    let account = detail.text("affectedAccount").or_else(|| event.whole.text("account"));
    draft.key = format!("{arn}:{}", account.unwrap_or_default());
    draft.severity =
        if category == "issue" || is_abuse { Severity::Warning } else { Severity::Info };
    // Of older events, and of what is planned for next year, no end is awaited.
    draft.will_resolve = category == "issue" && !is_abuse && detail.has("statusCode");
    if is_over {
        if !draft.will_resolve {
            return Some(vec![Outcome::skip(format!("{code} is over"))]);
        }
        draft.state = State::Resolved;
    }
    // The event is told of in a region near by; it happens in its own.
    draft.region = detail.text("eventRegion").map(str::to_owned).or(draft.region);
    let changed = detail.text("lastUpdatedTime").or_else(|| detail.text("startTime"));
    draft.happened_at = changed.and_then(time::parse).or(draft.happened_at);
    let service = detail.text("service").unwrap_or("AWS");
    let what = code.strip_prefix("AWS_").unwrap_or(code);
    let what = what.strip_prefix(service).unwrap_or(what).trim_start_matches('_');
    draft.title = format!("AWS {service}: {}", words::spoken(what));
    draft.label("aws_service", Some(service));
    draft.label("category", Some(category));
    draft.label("scope", detail.text("eventScopeCode"));
    draft.resource = Some(arn.to_owned());
    let entities: Vec<Fields<'_>> = detail.list("affectedEntities").collect();
    for entity in entities.iter().take(ENTITIES_TOLD) {
        let tags = Claims::of_tags(fields::tags(entity.at("tags")));
        draft.claims = std::mem::take(&mut draft.claims).or(tags);
        draft.names.extend(entity.text("entityValue").map(str::to_owned));
    }
    draft.names.extend(event.resources().take(ENTITIES_TOLD).map(str::to_owned));
    // Tags of two tenants' resources would name the first one's alone.
    if owners(&entities) > 1 {
        draft.claims.tenant = None;
        draft.names.clear();
    }
    draft.summary = summary(detail, &entities);
    draft.console = Some(Console::Global(format!(
        "/health/home#/account/dashboard/open-issues?eventID={}&eventTab=details",
        escaped(arn)
    )));
    Some(vec![draft.into()])
}

fn owners(entities: &[Fields<'_>]) -> usize {
    let tenant = |entity: &Fields<'_>| Claims::of_tags(fields::tags(entity.at("tags"))).tenant;
    let tenants: std::collections::BTreeSet<_> = entities.iter().filter_map(tenant).collect();
    tenants.len()
}

fn summary(detail: Fields<'_>, entities: &[Fields<'_>]) -> String {
    let mut descriptions = detail.list("eventDescription");
    let mut lines = Vec::new();
    lines.extend(descriptions.find_map(|it| it.text("latestDescription")).map(str::to_owned));
    let named = entities.iter().filter_map(|entity| entity.text("entityValue"));
    let named: Vec<&str> = named.take(ENTITIES_TOLD).collect();
    if !named.is_empty() {
        let more = entities.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("Affected: {}{more}", named.join(", ")));
    }
    for (key, words) in [("startTime", "From"), ("endTime", "Until")] {
        lines.extend(detail.text(key).map(|time| format!("{words} {time}")));
    }
    lines.join("\n")
}
