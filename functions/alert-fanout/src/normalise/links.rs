//! Where a person goes on looking: the console, the logs of the time in question, the dashboard, the
//! runbook.
//!
//! Every link is made here, out of a region that is one and of escaped names, and none is taken from a
//! report: what comes through a topic could lead anywhere.

use std::fmt::Write as _;

use domain::Names;
use jiff::Timestamp;
use jiff::fmt::strtime;

use crate::alert::{Alert, Link, LinkKind};
use crate::event::Context;

/// A place in the console, without its host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Console {
    /// `/ecs/v2/…?region={region}`: on the region's host, with the region filled in.
    Regional(String),
    /// `/billing/home#/budgets`: on the host for what has no region.
    Global(String),
}

/// Where links lead.
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    pub(crate) context: &'a Context,
}

/// Whether this is the name of a region: it becomes part of a host's name.
pub(crate) fn is_region(text: &str) -> bool {
    let mut parts = text.split('-').rev();
    let number = parts.next().is_some_and(|it| (1..=2).contains(&it.len()) && is_of(it, '0'..='9'));
    number && text.len() <= 24 && parts.clone().count() >= 2 && parts.all(|it| is_of(it, 'a'..='z'))
}

fn is_of(text: &str, chars: std::ops::RangeInclusive<char>) -> bool {
    !text.is_empty() && text.chars().all(|c| chars.contains(&c))
}

/// The console's domain in the partition that a region is in (AWS General Reference).
fn console_domain(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "console.amazonaws.cn",
        Some("eusc") => "console.amazonaws-eusc.eu",
        _ if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    }
}

/// The alert's links, those that lead somewhere.
pub(crate) fn of(
    alert: &Alert,
    place: &Place<'_>,
    console: Option<&Console>,
    log_group: Option<String>,
    window: (Timestamp, Timestamp),
) -> Vec<Link> {
    let domain = console_domain(place.region);
    let regional = |path: &str| format!("https://{}.{domain}{path}", place.region);
    let console = console.map(|console| match console {
        Console::Regional(path) => regional(&path.replace("{region}", place.region)),
        Console::Global(path) => format!("https://{domain}{path}"),
    });
    let logs = log_group.map(|group| regional(&logs_insights(place.region, &group, window)));
    let links = &place.context.links;
    let dashboard = match &links.dashboard {
        Some(template) => filled(template, alert, place),
        None => dashboard(alert, place).map(|path| regional(&path)),
    };
    let runbook = links.runbooks.as_ref().and_then(|template| filled(template, alert, place));
    let all = [
        (LinkKind::Console, console),
        (LinkKind::Logs, logs),
        (LinkKind::Dashboard, dashboard),
        (LinkKind::Runbook, runbook),
    ];
    all.into_iter().filter_map(|(kind, url)| Some(Link { kind, url: url? })).collect()
}

/// The tenant's dashboard, which its stack makes under the tenant's name.
fn dashboard(alert: &Alert, place: &Place<'_>) -> Option<String> {
    let (tenant, environment) = (alert.tenant.as_ref()?, alert.environment.as_ref()?);
    let product = alert.labels.get("product")?;
    if *product != place.context.product.as_str() {
        return None;
    }
    let names = Names::new(&place.context.product, tenant, environment);
    let name = escaped(names.base());
    Some(format!("/cloudwatch/home?region={}#dashboards/dashboard/{name}", place.region))
}

/// A template of the catalogue with its `{words}` filled in; nothing where a word is not known, for
/// half a link leads nowhere.
fn filled(template: &str, alert: &Alert, place: &Place<'_>) -> Option<String> {
    let labels = alert.all_labels();
    let mut url = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}')?;
        let value = match word {
            "product" => place.context.product.as_str(),
            "environment" if alert.environment.is_none() => place.context.environment.as_str(),
            _ => labels.get(word)?,
        };
        url.push_str(before);
        url.push_str(&escaped(value));
        rest = after;
    }
    url.push_str(rest);
    url.starts_with("https://").then_some(url)
}

