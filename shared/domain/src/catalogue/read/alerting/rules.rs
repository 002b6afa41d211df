//! Inhibition, silences and rules of severity: what changes or holds back an alert by its labels.

use super::values::{INSTANT, LABEL, MatcherText, list};
use crate::TenantId;
use crate::catalogue::kinds::{Choice, List, Text};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::alerting::{InhibitRule, SeverityRule, Silence};
use crate::catalogue::model::{Matcher, Severity};
use crate::catalogue::values::WORD;

const SEVERITY: Choice<Severity> = Choice(&Severity::ALL, Severity::as_str);

const TENANT: Text<TenantId> =
    Text("a tenant's id: 2 to 16 lower-case letters, digits and single hyphens", |text| {
        text.parse().ok()
    });

/// Matchers of which there must be one: a rule without any would be about everything.
fn matchers<'a>(section: &mut Section<'a>, key: &'a str) -> Read<Vec<Matcher>> {
    let found = section.required(key, &List(MatcherText))?;
    if found.value.is_empty() {
        let problem = "is empty, so it would be about every alert";
        return Err(section.mistake(found.span, key, problem, "at least one matcher"));
    }
    Ok(found.value)
}

pub(super) fn inhibit(section: &mut Section<'_>) -> Read<InhibitRule> {
    let source_matchers = matchers(section, "source_matchers");
    let target_matchers = matchers(section, "target_matchers");
    let equal = section.or("equal", &list(LABEL), Vec::new());
    Ok(InhibitRule {
        source_matchers: source_matchers?,
        target_matchers: target_matchers?,
        equal: equal?.value,
    })
}

pub(super) fn silence(section: &mut Section<'_>) -> Read<Silence> {
    let tenant = section.optional("tenant", &TENANT);
    // A silence of one tenant needs no matchers beside it.
    let matchers = if section.has("tenant") {
        section.or("matchers", &List(MatcherText), Vec::new()).map(|found| found.value)
    } else {
        matchers(section, "matchers")
    };
    let starts_at = section.optional("starts_at", &INSTANT);
    let ends_at = section.required("ends_at", &INSTANT);
    let author = section.required("author", &WORD);
    let comment = section.required("comment", &WORD);
    let (starts_at, ends_at) = (starts_at?.map(|found| found.value), ends_at?);
    if starts_at.is_some_and(|start| start >= ends_at.value) {
        let problem = "is not after starts_at";
        return Err(section.mistake(ends_at.span, "ends_at", problem, "a later instant"));
    }
    Ok(Silence {
        matchers: matchers?,
        tenant: tenant?.map(|found| found.value),
        starts_at,
        ends_at: ends_at.value,
        author: author?.value,
        comment: comment?.value,
    })
}

pub(super) fn severity(section: &mut Section<'_>) -> Read<SeverityRule> {
    let matchers = matchers(section, "matchers");
    let severity = section.required("severity", &SEVERITY);
    Ok(SeverityRule { matchers: matchers?, severity: severity?.value })
}
