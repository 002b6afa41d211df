//! `[alerting]`: who hears of what. Its parts are read one by one; what must agree between them (a
//! receiver that nobody named, a route that nothing can reach) is checked on the way or at the end.

mod intervals;
mod receivers;
mod routes;
mod rules;
mod values;

use std::cell::RefCell;
use std::collections::BTreeSet;

use toml_span::value::Value;

use self::values::{DURATION, list};
use crate::catalogue::kinds::{Kind, Whole, Wrong};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::alerting::{Alerting, Flapping, Links, Mentions};
use crate::catalogue::suggest::did_you_mean;
use crate::catalogue::values::NAME;

/// The changes of state that make an alert a flapping one: two are an alarm and its end, which
/// every alert has.
const FLAPPING_CHANGES: Whole<u32> = Whole(3, 100);

/// Reads the table.
pub(super) fn read(section: &mut Section<'_>) -> Read<Alerting> {
    let receivers = Names::new("receiver", section.names_in("receivers"));
    let intervals = Names::new("time interval", section.names_in("time_intervals"));

    let route = routes::read(section, &receivers, &intervals);
    let told =
        section.named_tables("receivers", NAME, |_, table| receivers::read(table, &receivers));
    let inhibit_rules = section.list_of_tables("inhibit_rules", |_, table| rules::inhibit(table));
    let time_intervals =
        section.named_tables("time_intervals", NAME, |_, table| intervals::read(table));
    let silences = section.list_of_tables("silences", |_, table| rules::silence(table));
    let severity = section.list_of_tables("severity", |_, table| rules::severity(table));
    let flapping = section.optional_table("flapping", flapping);
    let links = section.optional_table("links", links);
    let mentions = section.optional_table("mentions", mentions);

    nobody_is_left_out(section, "receivers", &receivers, "a route, an escalation, or nothing");
    nobody_is_left_out(section, "time_intervals", &intervals, "a route that names it, or nothing");
    Ok(Alerting {
        route: route?,
        receivers: told?,
        inhibit_rules: inhibit_rules?,
        time_intervals: time_intervals?,
        silences: silences?,
        severity: severity?,
        flapping: flapping?.unwrap_or_default(),
        links: links?.unwrap_or_default(),
        mentions: mentions?.unwrap_or_default(),
    })
}

/// The names that one table gives and another refers to.
struct Names<'a> {
    what: &'static str,
    known: BTreeSet<&'a str>,
    /// Those that somebody referred to.
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Names<'a> {
    fn new(what: &'static str, known: BTreeSet<&'a str>) -> Self {
        Self { what, known, used: RefCell::default() }
    }
}

impl Kind for &Names<'_> {
    type Value = String;

    fn expected(&self) -> String {
        let known: Vec<&str> = self.known.iter().copied().collect();
        if known.is_empty() {
            return format!("the name of a {}; there is none", self.what);
        }
        format!("one of {}", known.join(", "))
    }

    fn read(&self, value: &Value<'_>) -> Result<String, Vec<Wrong>> {
        let name = value.as_str().ok_or_else(|| self.refuse(value))?;
        self.used.borrow_mut().insert(name.to_owned());
        if self.known.contains(name) {
            return Ok(name.to_owned());
        }
        let hint = did_you_mean(name, self.known.iter().copied());
        let problem = format!("there is no {} {name:?}{hint}", self.what);
        Err(vec![Wrong { span: value.span, problem, expected: self.expected() }])
    }
}

/// What nothing refers to was meant for something: somebody believes to be told and is not.
fn nobody_is_left_out<'a>(
    section: &mut Section<'a>,
    key: &'a str,
    names: &Names<'_>,
    expected: &str,
) {
    let Ok(Some(tables)) = section.child(key) else { return };
    for name in names.known.iter().filter(|name| !names.used.borrow().contains(**name)) {
        let span = tables.key_span(name).unwrap_or_else(|| tables.span());
        let problem = format!("nothing refers to the {} {name:?}", names.what);
        tables.mistake(span, name, problem, expected);
    }
}

fn flapping(section: &mut Section<'_>) -> Read<Flapping> {
    let usual = Flapping::default();
    let changes = section.or("changes", &FLAPPING_CHANGES, usual.changes);
    let within = section.or("within", &DURATION, usual.within);
    Ok(Flapping { changes: changes?.value, within: within?.value })
}

fn links(section: &mut Section<'_>) -> Read<Links> {
    let runbooks = section.optional("runbooks", &values::LINK);
    let dashboard = section.optional("dashboard", &values::LINK);
    Ok(Links {
        runbooks: runbooks?.map(|found| found.value),
        dashboard: dashboard?.map(|found| found.value),
    })
}

fn mentions(section: &mut Section<'_>) -> Read<Mentions> {
    let whom = list(values::MENTION);
    let tenants = section.named_values("tenants", NAME, &whom);
    let services = section.named_values("services", NAME, &whom);
    Ok(Mentions { tenants: tenants?, services: services? })
}
