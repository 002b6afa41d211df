//! Situations that read as sentences: `set(AlternatingUsers).current(opens()).master(refused())`.

use secret_rotation::decide::{Action, Method, Next, Position, Seen, Situation, Who, decide};
use secret_rotation::event::Step;
use secret_rotation::kind::Strategy;
use secret_rotation::refusal::{FailureKind, Refusal};

/// A situation under construction.
#[derive(Debug, Clone)]
pub(crate) struct Given(pub(crate) Situation);

/// A step whose version is pending and has a value, and of which nothing else is known.
pub(crate) fn step(step: Step, method: Method) -> Given {
    Given(Situation {
        method,
        pending: Seen::Untried,
        current: Seen::Untried,
        ..Situation::new(step, Position::Pending)
    })
}

/// `setSecret` of a database user.
pub(crate) fn set(strategy: Strategy) -> Given {
    step(Step::Set, Method::Database(strategy))
}

impl Given {
    pub(crate) fn at(mut self, position: Position) -> Self {
        self.0.position = position;
        self
    }

    pub(crate) fn pending(mut self, seen: Seen) -> Self {
        self.0.pending = seen;
        self
    }

    pub(crate) fn current(mut self, seen: Seen) -> Self {
        self.0.current = seen;
        self
    }

    pub(crate) fn previous(mut self, seen: Seen) -> Self {
        self.0.previous = seen;
        self
    }

    pub(crate) fn master(mut self, seen: Seen) -> Self {
        self.0.master = seen;
        self
    }

    /// The tenant is being brought up, and its users are not made yet.
    pub(crate) fn before_its_user(mut self) -> Self {
        self.0.user_is_made = false;
        self
    }

    /// What the user may is not the master's to mend.
    pub(crate) fn asking_the_user(mut self) -> Self {
        self.0.asks_user = true;
        self
    }

    /// The server would not have the pending value.
    pub(crate) fn value_refused(mut self) -> Self {
        self.0.value_refused = Some("too simple".to_owned());
        self
    }

    /// What is decided, in a word that a row of the table can hold.
    pub(crate) fn next(&self) -> String {
        word(&decide(&self.0))
    }
}

pub(crate) fn refused() -> Seen {
    Seen::Refused("access denied".to_owned())
}

pub(crate) fn unusable() -> Seen {
    Seen::Unusable("it is no JSON".to_owned())
}

pub(crate) fn barred(kind: FailureKind) -> Seen {
    Seen::Barred(Refusal::new(kind, "it was not reached", "see why").passing())
}

/// A decision in a word: `probe pending`, `set over current`, `done`, `fail network`.
pub(crate) fn word(next: &Next) -> String {
    let who = |who: &Who| match who {
        Who::Pending => "pending",
        Who::Current => "current",
        Who::Previous => "previous",
        Who::Master => "master",
    };
    match next {
        Next::Probe(it) => format!("probe {}", who(it)),
        Next::Done(_) => "done".to_owned(),
        Next::Fail(refusal) => format!("fail {}", refusal.kind),
        Next::Do(action) => match action {
            Action::Make => "make".to_owned(),
            Action::SetOver(it) => format!("set over {}", who(it)),
            Action::EnsureAlternate => "ensure alternate".to_owned(),
            Action::Check(it) => format!("check {}", who(it)),
            Action::SetCache => "set cache".to_owned(),
            Action::TestCache => "test cache".to_owned(),
            Action::TakeOff(refusal) => format!("take off {}", refusal.kind),
            Action::MakeCurrent => "make current".to_owned(),
            Action::Announce => "announce".to_owned(),
        },
    }
}

/// Compares each row's decision with what it says, and names the row that differs.
pub(crate) fn rows(table: &[(&str, Given, &str)]) {
    for (row, given, expected) in table {
        assert_eq!(given.next(), *expected, "{row}");
    }
}
