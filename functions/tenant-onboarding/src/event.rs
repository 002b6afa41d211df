//! From a message on the queue to what it is about; the only place that knows its JSON.
//!
//! The queue hears from four sides: people and control planes ask, AWS's events and the
//! function's own nudges say *look at this tenant*, and a schedule says *look at all that is
//! unfinished*.

use domain::{Environment, Names, Product, TenantId};
use events::Envelope;
use events::saas_builder::{self, Registration};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::request::{self, Mistake, Request};

/// What a message is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Somebody asks for a tenant.
    Request(Box<Asked>),
    /// Somebody or something says: look at this tenant.
    Look(Look),
    /// The schedule says: look at all that is unfinished.
    Sweep,
    /// An event about something that is none of ours.
    NotOurs,
}

/// A request and the content by which a repetition is told from a contradiction.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What is asked for.
    pub request: Request,
    /// The request's JSON with its keys in order.
    pub content: String,
}

/// Whom to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The tenant.
    pub tenant_id: TenantId,
    /// How many looks in a row found nothing but waiting, where this look is one of a chain
    /// that goes on while there is something to wait for. Events and sweeps stand alone: were
    /// each to begin a chain of its own, a tenant would be looked at ever more often.
    pub chain: Option<u32>,
}

/// A message that is refused, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// All mistakes.
    pub mistakes: Vec<Mistake>,
    /// The tenant it names, if that much can be read: the refusal is filed there.
    pub tenant_id: Option<TenantId>,
    /// The request's id, if that much can be read.
    pub request_id: Option<String>,
    /// The registration that a control plane must hear has failed, where one asked.
    pub registration: Option<Registration>,
}

/// How many mistakes are told of one message; a message may have a hundred thousand. With
/// [`MISTAKE_CHARS_MAX`] they stay well under the 256 KB that an event and an alert take each
/// (EventBridge and SNS quotas), where nobody would be told at all.
const MISTAKES_MAX: usize = 50;

/// How long the words about one mistake may be; what Caretaker itself says is shorter.
const MISTAKE_CHARS_MAX: usize = 500;

impl Refusal {
    /// With words that every service takes: not too many, and without the characters that SQS
    /// refuses in a message (API reference, `SendMessage`).
    fn fit_to_tell(mut self) -> Self {
        let more = self.mistakes.len().saturating_sub(MISTAKES_MAX);
        self.mistakes.truncate(MISTAKES_MAX);
        for mistake in &mut self.mistakes {
            mistake.field = presentable(&mistake.field);
            mistake.problem = presentable(&mistake.problem);
        }
        if more > 0 {
            let problem = format!("there are {more} more mistakes, which are not told");
            self.mistakes.push(Mistake { field: String::new(), problem });
        }
        self
    }
}

fn presentable(text: &str) -> String {
    let mut fit = String::new();
    for character in text.chars().take(MISTAKE_CHARS_MAX) {
        if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') {
            fit.extend(character.escape_debug());
        } else {
            fit.push(character);
        }
    }
    if text.chars().nth(MISTAKE_CHARS_MAX).is_some() {
        fit.push('…');
    }
    fit
}

/// The function's own messages: `{"caretaker": "look", "tenant": "demo", "waited": 3}` and
/// `{"caretaker": "sweep"}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "caretaker", rename_all = "lowercase")]
enum Own {
    Look { tenant: TenantId, waited: Option<u32> },
    Sweep,
}

/// The message that makes the function look at `look`'s tenant.
pub fn nudge(look: &Look) -> String {
    let own = Own::Look { tenant: look.tenant_id.clone(), waited: look.chain };
    // A struct of a string and a number always serializes.
    serde_json::to_string(&own).unwrap_or_default()
}

/// Reads a message that was sent to the deployment for `product` in `environment`.
///
/// # Errors
/// A [`Refusal`] that names all mistakes, or the first fifty of more.
pub fn read(body: &str, product: &Product, environment: &Environment) -> Result<Message, Refusal> {
    understand(body, product, environment).map_err(Refusal::fit_to_tell)
}

fn understand(
    body: &str,
    product: &Product,
    environment: &Environment,
) -> Result<Message, Refusal> {
    let object = match serde_json::from_str(body) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(whole("the message is JSON but no object")),
        // The parser's words name line and column and never repeat the content.
        Err(error) => return Err(whole(format!("the message is no JSON: {error}"))),
    };
    if object.contains_key("caretaker") {
        return own(object);
    }
    if object.contains_key("detail-type") {
        return event(object, product, environment);
    }
    let content = Value::Object(object.clone()).to_string();
    match request::read(&object, environment) {
        Ok(request) => Ok(Message::Request(Box::new(Asked { request, content }))),
        Err(mistakes) => Err(Refusal {
            mistakes,
            tenant_id: tenant_id(&object, "tenantId"),
            request_id: request_id(&object, "requestId"),
            registration: None,
        }),
    }
}

fn whole(problem: impl Into<String>) -> Refusal {
    let mistake = Mistake { field: String::new(), problem: problem.into() };
    Refusal { mistakes: vec![mistake], tenant_id: None, request_id: None, registration: None }
}

fn own(object: Map<String, Value>) -> Result<Message, Refusal> {
    match serde_json::from_value(Value::Object(object)) {
        Ok(Own::Look { tenant, waited }) => {
            Ok(Message::Look(Look { tenant_id: tenant, chain: waited }))
        }
        Ok(Own::Sweep) => Ok(Message::Sweep),
        Err(error) => Err(whole(format!("the message is none of Caretaker's own: {error}"))),
    }
}

