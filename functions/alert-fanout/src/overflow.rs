//! The alerts of a group that is full: counted, and not told apart.
//!
//! In a storm many instances take alerts of the same group in at the same time. If each wrote the
//! group for it, they would mostly find that another was quicker, and DynamoDB lets one item be
//! written only so often. So each invocation notes how many there were in a small document of its
//! own, which nobody contends for, and whoever tells of the group adds them up.

use std::collections::BTreeMap;

use domain::catalogue::Severity;
use serde::{Deserialize, Serialize};

use crate::group::Group;

/// The kind of the documents.
pub const KIND: &str = "alert-overflow";

/// What one invocation counted of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflow {
    /// How many alerts, by severity.
    pub counted: BTreeMap<Severity, u64>,
}

/// Where the documents of a group's episode are, in the partition of a deployment.
pub fn partition(deployment: &str, group: &Group) -> String {
    format!("{deployment}#{}#{}", Group::id_of(&group.key), group.counts_for())
}

/// Adds what one invocation counted.
pub fn add(sum: &mut BTreeMap<Severity, u64>, overflow: &Overflow) {
    for (severity, count) in &overflow.counted {
        let total = sum.entry(*severity).or_default();
        *total = total.saturating_add(*count);
    }
}
