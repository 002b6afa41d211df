//! What to do next for the services that use a rotated secret: the thinking, and nothing but.
//!
//! A container gets a secret's value when it starts and keeps it. So a rotation is over only when
//! every task that began before it is gone; until then the old value must go on working, and
//! afterwards it must not. [`decide`] is a function of the recorded rotation, of what was seen of
//! the services, and of the time.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::document::{Rotation, State, Subject};

use super::service::{Observed, Progress, Service};
use crate::refusal::{FailureKind, Refusal};

/// How long a rollout may take. A service with forty tasks and five minutes of draining takes an
/// hour on a slow day; beyond two nobody should be left to wonder.
pub const STEADY_WITHIN: SignedDuration = SignedDuration::from_hours(2);

/// How long a rollout that failed is still looked at: somebody mends the service, and what is old
/// is then taken away without being asked for. The next rotation of a tenant's secret comes
/// weeks later.
pub const MENDED_WITHIN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Have ECS replace the tasks of a service.
    Redeploy {
        /// Its name.
        service: String,
    },
    /// Take the old value away.
    Retire(Retirement),
    /// Record that all is done.
    Settle,
    /// Record that the rollout failed, tell, and take nothing away.
    Fail {
        /// The services that are not steady.
        services: Vec<String>,
        /// Why, in words.
        reason: String,
    },
    /// Record that it is not looked at any longer, with the old value still in place.
    GiveUp,
    /// Look again later.
    Wait,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redeploy { service } => write!(f, "redeploy {service}"),
            Self::Retire(what) => write!(f, "{what}"),
            Self::Settle => f.write_str("settle"),
            Self::Fail { services, .. } => {
                write!(f, "mark the rollout failed at {}", services.join(", "))
            }
            Self::GiveUp => f.write_str("give up"),
            Self::Wait => f.write_str("wait"),
        }
    }
}

/// What there is to take away of the old value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retirement {
    /// Lock the user that the old value was for: the two users take turns.
    LockLogin {
        /// Its name.
        username: String,
    },
    /// Have MySQL forget the password that it kept beside the new one.
    DiscardOldPassword,
    /// Have the cache accept the current token alone.
    CacheToken,
    /// Leave the cache's user one password.
    CacheUser,
    /// Take keys that have expired out of the fallbacks.
    KeyFallbacks,
    /// Nothing: the old value ended with the rotation, or is known to nobody else.
    Nothing,
}

impl Retirement {
    /// What the rotation leaves behind.
    pub fn of(rotation: &Rotation) -> Self {
        match rotation.subject {
            Subject::Database => match &rotation.previous_username {
                Some(username) => Self::LockLogin { username: username.clone() },
                None if rotation.retains_old_password => Self::DiscardOldPassword,
                None => Self::Nothing,
            },
            Subject::RdsManagedMaster if rotation.retains_old_password => Self::DiscardOldPassword,
            Subject::CacheToken => Self::CacheToken,
            Subject::CacheUser => Self::CacheUser,
            Subject::ApplicationKey => Self::KeyFallbacks,
            Subject::RdsManagedMaster | Subject::Generated => Self::Nothing,
        }
    }
}

impl fmt::Display for Retirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LockLogin { username } => write!(f, "lock the login of {username}"),
            Self::DiscardOldPassword => f.write_str("discard the old password"),
            Self::CacheToken => f.write_str("take the earlier token from the cache"),
            Self::CacheUser => f.write_str("take the earlier password from the cache's user"),
            Self::KeyFallbacks => f.write_str("take expired keys out of the fallbacks"),
            Self::Nothing => f.write_str("take nothing away"),
        }
    }
}

/// An action and why it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// Why, in words.
    pub why: String,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action, self.why)
    }
}

fn because(action: Action, why: impl Into<String>) -> Decision {
    Decision { action, why: why.into() }
}

/// Whether the rotation's rollout is to be looked at: it goes on, or it failed and may have been
/// mended.
pub fn is_rolling_out(rotation: &Rotation) -> bool {
    rotation.finished_at.is_some() && matches!(rotation.state, State::RollingOut | State::Failed)
}

/// How often a rollout that failed is looked at without being told to: somebody mends it within
/// hours, and an event of ECS mostly comes first.
const WATCHED_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// When a rollout that failed is looked at again, if it still is.
pub fn watched_again_at(rotation: &Rotation, now: Timestamp) -> Option<Timestamp> {
    let since = rotation.rollout_at.filter(|_| is_rolling_out(rotation))?;
    let is_over = now.duration_since(since) > MENDED_WITHIN;
    now.checked_add(WATCHED_EVERY).ok().filter(|_| !is_over)
}

