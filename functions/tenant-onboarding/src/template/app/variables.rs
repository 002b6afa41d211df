//! What the application finds in its environment: plain variables, with their placeholders
//! filled in, and secrets, which only ECS reads.

use domain::catalogue::{Piece, Placeholder, SecretReference, Service, Text};
use serde_json::{Value, json};

use crate::template::cfn::Draft;
use crate::template::intrinsics::{reference, sub};
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

/// A text with its placeholders filled in: a plain string if all are known now, a parameter or
/// an `Fn::Sub` if CloudFormation has to.
fn fill_in(draft: &Draft<'_>, text: &Text) -> Value {
    let parts: Vec<Part> = text.0.iter().map(|piece| part(draft, piece)).collect();
    if let [Part::Later(name)] = parts.as_slice() {
        return reference(name);
    }
    if parts.iter().all(|part| matches!(part, Part::Known(_))) {
        return parts.iter().map(Part::as_str).collect::<String>().into();
    }
    let filled = parts.iter().map(|part| match part {
        Part::Known(text) => text.replace("${", "${!"),
        Part::Later(name) => format!("${{{name}}}"),
    });
    sub(filled.collect::<String>())
}

/// A piece of a text in the template.
enum Part {
    /// Known while the template is written.
    Known(String),
    /// The name of a parameter, or of one of CloudFormation's own.
    Later(&'static str),
}

impl Part {
    fn as_str(&self) -> &str {
        match self {
            Self::Known(text) => text,
            Self::Later(name) => name,
        }
    }
}

fn part(draft: &Draft<'_>, piece: &Piece) -> Part {
    let placeholder = match piece {
        Piece::Literal(text) => return Part::Known(text.clone()),
        Piece::Placeholder(placeholder) => placeholder,
    };
    match placeholder {
        Placeholder::TenantId => Part::Known(draft.tenant.id.to_string()),
        Placeholder::TenantTier => Part::Known(draft.tenant.tier.to_string()),
        Placeholder::TenantEnvironment => Part::Known(draft.tenant.environment.to_string()),
        Placeholder::TenantHostname => Part::Later(parameter::HOSTNAME),
        Placeholder::CacheHost => Part::Later(output::CACHE_HOST),
        Placeholder::CachePort => Part::Later(output::CACHE_PORT),
        Placeholder::Bucket(name) => Part::Known(identifiers::bucket(&draft.names, name)),
        Placeholder::AwsRegion => Part::Later("AWS::Region"),
    }
}
