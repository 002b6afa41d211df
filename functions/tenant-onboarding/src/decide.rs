//! What to do next for a tenant: the thinking, and nothing but.
//!
//! [`decide`] takes what is recorded, what was observed and the time, and answers with decisions
//! as data, each with its reason. It knows no clock, no network and no chance, so that every
//! situation a tenant can be in is a row of a table in `tests/decide.rs`.
//!
//! The way of a tenant:
//!
//! ```text
//! accepted ─► data stack ─► database role ─► app stack ─► healthy ─► protected ─► active
//!                 │              │ (migrations)   │            │
//!                 └──────────────┴───── failed ◄──┴────────────┘   told, then cleaned up
//! ```
//!
//! Nothing is remembered that can be seen: whether a stack exists is asked of CloudFormation
//! each time. Only what cannot be seen stands in the record.

mod health;
mod request;
mod stack;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use store::{Failure, Status, TenantRecord};

pub use health::{Health, Rollout, ServiceHealth, TargetHealth};
pub use request::{Verdict, judge};
pub use stack::{Cause, Stack, StackKind, StackState};

/// How long an application may take to become healthy once its stack is complete. ECS gives up
/// on a deployment by itself through the circuit breaker; this is the end for what it does not
/// see, such as a listener rule that leads nowhere.
pub const HEALTHY_WITHIN: SignedDuration = SignedDuration::from_mins(30);

/// How long one attempt may take altogether. An Aurora cluster and a Multi-AZ cache take up to
/// 40 minutes on a bad day; beyond two hours nobody should be left to wonder.
pub const ATTEMPT_WITHIN: SignedDuration = SignedDuration::from_hours(2);

/// How far CloudFormation's clock and ours may be apart. A stack that is older than its attempt
/// by more than this is an earlier attempt's; no attempt fails and is asked for again so fast.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// What was seen of a tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// The data stack, if there is one.
    pub data: Option<Stack>,
    /// The app stack, if there is one.
    pub app: Option<Stack>,
    /// How the application is; looked at only once its stack is ready.
    pub health: Option<Health>,
}

/// What the catalogue wants of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Whether the tenant's tier is protected against deletion.
    pub protection: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Have CloudFormation create a stack.
    CreateStack(StackKind),
    /// Have CloudFormation delete a stack.
    DeleteStack(StackKind),
    /// Make the application's own database role as it should be.
    EnsureDatabaseRole,
    /// Turn on deletion protection of the database and termination protection of its stack.
    Protect,
    /// Record that the tenant is active, at this URL.
    MarkActive {
        /// Where the tenant answers.
        url: String,
    },
    /// Record that the attempt failed, and why.
    MarkFailed(Failure),
    /// Tell the world what the record says.
    Announce,
    /// Record that nothing half-made is left.
    Settle,
    /// Leave a stack that CloudFormation gave up on to a person, and say so.
    LeaveToPerson {
        /// The stack's name.
        stack: String,
    },
    /// Look again later.
    Wait,
}

impl Action {
    /// Whether it changes something outside of the record.
    pub fn reaches_outside(&self) -> bool {
        match self {
            Self::CreateStack(_)
            | Self::DeleteStack(_)
            | Self::EnsureDatabaseRole
            | Self::Protect
            | Self::LeaveToPerson { .. }
            | Self::Announce => true,
            Self::MarkActive { .. } | Self::MarkFailed(_) | Self::Settle | Self::Wait => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateStack(kind) => write!(f, "create the {kind}"),
            Self::DeleteStack(kind) => write!(f, "delete the {kind}"),
            Self::EnsureDatabaseRole => f.write_str("ensure the application's database role"),
            Self::Protect => f.write_str("protect the data"),
            Self::MarkActive { url } => write!(f, "mark active at {url}"),
            Self::MarkFailed(failure) => write!(f, "mark failed in step {}", failure.step),
            Self::Announce => f.write_str("announce"),
            Self::Settle => f.write_str("settle"),
            Self::LeaveToPerson { stack } => write!(f, "leave {stack} to a person"),
            Self::Wait => f.write_str("wait"),
        }
    }
}

/// An action and why it is taken; both go to the journal.
#[derive(Debug, Clone, PartialEq)]
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

