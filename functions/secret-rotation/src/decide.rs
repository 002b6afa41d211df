//! What a step does next, as a pure function of what was seen so far.
//!
//! Why it is asked again after each look: opening a database is what a step's time goes into, and
//! a server that swallows packets costs a whole timeout. So nothing is opened that the decision
//! does not need, and after the first door that cannot be reached none is tried.
//!
//! The table is in the function's README, row by row, and each row has its test.

mod set;

use std::fmt;

use crate::event::Step;
use crate::kind::{Kind, Strategy};
use crate::refusal::{FailureKind, Refusal};

/// Where the version that is being made stands among the secret's versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The secret's rotation is turned off.
    RotationOff,
    /// The secret has no version of this token.
    Unknown,
    /// It has one, and it is neither pending nor current.
    Neither,
    /// It is the pending version.
    Pending,
    /// It is the current version: the rotation has been finished before.
    Current,
}

/// Whose password may open the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// The version that is being made.
    Pending,
    /// The version that applications use.
    Current,
    /// The version before it.
    Previous,
    /// The master's own secret.
    Master,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "the pending version",
            Self::Current => "the current version",
            Self::Previous => "the previous version",
            Self::Master => "the master's secret",
        })
    }
}

/// What is known of one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing was tried yet.
    Untried,
    /// There is none, or it has no value.
    Absent,
    /// Its value cannot open anything; why.
    Unusable(String),
    /// It opens the database.
    Opens,
    /// The server refuses the user or its password; in its words.
    Refused(String),
    /// It did not come to the question: network, TLS, a missing right. Whoever else is tried would
    /// fare the same.
    Barred(Refusal),
}

impl Seen {
    /// A word for logs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Untried => "not tried",
            Self::Absent => "there is none",
            Self::Unusable(_) => "cannot be used",
            Self::Opens => "opens the database",
            Self::Refused(_) => "is refused",
            Self::Barred(_) => "is not reached",
        }
    }
}

/// Whom a new value has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A database, with this strategy.
    Database(Strategy),
    /// ElastiCache.
    Cache,
    /// Nobody: whoever checks the value reads the secret.
    Nobody,
}

impl Method {
    /// How secrets of this kind are set; `None` for what cannot be rotated.
    pub fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Database(_) | Kind::RdsManagedMaster(_) => kind.strategy().map(Self::Database),
            Kind::CacheToken { .. } | Kind::CacheUser { .. } => Some(Self::Cache),
            Kind::ApplicationKey | Kind::Generated(_) => Some(Self::Nobody),
            Kind::CannotBeRotated { .. } => None,
        }
    }
}

/// All that a decision is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The step that is asked for.
    pub step: Step,
    /// Where the version stands.
    pub position: Position,
    /// Whom its value has to be told.
    pub method: Method,
    /// What is known of the version that is being made.
    pub pending: Seen,
    /// What is known of the current version.
    pub current: Seen,
    /// What is known of the previous version.
    pub previous: Seen,
    /// What is known of the master's secret.
    pub master: Seen,
    /// Whether the tenant's database users have been made.
    pub user_is_made: bool,
    /// That the server would not have the pending value, in its words, when it was to be set.
    pub value_refused: Option<String>,
    /// Whether the tenant is still being brought up: its users are made after its secrets.
    pub is_onboarding: bool,
    /// Whether the user is to be asked what it may before the master sets its password: what it
    /// lacks is not the master's to give, and only the user itself knows all that it has.
    pub asks_user: bool,
}

impl Situation {
    /// A situation in which nothing is known but where the version stands.
    pub const fn new(step: Step, position: Position) -> Self {
        Self {
            step,
            position,
            method: Method::Nobody,
            pending: Seen::Absent,
            current: Seen::Absent,
            previous: Seen::Untried,
            master: Seen::Untried,
            user_is_made: true,
            value_refused: None,
            is_onboarding: false,
            asks_user: false,
        }
    }

    /// What is known of one of them.
    pub const fn seen(&self, who: Who) -> &Seen {
        match who {
            Who::Pending => &self.pending,
            Who::Current => &self.current,
            Who::Previous => &self.previous,
            Who::Master => &self.master,
        }
    }

