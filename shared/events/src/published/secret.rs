//! What is told of a secret: that it was rotated, or why it could not be.
//!
//! No event holds a secret's value or a part of it. A secret has a subject where it is known whose
//! it is: one that its tags and its name do not tie to a tenant of the records is spoken of
//! without.

use domain::catalogue::Severity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Subject;

/// See [`Event::SecretRotated`](super::Event::SecretRotated).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRotated {
    /// Whose secret it is, where that is known.
    #[serde(flatten)]
    pub subject: Option<Subject>,
    /// The secret's ARN.
    pub secret_arn: String,
    /// The secret's name: `mate-demo-dev/database-app`.
    pub secret_name: String,
    /// The version that is now `AWSCURRENT`.
    pub version_id: String,
    /// What kind of secret it is: `database`, `cache-token`, …
    pub kind: String,
    /// How it was rotated: `single-user`, `alternating-users`, …
    pub strategy: String,
    /// When the version became `AWSCURRENT`: what was started before may hold the old value.
    pub rotated_at: Timestamp,
}

/// See [`Event::SecretRotationFailed`](super::Event::SecretRotationFailed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRotationFailed {
    /// Whose secret it is, where that is known.
    #[serde(flatten)]
    pub subject: Option<Subject>,
    /// The secret's ARN.
    pub secret_arn: String,
    /// The secret's name.
    pub secret_name: String,
    /// The version that was to become `AWSCURRENT`.
    pub version_id: String,
    /// The step that failed, by Secrets Manager's name: `setSecret`.
    pub step: String,
    /// What kind of failure it is: `network`, `tls`, `authentication`, `permission`, `policy`,
    /// `binding`, `configuration`, …
    pub kind: String,
    /// How urgently a person must look, where that is not as usual for a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Why, in words.
    pub reason: String,
    /// What to do about it, in words.
    pub remedy: String,
}

/// See [`Event::SecretRolloutCompleted`](super::Event::SecretRolloutCompleted).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRolloutCompleted {
    /// Whose secret it is, where that is known.
    #[serde(flatten)]
    pub subject: Option<Subject>,
    /// The secret's ARN.
    pub secret_arn: String,
    /// The secret's name.
    pub secret_name: String,
    /// The version that is `AWSCURRENT`, and that all services have.
    pub version_id: String,
    /// The services that were relaunched or had the value already.
    pub services: Vec<String>,
    /// What became of the old value, in words: `lock the login of demo_app`.
    pub retired: String,
}

/// See [`Event::SecretRolloutFailed`](super::Event::SecretRolloutFailed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretRolloutFailed {
    /// Whose secret it is, where that is known.
    #[serde(flatten)]
    pub subject: Option<Subject>,
    /// The secret's ARN.
    pub secret_arn: String,
    /// The secret's name.
    pub secret_name: String,
    /// The version that is `AWSCURRENT`.
    pub version_id: String,
    /// The services that did not become steady with it.
    pub services: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// What to do about it, in words.
    pub remedy: String,
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;
    use domain::Tier;
    use serde_json::json;

    fn rotated(subject: Option<Subject>) -> SecretRotated {
        SecretRotated {
            subject,
            secret_arn: "arn:aws:secretsmanager:us-east-1:111122223333:secret:a".into(),
            secret_name: "mate-demo-dev/database-app".into(),
            version_id: "v2".into(),
            kind: "database".into(),
            strategy: "alternating-users".into(),
            rotated_at: "2026-03-01T12:00:00Z".parse().unwrap(),
        }
    }

    fn subject() -> Subject {
        Subject {
            product: "mate".parse().unwrap(),
            tenant_id: "demo".parse().unwrap(),
            environment: "dev".parse().unwrap(),
            tier: Tier::Trial,
        }
    }

    #[test]
    fn a_rotation_is_told_flat_with_its_tenant() {
        let event = Event::SecretRotated(rotated(Some(subject())));
        assert_eq!(event.detail_type(), "SecretRotated");
        let mut detail = event.detail();
        detail.as_object_mut().unwrap().remove("eventId").unwrap();
        let expected = json!({
            "product": "mate", "tenantId": "demo", "environment": "dev", "tier": "trial",
            "secretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:a",
            "secretName": "mate-demo-dev/database-app", "versionId": "v2", "kind": "database",
            "strategy": "alternating-users", "rotatedAt": "2026-03-01T12:00:00Z",
        });
        assert_eq!(detail, expected);
    }

    #[test]
    fn what_is_told_of_a_rotation_is_read_back_with_and_without_a_tenant() {
        for subject in [None, Some(subject())] {
            let told = rotated(subject);
            let detail = Event::SecretRotated(told.clone()).detail();
            assert_eq!(serde_json::from_value::<SecretRotated>(detail).unwrap(), told);
        }
    }

    #[test]
    fn a_failure_of_a_secret_that_is_nobodys_is_told_without_a_tenant() {
        let failed = SecretRotationFailed {
            subject: None,
            secret_arn: "arn".into(),
            secret_name: "other".into(),
            version_id: "v2".into(),
            step: "setSecret".into(),
            kind: "binding".into(),
            severity: Some(Severity::Critical),
            reason: "it is nobody's".into(),
            remedy: "tag it".into(),
        };
        let detail = Event::SecretRotationFailed(failed.clone()).detail();
        assert!(detail.get("tenantId").is_none(), "{detail}");
        assert_eq!(detail["severity"], "critical");
        let again = Event::SecretRotationFailed(failed.clone()).detail();
        assert_eq!(detail["eventId"], again["eventId"]);
        let other = SecretRotationFailed { step: "testSecret".into(), ..failed };
        assert_ne!(detail["eventId"], Event::SecretRotationFailed(other).detail()["eventId"]);
    }

    #[test]
    fn a_completed_rollout_says_what_became_of_the_old_value() {
        let event = Event::SecretRolloutCompleted(SecretRolloutCompleted {
            subject: Some(subject()),
            secret_arn: "arn".into(),
            secret_name: "mate-demo-dev/database-app".into(),
            version_id: "v2".into(),
            services: vec!["mate-demo-dev-django".into()],
            retired: "lock the login of demo_app".into(),
        });
        assert_eq!(event.detail_type(), "SecretRolloutCompleted");
        assert_eq!(event.detail()["retired"], "lock the login of demo_app");
    }

    #[test]
    fn a_failed_rollout_names_the_services_that_hold_the_old_value() {
        let event = Event::SecretRolloutFailed(SecretRolloutFailed {
            subject: None,
            secret_arn: "arn".into(),
            secret_name: "mate-demo-dev/database-app".into(),
            version_id: "v2".into(),
            services: vec!["mate-demo-dev-django".into()],
            reason: "the deployment failed".into(),
            remedy: "look at its tasks".into(),
        });
        assert_eq!(event.detail_type(), "SecretRolloutFailed");
        assert_eq!(event.detail()["services"], json!(["mate-demo-dev-django"]));
    }
}
