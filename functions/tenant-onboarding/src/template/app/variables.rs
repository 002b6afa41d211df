//! What the application finds in its environment: plain variables, with their placeholders
//! filled in, and secrets, which only ECS reads.

use domain::catalogue::{Piece, Placeholder, SecretReference, Service, Text};
use serde_json::{Value, json};

use crate::template::cfn::Draft;
use crate::template::intrinsics::{literal, sub, text};
use crate::template::{identifiers, output, parameter};

/// The container's `Environment`; null without variables.
pub(super) fn environment(draft: &Draft<'_>, service: &Service) -> Value {
    list(
        service
            .environment
            .iter()
            .map(|(name, text)| json!({ "Name": name, "Value": fill_in(draft, text) })),
    )
}

/// The container's `Secrets`; null without secrets.
pub(super) fn secrets(service: &Service) -> Value {
    list(service.secrets.iter().map(|(name, secret)| {
        let arn = secret_parameter(secret);
        // `arn:json-key:version-stage:version-id`: one key of the current version.
        let from = sub(format!("${{{arn}}}:{}::", secret_key(secret)));
        json!({ "Name": name, "ValueFrom": from })
    }))
}

fn list(items: impl Iterator<Item = Value>) -> Value {
    let items: Vec<Value> = items.collect();
    if items.is_empty() { Value::Null } else { items.into() }
}

/// The parameter that holds the ARN of the secret.
pub(super) fn secret_parameter(secret: &SecretReference) -> String {
    match secret {
        SecretReference::Database(_) => output::DATABASE_SECRET_ARN.to_owned(),
        SecretReference::CacheToken => output::CACHE_TOKEN_SECRET_ARN.to_owned(),
        SecretReference::Key(name) | SecretReference::KeyFallbacks(name) => {
            output::key_secret_arn(name)
        }
    }
}

/// The key in the secret's JSON.
fn secret_key(secret: &SecretReference) -> &'static str {
    match secret {
        SecretReference::Database(field) => field.as_str(),
        SecretReference::CacheToken => "token",
        SecretReference::Key(_) => "key",
        SecretReference::KeyFallbacks(_) => "fallbacks",
    }
}

/// A text with its placeholders filled in, as far as they are known now; CloudFormation knows the
/// rest.
fn fill_in(draft: &Draft<'_>, value: &Text) -> Value {
    text(&value.0.iter().map(|piece| part(draft, piece)).collect::<String>())
}

fn part(draft: &Draft<'_>, piece: &Piece) -> String {
    let placeholder = match piece {
        Piece::Literal(text) => return literal(text),
        Piece::Placeholder(placeholder) => placeholder,
    };
    let later = |name: &str| format!("${{{name}}}");
    match placeholder {
        Placeholder::TenantId => draft.tenant.id.to_string(),
        Placeholder::TenantTier => draft.tenant.tier.to_string(),
        Placeholder::TenantEnvironment => draft.tenant.environment.to_string(),
        Placeholder::TenantHostname => later(parameter::HOSTNAME),
        Placeholder::CacheHost => later(output::CACHE_HOST),
        Placeholder::CachePort => later(output::CACHE_PORT),
        Placeholder::Bucket(name) => identifiers::bucket(&draft.names, name),
        Placeholder::AwsRegion => later("AWS::Region"),
    }
}
