//! What is remembered of a rotation: one document for each secret.
//!
//! Why it exists: Secrets Manager forgets a rotation when its fourth step has ended, and a secret
//! whose services still run with the old value is only half rotated. What cannot be observed is
//! kept here: which rotation it was, what the old value's user was called, who was told.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Environment, Product, TenantId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kind::{Kind, Strategy};

/// The documents' kind in the table.
pub const KIND: &str = "rotation";

/// How long no step may be heard of before a rotation counts as stuck. Secrets Manager's retries
/// come within minutes, and a step takes at most the function's two.
pub const STUCK_AFTER: Duration = Duration::from_mins(15);

/// How far a rotation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Secrets Manager is at its four steps.
    Rotating,
    /// The new version is current; services are relaunched, and then the old value is taken away.
    RollingOut,
    /// All is done.
    Settled,
    /// It ended without a new version, or without a steady rollout; `last_failure` says why.
    Failed,
    /// The value that was made cannot be used and was taken away; another rotation is to be asked
    /// for.
    Replacing,
}

/// What kind of secret it is, without anything of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A database user.
    Database,
    /// The master user that RDS manages.
    RdsManagedMaster,
    /// A cache's auth token.
    CacheToken,
    /// A cache's RBAC user.
    CacheUser,
    /// An application key.
    ApplicationKey,
    /// A generated value.
    Generated,
}

impl Subject {
    /// The subject of a kind; `None` for what cannot be rotated.
    pub const fn of(kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::Database(_) => Self::Database,
            Kind::RdsManagedMaster(_) => Self::RdsManagedMaster,
            Kind::CacheToken { .. } => Self::CacheToken,
            Kind::CacheUser { .. } => Self::CacheUser,
            Kind::ApplicationKey => Self::ApplicationKey,
            Kind::Generated(_) => Self::Generated,
            Kind::CannotBeRotated { .. } => return None,
        })
    }

    /// Its name in events: the same as [`Kind::as_str`]'s.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::RdsManagedMaster => "rds-managed-master",
            Self::CacheToken => "cache-token",
            Self::CacheUser => "cache-user",
            Self::ApplicationKey => "application-key",
            Self::Generated => "generated",
        }
    }
}

/// Why a rotation or a rollout failed last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step: `setSecret`, `rollout`.
    pub step: String,
    /// The kind of trouble, as in the event.
    pub kind: String,
    /// What happened, in words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A rotation, as it is recorded.
///
/// A field that is added later must be an `Option` or have `#[serde(default)]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The secret's ARN.
    pub secret_arn: String,
    /// Its name.
    pub secret_name: String,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is.
    pub subject: Subject,
    /// The strategy, for a database user.
    pub strategy: Option<Strategy>,
    /// The version that is being made or was made: Secrets Manager's `ClientRequestToken`.
    pub token: String,
    /// How far it has come.
    pub state: State,
    /// When its first step was heard of.
    pub started_at: Timestamp,
    /// When its last step was heard of.
    pub step_at: Timestamp,
    /// When the new version became the current one: tasks that are older have the old value.
    pub finished_at: Option<Timestamp>,
    /// The user of the old value, where it is another one: it is locked when all services have the
    /// new value.
    pub previous_username: Option<String>,
    /// Whether MySQL was asked to keep the old password beside the new one: it is discarded when
    /// all services have the new value.
    #[serde(default)]
    pub retains_old_password: bool,
    /// How many rotations in a row were asked for because the value before could not be used.
    #[serde(default)]
    pub attempts: u32,
    /// Why it failed last.
    pub last_failure: Option<Failure>,
    /// Whether `SecretRotated` was published for the token.
    #[serde(default)]
    pub announced: bool,
    /// The tenant's services, as they were listed at the first look at the rollout. One that is made
    /// later starts with the new value.
    #[serde(default)]
    pub tenant_services: Option<Vec<String>>,
    /// The deployments by which services get the new value, by service name; an empty one was
    /// asked for, and nobody knows whether ECS heard it.
    #[serde(default)]
    pub services: BTreeMap<String, String>,
    /// When the rollout was first looked at: from then on it has its time.
    #[serde(default)]
    pub rollout_at: Option<Timestamp>,
    /// When the old value may be taken away, where that is not before a certain time.
    #[serde(default)]
    pub retire_at: Option<Timestamp>,
    /// Until when the old value may be being taken away: no other rotation begins before.
    #[serde(default)]
    pub retiring_until: Option<Timestamp>,
    /// The services that were not steady when the rollout failed.
    #[serde(default)]
    pub unsteady: Vec<String>,
    /// Whether how the rollout ended is recorded and nobody was told yet.
    #[serde(default)]
    pub untold: bool,
}

impl Rotation {
    /// Whether a sweep must look at it.
    pub const fn is_unfinished(&self) -> bool {
        matches!(self.state, State::Rotating | State::RollingOut | State::Replacing)
    }
}

/// The partition of all rotations of a deployment: `mate#dev`.
pub fn partition(product: &Product, environment: &Environment) -> String {
    format!("{product}#{environment}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::classify;

    #[test]
    fn a_subject_is_called_as_its_kind() {
        for value in [
            r#"{"engine":"mysql","host":"h","username":"u","password":"p"}"#,
            r#"{"token":"t"}"#,
            r#"{"username":"u","password":"p","user_arn":"a"}"#,
            r#"{"key":"k","fallbacks":""}"#,
        ] {
            let kind = classify(value, &BTreeMap::new(), Strategy::SingleUser);
            let subject = Subject::of(&kind).unwrap();
            assert_eq!(subject.as_str(), kind.as_str());
            let json = serde_json::to_string(&subject).unwrap();
            assert_eq!(json, format!("\"{}\"", kind.as_str()));
        }
    }
}
