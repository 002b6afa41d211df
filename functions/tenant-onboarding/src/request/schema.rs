//! The shape of a request as a JSON Schema, for those who write one. What is worked with is
//! [`Request`](super::Request), which is read by hand so that a person hears of all mistakes;
//! `tests/request.rs` shows that both accept and refuse the same.

use domain::Tier;
use domain::identity::{ENVIRONMENT_LENGTH_MAX, TENANT_ID_LENGTH_MAX};
use domain::tags::TAG_VALUE_LENGTH_MAX;
use schemars::JsonSchema;
use serde_json::Value;

use super::{DISPLAY_NAME_LENGTH_MAX, EMAIL_LENGTH_MAX, REQUEST_ID_LENGTH_MAX};

/// The shortest label, as in `domain::identity`.
const LABEL_LENGTH_MIN: usize = 2;

const REQUEST_ID: &str = r"^[A-Za-z0-9._:/-]*$";
const LABEL: &str = r"^[a-z](-?[a-z0-9])+$";
const WITHOUT_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
const EMAIL: &str = r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$";
/// What all AWS services take in a tag's value, and not spaces alone.
const TAG: &str = r"^[\p{Alphabetic}\p{N} +=._:/@-]*[\p{Alphabetic}\p{N}+=._:/@-][\p{Alphabetic}\p{N} +=._:/@-]*$";

/// A request to onboard a tenant, as it is written in a message on the queue.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, title = "Onboarding request")]
#[expect(dead_code, reason = "it is the source of the JSON Schema; Request is read by hand")]
struct RequestMessage {
    /// What is asked for.
    action: Action,
    /// Names this request: the same id with the same content is answered as before, with other
    /// content it is refused.
    #[schemars(regex(pattern = REQUEST_ID), length(min = 1, max = REQUEST_ID_LENGTH_MAX))]
    request_id: String,
    /// The tenant's id: a DNS label, the first word of its host name.
    #[schemars(regex(pattern = LABEL), length(min = LABEL_LENGTH_MIN, max = TENANT_ID_LENGTH_MAX))]
    tenant_id: String,
    /// The tenant's name as people write it.
    #[schemars(regex(pattern = WITHOUT_CONTROLS), length(min = 1, max = DISPLAY_NAME_LENGTH_MAX))]
    display_name: String,
    /// What the tenant pays for.
    tier: Tier,
    /// The environment; it must be the one that this deployment serves.
    #[schemars(regex(pattern = LABEL), length(min = LABEL_LENGTH_MIN, max = ENVIRONMENT_LENGTH_MAX))]
    environment: String,
    /// Where the tenant's administrator is reached.
    #[schemars(regex(pattern = EMAIL), length(max = EMAIL_LENGTH_MAX))]
    admin_email: String,
    /// Replaces the product's defaults for the tags of the tenant's resources.
    #[serde(default)]
    tags: RequestTags,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "part of the JSON Schema")]
enum Action {
    /// Bring the tenant up.
    Onboard,
}

#[derive(JsonSchema, Default)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "part of the JSON Schema")]
struct RequestTags {
    /// Whose budget pays.
    #[schemars(regex(pattern = TAG), length(max = TAG_VALUE_LENGTH_MAX))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    cost_center: String,
    /// The team to ask.
    #[schemars(regex(pattern = TAG), length(max = TAG_VALUE_LENGTH_MAX))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    owner: String,
    /// `public`, `internal`, `confidential`, `restricted`, or a product's own word.
    #[schemars(regex(pattern = TAG), length(max = TAG_VALUE_LENGTH_MAX))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    data_classification: String,
    /// The regimes that apply.
    #[schemars(regex(pattern = TAG), length(max = TAG_VALUE_LENGTH_MAX))]
    #[serde(default, skip_serializing_if = "String::is_empty")]
    compliance: String,
}

/// The JSON Schema of a request, as it stands in `schema/onboarding-request.schema.json`.
pub fn schema() -> Value {
    schemars::schema_for!(RequestMessage).to_value()
}
