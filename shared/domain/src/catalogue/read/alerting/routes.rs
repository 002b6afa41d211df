//! `alerting.route`: the tree, what its nodes have from their parents, and the nodes that nothing
//! can reach. A route that never matches looks like a rule and is none, so it is a mistake.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Names;
use super::values::{DURATION, INTERVAL, LABEL, MatcherText};
use crate::catalogue::kinds::{Flag, Kind, List, Text};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::alerting::{GroupBy, Route};
use crate::catalogue::model::{MatchOperator, Matcher, Severity};

/// As in Alertmanager (configuration reference, `<route>`).
const GROUP_WAIT: Duration = Duration::from_secs(30);
const GROUP_INTERVAL: Duration = Duration::from_mins(5);
const REPEAT_INTERVAL: Duration = Duration::from_hours(4);

/// Alertmanager's word for "by all labels".
const ALL_LABELS: &str = "...";

/// The most levels of routes: nobody understands what is deeper.
const LEVELS_MAX: usize = 8;

const GROUP_BY: Text<String> =
    Text("a label's name, or \"...\" alone for all labels", |text| match text {
        ALL_LABELS => Some(text.to_owned()),
        _ => (LABEL.1)(text),
    });

/// Reads the tree of the table `alerting`.
pub(super) fn read(
    section: &mut Section<'_>,
    receivers: &Names<'_>,
    intervals: &Names<'_>,
) -> Read<Route> {
    let names = References { receivers, intervals };
    section.table("route", |table| {
        if let Some(span) = table.key_span("matchers") {
            let expected = "a root that takes every alert; matchers belong to its routes";
            table.mistake(span, "matchers", "the root has matchers", expected);
        }
        node(table, &Parent::of_the_root(), &names)
    })
}

struct References<'a, 'n> {
    receivers: &'a Names<'n>,
    intervals: &'a Names<'n>,
}

/// What a node has from the nodes above it.
struct Parent {
    route: Route,
    /// The matchers of all nodes from the root down.
    path: Vec<Matcher>,
    /// How many nodes are above; 0 for the root.
    level: usize,
}

impl Parent {
    /// What the root has, which has no parent: Alertmanager's defaults.
    fn of_the_root() -> Self {
        let route = Route {
            id: String::new(),
            receiver: String::new(),
            matchers: Vec::new(),
            goes_on: false,
            group_by: GroupBy::Labels(Vec::new()),
            group_wait: GROUP_WAIT,
            group_interval: GROUP_INTERVAL,
            repeat_interval: REPEAT_INTERVAL,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            routes: Vec::new(),
        };
        Self { route, path: Vec::new(), level: 0 }
    }
}

/// Reads a node and all below it: its children are read whatever is wrong with it, so that their
/// mistakes are found as well.
fn node(section: &mut Section<'_>, parent: &Parent, names: &References<'_, '_>) -> Read<Route> {
    let above = &parent.route;
    let receiver = if parent.level == 0 {
        section.required("receiver", &names.receivers)
    } else {
        section.or("receiver", &names.receivers, above.receiver.clone())
    };
    let matchers = section.or("matchers", &List(MatcherText), Vec::new());
    let goes_on = section.or("continue", &Flag, false);
    let group_by = group_by(section, above);
    let group_wait = section.or("group_wait", &DURATION, above.group_wait);
    let group_interval = section.or("group_interval", &INTERVAL, above.group_interval);
    let repeat_interval = section.or("repeat_interval", &INTERVAL, above.repeat_interval);
    let mute = section.or("mute_time_intervals", &List(names.intervals), Vec::new());
    let active = section.or("active_time_intervals", &List(names.intervals), Vec::new());

    let own = matchers.as_ref().map_or(&[][..], |found| &found.value);
    let mut path = parent.path.clone();
    path.extend(own.iter().cloned());
    let is_good = matchers_can_match(section, own, &path);
    let as_far_as_read = Route { id: id(parent, own), matchers: own.to_vec(), ..above.clone() };
    let below = Parent { route: as_far_as_read, path, level: parent.level + 1 };
    let below = match (&receiver, &group_by, &group_wait, &group_interval, &repeat_interval) {
        (Ok(receiver), Ok(group_by), Ok(wait), Ok(interval), Ok(repeat)) => Parent {
            route: Route {
                receiver: receiver.value.clone(),
                group_by: group_by.clone(),
                group_wait: wait.value,
                group_interval: interval.value,
                repeat_interval: repeat.value,
                ..below.route
            },
            ..below
        },
        _ => below,
    };
    let routes = children(section, &below, names);
    let _named = (receiver?, matchers?, group_by?, is_good?);
    let _timers = (group_wait?, group_interval?, repeat_interval?);
    Ok(Route {
        goes_on: goes_on?.value,
        mute_time_intervals: mute?.value,
        active_time_intervals: active?.value,
        routes: routes?,
        ..below.route
    })
}

