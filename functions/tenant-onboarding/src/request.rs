//! A request for a tenant: its shape on the wire, and everything that can be wrong with it.
//!
//! A person who made three mistakes should hear of three, so fields are read one by one into the
//! list of [`Mistake`]s and not by the first error of a deserializer. The same shape as a JSON
//! Schema is [`schema()`]; `tests/request.rs` shows that both accept and refuse the same.

mod schema;

use std::fmt;
use std::str::FromStr;

use domain::tags::{self, Ownership};
use domain::{Environment, Product, Tenant, TenantId, Tier};
use events::saas_builder::Registration;
use serde_json::{Map, Value};

pub use schema::schema;

/// The longest request id: what an SQS de-duplication id or a UUID with a prefix needs.
pub const REQUEST_ID_LENGTH_MAX: usize = 128;

/// The longest display name; it stands in tags' and dashboards' titles.
pub const DISPLAY_NAME_LENGTH_MAX: usize = 100;

/// The longest e-mail address (RFC 5321, 4.5.3.1.3: a path has at most 256 octets with its
/// angle brackets).
pub const EMAIL_LENGTH_MAX: usize = 254;

/// A request that holds what it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Names this request.
    pub request_id: String,
    /// The registration of the SaaS Builder Toolkit's control plane, where it asked.
    pub registration: Option<Registration>,
    /// The tenant's id.
    pub tenant_id: TenantId,
    /// Its name as people write it.
    pub display_name: String,
    /// What it pays for.
    pub tier: Tier,
    /// Where its administrator is reached.
    pub admin_email: String,
    /// What the request says of the tags; the rest are the product's defaults.
    pub tags: AskedTags,
}

/// The tags that a request names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskedTags {
    /// See [`Ownership::cost_center`].
    pub cost_center: Option<String>,
    /// See [`Ownership::owner`].
    pub owner: Option<String>,
    /// See [`Ownership::data_classification`].
    pub data_classification: Option<String>,
    /// See [`Ownership::compliance`].
    pub compliance: Option<String>,
}

impl Request {
    /// The tenant that is asked for, with the product's defaults where the request is silent.
    pub fn tenant(
        &self,
        product: &Product,
        environment: &Environment,
        defaults: &Ownership,
    ) -> Tenant {
        let or = |asked: &Option<String>, default: &str| {
            asked.clone().unwrap_or_else(|| default.to_owned())
        };
        Tenant {
            product: product.clone(),
            id: self.tenant_id.clone(),
            environment: environment.clone(),
            tier: self.tier,
            display_name: self.display_name.clone(),
            admin_email: self.admin_email.clone(),
            ownership: Ownership {
                cost_center: or(&self.tags.cost_center, &defaults.cost_center),
                owner: or(&self.tags.owner, &defaults.owner),
                data_classification: or(
                    &self.tags.data_classification,
                    &defaults.data_classification,
                ),
                compliance: or(&self.tags.compliance, &defaults.compliance),
            },
        }
    }
}

/// One thing that is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where: `tags.owner`; empty for the message as a whole.
    pub field: String,
    /// What is wrong, and what is accepted.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            return f.write_str(&self.problem);
        }
        write!(f, "{}: {}", self.field, self.problem)
    }
}

/// Reads a request that was sent to the queue as such; `environment` is the one served here.
///
/// # Errors
/// All mistakes in it.
pub fn read(
    message: &Map<String, Value>,
    environment: &Environment,
) -> Result<Request, Vec<Mistake>> {
    let mut fields = Fields::of(message, "");
    if let Some(action) = fields.required::<String>("action")
        && action != "onboard"
    {
        fields.mistake("action", format!("{action:?} is no action: expected \"onboard\""));
    }
    let request_id = fields.checked("requestId", is_request_id, REQUEST_ID_ACCEPTED);
    let tenant_id = fields.required("tenantId");
    let display_name = fields.checked("displayName", is_display_name, DISPLAY_NAME_ACCEPTED);
    let tier = fields.required("tier");
    fields.environment(environment);
    let admin_email = fields.checked("adminEmail", is_email, EMAIL_ACCEPTED);
    let tags = fields.tags();
    fields.refuse_unknown();
    let complete = (request_id, tenant_id, display_name, tier, admin_email);
    match complete {
        (Some(request_id), Some(tenant_id), Some(display_name), Some(tier), Some(admin_email))
            if fields.mistakes.is_empty() =>
        {
            Ok(Request {
                request_id,
                registration: None,
                tenant_id,
                display_name,
                tier,
                admin_email,
                tags,
            })
        }
        _ => Err(fields.mistakes),
    }
}