/// What to do for the tenant of `record`, in this order.
///
/// An empty answer means that all is done.
pub fn decide(
    record: &TenantRecord,
    observed: &Observed,
    wanted: Wanted,
    now: Timestamp,
) -> Vec<Decision> {
    match record.status {
        Status::Onboarding => onboard(record, observed, wanted, now),
        Status::Failed => clean_up(record, observed),
        Status::Active => announce(record),
        // Other parts of a tenant's life are not this decision's.
        Status::Suspended | Status::Offboarding | Status::Offboarded => Vec::new(),
    }
}

fn announce(record: &TenantRecord) -> Vec<Decision> {
    if record.announced {
        return Vec::new();
    }
    vec![because(Action::Announce, format!("nobody was told that the tenant is {}", record.status))]
}

fn onboard(
    record: &TenantRecord,
    observed: &Observed,
    wanted: Wanted,
    now: Timestamp,
) -> Vec<Decision> {
    let decisions = next_step(record, observed, wanted, now);
    let overdue = now.duration_since(record.attempt_at) > ATTEMPT_WITHIN;
    let waits = decisions.iter().any(|decision| decision.action == Action::Wait);
    let engine_at_work = [&observed.data, &observed.app]
        .into_iter()
        .flatten()
        .any(|stack| stack.state == StackState::InProgress);
    // CloudFormation ends by itself; what it has begun is not interrupted.
    if overdue && !engine_at_work && (waits || decisions.is_empty()) {
        let why = decisions.first().map_or("nothing moves", |decision| decision.why.as_str());
        return fail(
            record,
            "time",
            None,
            format!("not done within {} hours; last: {why}", ATTEMPT_WITHIN.as_hours()),
            now,
        );
    }
    decisions
}

fn next_step(
    record: &TenantRecord,
    observed: &Observed,
    wanted: Wanted,
    now: Timestamp,
) -> Vec<Decision> {
    let data = match standing(record, StackKind::Data, observed.data.as_ref(), now) {
        Standing::Ready(stack) => stack,
        Standing::Otherwise(decisions) => return decisions,
    };
    let mut decisions = Vec::new();
    if record.database_role_at.is_none() {
        decisions.push(because(
            Action::EnsureDatabaseRole,
            "the database is up, and the application does not use its master user",
        ));
    }
    // Migrations of the application's schema come here, between the stacks.
    let app = match standing(record, StackKind::App, observed.app.as_ref(), now) {
        Standing::Ready(stack) => stack,
        Standing::Otherwise(next) => {
            decisions.extend(next);
            return decisions;
        }
    };
    if let Some(ailment) = ailment(observed) {
        if now.duration_since(app.created_at) > HEALTHY_WITHIN {
            let why = format!("not healthy after {} minutes: {ailment}", HEALTHY_WITHIN.as_mins());
            decisions.extend(fail(record, "health", None, why, now));
        } else {
            decisions.push(because(Action::Wait, format!("the application starts: {ailment}")));
        }
        return decisions;
    }
    if wanted.protection && !data.is_protected() {
        // One that an earlier attempt could not have is tried again: its cause may be mended.
        let tried = !is_left_over(record, data.updated_at.unwrap_or(data.created_at));
        if data.state == StackState::UpdateRolledBack && tried {
            decisions.extend(fail_with(record, "protection", data, now));
        } else {
            decisions
                .push(because(Action::Protect, "the tenant is healthy and its tier protected"));
            decisions.push(because(Action::Wait, "CloudFormation updates the data stack"));
        }
        return decisions;
    }
    let url = app.outputs.get(crate::template::output::URL).cloned().unwrap_or_default();
    decisions.push(because(Action::MarkActive { url }, "all its services and targets are healthy"));
    decisions.push(because(Action::Announce, "nobody was told that the tenant is active"));
    decisions
}

/// Why the application cannot be called healthy, if so.
fn ailment(observed: &Observed) -> Option<String> {
    match &observed.health {
        Some(health) => health.ailment(),
        None => Some("its health is not known yet".to_owned()),
    }
}

enum Standing<'a> {
    Ready(&'a Stack),
    Otherwise(Vec<Decision>),
}

