//! From what Lambda is handed to what it is about; the only place that knows its JSON.
//!
//! Two callers share the function: Secrets Manager, which asks for one step of a rotation, and the
//! function's own queue, which says *look at this secret*. They are told apart by their shape.

use std::fmt;
use std::str::FromStr;

use aws_lambda_events::event::sqs::SqsEvent;
use domain::{Environment, Names, Product, TenantId};
use events::Envelope;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the function is called with.
#[derive(Debug)]
pub enum Event {
    /// Secrets Manager asks for a step.
    Step(Request),
    /// The function's queue has messages.
    Queue(SqsEvent),
}

/// A step that Secrets Manager asks for ("Rotation by Lambda function" in its user guide).
#[derive(Debug, Clone)]
pub struct Request {
    /// Which step.
    pub step: Step,
    /// The secret's ARN.
    pub secret: String,
    /// The version that is being made.
    pub token: String,
    /// What proves to `PutSecretValue` that it is Secrets Manager who asks, where the role alone
    /// does not: for secrets of another account, or when the role was assumed.
    pub rotation_token: Option<SecretString>,
}

/// One of the four steps of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Make a new value.
    Create,
    /// Tell it to whoever checks it.
    Set,
    /// Try it.
    Test,
    /// Make it the current one.
    Finish,
}

impl Step {
    /// All steps, in their order.
    pub const ALL: [Self; 4] = [Self::Create, Self::Set, Self::Test, Self::Finish];

    /// Its name in Secrets Manager's events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "createSecret",
            Self::Set => "setSecret",
            Self::Test => "testSecret",
            Self::Finish => "finishSecret",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected createSecret, setSecret, testSecret or finishSecret")]
pub struct UnknownStep;

impl FromStr for Step {
    type Err = UnknownStep;

    /// AWS's documentation has both spellings, `createSecret` and `create_secret`.
    fn from_str(word: &str) -> Result<Self, UnknownStep> {
        let plain: String =
            word.chars().filter(|letter| *letter != '_').collect::<String>().to_lowercase();
        Self::ALL.into_iter().find(|step| step.as_str().to_lowercase() == plain).ok_or(UnknownStep)
    }
}

/// Why an event cannot be understood: every fault, and nothing of the event's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event is neither a step of Secrets Manager nor a batch of the queue: {}", .0.join("; "))]
pub struct NotUnderstood(pub Vec<String>);

/// Reads what Lambda hands over.
///
/// # Errors
/// [`NotUnderstood`], with all faults at once.
pub fn read(event: Value) -> Result<Event, NotUnderstood> {
    let Value::Object(object) = event else {
        return Err(NotUnderstood(vec!["it is no JSON object".to_owned()]));
    };
    if object.contains_key("Records") {
        return serde_json::from_value(Value::Object(object))
            .map(Event::Queue)
            .map_err(|error| NotUnderstood(vec![format!("its records cannot be read: {error}")]));
    }
    request(&object).map(Event::Step)
}

fn request(object: &Map<String, Value>) -> Result<Request, NotUnderstood> {
    let mut faults = Vec::new();
    let mut text = |key: &str| {
        let found = object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if found.is_none() {
            faults.push(format!("{key} is missing, empty or no text"));
        }
        found
    };
    let (step, secret, token) = (text("Step"), text("SecretId"), text("ClientRequestToken"));
    let step = step.map(str::parse::<Step>);
    if let Some(Err(error)) = &step {
        faults.push(format!("Step is none: {error}"));
    }
    let rotation_token = object.get("RotationToken").filter(|value| !value.is_null());
    if rotation_token.is_some_and(|value| !value.is_string()) {
        faults.push("RotationToken is no text".to_owned());
    }
    match (step, secret, token) {
        (Some(Ok(step)), Some(secret), Some(token)) if faults.is_empty() => Ok(Request {
            step,
            secret: secret.to_owned(),
            token: token.to_owned(),
            rotation_token: rotation_token.and_then(Value::as_str).map(SecretString::from),
        }),
        _ => Err(NotUnderstood(faults)),
    }
}

/// What a message of the queue is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Look at this secret's rotation.
    Look(Look),
    /// Something of this tenant's services has changed: look at its rotations.
    Tenant(TenantId),
    /// The schedule says: look at all that is unfinished.
    Sweep,
    /// An event about something that is none of ours.
    NotOurs,
}

/// Which secret to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The secret's ARN.
    pub secret: String,
    /// How many looks in a row found nothing but waiting, where this look is one of a chain that
    /// goes on while there is something to wait for. A sweep's looks stand alone.
    pub chain: Option<u32>,
}

/// The function's own messages: `{"caretaker": "look", "secret": "arn:…", "waited": 3}` and
/// `{"caretaker": "sweep"}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "caretaker", rename_all = "lowercase")]
enum Own {
    Look { secret: String, waited: Option<u32> },
    Sweep,
}

/// The message that makes the function look at a secret.
pub fn nudge(look: &Look) -> String {
    let own = Own::Look { secret: look.secret.clone(), waited: look.chain };
    // A struct of a string and a number always serializes.
    serde_json::to_string(&own).unwrap_or_default()
}