    /// Notes what was seen of one of them.
    pub fn note(&mut self, who: Who, seen: Seen) {
        *match who {
            Who::Pending => &mut self.pending,
            Who::Current => &mut self.current,
            Who::Previous => &mut self.previous,
            Who::Master => &mut self.master,
        } = seen;
    }
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Try this door, and ask again.
    Probe(Who),
    /// Do this; then the step is done, unless the server refuses the value.
    Do(Action),
    /// The step is done.
    Done(&'static str),
    /// The step cannot be done.
    Fail(Refusal),
}

/// What a step can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a new value, and put it into the pending version.
    Make,
    /// Set the pending password over the connection that this one has opened.
    SetOver(Who),
    /// Have the master make or mend the other user, with the pending password.
    EnsureAlternate,
    /// Check that this one's session is what the application needs.
    Check(Who),
    /// Tell ElastiCache the pending value.
    SetCache,
    /// Try the pending value on the cache.
    TestCache,
    /// Take the label from the pending version, whose value nobody has and nobody can use; then
    /// the step has failed.
    TakeOff(Refusal),
    /// Make the pending version the current one, and tell everybody.
    MakeCurrent,
    /// Tell everybody, if that was not done yet.
    Announce,
}

/// Decides what a step does next.
pub fn decide(situation: &Situation) -> Next {
    if let Some(next) = by_position(situation) {
        return next;
    }
    match situation.step {
        Step::Create => create(situation),
        Step::Set => match situation.method {
            Method::Nobody => {
                Next::Done("nobody has to be told: whoever checks the value reads this secret")
            }
            _ if situation.pending == Seen::Absent => fail_without_value(),
            Method::Cache => Next::Do(Action::SetCache),
            Method::Database(strategy) => set::decide(strategy, situation),
        },
        Step::Test => match situation.method {
            Method::Nobody => Next::Done("there is nothing to try a generated value on"),
            Method::Cache => Next::Do(Action::TestCache),
            Method::Database(_) if !situation.user_is_made => Next::Done(
                "the tenant is being brought up, and its user is made later: only the schedule was \
                 to be tested",
            ),
            Method::Database(_) => test(situation),
        },
        Step::Finish => match &situation.pending {
            Seen::Absent => fail_without_value(),
            Seen::Unusable(why) => fail(
                format!("the pending version is not made current: {why}"),
                "cancel the rotation, take AWSPENDING off the version, and rotate again",
            ),
            _ => Next::Do(Action::MakeCurrent),
        },
    }
}

/// What holds in every step, before anything of the value matters.
fn by_position(situation: &Situation) -> Option<Next> {
    match (situation.position, situation.step) {
        (Position::Pending, _) => None,
        (Position::Current, Step::Finish) => Some(Next::Do(Action::Announce)),
        (Position::Current, _) => Some(Next::Done("the version is current already")),
        (Position::RotationOff, _) => Some(fail(
            "the secret's rotation is turned off",
            "turn it on (RotateSecret with the function's ARN), and rotate again",
        )),
        (Position::Unknown, _) => Some(fail(
            "the secret has no version of this token",
            "nothing, if the rotation was cancelled; else rotate again",
        )),
        (Position::Neither, _) => Some(fail(
            "the version is neither pending nor current any more",
            "nothing, if the rotation was cancelled or another one came after; else rotate again",
        )),
    }
}

fn create(situation: &Situation) -> Next {
    match (&situation.current, &situation.pending) {
        (Seen::Absent, _) => fail(
            "the secret has no current value that a next one could be made from",
            "write the first version of the secret (PutSecretValue), and rotate again",
        ),
        (_, Seen::Absent) => Next::Do(Action::Make),
        _ => Next::Done("the pending version has its value already"),
    }
}

/// Tries the pending version, or the current one where the pending one is empty: that is how
/// Secrets Manager has a schedule tested that does not rotate at once.
fn test(situation: &Situation) -> Next {
    if situation.pending == Seen::Absent && situation.is_onboarding {
        // The schedule comes into being with the secret, before the user that the secret is for.
        return Next::Done("the tenant is still being brought up: there is nothing to test yet");
    }
    let who = if situation.pending == Seen::Absent { Who::Current } else { Who::Pending };
    match situation.seen(who) {
        Seen::Untried => Next::Probe(who),
        Seen::Opens => Next::Do(Action::Check(who)),
        Seen::Refused(words) => Next::Fail(Refusal::new(
            FailureKind::Authentication,
            format!("{who} does not open the database: {words}"),
            "check whether somebody else has changed the password meanwhile, and rotate again",
        )),
        Seen::Barred(refusal) => Next::Fail(refusal.clone()),
        Seen::Unusable(why) => fail(
            format!("{who} cannot be tried: {why}"),
            "cancel the rotation, take AWSPENDING off the version, and rotate again",
        ),
        Seen::Absent => fail(
            "the secret has no value that could be tried",
            "write the first version of the secret (PutSecretValue), and rotate again",
        ),
    }
}

fn fail(reason: impl Into<String>, remedy: &str) -> Next {
    Next::Fail(Refusal::new(FailureKind::Configuration, reason, remedy))
}

fn fail_without_value() -> Next {
    fail(
        "the pending version has no value",
        "nothing, if Secrets Manager begins with createSecret again; else cancel the rotation and \
         rotate again",
    )
}