/// Checks what a node's matchers say together with those above it.
fn matchers_can_match(section: &Section<'_>, own: &[Matcher], path: &[Matcher]) -> Read<()> {
    let span = section.key_span("matchers").unwrap_or_else(|| section.span());
    let mut result = Ok(());
    for matcher in own.iter().filter(|matcher| matcher.label() == "state") {
        let problem = format!("{matcher} would send an alert and its end to different groups");
        let expected = "matchers of labels that an alert keeps";
        result = Err(section.mistake(span, "matchers", problem, expected));
    }
    if !own.is_empty()
        && let Some(matcher) = contradiction(path)
    {
        let problem = format!("no alert can match {matcher} and the others from the root to here");
        let expected = "matchers that an alert can meet at once";
        result = Err(section.mistake(span, "matchers", problem, expected));
    }
    result
}

fn children(
    section: &mut Section<'_>,
    parent: &Parent,
    names: &References<'_, '_>,
) -> Read<Vec<Route>> {
    if parent.level >= LEVELS_MAX
        && let Some(span) = section.key_span("routes")
    {
        let problem = format!("stands {LEVELS_MAX} levels deep");
        return Err(section.mistake(span, "routes", problem, "a tree that is not so deep"));
    }
    let mut before: Vec<Route> = Vec::new();
    section.list_of_tables("routes", |_, table| {
        let mut route = node(table, parent, names)?;
        if let Some(taker) = before.iter().find(|earlier| takes_all(earlier, &route, parent)) {
            let problem = format!("can never match: {} before it takes its alerts", taker.id);
            let expected = "a place before that route, or continue = true there";
            table.mistake(table.span(), "", problem, expected);
        }
        let same = before.iter().filter(|earlier| earlier.matchers == route.matchers).count();
        if same > 0 {
            renumber(&mut route, same);
        }
        before.push(route.clone());
        Ok(route)
    })
}

/// Two siblings with the same matchers are two routes, and so are their groups.
fn renumber(route: &mut Route, same: usize) {
    let old = route.id.clone();
    let new = format!("{old}#{}", same + 1);
    rename(route, &old, &new);
}

fn rename(route: &mut Route, old: &str, new: &str) {
    if let Some(rest) = route.id.strip_prefix(old) {
        route.id = format!("{new}{rest}");
    }
    for child in &mut route.routes {
        rename(child, old, new);
    }
}

fn id(parent: &Parent, matchers: &[Matcher]) -> String {
    let own: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    let slash = if parent.level == 0 { "" } else { "/" };
    format!("{}{slash}{{{}}}", parent.route.id, own.join(","))
}

fn group_by(section: &mut Section<'_>, above: &Route) -> Read<GroupBy> {
    let Some(found) = section.optional("group_by", &List(GROUP_BY))? else {
        return Ok(above.group_by.clone());
    };
    let mut labels = found.value;
    if let Some(twice) = twice(&labels) {
        let problem = format!("has {twice:?} twice");
        return Err(section.mistake(found.span, "group_by", problem, List(GROUP_BY).expected()));
    }
    if labels.iter().any(|label| label == "state") {
        let problem = "an alert and its end would be in different groups by \"state\"";
        let expected = "labels that an alert keeps";
        return Err(section.mistake(found.span, "group_by", problem, expected));
    }
    if !labels.iter().any(|label| label == ALL_LABELS) {
        labels.sort();
        return Ok(GroupBy::Labels(labels));
    }
    if labels.len() > 1 {
        let problem = "has \"...\" beside labels";
        return Err(section.mistake(found.span, "group_by", problem, List(GROUP_BY).expected()));
    }
    Ok(GroupBy::All)
}

fn twice(labels: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    labels.iter().find(|label| !seen.insert(*label))
}

/// Whether every alert that could come to `route` is taken by its earlier sibling.
fn takes_all(earlier: &Route, route: &Route, parent: &Parent) -> bool {
    let facts: Vec<&Matcher> = parent.path.iter().chain(&route.matchers).collect();
    !earlier.goes_on && earlier.matchers.iter().all(|matcher| is_implied(matcher, &facts))
}

/// Whether what meets all `facts` meets `matcher` as well, as far as can be told.
fn is_implied(matcher: &Matcher, facts: &[&Matcher]) -> bool {
    let is_always = matcher.operator() == MatchOperator::Regex && matcher.value() == ".*";
    is_always
        || facts.contains(&matcher)
        || possible(matcher.label(), facts)
            .is_some_and(|values| values.into_iter().all(|value| matcher.matches_value(value)))
}

/// A matcher that leaves its label no value that the others allow.
fn contradiction(path: &[Matcher]) -> Option<&Matcher> {
    let facts: Vec<&Matcher> = path.iter().collect();
    path.iter()
        .rev()
        .find(|matcher| possible(matcher.label(), &facts).is_some_and(|values| values.is_empty()))
}

/// The values that a label can have under these matchers, where they are few: severities are
/// three, and what is matched by `=` is one.
fn possible<'f>(label: &str, facts: &[&'f Matcher]) -> Option<Vec<&'f str>> {
    let about = || facts.iter().filter(|fact| fact.label() == label);
    let equal = || about().find(|fact| fact.operator() == MatchOperator::Equal);
    let candidates: Vec<&str> = match label {
        "severity" => Severity::ALL.into_iter().map(Severity::as_str).collect(),
        _ => vec![equal()?.value()],
    };
    let allowed = |value: &&str| about().all(|fact| fact.matches_value(value));
    Some(candidates.into_iter().filter(allowed).collect())
}
