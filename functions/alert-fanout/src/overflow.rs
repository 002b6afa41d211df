//! The alerts of a group that is full: counted, and not told apart.
//!
//! In a storm many instances take alerts of the same group in at the same time. If each wrote the
//! group for it, they would mostly find that another was quicker, and DynamoDB lets one item be
//! written only so often. So each instance keeps a count in a small document of its own, which
//! nobody contends for, and whoever tells of the group adds them up.

use std::collections::BTreeMap;

use domain::catalogue::Severity;
use serde::{Deserialize, Serialize};

use crate::group::Group;

/// The kind of the documents.
pub const KIND: &str = "alert-overflow";

/// How many alerts there were, by severity.
pub type Counts = BTreeMap<Severity, u64>;

/// What one instance has counted of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflow {
    /// How many alerts.
    pub counted: Counts,
    /// How many before the invocation that counted last.
    pub before: Counts,
    /// Which invocation that was.
    pub by: String,
}

impl Overflow {
    /// Counts what an invocation brings. The same invocation again counts anew, and not once more.
    pub fn count(&mut self, brought: &Counts, by: &str) {
        if self.by != by {
            self.before.clone_from(&self.counted);
            by.clone_into(&mut self.by);
        }
        self.counted.clone_from(&self.before);
        add(&mut self.counted, brought);
    }

    /// What was counted, but for what this invocation brought.
    pub fn without(&self, by: Option<&str>) -> &Counts {
        if by == Some(self.by.as_str()) { &self.before } else { &self.counted }
    }
}

/// Where the documents of a group's episode are, in the partition of a deployment.
pub fn partition(deployment: &str, group: &Group) -> String {
    format!("{deployment}#{}#{}", Group::id_of(&group.key), group.counts_for())
}

/// Adds counts to others.
pub fn add(sum: &mut Counts, more: &Counts) {
    for (severity, count) in more {
        let total = sum.entry(*severity).or_default();
        *total = total.saturating_add(*count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_that_counts_again_counts_once() {
        let of = |count| Counts::from([(Severity::Critical, count)]);
        let mut overflow = Overflow::default();
        overflow.count(&of(3), "first");
        overflow.count(&of(3), "first");
        assert_eq!(overflow.counted, of(3));
        overflow.count(&of(2), "second");
        assert_eq!((&overflow.counted, overflow.without(Some("second"))), (&of(5), &of(3)));
        overflow.count(&of(1), "second");
        assert_eq!((&overflow.counted, overflow.without(Some("first"))), (&of(4), &of(4)));
    }
}
