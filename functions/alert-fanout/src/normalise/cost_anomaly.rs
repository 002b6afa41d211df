//! AWS Cost Anomaly Detection, by topic or by EventBridge: the same JSON.
//!
//! Source: Cost Management user guide, "Detecting unusual spend with AWS Cost Anomaly Detection". The
//! link to the anomaly is made here from its ids; the one in the message is not followed.

use domain::catalogue::Severity;

use super::eventbridge::Event;
use super::fields::Fields;
use super::links::{Console, escaped};
use super::{Draft, Outcome, arn, time};

const SOURCE: &str = "cost-anomaly";

/// How many causes are told; they come ranked by what they cost.
const CAUSES_TOLD: usize = 5;

/// Reads an event.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let draft = event.draft(SOURCE, "CostAnomaly");
    Some(vec![outcome(event.detail, draft)?])
}

/// Reads a message.
pub(crate) fn message(fields: Fields<'_>) -> Option<Vec<Outcome>> {
    Some(vec![outcome(fields, Draft::new(SOURCE, "CostAnomaly"))?])
}

fn outcome(anomaly: Fields<'_>, mut draft: Draft) -> Option<Outcome> {
    let id = anomaly.text("anomalyId")?;
    let impact = anomaly.at("impact");
    draft.severity = Severity::Info;
    draft.account = anomaly.text("accountId").map(str::to_owned).or(draft.account);
    let total = impact.number("totalImpact");
    // It is told again as it grows.
    let end = anomaly.text("anomalyEndDate").unwrap_or_default();
    let cents = total.map(|total| format!("{total:.2}")).unwrap_or_default();
    draft.key = format!("{id}:{end}:{cents}");
    let what = anomaly.text("dimensionalValue").or_else(|| anomaly.text("dimensionValue"));
    let what = what.or_else(|| anomaly.text("monitorName")).unwrap_or("an account");
    draft.title = match total {
        Some(total) => format!("{what} costs {total:.2} USD more than expected"),
        None => format!("{what} costs more than expected"),
    };
    draft.names.push(what.to_owned());
    draft.label("monitor", anomaly.text("monitorName"));
    draft.label("cost_dimension", Some(what));
    draft.label("value", total.map(|total| format!("{total:.2}")));
    draft.resource = anomaly.text("monitorArn").map(str::to_owned);
    let monitor = anomaly.text("monitorArn").map(arn::name_in);
    draft.console = monitor.map(|monitor| {
        Console::Global(format!(
            "/cost-management/home#/anomaly-detection/monitors/{}/anomalies/{}",
            escaped(monitor),
            escaped(id)
        ))
    });
    let seen = anomaly.text("anomalyEndDate").and_then(time::parse);
    draft.happened_at = draft.happened_at.or(seen.filter(|_| draft.is_shared));
    draft.summary = summary(anomaly, impact);
    Some(draft.into())
}

fn summary(anomaly: Fields<'_>, impact: Fields<'_>) -> String {
    let mut lines = Vec::new();
    let spend = (impact.number("totalActualSpend"), impact.number("totalExpectedSpend"));
    if let (Some(actual), Some(expected)) = spend {
        lines.push(format!("{actual:.2} USD spent, {expected:.2} USD expected"));
    }
    let from = anomaly.text("anomalyStartDate");
    lines.extend(
        from.map(|from| {
            format!("From {from} to {}", anomaly.text("anomalyEndDate").unwrap_or("now"))
        }),
    );
    for cause in anomaly.list("rootCauses").take(CAUSES_TOLD) {
        let parts = ["service", "usageType", "region", "linkedAccountName", "linkedAccount"];
        let parts: Vec<&str> = parts.iter().filter_map(|key| cause.text(key)).collect();
        if !parts.is_empty() {
            lines.push(format!("- {}", parts.join(", ")));
        }
    }
    lines.join("\n")
}
