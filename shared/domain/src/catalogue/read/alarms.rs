//! `alarms.<name>`: thresholds that can be crossed.

use std::collections::BTreeMap;

use toml_span::Spanned;

use crate::catalogue::kinds::{Amount, Choice, Whole};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::{Alarm, AlarmMetric, AlarmUnit, Severity, Threshold};
use crate::catalogue::values::NAME;

const METRIC: Choice<AlarmMetric> = Choice(&AlarmMetric::ALL, AlarmMetric::as_str);
const SEVERITY: Choice<Severity> = Choice(&Severity::ALL, Severity::as_str);

/// CloudWatch evaluates at most a day (API reference, `PutMetricAlarm`).
const MINUTES: Whole<u32> = Whole(1, 24 * 60);

/// Reads all alarms; those on a cache need one.
pub(super) fn read(section: &mut Section<'_>, has_cache: bool) -> Read<BTreeMap<String, Alarm>> {
    section.named_tables("alarms", NAME, |_, table| alarm(table, has_cache))
}

fn alarm(section: &mut Section<'_>, has_cache: bool) -> Read<Alarm> {
    let metric = section.required("metric", &METRIC);
    let above = section.optional("above", &Amount);
    let below = section.optional("below", &Amount);
    let for_minutes = section.required("for_minutes", &MINUTES);
    let severity = section.required("severity", &SEVERITY);
    let threshold = match (above?, below?) {
        (Some(above), None) => Ok((above.span, "above", Threshold::Above(above.value))),
        (None, Some(below)) => Ok((below.span, "below", Threshold::Below(below.value))),
        (None, None) => {
            let expected = "exactly one of above and below";
            Err(section.mistake(section.span(), "", "has no threshold", expected))
        }
        (Some(_), Some(below)) => {
            let expected = "exactly one of above and below";
            Err(section.mistake(below.span, "below", "stands beside above", expected))
        }
    };
    if let Ok(metric) = &metric {
        if let Ok((span, key, threshold)) = threshold
            && let Err(expected) = can_be_crossed(metric.value, threshold)
        {
            let problem = format!("{} cannot cross it", metric.value.as_str());
            section.mistake(span, key, problem, expected);
        }
        metric_exists(section, metric, has_cache);
    }
    Ok(Alarm {
        metric: metric?.value,
        threshold: threshold?.2,
        for_minutes: for_minutes?.value,
        severity: severity?.value,
    })
}

/// An alarm that can never fire is worse than none: somebody relies on it.
fn can_be_crossed(metric: AlarmMetric, threshold: Threshold) -> Result<(), &'static str> {
    let is_percent = metric.unit() == AlarmUnit::Percent;
    match threshold {
        Threshold::Above(bound) if is_percent && bound >= 100.0 => Err("less than 100 percent"),
        Threshold::Below(bound) if is_percent && bound > 100.0 => Err("at most 100 percent"),
        Threshold::Below(bound) if bound <= 0.0 => Err("more than 0"),
        _ => Ok(()),
    }
}

fn metric_exists(section: &Section<'_>, metric: &Spanned<AlarmMetric>, has_cache: bool) {
    let on_cache = matches!(metric.value, AlarmMetric::CacheCpu | AlarmMetric::CacheMemory);
    if on_cache && !has_cache {
        let expected = "a metric of something that the product has, or a [cache]";
        section.mistake(metric.span, "metric", "there is no cache", expected);
    }
}