/// Why another rotation of the same secret must not begin yet, if so: it would take from running
/// tasks the value that they still have.
pub fn holds_back(rotation: &Rotation) -> Option<Refusal> {
    let overlaps = match Retirement::of(rotation) {
        Retirement::LockLogin { .. }
        | Retirement::DiscardOldPassword
        | Retirement::CacheToken
        | Retirement::CacheUser => true,
        // Keys have any number of fallbacks, and the rest has nothing to be taken away.
        Retirement::KeyFallbacks | Retirement::Nothing => false,
    };
    // Of a rollout that failed for another reason, every task has the new value; and one that was
    // given up must not stand in the way for ever.
    let tasks_may_have_it = rotation.state == State::RollingOut || !rotation.unsteady.is_empty();
    (overlaps && tasks_may_have_it && is_rolling_out(rotation)).then(|| {
        let services: Vec<&str> = rotation.services.keys().map(String::as_str).collect();
        let whose =
            if services.is_empty() { "its services".to_owned() } else { services.join(", ") };
        Refusal::new(
            FailureKind::Limit,
            format!(
                "the rollout of the rotation before this one is not over: tasks of {whose} may \
                 still use the value that this one would end"
            ),
            "wait until the rollout is steady; if it failed, mend the service's deployment, and \
             rotate again",
        )
        .passing()
    })
}

/// What to do for the services that use the rotated secret, in this order. An empty answer means
/// that there is nothing to do, now or later.
pub fn decide(rotation: &Rotation, observed: &Observed, now: Timestamp) -> Vec<Decision> {
    let Some(finished_at) = rotation.finished_at.filter(|_| is_rolling_out(rotation)) else {
        return Vec::new();
    };
    let seen = Sorted::of(rotation, observed, finished_at);
    if seen.all_steady() {
        let retire = Action::Retire(Retirement::of(rotation));
        return vec![
            because(retire, steady_words(&observed.services)),
            because(Action::Settle, "nothing of the old value is left"),
        ];
    }
    let age = now.duration_since(rotation.rollout_at.unwrap_or(now));
    let words = seen.words();
    if rotation.state == State::Failed {
        // It was told. From here on it is only watched.
        if age > MENDED_WITHIN {
            let why = format!("nobody mended it within {} days", MENDED_WITHIN.as_hours() / 24);
            return vec![because(Action::GiveUp, format!("{why}: {words}"))];
        }
        return vec![because(Action::Wait, words)];
    }
    let is_late = age > STEADY_WITHIN;
    if is_late || seen.only_failures_left() {
        let reason = if is_late {
            format!("not steady after {} hours: {words}", STEADY_WITHIN.as_hours())
        } else {
            words
        };
        let fail = Action::Fail { services: seen.unsteady(), reason };
        return vec![because(fail, "the old value is left to the tasks that have it")];
    }
    let mut decisions: Vec<Decision> = seen
        .to_be_deployed
        .iter()
        .map(|(service, why)| because(Action::Redeploy { service: (*service).to_owned() }, why))
        .collect();
    decisions.push(because(Action::Wait, words));
    decisions
}

/// The services that are not steady, by what is the matter: name and words.
#[derive(Default)]
struct Sorted<'a> {
    to_be_deployed: Vec<(&'a str, String)>,
    moving: Vec<(&'a str, String)>,
    failed: Vec<(&'a str, String)>,
}

impl<'a> Sorted<'a> {
    fn of(rotation: &Rotation, observed: &'a Observed, finished_at: Timestamp) -> Self {
        let mut sorted = Self::default();
        for service in &observed.services {
            let asked = rotation.services.get(&service.name).map(String::as_str);
            let (matter, why) = match service.progress(finished_at, asked) {
                Progress::Steady => continue,
                Progress::ToBeDeployed(why) => (&mut sorted.to_be_deployed, why),
                Progress::Moving(why) => (&mut sorted.moving, why),
                Progress::Failed(why) => (&mut sorted.failed, why),
            };
            matter.push((&service.name, why));
        }
        sorted
    }

    fn all(&self) -> impl Iterator<Item = &(&'a str, String)> {
        self.failed.iter().chain(&self.to_be_deployed).chain(&self.moving)
    }

    fn all_steady(&self) -> bool {
        self.all().next().is_none()
    }

    fn only_failures_left(&self) -> bool {
        self.to_be_deployed.is_empty() && self.moving.is_empty()
    }

    fn unsteady(&self) -> Vec<String> {
        self.all().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn words(&self) -> String {
        let words: Vec<String> = self.all().map(|(name, why)| format!("{name}: {why}")).collect();
        words.join("; ")
    }
}

fn steady_words(services: &[Service]) -> String {
    match services {
        [] => "no service gets the secret at its start".to_owned(),
        services => {
            let names: Vec<&str> = services.iter().map(|it| it.name.as_str()).collect();
            format!("every task of {} has the new value", names.join(", "))
        }
    }
}
