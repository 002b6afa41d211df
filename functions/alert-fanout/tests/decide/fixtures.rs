//! A group of alerts, a clock and sinks that answer as they are told to; and what they heard, line
//! by line.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use alert_fanout::alert::{Alert, State};
use alert_fanout::decide::{Decision, Outcome, Send, World, decide, settle};
use alert_fanout::group::Group;
use alert_fanout::inhibit::Inhibitor;
use alert_fanout::notification::{Occasion, Receipt};
use alert_fanout::route::places;
use alert_fanout::silence::Silence;
use domain::Catalogue;
use domain::catalogue::Severity;
use domain::catalogue::alerting::Alerting;
use jiff::{SignedDuration, Timestamp};

/// When every scenario begins: a Wednesday, 08:00 UTC.
pub(crate) const START: i64 = 1_782_892_800;

/// The usual receivers: two sinks, of which one can fall back; with an escalation where asked for.
pub(crate) const RECEIVERS: &str = r#"
[alerting.receivers.team]
sinks = [{ slack = { channel = "C024BE91L", token = "slack" } }, { teams = { url = "teams" } }]
"#;

/// An `[alerting]` of this route and these further tables. Thousands of scenarios share a few of
/// them, so each is read once.
pub(crate) fn alerting(route: &str, more: &str) -> Alerting {
    thread_local! {
        static READ: RefCell<BTreeMap<(String, String), Alerting>> = RefCell::default();
    }
    READ.with_borrow_mut(|read| {
        let key = (route.to_owned(), more.to_owned());
        read.entry(key).or_insert_with(|| parse(route, more)).clone()
    })
}

fn parse(route: &str, more: &str) -> Alerting {
    let text = include_str!("../../../../infra/catalogues/mate.toml");
    let (before, _) = text.split_once("[alerting.route]").unwrap();
    let text = format!(
        "{before}[alerting.route]\nreceiver = \"team\"\ngroup_by = [\"tenant\"]\n{route}\n{more}"
    );
    Catalogue::parse("test.toml", &text).unwrap_or_else(|e| panic!("{e}")).alerting.unwrap()
}

/// The instant so many seconds after the start.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

/// A critical alert of the tenant demo that fires at the start and will end.
pub(crate) fn alert(name: &str) -> Alert {
    Alert {
        dedup_key: format!("test:{name}"),
        state: State::Firing,
        severity: Severity::Warning,
        title: format!("{name} is not well"),
        summary: String::new(),
        tenant: Some("demo".parse().unwrap()),
        environment: Some("dev".parse().unwrap()),
        service: None,
        source: "cloudwatch-alarm".to_owned(),
        resource: None,
        labels: BTreeMap::from([("alertname".to_owned(), name.to_owned())]),
        links: Vec::new(),
        happened_at: at(0),
        will_resolve: true,
    }
}

/// Changes of an alert, to be read as a sentence.
pub(crate) trait Told {
    fn critical(self) -> Self;
    fn over(self) -> Self;
    fn once(self) -> Self;
    fn at(self, seconds: i64) -> Self;
}

impl Told for Alert {
    fn critical(self) -> Self {
        Self { severity: Severity::Critical, ..self }
    }

    fn over(self) -> Self {
        Self { state: State::Resolved, ..self }
    }

    fn once(self) -> Self {
        Self { will_resolve: false, ..self }
    }

    fn at(self, seconds: i64) -> Self {
        Self { happened_at: at(seconds), ..self }
    }
}

/// A group over time.
pub(crate) struct Scenario {
    pub(crate) alerting: Alerting,
    pub(crate) silences: Vec<Silence>,
    pub(crate) inhibitors: Vec<Inhibitor>,
    pub(crate) group: Option<Group>,
    pub(crate) seconds: i64,
    /// How the sinks answer, by a word of their name; those that are not named take everything.
    pub(crate) answers: BTreeMap<&'static str, Outcome>,
    /// What the sinks took: `0s slack opened 1+0` is one firing and none resolved.
    pub(crate) heard: Vec<String>,
    /// What was put with the dead letters.
    pub(crate) buried: Vec<String>,
    /// The calls that were answered well: sink and generation.
    pub(crate) taken: BTreeSet<(String, u64)>,
    pub(crate) due_at: Option<Timestamp>,
    /// The looks that lie on the queue.
    pub(crate) queue: BTreeSet<Timestamp>,
    passes: u64,
}

impl Scenario {
    pub(crate) fn new(route: &str, more: &str) -> Self {
        Self::of(alerting(route, &format!("{RECEIVERS}{more}")))
    }

