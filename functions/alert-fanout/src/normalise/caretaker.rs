//! Caretaker's own events, and its heartbeat.
//!
//! They are read by what all of them have (`eventId`, whose it is, a reason) and not one by one: a
//! function that tells something new is heard without a change here.

use domain::catalogue::Severity;

use events::published::EVENT_ID_ATTRIBUTE;

use super::eventbridge::{Event, shown};
use super::fields::Fields;
use super::owner::Claims;
use super::{Draft, Outcome, words};
use crate::event::{Context, Report, Via};

const SOURCE: &str = "caretaker";

/// Fields that are told in their own place, and not once more in the summary.
const TOLD: [&str; 8] =
    ["eventId", "product", "tenantId", "environment", "reason", "mistakes", "message", "severity"];

/// Words in the name of an event that say that something did not go as it should.
const BAD: [&str; 7] = ["Failed", "Failure", "Refused", "Stuck", "Missing", "Expired", "Overdue"];

/// Words to people that Caretaker tells on its bus, too: the event knows more, and one page is
/// enough.
pub(super) fn told_on_the_bus(report: &Report) -> Option<Outcome> {
    let id = report.delivery.attributes.get(EVENT_ID_ATTRIBUTE)?;
    (report.via == Via::Topic)
        .then(|| Outcome::skip(format!("the words to people of the event {id} on the bus")))
}

/// Reads an event of Caretaker's, or of a control plane that it answers.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    if event.source().starts_with("aws.") {
        return None;
    }
    let detail = event.detail;
    if detail.has("tenantRegistrationId") && !detail.has("eventId") {
        let what = event.detail_type;
        let reason = format!("{what}: what a control plane and Caretaker say to each other");
        return Some(vec![Outcome::skip(reason)]);
    }
    let id = detail.text("eventId")?;
    let mut draft = event.draft(SOURCE, words::alert_name(event.detail_type));
    draft.key = id.into();
    draft.claims = claims(detail);
    let is_bad = BAD.iter().any(|word| event.detail_type.contains(word));
    let usual = if is_bad { Severity::Warning } else { Severity::Info };
    let said = Severity::ALL.into_iter().find(|it| detail.text("severity") == Some(it.as_str()));
    draft.severity = said.unwrap_or(usual);
    if let Some(resource) = detail.text("resource") {
        draft.about(resource);
    }
    for key in ["tier", "step", "requestId", "attempt", "state", "wave", "status", "secret"] {
        draft.label(key, detail.word(key));
    }
    let whose = [detail.word("tenantId"), detail.word("environment")];
    let whose = whose.into_iter().flatten().collect::<Vec<_>>().join(" in ");
    let what = words::sentence(&words::spoken(event.detail_type));
    draft.title = match (whose.is_empty(), detail.word("step")) {
        (true, _) => what,
        (false, Some(step)) => format!("{what}: {whose}, step {step}"),
        (false, None) => format!("{what}: {whose}"),
    };
    draft.summary = summary(detail);
    Some(vec![draft.into()])
}

fn claims(detail: Fields<'_>) -> Claims {
    Claims {
        product: detail.text("product").and_then(|it| it.parse().ok()),
        tenant: detail.text("tenantId").and_then(|it| it.parse().ok()),
        environment: detail.text("environment").and_then(|it| it.parse().ok()),
        service: detail.text("service").map(str::to_owned),
        is_managed: true,
    }
}

/// The reason first, then everything else, a line each.
fn summary(detail: Fields<'_>) -> String {
    let reason = detail.word("reason").or_else(|| detail.word("message"));
    let mistakes = detail.texts("mistakes").map(|mistake| format!("- {mistake}"));
    let others = detail.entries().filter(|(key, _)| !TOLD.contains(key)).map(|(key, value)| {
        let told = value.0.as_str().map_or_else(|| shown(value.0), str::to_owned);
        format!("{key}: {told}")
    });
    reason.into_iter().chain(mistakes).chain(others).collect::<Vec<_>>().join("\n")
}

/// The alert that says nothing but that alerts arrive.
pub(crate) fn heartbeat(report: &Report, context: &Context) -> Draft {
    let mut draft = Draft::new(SOURCE, "Heartbeat");
    draft.severity = Severity::Info;
    draft.key = format!("heartbeat:{}", report.delivery.id.as_deref().unwrap_or("direct"));
    draft.claims.product = Some(context.product.clone());
    draft.claims.environment = Some(context.environment.clone());
    draft.title =
        format!("Heartbeat: alerts of {} in {} arrive", context.product, context.environment);
    draft.summary =
        "Sent on a schedule, through everything that an alert goes through. When it no \
                     longer comes, look at the function's queue and its dead letters."
            .into();
    draft
}
