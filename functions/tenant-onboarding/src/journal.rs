//! The lines that a pass leaves in the journal: when, what, why, with which result.

use jiff::Timestamp;
use store::JournalEntry;

use crate::FUNCTION;
use crate::decide::{Action, Decision};

/// The lines of one pass, in order.
#[derive(Debug)]
pub(crate) struct Lines {
    pass: String,
    request_id: String,
    now: Timestamp,
    so_far: Vec<JournalEntry>,
}

impl Lines {
    /// No lines yet, of the pass with this id.
    pub(crate) fn new(pass: &str, request_id: &str, now: Timestamp) -> Self {
        let (pass, request_id) = (pass.to_owned(), request_id.to_owned());
        Self { pass, request_id, now, so_far: Vec::new() }
    }

    /// A line about anything.
    pub(crate) fn note(&mut self, step: &str, what: &str, why: &str, outcome: &str) {
        self.so_far.push(JournalEntry {
            at: self.now,
            function: FUNCTION.to_owned(),
            pass: self.pass.clone(),
            request_id: self.request_id.clone(),
            step: step.to_owned(),
            what: what.to_owned(),
            why: why.to_owned(),
            outcome: outcome.to_owned(),
        });
    }

    /// A line about a decision and what came of it.
    pub(crate) fn decision(&mut self, decision: &Decision, outcome: &str) {
        let what = decision.action.to_string();
        self.note(step(&decision.action), &what, &decision.why, outcome);
    }

    /// The lines so far; the next are a new beginning.
    pub(crate) fn take(&mut self) -> Vec<JournalEntry> {
        std::mem::take(&mut self.so_far)
    }
}

/// The step of a tenant's way that an action belongs to.
pub(crate) fn step(action: &Action) -> &str {
    use crate::decide::StackKind;
    match action {
        Action::CreateStack(StackKind::Data) | Action::DeleteStack(StackKind::Data) => "data stack",
        Action::CreateStack(StackKind::App) | Action::DeleteStack(StackKind::App) => "app stack",
        Action::EnsureDatabaseRole => "database role",
        Action::Protect => "protection",
        Action::MarkActive { .. } => "active",
        Action::MarkFailed(failure) => &failure.step,
        Action::Announce => "announcement",
        Action::Settle | Action::LeaveToPerson { .. } => "clean-up",
        Action::Wait => "waiting",
    }
}