/// CloudWatch Logs Insights, with a query for a log group and a time, the newest line first.
///
/// The console's own notation, undocumented and stable for years: what follows `queryDetail=` is an
/// object as JSURL writes it (`~(key~'text)`, with `*xx` for other characters), escaped twice, with
/// `$` for `%`.
fn logs_insights(region: &str, group: &str, (start, end): (Timestamp, Timestamp)) -> String {
    const QUERY: &str = "fields @timestamp, @message\n| sort @timestamp desc\n| limit 200";
    let time = |time: Timestamp| {
        jsurl(&strtime::format("%Y-%m-%dT%H:%M:%S.000Z", time).unwrap_or_default())
    };
    let detail = format!(
        "~(end~'{}~start~'{}~timeType~'ABSOLUTE~tz~'UTC~editorString~'{}~source~(~'{}))",
        time(end),
        time(start),
        jsurl(QUERY),
        jsurl(group),
    );
    let mut twice = String::new();
    for c in detail.chars() {
        match c {
            '~' => twice.push_str("$257E"),
            '(' => twice.push_str("$2528"),
            ')' => twice.push_str("$2529"),
            '\'' => twice.push_str("$2527"),
            c => twice.push(c),
        }
    }
    format!("/cloudwatch/home?region={region}#logsV2:logs-insights$3FqueryDetail$3D{twice}")
}

/// A text as JSURL writes it, for texts of ASCII, which names of log groups are.
fn jsurl(text: &str) -> String {
    encoded(text, '*', "-.", false)
}

/// A name as part of an address.
pub(crate) fn escaped(text: &str) -> String {
    encoded(text, '%', "-._~", true)
}

/// A name as part of the console's fragment, which is unescaped twice.
pub(crate) fn escaped_twice(text: &str) -> String {
    escaped(&escaped(text))
}

fn encoded(text: &str, mark: char, plain: &str, is_upper: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        // Writing to a String cannot fail.
        let _ = match byte {
            _ if c.is_ascii_alphanumeric() || plain.contains(c) => write!(out, "{c}"),
            _ if is_upper => write!(out, "{mark}{byte:02X}"),
            _ => write!(out, "{mark}{byte:02x}"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_region_becomes_part_of_a_host() {
        for region in
            ["eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-7", "eusc-de-east-1"]
        {
            assert!(is_region(region), "{region}");
        }
        for other in
            ["", "evil.com/#", "eu-central", "EU (Ireland)", "eu-central-1.evil.com", "1-1-1"]
        {
            assert!(!is_region(other), "{other}");
        }
    }

    #[test]
    fn the_console_is_the_partitions() {
        for (region, domain) in [
            ("eu-central-1", "console.aws.amazon.com"),
            ("us-gov-west-1", "console.amazonaws-us-gov.com"),
            ("cn-northwest-1", "console.amazonaws.cn"),
            ("eusc-de-east-1", "console.amazonaws-eusc.eu"),
        ] {
            assert_eq!(console_domain(region), domain);
        }
    }

    #[test]
    fn a_log_query_is_written_as_the_console_writes_it() {
        let window =
            ("2026-01-01T10:00:00Z".parse().unwrap(), "2026-01-01T10:20:00.5Z".parse().unwrap());
        let path = logs_insights("eu-central-1", "/ecs/mate-demo-dev/django", window);
        assert_eq!(
            path,
            "/cloudwatch/home?region=eu-central-1#logsV2:logs-insights$3FqueryDetail$3D\
             $257E$2528end$257E$25272026-01-01T10*3a20*3a00.000Z$257Estart$257E$2527\
             2026-01-01T10*3a00*3a00.000Z$257EtimeType$257E$2527ABSOLUTE$257Etz$257E$2527UTC\
             $257EeditorString$257E$2527fields*20*40timestamp*2c*20*40message*0a*7c*20sort*20\
             *40timestamp*20desc*0a*7c*20limit*20200$257Esource$257E$2528$257E$2527\
             *2fecs*2fmate-demo-dev*2fdjango$2529$2529"
        );
    }

    #[test]
    fn a_name_cannot_break_out_of_its_place() {
        assert_eq!(escaped("a/b?c#d%ä"), "a%2Fb%3Fc%23d%25%C3%A4");
        assert_eq!(jsurl("a'b~c)"), "a*27b*7ec*29");
        assert_eq!(escaped_twice("a:b"), "a%253Ab");
    }
}
