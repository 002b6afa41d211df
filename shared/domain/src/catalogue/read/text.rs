//! Texts that refer to something: `${…}` in plain variables, and where a secret comes from.
//!
//! A reference is checked against what the same settings have. A cache's host name in a product
//! without a cache would otherwise be found by the first task that starts.

use std::collections::BTreeSet;

use toml_span::value::Value;

use crate::catalogue::kinds::{Kind, Wrong};
use crate::catalogue::model::{DatabaseField, Piece, Placeholder, SecretReference, Text};
use crate::catalogue::suggest::did_you_mean;

/// What a service's variables may refer to, by the names that they use.
pub(super) struct Resources {
    /// Plain variables' placeholders.
    pub(super) placeholders: References<Placeholder>,
    /// The fields of secrets.
    pub(super) secrets: References<SecretReference>,
}

impl Resources {
    /// All there is in settings with these tables.
    pub(super) fn new(cache: bool, buckets: &BTreeSet<&str>, keys: &BTreeSet<&str>) -> Self {
        let mut placeholders = vec![
            ("tenant.id".to_owned(), Placeholder::TenantId),
            ("tenant.tier".to_owned(), Placeholder::TenantTier),
            ("tenant.environment".to_owned(), Placeholder::TenantEnvironment),
            ("tenant.hostname".to_owned(), Placeholder::TenantHostname),
            ("aws.region".to_owned(), Placeholder::AwsRegion),
        ];
        let database = |field: DatabaseField| {
            (format!("database.{}", field.as_str()), SecretReference::Database(field))
        };
        let mut secrets = DatabaseField::ALL.map(database).to_vec();
        if cache {
            placeholders.push(("cache.host".to_owned(), Placeholder::CacheHost));
            placeholders.push(("cache.port".to_owned(), Placeholder::CachePort));
            secrets.push(("cache.token".to_owned(), SecretReference::CacheToken));
        }
        for &name in buckets {
            placeholders.push((format!("buckets.{name}"), Placeholder::Bucket(name.to_owned())));
        }
        for &name in keys {
            secrets.push((format!("keys.{name}.key"), SecretReference::Key(name.to_owned())));
            let fallbacks = SecretReference::KeyFallbacks(name.to_owned());
            secrets.push((format!("keys.{name}.fallbacks"), fallbacks));
        }
        Self { placeholders: References(placeholders), secrets: References(secrets) }
    }
}

/// Names and what they refer to.
pub(super) struct References<T>(Vec<(String, T)>);

impl<T: Clone> References<T> {
    fn get(&self, name: &str) -> Option<T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, target)| target.clone())
    }

    fn did_you_mean(&self, name: &str) -> String {
        did_you_mean(name, self.0.iter().map(|(known, _)| known.as_str()))
    }
}

/// A plain variable: a text with placeholders.
impl Kind for References<Placeholder> {
    type Value = Text;

    fn expected(&self) -> String {
        let known: Vec<String> = self.0.iter().map(|(name, _)| format!("${{{name}}}")).collect();
        format!("a text that holds no placeholders but {}", known.join(", "))
    }

    fn read(&self, value: &Value<'_>) -> Result<Text, Vec<Wrong>> {
        let mut rest = value.as_str().ok_or_else(|| self.refuse(value))?;
        let wrong = |problem| Wrong { span: value.span, problem, expected: self.expected() };
        let (mut pieces, mut wrongs) = (Vec::new(), Vec::new());
        while let Some((literal, opened)) = rest.split_once("${") {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            let Some((name, after)) = opened.split_once('}') else {
                wrongs.push(wrong(format!("${{{opened} is not closed with }}")));
                return Err(wrongs);
            };
            if let Some(placeholder) = self.get(name) {
                pieces.push(Piece::Placeholder(placeholder));
            } else {
                let hint = self.did_you_mean(name);
                wrongs.push(wrong(format!("there is no ${{{name}}}{hint}")));
            }
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        if wrongs.is_empty() { Ok(Text(pieces)) } else { Err(wrongs) }
    }
}

/// A variable that comes from a secret.
impl Kind for References<SecretReference> {
    type Value = SecretReference;

    fn expected(&self) -> String {
        let known: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        format!("one of {}", known.join(", "))
    }

    fn read(&self, value: &Value<'_>) -> Result<SecretReference, Vec<Wrong>> {
        let name = value.as_str().ok_or_else(|| self.refuse(value))?;
        self.get(name).ok_or_else(|| {
            let problem = format!("there is no {name:?}{}", self.did_you_mean(name));
            vec![Wrong { span: value.span, problem, expected: self.expected() }]
        })
    }
}