    pub(crate) fn of(alerting: Alerting) -> Self {
        Self {
            alerting,
            silences: Vec::new(),
            inhibitors: Vec::new(),
            group: None,
            seconds: 0,
            answers: BTreeMap::new(),
            heard: Vec::new(),
            buried: Vec::new(),
            taken: BTreeSet::new(),
            due_at: None,
            queue: BTreeSet::new(),
            passes: 0,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        at(self.seconds)
    }

    /// One decision, not carried out.
    pub(crate) fn decide(&self, alerts: &[Alert], by: &str) -> Decision {
        let place = places(&self.alerting.route, &alert("any")).remove(0);
        let world = World {
            alerting: &self.alerting,
            route: &self.alerting.route,
            silences: &self.silences,
            inhibitors: &self.inhibitors,
            by,
        };
        let group = self.group.clone().unwrap_or_else(|| Group::new(&place));
        decide(group, alerts, &world, self.now())
    }

    /// One pass: decides, writes, calls the sinks, notes their answers, and goes on until there is
    /// nothing more to send.
    pub(crate) fn pass(&mut self, alerts: &[Alert]) -> &mut Self {
        self.passes += 1;
        let by = format!("pass-{}", self.passes);
        let mut alerts = alerts;
        for _ in 0..20 {
            let decision = self.decide(alerts, &by);
            alerts = &[];
            let sends = decision.sends.clone();
            self.write(decision);
            if sends.is_empty() {
                return self;
            }
            for send in sends {
                self.call(&send, &by);
            }
        }
        panic!("a pass without an end: {:?}", self.heard);
    }

    /// Writes what was decided.
    pub(crate) fn write(&mut self, decision: Decision) {
        self.due_at = decision.due_at;
        self.queue.extend(decision.nudge_at.into_iter().chain(decision.watch_at));
        for burial in decision.burials {
            let line = format!("{}s {}: {}", self.seconds, burial.target, burial.reason);
            self.buried.push(line);
        }
        self.group = Some(decision.group);
    }

    /// Calls a sink and takes in what it answers.
    pub(crate) fn call(&mut self, send: &Send, by: &str) {
        let answer = self.answers.iter().find(|(word, _)| send.target.contains(**word));
        let outcome =
            answer.map_or(Outcome::Took(Receipt::default()), |(_, outcome)| outcome.clone());
        if matches!(outcome, Outcome::Took(_)) {
            self.hear(send);
        }
        let now = self.now();
        let group = self.group.as_mut().expect("a call is claimed in a group");
        settle(group, send, &outcome, by, now);
    }

    fn hear(&mut self, send: &Send) {
        let told = &send.notification;
        let occasion = match told.occasion {
            Occasion::Opened => "opened",
            Occasion::Updated => "updated",
            Occasion::Resolved => "resolved",
            Occasion::Reminder => "reminder",
            Occasion::Escalated => "escalated",
        };
        let fallback = told.fallback_for.as_deref().map(|why| format!(" for {why}"));
        let sink = match send.target.split_once(": ") {
            Some(("team", sink)) => sink.split(' ').take(2).find(|w| *w != "fallback").unwrap(),
            Some((receiver, _)) => receiver,
            None => &send.target,
        };
        let sink = if send.target.contains("fallback") { "fallback" } else { sink };
        self.heard.push(format!(
            "{}s {sink} {occasion} {}+{}{}",
            self.seconds,
            told.firing,
            told.resolved,
            fallback.unwrap_or_default()
        ));
        let is_first = self.taken.insert((send.target.clone(), told.generation));
        assert!(is_first, "{} took generation {} twice", send.target, told.generation);
    }

    /// Goes to this time, looking at the group whenever it is due on the way.
    pub(crate) fn until(&mut self, seconds: i64) -> &mut Self {
        for _ in 0..1_000 {
            match self.due_at {
                Some(due) if due <= at(seconds) => {
                    let due = due.as_second() - START;
                    self.seconds = self.seconds.max(due);
                    self.pass(&[]);
                    if self.due_at.is_some_and(|next| next <= self.now()) {
                        self.seconds += 1;
                    }
                }
                _ => {
                    self.seconds = seconds;
                    return self;
                }
            }
        }
        panic!("looked at a thousand times until {seconds} s: {:?}", self.heard);
    }

    /// Goes to this time with the looks that the queue brings, and no sweep.
    pub(crate) fn by_the_queue_until(&mut self, seconds: i64) -> &mut Self {
        while let Some(look) = self.queue.first().copied().filter(|look| *look <= at(seconds)) {
            self.queue.remove(&look);
            self.seconds = self.seconds.max(look.as_second() - START);
            self.pass(&[]);
        }
        self.seconds = seconds;
        self
    }

    /// What one of the sinks heard.
    pub(crate) fn heard_by(&self, sink: &str) -> Vec<String> {
        self.heard
            .iter()
            .filter(|line| line.split(' ').nth(1) == Some(sink))
            .map(|line| line.replacen(&format!(" {sink}"), "", 1))
            .collect()
    }
}

/// A silence of everything that has this name.
pub(crate) fn silence(name: &str, from: i64, to: i64) -> Silence {
    Silence {
        matchers: vec![format!("alertname={name}").parse().unwrap()],
        tenant: None,
        starts_at: Some(at(from)),
        ends_at: at(to),
        author: "ada".to_owned(),
        comment: "a load test".to_owned(),
    }
}

/// The times so many minutes, in seconds.
pub(crate) const fn minutes(minutes: i64) -> i64 {
    SignedDuration::from_mins(minutes).as_secs()
}
