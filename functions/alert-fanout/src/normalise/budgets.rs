//! AWS Budgets: what was spent or will be, as the text that it publishes, or as JSON.
//!
//! The text is a letter, with what matters in lines of `Key: value` at its end; its form is not
//! documented, so each line is read for itself, and the whole letter is told.

use domain::catalogue::Severity;

use super::fields::Fields;
use super::links::Console;
use super::{Draft, Outcome, words};

const SOURCE: &str = "budgets";

/// What is spent against a budget.
struct Spending<'a> {
    name: &'a str,
    account: Option<&'a str>,
    /// `ACTUAL` or `FORECASTED`.
    kind: &'a str,
    budgeted: Option<String>,
    amount: Option<String>,
    threshold: Option<String>,
    text: String,
}

/// Reads the letter.
pub(crate) fn text(text: &str) -> Option<Vec<Outcome>> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
        line.map(str::trim).filter(|value| !value.is_empty())
    };
    let name = value("Budget Name")?;
    let kind = value("Alert Type").unwrap_or("ACTUAL");
    let amount = value("ACTUAL Amount").or_else(|| value("FORECASTED Amount"));
    let account = text.lines().find_map(|line| line.trim().strip_prefix("AWS Account "));
    let spending = Spending {
        name,
        account,
        kind,
        budgeted: value("Budgeted Amount").map(str::to_owned),
        amount: amount.map(str::to_owned),
        threshold: value("Alert Threshold").map(str::to_owned),
        text: text.to_owned(),
    };
    Some(vec![outcome(&spending)])
}

/// Reads the JSON.
pub(crate) fn message(fields: Fields<'_>) -> Option<Vec<Outcome>> {
    let name = fields.text("budgetName")?;
    let amount = |key: &str| {
        let money = fields.at(key);
        Some(format!("{} {}", money.word("amount")?, money.text("unit").unwrap_or("USD")))
    };
    let forecast = amount("forecastedAmount");
    let actual = amount("actualAmount");
    let spending = Spending {
        name,
        account: fields.text("accountId"),
        kind: if actual.is_some() { "ACTUAL" } else { "FORECASTED" },
        budgeted: amount("budgetLimit"),
        amount: actual.or(forecast),
        threshold: fields.word("threshold"),
        text: super::eventbridge::shown(fields.0),
    };
    Some(vec![outcome(&spending)])
}

fn outcome(spending: &Spending<'_>) -> Outcome {
    let mut draft = Draft::new(SOURCE, "BudgetThresholdExceeded");
    let is_actual = spending.kind == "ACTUAL";
    let figure = |text: &Option<String>| number(text.as_deref()?);
    let is_over = matches!(
        (figure(&spending.amount), figure(&spending.budgeted)),
        (Some(amount), Some(budgeted)) if amount >= budgeted
    );
    draft.severity = if is_actual && is_over { Severity::Warning } else { Severity::Info };
    draft.account = spending.account.map(str::to_owned);
    draft.names.push(spending.name.to_owned());
    draft.resource = Some(spending.name.to_owned());
    // The same threshold is told once a day or month, with another amount each time.
    let amount = spending.amount.as_deref().unwrap_or("an amount that was not said");
    draft.key = format!(
        "{}:{}:{}:{}:{amount}",
        spending.account.unwrap_or_default(),
        spending.name,
        spending.kind,
        spending.threshold.as_deref().unwrap_or_default()
    );
    draft.label("budget", Some(spending.name));
    draft.label("budget_alert", Some(spending.kind));
    draft.label("value", spending.amount.clone());
    draft.label("threshold", spending.threshold.clone());
    let spent = if is_actual { "spent" } else { "will probably be spent" };
    let of = spending.budgeted.as_ref().map(|of| format!(" of {of}")).unwrap_or_default();
    draft.title = format!("Budget {}: {amount}{of} {spent}", spending.name);
    draft.summary = words::lines(&spending.text, super::draft::SUMMARY_CHARS_MAX);
    draft.console = Some(Console::Global("/billing/home#/budgets".to_owned()));
    draft.into()
}

/// `1234.5` of `$1,234.50`.
fn number(text: &str) -> Option<f64> {
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().ok()
}
