//! What to do next about a cache's token or user: the thinking, and nothing but.
//!
//! Both tables are asked again after each look: a value is tried at the cache only where the
//! answer depends on it. They know no clock, no network and no chance.
//!
//! What they have in common: nothing is changed that is as it should be; nothing is taken away
//! while tasks of the rotation before may still hold it; and what was written is believed only when
//! the cache says so.

mod token;
mod user;

pub use token::{Group, decide_token};
pub use user::{User, decide_user};

use crate::refusal::{FailureKind, Refusal};

/// Which of Secrets Manager's steps is to be done, or the last one, which is Caretaker's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Have the cache accept the pending value beside the current one.
    Set,
    /// See that the pending value opens the cache.
    Test,
    /// Take the old value away, after the rollout.
    Retire,
}

/// One of a secret's three values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// `AWSPENDING`
    Pending,
    /// `AWSCURRENT`
    Current,
    /// `AWSPREVIOUS`
    Previous,
}

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Known {
    /// The secret has no such value.
    #[default]
    Absent,
    /// It was not tried yet.
    Untried,
    /// It opens the cache.
    Opens,
    /// The cache refuses it.
    Refused,
}

/// What is known of all three values, and of what this step has done already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Knowledge {
    /// Of the pending value.
    pub pending: Known,
    /// Of the current value.
    pub current: Known,
    /// Of the previous value.
    pub previous: Known,
    /// Whether this step has written what it is for: it never writes that twice.
    pub written: bool,
    /// Whether this step has taken a value away to make room for the pending one.
    pub made_room: bool,
}

impl Knowledge {
    /// What is known of one value.
    pub fn of(&self, who: Who) -> Known {
        match who {
            Who::Pending => self.pending,
            Who::Current => self.current,
            Who::Previous => self.previous,
        }
    }

    /// Notes what was learnt of one value.
    pub fn learn(&mut self, who: Who, known: Known) {
        match who {
            Who::Pending => self.pending = known,
            Who::Current => self.current = known,
            Who::Previous => self.previous = known,
        }
    }

    /// What is left to know after time has passed or something was written: which values there are.
    #[must_use]
    pub fn forgotten(self) -> Self {
        let again = |known| if known == Known::Absent { Known::Absent } else { Known::Untried };
        Self {
            pending: again(self.pending),
            current: again(self.current),
            previous: again(self.previous),
            ..self
        }
    }
}

/// Whether a resource of ElastiCache can be worked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// `available`, `active`
    Ready,
    /// It is being changed, and that ends by itself; the word is ElastiCache's.
    Changing(String),
    /// It will not be ready again; the word is ElastiCache's.
    Lost(String),
}

impl Readiness {
    /// From the status of a replication group (API reference, `ReplicationGroup`) or of a user
    /// (API reference, `User`).
    pub fn of(status: &str) -> Self {
        match status {
            "available" | "active" => Self::Ready,
            "creating" | "modifying" | "snapshotting" => Self::Changing(status.to_owned()),
            other => Self::Lost(other.to_owned()),
        }
    }
}

/// How the rollout of the rotation before this one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierRollout {
    /// No task holds what was current before the current value.
    Over,
    /// Tasks may still hold it: it must not be pushed out.
    Unfinished,
}

/// A change of what the cache accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// The pending value beside the current one: `ROTATE` of a token, two passwords of a user.
    AddPending,
    /// The current value alone: `SET` of a token, one password of a user.
    OnlyCurrent,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Try a value at the cache, and ask again.
    Probe(Who),
    /// Write this, and ask again.
    Write(Write),
    /// Nothing can be done before something has ended; why, in words.
    Wait(String),
    /// The step is done; why, in words.
    Done(&'static str),
    /// The step cannot be done.
    Fail(Refusal),
}

fn fail(kind: FailureKind, reason: impl Into<String>, remedy: &str) -> Next {
    Next::Fail(Refusal::new(kind, reason, remedy))
}

/// `testSecret`, which is the same for both: the pending value must open the cache. Where there is
/// none (a schedule was made or changed, and nothing is to be rotated) the current one must.
fn test(readiness: &Readiness, knowledge: Knowledge) -> Next {
    let (who, name) = match knowledge.pending {
        Known::Absent => (Who::Current, "current"),
        _ => (Who::Pending, "pending"),
    };
    match (knowledge.of(who), readiness) {
        (Known::Untried, _) => Next::Probe(who),
        (Known::Opens, _) if who == Who::Current => {
            Next::Done("nothing is pending, and the current value opens the cache")
        }
        (Known::Opens, _) => Next::Done("the pending value opens the cache"),
        (Known::Refused, Readiness::Changing(status)) => {
            Next::Wait(format!("the cache refuses the {name} value while it is {status}"))
        }
        (Known::Refused, _) => fail(
            FailureKind::Authentication,
            format!("the cache refuses the {name} value"),
            "rotate the secret once more; if the current value is refused as well, somebody \
             changed it at the cache",
        ),
        (Known::Absent, _) => fail(
            FailureKind::Configuration,
            "the secret has neither a pending nor a current value",
            "put a value into the secret",
        ),
    }
}

/// What is said where an old value is still in use and another rotation would push it out.
fn busy() -> Next {
    let refusal = Refusal::new(
        FailureKind::Limit,
        "the rollout of the rotation before this one is not over, and ElastiCache accepts two \
         values at most: tasks that still hold the old one would be locked out",
        "wait until the rollout is steady, or mend the service whose deployment failed; then rotate \
         again",
    );
    Next::Fail(refusal.passing())
}