/// Reads a message that was sent to the deployment for `product` in `environment`.
///
/// # Errors
/// In words, what is wrong with it.
pub fn message(
    body: &str,
    product: &Product,
    environment: &Environment,
) -> Result<Message, String> {
    let object = match serde_json::from_str(body) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("the message is JSON but no object".to_owned()),
        // The parser's words name line and column and never repeat the content.
        Err(error) => return Err(format!("the message is no JSON: {error}")),
    };
    let is_own = object.contains_key("caretaker");
    if is_own {
        return match serde_json::from_value(Value::Object(object)) {
            Ok(Own::Look { secret, waited }) => Ok(Message::Look(Look { secret, chain: waited })),
            Ok(Own::Sweep) => Ok(Message::Sweep),
            Err(error) => Err(format!("the message is none of Caretaker's own: {error}")),
        };
    }
    let envelope: Envelope = serde_json::from_value(Value::Object(object))
        .map_err(|error| format!("the message is no EventBridge event: {error}"))?;
    if envelope.detail_type == "SecretRotated" {
        let secret = envelope.detail.get("secretArn").and_then(Value::as_str);
        let secret = secret.ok_or("the event SecretRotated names no secretArn")?;
        // The one chain of this rotation.
        return Ok(Message::Look(Look { secret: secret.to_owned(), chain: Some(0) }));
    }
    let service = envelope.changed_service();
    let tenant = service.and_then(|name| Names::tenant_of(product, environment, name));
    Ok(tenant.map_or(Message::NotOurs, Message::Tenant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    fn step(event: Value) -> Request {
        match read(event).unwrap() {
            Event::Step(request) => request,
            Event::Queue(_) => panic!("a batch"),
        }
    }

    #[test]
    fn a_step_is_understood_in_both_spellings() {
        for (step_of, words) in Step::ALL.into_iter().zip([
            ["createSecret", "create_secret"],
            ["setSecret", "set_secret"],
            ["testSecret", "test_secret"],
            ["finishSecret", "finish_secret"],
        ]) {
            for word in words {
                let event = json!({"Step": word, "SecretId": "arn", "ClientRequestToken": "t"});
                assert_eq!(step(event).step, step_of, "{word}");
            }
        }
    }

    #[test]
    fn the_rotation_token_is_kept_and_never_shown() {
        let request = step(json!({
            "Step": "createSecret", "SecretId": "arn", "ClientRequestToken": "t",
            "RotationToken": "hunter2",
        }));
        assert!(!format!("{request:?}").contains("hunter2"));
        assert_eq!(request.rotation_token.unwrap().expose_secret(), "hunter2");
    }

    #[test]
    fn a_batch_of_the_queue_is_told_by_its_records() {
        let event = json!({"Records": [{"messageId": "m", "body": "{}", "attributes": {},
            "messageAttributes": {}, "eventSource": "aws:sqs"}]});
        let Event::Queue(batch) = read(event).unwrap() else { panic!("a step") };
        assert_eq!(batch.records.len(), 1);
    }

    #[test]
    fn all_faults_of_an_event_are_told_at_once_without_its_values() {
        let event = json!({"Step": "hunter2", "SecretId": 7, "RotationToken": ["hunter2"]});
        let NotUnderstood(faults) = read(event).unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(!faults.join(" ").contains("hunter2"));
        assert_eq!(read(json!("x")).unwrap_err().0.len(), 1);
        assert_eq!(read(json!({})).unwrap_err().0.len(), 3);
    }

    fn heard(body: &Value) -> Result<Message, String> {
        message(&body.to_string(), &"mate".parse().unwrap(), &"dev".parse().unwrap())
    }

    #[test]
    fn a_nudge_is_read_back() {
        for chain in [None, Some(3)] {
            let look = Look { secret: "arn:s".to_owned(), chain };
            let body = serde_json::from_str(&nudge(&look)).unwrap();
            assert_eq!(heard(&body), Ok(Message::Look(look)));
        }
        assert_eq!(heard(&json!({"caretaker": "sweep"})), Ok(Message::Sweep));
    }

    #[test]
    fn a_rotation_that_ended_begins_the_one_chain_of_its_secret() {
        let event = json!({"id": "e", "source": "caretaker", "detail-type": "SecretRotated",
            "detail": {"secretArn": "arn:s"}});
        let look = Look { secret: "arn:s".to_owned(), chain: Some(0) };
        assert_eq!(heard(&event), Ok(Message::Look(look)));
    }

    #[test]
    fn a_deployment_of_a_tenants_service_leads_to_the_tenant() {
        let event = |service: &str| {
            json!({"id": "e", "source": "aws.ecs", "detail-type": "ECS Deployment State Change",
                "resources": [format!("arn:aws:ecs:r:a:service/mate-dev/{service}")]})
        };
        let demo = "demo".parse().unwrap();
        assert_eq!(heard(&event("mate-demo-dev-django")), Ok(Message::Tenant(demo)));
        assert_eq!(heard(&event("other-demo-dev-web")), Ok(Message::NotOurs));
    }

    #[test]
    fn what_is_no_message_is_refused_in_words() {
        for body in [json!("x"), json!({"caretaker": "dance"}), json!({"hello": 1})] {
            assert!(heard(&body).is_err(), "{body}");
        }
        let nameless = json!({"id": "e", "source": "s", "detail-type": "SecretRotated"});
        assert!(heard(&nameless).unwrap_err().contains("secretArn"));
    }
}
