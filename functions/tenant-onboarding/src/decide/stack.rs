//! A CloudFormation stack as a decision sees it: five states instead of twenty-three.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

/// Which of a tenant's two stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackKind {
    /// Stateful and protected: database, cache, buckets, secrets.
    Data,
    /// Everything that can be made again: services, alarms, routes.
    App,
}

impl fmt::Display for StackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "data stack",
            Self::App => "app stack",
        })
    }
}

/// What can be done with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackState {
    /// CloudFormation is at work on it.
    InProgress,
    /// As the template says.
    Ready,
    /// Whole, but its last update was undone.
    UpdateRolledBack,
    /// It never came up; it can only be deleted.
    Broken,
    /// CloudFormation gave up on it; a person has to look.
    Stuck,
}

impl StackState {
    /// The state that a stack status of CloudFormation stands for; `None` for a deleted stack.
    ///
    /// Source: CloudFormation API reference, `Stack.StackStatus`. A status that is not known
    /// yet is read by its ending, so that a new one is waited for rather than acted upon.
    pub fn of(status: &str) -> Option<Self> {
        Some(match status {
            "DELETE_COMPLETE" => return None,
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => Self::Ready,
            "UPDATE_ROLLBACK_COMPLETE" | "IMPORT_ROLLBACK_COMPLETE" => Self::UpdateRolledBack,
            "CREATE_FAILED" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" => Self::Broken,
            "DELETE_FAILED"
            | "UPDATE_FAILED"
            | "UPDATE_ROLLBACK_FAILED"
            | "IMPORT_ROLLBACK_FAILED" => Self::Stuck,
            status if status.ends_with("_FAILED") => Self::Stuck,
            _ => Self::InProgress,
        })
    }
}

/// The first resource that failed, and why: later failures are only its echo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Logical id and type: `Database (AWS::RDS::DBInstance)`; none where the stack itself
    /// failed.
    pub resource: Option<String>,
    /// CloudFormation's reason, in its words.
    pub reason: String,
}

/// A stack that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// CloudFormation's word for its status, for people.
    pub status: String,
    /// What can be done with it.
    pub state: StackState,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its last update began, if it was ever updated.
    pub updated_at: Option<Timestamp>,
    /// The tier that it was made for, by its tag.
    pub tier: Option<String>,
    /// The parameters it was given.
    pub parameters: BTreeMap<String, String>,
    /// What it answers with.
    pub outputs: BTreeMap<String, String>,
    /// Whether it refuses to be deleted.
    pub termination_protection: bool,
    /// Why it is broken or stuck; read only then.
    pub cause: Option<Cause>,
}

impl Stack {
    /// Whether it came up whole once, and so may hold what a customer entrusted.
    pub fn is_whole(&self) -> bool {
        matches!(self.state, StackState::Ready | StackState::UpdateRolledBack)
    }

    /// Whether both the stack and, by its parameter, the database refuse to be deleted.
    pub fn is_protected(&self) -> bool {
        self.termination_protection
            && self
                .parameters
                .get(crate::template::parameter::PROTECTED)
                .is_some_and(|value| value == "true")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_cloudformation_has_a_state() {
        // All values of StackStatus in the API reference.
        let table = [
            ("CREATE_IN_PROGRESS", Some(StackState::InProgress)),
            ("CREATE_FAILED", Some(StackState::Broken)),
            ("CREATE_COMPLETE", Some(StackState::Ready)),
            ("ROLLBACK_IN_PROGRESS", Some(StackState::InProgress)),
            ("ROLLBACK_FAILED", Some(StackState::Broken)),
            ("ROLLBACK_COMPLETE", Some(StackState::Broken)),
            ("DELETE_IN_PROGRESS", Some(StackState::InProgress)),
            ("DELETE_FAILED", Some(StackState::Stuck)),
            ("DELETE_COMPLETE", None),
            ("UPDATE_IN_PROGRESS", Some(StackState::InProgress)),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Some(StackState::InProgress)),
            ("UPDATE_COMPLETE", Some(StackState::Ready)),
            ("UPDATE_FAILED", Some(StackState::Stuck)),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Some(StackState::InProgress)),
            ("UPDATE_ROLLBACK_FAILED", Some(StackState::Stuck)),
            ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", Some(StackState::InProgress)),
            ("UPDATE_ROLLBACK_COMPLETE", Some(StackState::UpdateRolledBack)),
            ("REVIEW_IN_PROGRESS", Some(StackState::InProgress)),
            ("IMPORT_IN_PROGRESS", Some(StackState::InProgress)),
            ("IMPORT_COMPLETE", Some(StackState::Ready)),
            ("IMPORT_ROLLBACK_IN_PROGRESS", Some(StackState::InProgress)),
            ("IMPORT_ROLLBACK_FAILED", Some(StackState::Stuck)),
            ("IMPORT_ROLLBACK_COMPLETE", Some(StackState::UpdateRolledBack)),
        ];
        for (status, state) in table {
            assert_eq!(StackState::of(status), state, "{status}");
        }
    }
}
