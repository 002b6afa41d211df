//! A request's parser and its JSON Schema accept and refuse the same.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on fails the test")]

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use tenant_onboarding::event::{self, Message, Refusal};
use tenant_onboarding::request;

/// The schema as it ships.
const SHIPPED: &str = include_str!("../schema/onboarding-request.schema.json");

fn good() -> Value {
    json!({
        "action": "onboard",
        "requestId": "signup-4711",
        "tenantId": "demo",
        "displayName": "Demo GmbH",
        "tier": "trial",
        "environment": "dev",
        "adminEmail": "admin@example.com",
        "tags": {
            "costCenter": "4200", "owner": "platform-team",
            "dataClassification": "confidential", "compliance": "SOC2/GDPR"
        }
    })
}

fn read(message: &Value) -> Result<Message, Refusal> {
    event::read(&message.to_string(), &"mate".parse().unwrap(), &"dev".parse().unwrap())
}

fn mistakes(message: &Value) -> Vec<String> {
    read(message).map_or_else(
        |refusal| refusal.mistakes.iter().map(ToString::to_string).collect(),
        |_| Vec::new(),
    )
}

#[test]
fn a_whole_request_is_taken() {
    let Ok(Message::Request(asked)) = read(&good()) else { panic!("{:?}", mistakes(&good())) };
    assert_eq!(asked.request.tenant_id.as_str(), "demo");
    assert_eq!(asked.request.tags.owner.as_deref(), Some("platform-team"));
}

#[test]
fn tags_are_the_products_unless_the_request_says_otherwise() {
    let mut message = good();
    message["tags"] = json!({"costCenter": "9000"});
    let Ok(Message::Request(asked)) = read(&message) else { panic!("not taken") };
    let defaults = domain::tags::Ownership {
        cost_center: "1".into(),
        owner: "team".into(),
        data_classification: "internal".into(),
        compliance: "none".into(),
    };
    let tenant = asked.request.tenant(&"mate".parse().unwrap(), &"dev".parse().unwrap(), &defaults);
    assert_eq!(tenant.ownership.cost_center, "9000");
    assert_eq!(tenant.ownership.owner, "team");
}

#[test]
fn all_mistakes_are_named_at_once() {
    let message = json!({
        "action": "destroy", "tenantId": "Demo!", "displayName": "", "tier": "gold",
        "environment": "prod", "adminEmail": 7, "tags": {"owner": "<script>", "colour": "red"},
        "tennantId": "demo"
    });
    insta::assert_snapshot!(mistakes(&message).join("\n"), @r#"
    action: "destroy" is no action: expected "onboard"
    requestId: is missing
    tenantId: "Demo!" is no tenant id: expected 2 to 16 lower-case letters, digits and single hyphens, beginning with a letter and not ending with a hyphen
    displayName: expected 1 to 100 characters without control characters
    tier: "gold" is no tier: expected trial, standard or enterprise
    environment: prod is not served here: this deployment serves dev
    adminEmail: expected a text, found a number
    tags.owner: expected 1 to 256 letters, digits, spaces or + - = . _ : / @
    tags.colour: is not known; accepted are costCenter, owner, dataClassification, compliance
    tennantId: is not known; accepted are action, requestId, tenantId, displayName, tier, environment, adminEmail, tags
    "#);
}

#[test]
fn the_shipped_schema_is_the_types() {
    let schema = request::schema();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/onboarding-request.schema.json");
        std::fs::write(path, format!("{schema:#}\n")).unwrap();
        return;
    }
    let shipped: Value = serde_json::from_str(SHIPPED).unwrap();
    assert_eq!(shipped, schema, "run the test with UPDATE_GOLDEN=1 and review the change");
}

/// Whether parser and schema say the same of a message.
fn agree(message: &Value) -> Result<(), TestCaseError> {
    static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
        jsonschema::validator_for(&serde_json::from_str(SHIPPED).unwrap()).unwrap()
    });
    // What a schema cannot know: which environment this deployment serves.
    let parsed = mistakes(message);
    let parsed: Vec<_> = parsed.iter().filter(|it| !it.contains("is not served here")).collect();
    let by_schema: Vec<String> =
        VALIDATOR.iter_errors(message).map(|error| error.to_string()).collect();
    prop_assert_eq!(
        parsed.is_empty(),
        by_schema.is_empty(),
        "the parser says {:?}, the schema {:?}, of {}",
        parsed,
        by_schema,
        message
    );
    Ok(())
}

/// Values that are near what is accepted, on both sides.
fn values() -> impl Strategy<Value = Value> {
    let telling = [
        "",
        "a",
        "ab",
        "a1",
        "1a",
        "a-b",
        "a--b",
        "-a",
        "a-",
        "A",
        "abcdefghijklmnop",
        "abcdefghijklmnopq",
        "dev",
        "prod",
        "staging",
        "stagings",
        "trial",
        "gold",
        "onboard",
        "a@b.c",
        "a@b",
        "@b.c",
        "a@.c",
        "a@b.",
        "a@b..c",
        "a b@c.d",
        "a@b@c.d",
        "x y",
        " ",
        "Ä",
        "ü@b.c",
        "tab\there",
        "line\nbreak",
        "a;b",
        "a/b:c",
        "\u{85}",
        "emoji 🎉",
        "\u{a0}",
    ];
    prop_oneof![
        prop::sample::select(telling.to_vec()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[a-z@. -]{0,10}".prop_map(Value::from),
        Just("x".repeat(128)).prop_map(Value::from),
        Just("x".repeat(257)).prop_map(Value::from),
        Just(Value::Null),
        Just(json!(7)),
        Just(json!([])),
        Just(json!({})),
    ]
}

const FIELDS: [&str; 12] = [
    "action",
    "requestId",
    "tenantId",
    "displayName",
    "tier",
    "environment",
    "adminEmail",
    "tags",
    "costCenter",
    "owner",
    "compliance",
    "unknown",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn parser_and_schema_agree_on_a_changed_field(
        field in prop::sample::select(FIELDS.to_vec()), value in values(), remove: bool,
    ) {
        let mut message = good();
        let is_tag = ["costCenter", "owner", "compliance"].contains(&field);
        let place = if is_tag { &mut message["tags"] } else { &mut message };
        let object = place.as_object_mut().unwrap();
        if remove {
            object.remove(field);
        } else {
            object.insert(field.to_owned(), value);
        }
        agree(&message)?;
    }

    #[test]
    fn no_message_at_all_makes_the_parser_panic(body in ".*") {
        let _ = event::read(&body, &"mate".parse().unwrap(), &"dev".parse().unwrap());
    }
}
