//! The contract of the SaaS Builder Toolkit (`awslabs/sbt-aws`), whose application plane
//! Caretaker can be.
//!
//! The control plane asks with `onboardingRequest` and expects `onboardingSuccess` or
//! `onboardingFailure`, both in the same nested shape; a failure in any other shape is never
//! recorded by it. Names carry the prefix `sbt_aws_` since June 2025 and none before, so both
//! are read, and the answer is written the way the question came.

use serde_json::{Value, json};

/// The prefix that newer control planes put before each `detail-type`.
pub const PREFIX: &str = "sbt_aws_";

/// The `source` of the toolkit's application plane, unless a deployment says otherwise.
pub const APPLICATION_PLANE_SOURCE: &str = "sbt.application.plane";

/// Whether this `detail-type` asks for a tenant to be onboarded.
pub fn is_onboarding_request(detail_type: &str) -> bool {
    unprefixed(detail_type) == "onboardingRequest"
}

fn unprefixed(detail_type: &str) -> &str {
    detail_type.strip_prefix(PREFIX).unwrap_or(detail_type)
}

/// A registration of which a control plane waits to hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The id under which the control plane knows it.
    pub id: String,
    /// Whether the control plane speaks without the prefix, and listens for no other names.
    pub is_unprefixed: bool,
}

impl Registration {
    /// The registration `id`, asked for by an event with this `detail-type`.
    pub fn new(id: impl Into<String>, detail_type: &str) -> Self {
        Self { id: id.into(), is_unprefixed: !detail_type.starts_with(PREFIX) }
    }

    /// The answer that the tenant could not be onboarded.
    pub fn failed(&self) -> Answer<'_> {
        Answer { registration: self, success: false, url: None }
    }
}

/// How an onboarding ended, as the control plane wants to hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The registration that it is about.
    pub registration: &'a Registration,
    /// Whether the tenant is active.
    pub success: bool,
    /// The tenant's URL, once there is one.
    pub url: Option<&'a str>,
}

impl Answer<'_> {
    /// The event's `detail-type`.
    pub fn detail_type(&self) -> String {
        let name = if self.success { "onboardingSuccess" } else { "onboardingFailure" };
        let prefix = if self.registration.is_unprefixed { "" } else { PREFIX };
        format!("{prefix}{name}")
    }

    /// The event's `detail`. The toolkit writes it into DynamoDB by update expression: no
    /// reserved word and no hyphen may be a key, and `tenantRegistrationData` holds no numbers.
    pub fn detail(&self) -> Value {
        let config = json!({ "tenantUrl": self.url.unwrap_or_default() }).to_string();
        json!({
            "tenantRegistrationId": self.registration.id,
            "jobOutput": {
                "tenantData": { "tenantConfig": config },
                "tenantRegistrationData": {
                    "registrationStatus": if self.success { "Created" } else { "Failed" },
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_with_and_without_prefix() {
        assert!(is_onboarding_request("onboardingRequest"));
        assert!(is_onboarding_request("sbt_aws_onboardingRequest"));
        assert!(!is_onboarding_request("sbt_aws_offboardingRequest"));
    }

    #[test]
    fn success_and_failure_have_the_same_shape() {
        let registration = Registration::new("r1", "sbt_aws_onboardingRequest");
        let url = Some("https://demo.example.com");
        let success = Answer { registration: &registration, success: true, url };
        let failure = registration.failed();
        assert_eq!(success.detail_type(), "sbt_aws_onboardingSuccess");
        assert_eq!(failure.detail_type(), "sbt_aws_onboardingFailure");
        for (answer, status) in [(success, "Created"), (failure, "Failed")] {
            let detail = answer.detail();
            assert_eq!(detail["tenantRegistrationId"], "r1");
            assert!(detail["jobOutput"]["tenantData"]["tenantConfig"].is_string());
            assert_eq!(detail["jobOutput"]["tenantRegistrationData"]["registrationStatus"], status);
        }
    }
    #[test]
    fn an_answer_is_written_the_way_the_question_came() {
        let older = Registration::new("r1", "onboardingRequest");
        assert_eq!(older.failed().detail_type(), "onboardingFailure");
        let newer = Registration::new("r1", "sbt_aws_onboardingRequest");
        assert_eq!(newer.failed().detail_type(), "sbt_aws_onboardingFailure");
    }
}
