//! What is recorded of a tenant: what was asked for, and how far it has come.
//!
//! The record says what a pass cannot observe. Whether a stack stands or a task runs is never in
//! it: that is asked of AWS each time, so that the record cannot be wrong about it.

use std::fmt;

use domain::Tenant;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::TenantKey;

/// How far a tenant has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Asked for, and being brought up.
    Onboarding,
    /// Up: its application answered healthily.
    Active,
    /// Could not be brought up; [`TenantRecord::failure`] says why.
    Failed,
    /// Stopped on request, with its data kept.
    Suspended,
    /// Being taken down.
    Offboarding,
    /// Gone; the record and its journal remain.
    Offboarded,
}

impl Status {
    /// The word under which it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Onboarding => "onboarding",
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Suspended => "suspended",
            Self::Offboarding => "offboarding",
            Self::Offboarded => "offboarded",
        }
    }

    /// Whether passes have to go on until it becomes another one.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Onboarding | Self::Offboarding)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a tenant failed: the first thing a person is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step that failed: `data stack`.
    pub step: String,
    /// The resource that failed first, by its logical name, where there is one: `Database`.
    pub resource: Option<String>,
    /// The reason in words, as AWS or the application gave it.
    pub reason: String,
    /// When it was seen.
    pub at: Timestamp,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.resource {
            Some(resource) => write!(f, "{}: {resource}: {}", self.step, self.reason),
            None => write!(f, "{}: {}", self.step, self.reason),
        }
    }
}

/// The record of one tenant.
///
/// A field that is added later must be an `Option` or have `#[serde(default)]`, for newer code
/// reads older records; what older code does not know it neither reads nor overwrites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRecord {
    /// What was asked for.
    pub tenant: Tenant,
    /// How far it has come.
    pub status: Status,
    /// The request that asked for it.
    pub request_id: String,
    /// The registration that a control plane waits to hear of: what AWS's SBT calls
    /// `tenantRegistrationId`.
    pub registration_id: Option<String>,
    /// Whether that control plane speaks without SBT's prefix `sbt_aws_`, as before June 2025.
    #[serde(default)]
    pub registration_unprefixed: bool,
    /// The attempt this is, from 1: a retry after a failure starts the next one.
    pub attempt: u32,
    /// When this attempt began: what stands from before it is an earlier attempt's.
    pub attempt_at: Timestamp,
    /// The priority of its rule on the shared load balancer's listener, from
    /// [`Store::next_number`](crate::Store::next_number): no two rules may have the same.
    pub listener_priority: u32,
    /// When the application's own database role was last seen to work.
    pub database_role_at: Option<Timestamp>,
    /// Whether the events for the current status have been published.
    pub announced: bool,
    /// Why it failed, while it is [`Status::Failed`].
    pub failure: Option<Failure>,
    /// Whether something that a failed attempt left behind may still have to be removed.
    #[serde(default)]
    pub cleaning_up: bool,
    /// Where its application answers.
    pub url: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When this record was last written.
    pub updated_at: Timestamp,
    /// When it first became active.
    pub active_at: Option<Timestamp>,
    /// How often this record was written, 0 for one that is not in the table yet. The store
    /// counts it; a write is refused where it is not the version last read.
    pub version: u64,
}

impl TenantRecord {
    /// The record of a tenant that was just asked for.
    pub fn new(tenant: Tenant, request_id: String, listener_priority: u32, now: Timestamp) -> Self {
        Self {
            tenant,
            status: Status::Onboarding,
            request_id,
            registration_id: None,
            registration_unprefixed: false,
            attempt: 1,
            attempt_at: now,
            listener_priority,
            database_role_at: None,
            announced: false,
            failure: None,
            cleaning_up: false,
            url: None,
            created_at: now,
            updated_at: now,
            active_at: None,
            version: 0,
        }
    }

    /// Whose record it is.
    pub fn key(&self) -> TenantKey {
        TenantKey::from(&self.tenant)
    }

    /// Whether a sweep has to take it up: it is on its way, nobody was told where it arrived, or
    /// there is something to clean up behind it.
    pub fn is_unfinished(&self) -> bool {
        self.status.is_passing() || !self.announced || self.cleaning_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const ALL: [Status; 6] = [
        Status::Onboarding,
        Status::Active,
        Status::Failed,
        Status::Suspended,
        Status::Offboarding,
        Status::Offboarded,
    ];

    #[test]
    fn a_status_is_recorded_under_its_word() {
        for status in ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn a_record_is_unfinished_while_on_its_way_or_not_announced() {
        for status in ALL {
            for announced in [false, true] {
                let record = TenantRecord { status, announced, ..testing::record("demo") };
                let on_its_way = status == Status::Onboarding || status == Status::Offboarding;
                assert_eq!(record.is_unfinished(), on_its_way || !announced, "{status}");
            }
        }
    }

    #[test]
    fn a_failure_reads_as_a_sentence() {
        let at = testing::instant(0);
        let failure = Failure {
            step: "data stack".to_owned(),
            resource: Some("Database".to_owned()),
            reason: "no capacity".to_owned(),
            at,
        };
        assert_eq!(failure.to_string(), "data stack: Database: no capacity");
        let failure = Failure { resource: None, ..failure };
        assert_eq!(failure.to_string(), "data stack: no capacity");
    }
}