/// Reads the `detail` of the SaaS Builder Toolkit's `onboardingRequest`. It is flat and
/// free-form: keys that mean nothing here are the control plane's own affair, and the toolkit's
/// `tenantId` is a UUID, so that the tenant's name becomes its id.
///
/// # Errors
/// All mistakes in it.
pub fn read_saas_builder(
    detail: &Map<String, Value>,
    detail_type: &str,
) -> Result<Request, Vec<Mistake>> {
    let mut fields = Fields::of(detail, "detail.");
    let registration_id =
        fields.checked("tenantRegistrationId", is_request_id, REQUEST_ID_ACCEPTED);
    let tenant_id = fields.required("tenantName");
    let tier = fields.required("tier");
    let admin_email = fields.checked("email", is_email, EMAIL_ACCEPTED);
    match (registration_id, tenant_id, tier, admin_email) {
        (Some(registration_id), Some(tenant_id), Some(tier), Some(admin_email))
            if fields.mistakes.is_empty() =>
        {
            let tenant_id: TenantId = tenant_id;
            Ok(Request {
                registration: Some(Registration::new(registration_id.clone(), detail_type)),
                request_id: registration_id,
                display_name: tenant_id.to_string(),
                tenant_id,
                tier,
                admin_email,
                tags: AskedTags::default(),
            })
        }
        _ => Err(fields.mistakes),
    }
}

const REQUEST_ID_ACCEPTED: &str = "1 to 128 letters, digits or . _ : / -";
const DISPLAY_NAME_ACCEPTED: &str = "1 to 100 characters without control characters";
const EMAIL_ACCEPTED: &str = "an e-mail address such as admin@example.com";
const TAG_ACCEPTED: &str = "1 to 256 letters, digits, spaces or + - = . _ : / @";

fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_LENGTH_MAX).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:/-".contains(c))
}

fn is_display_name(text: &str) -> bool {
    (1..=DISPLAY_NAME_LENGTH_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control)
}

/// Whether it looks like an address; only a mail that arrives can prove one.
fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else { return false };
    text.chars().count() <= EMAIL_LENGTH_MAX
        && !local.is_empty()
        && !text.chars().any(char::is_whitespace)
        && !host.contains('@')
        && host.contains('.')
        && host.split('.').all(|label| !label.is_empty())
}

/// Reads an object field by field and collects what is wrong.
struct Fields<'a> {
    object: &'a Map<String, Value>,
    prefix: &'static str,
    known: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl<'a> Fields<'a> {
    fn of(object: &'a Map<String, Value>, prefix: &'static str) -> Self {
        Self { object, prefix, known: Vec::new(), mistakes: Vec::new() }
    }

    fn mistake(&mut self, field: &str, problem: impl Into<String>) {
        self.mistakes
            .push(Mistake { field: format!("{}{field}", self.prefix), problem: problem.into() });
    }

    fn text(&mut self, field: &'static str) -> Option<&'a str> {
        self.known.push(field);
        match self.object.get(field) {
            Some(Value::String(text)) => Some(text),
            Some(other) => {
                self.mistake(field, format!("expected a text, found {}", kind(other)));
                None
            }
            None => None,
        }
    }

    fn required<T: FromStr<Err: fmt::Display>>(&mut self, field: &'static str) -> Option<T> {
        if !self.object.contains_key(field) {
            self.known.push(field);
            self.mistake(field, "is missing");
            return None;
        }
        match self.text(field)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.mistake(field, error.to_string());
                None
            }
        }
    }

    fn checked(
        &mut self,
        field: &'static str,
        is_good: fn(&str) -> bool,
        accepted: &str,
    ) -> Option<String> {
        let text: String = self.required(field)?;
        if is_good(&text) {
            return Some(text);
        }
        self.mistake(field, format!("expected {accepted}"));
        None
    }

    fn environment(&mut self, served: &Environment) {
        if let Some(asked) = self.required::<Environment>("environment")
            && asked != *served
        {
            self.mistake(
                "environment",
                format!("{asked} is not served here: this deployment serves {served}"),
            );
        }
    }

    fn tags(&mut self) -> AskedTags {
        self.known.push("tags");
        let object = match self.object.get("tags") {
            None => return AskedTags::default(),
            Some(Value::Object(object)) => object,
            Some(other) => {
                self.mistake("tags", format!("expected an object, found {}", kind(other)));
                return AskedTags::default();
            }
        };
        let mut fields = Fields::of(object, "tags.");
        let mut tag = |field| {
            let text = fields.text(field)?;
            if tags::is_tag_value(text) {
                return Some(text.to_owned());
            }
            fields.mistake(field, format!("expected {TAG_ACCEPTED}"));
            None
        };
        let asked = AskedTags {
            cost_center: tag("costCenter"),
            owner: tag("owner"),
            data_classification: tag("dataClassification"),
            compliance: tag("compliance"),
        };
        fields.refuse_unknown();
        self.mistakes.append(&mut fields.mistakes);
        asked
    }

    fn refuse_unknown(&mut self) {
        /// A name longer than this is no misspelt field, and need not be repeated in full.
        const SHOWN: usize = 40;
        let unknown: Vec<&String> =
            self.object.keys().filter(|key| !self.known.contains(&key.as_str())).collect();
        let accepted = self.known.join(", ");
        for key in unknown {
            let shown: String = key.chars().take(SHOWN).collect();
            self.mistake(&shown, format!("is not known; accepted are {accepted}"));
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