fn event(
    object: Map<String, Value>,
    product: &Product,
    environment: &Environment,
) -> Result<Message, Refusal> {
    let envelope: Envelope = serde_json::from_value(Value::Object(object))
        .map_err(|error| whole(format!("the message is no EventBridge event: {error}")))?;
    if saas_builder::is_onboarding_request(&envelope.detail_type) {
        let Value::Object(detail) = &envelope.detail else {
            return Err(whole("detail: expected an object"));
        };
        let content = envelope.detail.to_string();
        return match request::read_saas_builder(detail, &envelope.detail_type) {
            Ok(request) => Ok(Message::Request(Box::new(Asked { request, content }))),
            Err(mistakes) => {
                let id = request_id(detail, "tenantRegistrationId");
                let registration = |id| Registration::new(id, &envelope.detail_type);
                Err(Refusal {
                    mistakes,
                    tenant_id: tenant_id(detail, "tenantName"),
                    registration: id.clone().map(registration),
                    request_id: id,
                })
            }
        };
    }
    let of_stack = |name| Names::tenant_of_stack(product, environment, name);
    let of_service = |name| Names::tenant_of(product, environment, name);
    let tenant_id = match envelope.changed_stack() {
        Some(stack) => of_stack(stack),
        // The rule lets through services of this environment's cluster only.
        None => envelope.changed_service().and_then(of_service),
    };
    Ok(tenant_id
        .map_or(Message::NotOurs, |tenant_id| Message::Look(Look { tenant_id, chain: None })))
}

fn tenant_id(object: &Map<String, Value>, key: &str) -> Option<TenantId> {
    object.get(key)?.as_str()?.parse().ok()
}

fn request_id(object: &Map<String, Value>, key: &str) -> Option<String> {
    let id = object.get(key)?.as_str()?;
    (id.len() <= request::REQUEST_ID_LENGTH_MAX).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Result<Message, Refusal> {
        read(body, &"mate".parse().unwrap(), &"dev".parse().unwrap())
    }

    fn look(chain: Option<u32>) -> Message {
        Message::Look(Look { tenant_id: "demo".parse().unwrap(), chain })
    }

    #[test]
    fn a_nudge_is_read_as_it_was_written() {
        for chain in [None, Some(0), Some(7)] {
            let body = nudge(&Look { tenant_id: "demo".parse().unwrap(), chain });
            assert_eq!(message(&body), Ok(look(chain)));
        }
    }

    #[test]
    fn the_schedule_asks_for_a_sweep() {
        assert_eq!(message(r#"{"caretaker":"sweep"}"#), Ok(Message::Sweep));
    }

    #[test]
    fn events_about_a_tenants_stack_or_service_lead_to_the_tenant() {
        let stack = r#"{"id":"e","source":"aws.cloudformation",
            "detail-type":"CloudFormation Stack Status Change",
            "detail":{"stack-id":"arn:aws:cloudformation:r:a:stack/mate-demo-dev-data/u"}}"#;
        let service = r#"{"id":"e","source":"aws.ecs","detail-type":"ECS Deployment State Change",
            "resources":["arn:aws:ecs:r:a:service/mate-dev/mate-demo-dev-django"],"detail":{}}"#;
        assert_eq!(message(stack), Ok(look(None)));
        assert_eq!(message(service), Ok(look(None)));
    }

    #[test]
    fn events_about_another_product_or_environment_are_not_ours() {
        for name in ["other-demo-dev-data", "mate-demo-prod-data", "mate-dev", "mate-demo-dev"] {
            let body = format!(
                r#"{{"id":"e","source":"aws.cloudformation",
                "detail-type":"CloudFormation Stack Status Change",
                "detail":{{"stack-id":"arn:aws:cloudformation:r:a:stack/{name}/u"}}}}"#
            );
            assert_eq!(message(&body), Ok(Message::NotOurs), "{name}");
        }
    }

    #[test]
    fn what_is_no_json_or_no_object_is_refused_without_repeating_it() {
        for body in ["", "hello secret=12", "[1]", "7", "null", "{\"a\":"] {
            let refusal = message(body).unwrap_err();
            assert_eq!(refusal.mistakes.len(), 1, "{body}");
            assert!(!refusal.mistakes[0].to_string().contains("secret"), "{body}");
        }
    }

    #[test]
    fn a_refused_request_is_filed_under_the_tenant_it_names() {
        let refusal = message(r#"{"action":"onboard","tenantId":"demo","requestId":"r1"}"#);
        let refusal = refusal.unwrap_err();
        assert_eq!(refusal.tenant_id, Some("demo".parse().unwrap()));
        assert_eq!(refusal.request_id.as_deref(), Some("r1"));
        let mistakes: Vec<String> = refusal.mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            mistakes,
            [
                "displayName: is missing",
                "tier: is missing",
                "environment: is missing",
                "adminEmail: is missing",
            ]
        );
    }

    #[test]
    fn the_saas_builders_request_is_taken() {
        let body = r#"{"id":"e","source":"sbt.control.plane","detail-type":"sbt_aws_onboardingRequest",
            "detail":{"tenantRegistrationId":"3f1","tenantId":"9b2","tenantName":"acme",
                      "email":"a@acme.com","tier":"standard","registrationStatus":"In progress"}}"#;
        let Ok(Message::Request(asked)) = message(body) else { panic!("not taken") };
        assert_eq!(asked.request.tenant_id.as_str(), "acme");
        let registration = Registration { id: "3f1".to_owned(), is_unprefixed: false };
        assert_eq!(asked.request.registration, Some(registration));
    }
}
