//! What Caretaker publishes on its bus: facts about tenants and their secrets, in the past tense.
//!
//! `detail-type` is the variant's name and `detail` its fields in camel case, so that a rule can
//! match on any of them. Every detail carries an `eventId` that depends on what is told and not
//! on when: a subscriber that hears the same fact twice can see that it is the same.

mod secret;

use std::collections::BTreeMap;

use domain::naming::fingerprint;
use domain::{Environment, Product, Tenant, TenantId, Tier};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use secret::{
    SecretRolloutCompleted, SecretRolloutFailed, SecretRotated, SecretRotationFailed,
};

/// How much of the digest makes an event's id: as much as a UUID has.
const EVENT_ID_BYTES: usize = 16;

/// The attribute of a message to people, on a topic, that says what is told: the `eventId` of an
/// event on the bus. Who hears both can tell that it is one thing.
pub const EVENT_ID_ATTRIBUTE: &str = "CaretakerEventId";

/// A fact about a tenant or a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// The tenant can be used.
    TenantActivated(TenantActivated),
    /// Bringing the tenant up failed; a retry starts clean.
    TenantOnboardingFailed(TenantOnboardingFailed),
    /// A request asked for a tenant that exists; nothing was changed.
    TenantAlreadyExists(TenantAlreadyExists),
    /// A message could not be taken as a request, or contradicts an earlier one.
    TenantRequestRefused(TenantRequestRefused),
    /// A secret has a new value; what was started before may still hold the old one.
    SecretRotated(SecretRotated),
    /// A step of a rotation failed; Secrets Manager tries again, or a person has to.
    SecretRotationFailed(SecretRotationFailed),
    /// All services that use a rotated secret have its new value, and the old one is good for
    /// nothing any more.
    SecretRolloutCompleted(SecretRolloutCompleted),
    /// A secret was rotated, but the services that use it did not become steady with it; the old
    /// value stays good.
    SecretRolloutFailed(SecretRolloutFailed),
}

/// Whom an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// The product.
    pub product: Product,
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its environment.
    pub environment: Environment,
    /// Its tier.
    pub tier: Tier,
}

impl From<&Tenant> for Subject {
    fn from(tenant: &Tenant) -> Self {
        Self {
            product: tenant.product.clone(),
            tenant_id: tenant.id.clone(),
            environment: tenant.environment.clone(),
            tier: tenant.tier,
        }
    }
}

/// See [`Event::TenantActivated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantActivated {
    /// The tenant.
    #[serde(flatten)]
    pub subject: Subject,
    /// The request that asked for it.
    pub request_id: String,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// Where it answers.
    pub url: String,
}

/// See [`Event::TenantOnboardingFailed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantOnboardingFailed {
    /// The tenant.
    #[serde(flatten)]
    pub subject: Subject,
    /// The request that asked for it.
    pub request_id: String,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// The step that failed: `data stack`, `database role`, …
    pub step: String,
    /// The first resource that failed, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Why, in words.
    pub reason: String,
}

/// See [`Event::TenantAlreadyExists`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantAlreadyExists {
    /// The tenant, as it is recorded, not as it was asked for.
    #[serde(flatten)]
    pub subject: Subject,
    /// The request that asked for it again.
    pub request_id: String,
    /// Its state: `onboarding`, `active`, …
    pub state: String,
    /// Where it answers, once it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// See [`Event::TenantRequestRefused`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TenantRequestRefused {
    /// The message's id in its queue.
    pub message_id: String,
    /// The tenant it named, where that could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The request's id, where that could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Everything that is wrong with it, one line each.
    pub mistakes: Vec<String>,
}

impl Event {
    /// The event's `detail-type`.
    pub fn detail_type(&self) -> &'static str {
        match self {
            Self::TenantActivated(_) => "TenantActivated",
            Self::TenantOnboardingFailed(_) => "TenantOnboardingFailed",
            Self::TenantAlreadyExists(_) => "TenantAlreadyExists",
            Self::TenantRequestRefused(_) => "TenantRequestRefused",
            Self::SecretRotated(_) => "SecretRotated",
            Self::SecretRotationFailed(_) => "SecretRotationFailed",
            Self::SecretRolloutCompleted(_) => "SecretRolloutCompleted",
            Self::SecretRolloutFailed(_) => "SecretRolloutFailed",
        }
    }

    /// The event's `detail`, with its `eventId`.
    pub fn detail(&self) -> Value {
        // Structs of strings and numbers always serialize.
        let mut detail = serde_json::to_value(self).unwrap_or_default();
        let id = self.id_of(&detail);
        if let Some(fields) = detail.as_object_mut() {
            fields.insert("eventId".to_owned(), id.into());
        }
        detail
    }

    /// The event's `eventId`: the same for the same fact, whenever it is told.
    pub fn id(&self) -> String {
        self.id_of(&serde_json::to_value(self).unwrap_or_default())
    }

    fn id_of(&self, detail: &Value) -> String {
        // In the order of the names: serde_json's own is another where some dependency turns on
        // its `preserve_order`, and the same fact must have the same id in every build.
        let by_name: BTreeMap<&String, &Value> = detail.as_object().into_iter().flatten().collect();
        let told = serde_json::to_string(&by_name).unwrap_or_default();
        fingerprint(&format!("{}\n{told}", self.detail_type()), EVENT_ID_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(mistake: &str) -> Event {
        Event::TenantRequestRefused(TenantRequestRefused {
            message_id: "m1".into(),
            tenant_id: None,
            request_id: None,
            mistakes: vec![mistake.into()],
        })
    }

    #[test]
    fn a_detail_is_flat_and_in_camel_case() {
        let event = Event::TenantActivated(TenantActivated {
            subject: Subject {
                product: "mate".parse().unwrap(),
                tenant_id: "demo".parse().unwrap(),
                environment: "dev".parse().unwrap(),
                tier: Tier::Trial,
            },
            request_id: "r1".into(),
            attempt: 1,
            url: "https://demo.mate.example.com".into(),
        });
        let mut detail = event.detail();
        let id = detail.as_object_mut().unwrap().remove("eventId").unwrap();
        assert_eq!(id.as_str().unwrap().len(), 32);
        let expected = serde_json::json!({
            "attempt": 1,
            "environment": "dev",
            "product": "mate",
            "requestId": "r1",
            "tenantId": "demo",
            "tier": "trial",
            "url": "https://demo.mate.example.com",
        });
        assert_eq!(detail, expected);
    }

    #[test]
    fn the_same_fact_has_the_same_id_and_another_fact_another() {
        assert_eq!(refused("a").detail()["eventId"], refused("a").detail()["eventId"]);
        assert_ne!(refused("a").detail()["eventId"], refused("b").detail()["eventId"]);
        assert_eq!(refused("a").detail()["eventId"], refused("a").id());
        // The same in every build, however it orders JSON.
        assert_eq!(refused("a").detail()["eventId"], "371c17063317e4fa22d44c333e46002e");
    }
}