/// What a stack of an onboarding tenant calls for.
fn standing<'a>(
    record: &TenantRecord,
    kind: StackKind,
    stack: Option<&'a Stack>,
    now: Timestamp,
) -> Standing<'a> {
    let Some(stack) = stack else {
        return Standing::Otherwise(vec![
            because(Action::CreateStack(kind), "there is none"),
            because(Action::Wait, format!("CloudFormation creates the {kind}")),
        ]);
    };
    Standing::Otherwise(match stack.state {
        StackState::Ready | StackState::UpdateRolledBack
            if kind == StackKind::Data && is_of_another_tier(record, stack) =>
        {
            let made_for = stack.tier.as_deref().unwrap_or_default();
            let reason = format!(
                "an earlier attempt made the stack {} for tier {made_for}, and this one asks for \
                 {}; ask for {made_for}, or remove the stack and ask again",
                stack.name, record.tenant.tier
            );
            fail(record, &kind.to_string(), None, reason, now)
        }
        // An application is of the attempt that made it, with what was asked for then. Data are
        // whoever made them.
        StackState::Ready | StackState::UpdateRolledBack
            if kind == StackKind::Data || !is_left_over(record, stack.created_at) =>
        {
            return Standing::Ready(stack);
        }
        StackState::InProgress => vec![because(
            Action::Wait,
            format!("CloudFormation works on the {kind}: {}", stack.status),
        )],
        StackState::Stuck => fail_with(record, &kind.to_string(), stack, now),
        StackState::Broken if !is_left_over(record, stack.created_at) => {
            fail_with(record, &kind.to_string(), stack, now)
        }
        StackState::Broken | StackState::Ready | StackState::UpdateRolledBack => vec![
            because(Action::DeleteStack(kind), "an earlier attempt left it behind"),
            because(Action::Wait, format!("CloudFormation deletes the {kind}")),
        ],
    })
}

/// Whether a stack was made for another tier than the one that is asked for now: it would be
/// paid for as one and be as large as the other.
fn is_of_another_tier(record: &TenantRecord, stack: &Stack) -> bool {
    stack.tier.as_deref().is_some_and(|tier| tier != record.tenant.tier.as_str())
}

/// Whether what CloudFormation began at `moment` is an earlier attempt's.
fn is_left_over(record: &TenantRecord, moment: Timestamp) -> bool {
    record.attempt_at.duration_since(moment) > CLOCKS_APART
}

fn fail_with(record: &TenantRecord, step: &str, stack: &Stack, now: Timestamp) -> Vec<Decision> {
    let (resource, reason) = match &stack.cause {
        Some(cause) => (cause.resource.clone(), cause.reason.clone()),
        None => (None, format!("the stack {} is {}", stack.name, stack.status)),
    };
    fail(record, step, resource, reason, now)
}

fn fail(
    record: &TenantRecord,
    step: &str,
    resource: Option<String>,
    reason: String,
    now: Timestamp,
) -> Vec<Decision> {
    let why = match &resource {
        Some(resource) => format!("{resource}: {reason}"),
        None => reason.clone(),
    };
    let failure = Failure { step: step.to_owned(), resource, reason, at: now };
    vec![
        because(Action::MarkFailed(failure), why),
        because(Action::Announce, format!("attempt {} has ended", record.attempt)),
        because(Action::Wait, "what the attempt left behind is removed next"),
    ]
}

/// A failed tenant: tell it, then remove what is half-made. A data stack that came up whole is
/// kept: it is not half-made, and the next attempt goes on from it.
fn clean_up(record: &TenantRecord, observed: &Observed) -> Vec<Decision> {
    let mut decisions = announce(record);
    if !record.cleaning_up {
        return decisions;
    }
    let leftovers = [
        observed.app.as_ref().map(|stack| (StackKind::App, stack)),
        observed.data.as_ref().filter(|stack| !stack.is_whole()).map(|s| (StackKind::Data, s)),
    ];
    let mut waits = None;
    for (kind, stack) in leftovers.into_iter().flatten() {
        match stack.state {
            StackState::InProgress => {
                waits = Some(format!("CloudFormation works on the {kind}: {}", stack.status));
            }
            StackState::Stuck => decisions.push(because(
                Action::LeaveToPerson { stack: stack.name.clone() },
                format!("it is {} and must be removed before the next attempt", stack.status),
            )),
            StackState::Ready | StackState::UpdateRolledBack | StackState::Broken => {
                decisions.push(because(Action::DeleteStack(kind), "its attempt failed"));
                waits = Some(format!("CloudFormation deletes the {kind}"));
            }
        }
    }
    let is_a_persons =
        |decision: &Decision| matches!(decision.action, Action::LeaveToPerson { .. });
    match waits {
        Some(why) => {
            // A person is called once, when nothing moves any more.
            decisions.retain(|decision| !is_a_persons(decision));
            decisions.push(because(Action::Wait, why));
        }
        None if decisions.iter().any(is_a_persons) => {}
        None => decisions.push(because(Action::Settle, "nothing half-made is left")),
    }
    decisions
}
