//! Texts that refer to something: `${…}` in plain variables, and where a secret comes from.
//!
//! A reference is checked against what the same settings have. A cache's host name in a product
//! without a cache would otherwise be found by the first task that starts.

use toml_span::value::Value;

use super::settings::Resources;
use crate::catalogue::kinds::{Kind, Wrong};
use crate::catalogue::model::{DatabaseField, Piece, Placeholder, SecretReference, Text};
use crate::catalogue::suggest::did_you_mean;

/// A plain variable.
pub(super) struct References<'a>(pub(super) &'a Resources);

impl References<'_> {
    /// Every placeholder that these settings can fill.
    fn known(&self) -> Vec<(String, Placeholder)> {
        let mut known = vec![
            ("tenant.id".to_owned(), Placeholder::TenantId),
            ("tenant.tier".to_owned(), Placeholder::TenantTier),
            ("tenant.environment".to_owned(), Placeholder::TenantEnvironment),
            ("tenant.hostname".to_owned(), Placeholder::TenantHostname),
            ("aws.region".to_owned(), Placeholder::AwsRegion),
        ];
        if self.0.cache {
            known.push(("cache.host".to_owned(), Placeholder::CacheHost));
            known.push(("cache.port".to_owned(), Placeholder::CachePort));
        }
        for name in &self.0.buckets {
            known.push((format!("buckets.{name}"), Placeholder::Bucket(name.clone())));
        }
        known
    }

    fn wrong(&self, value: &Value<'_>, problem: String) -> Wrong {
        Wrong { span: value.span, problem, expected: self.expected() }
    }

    fn placeholder(&self, name: &str, value: &Value<'_>) -> Result<Placeholder, Wrong> {
        let mut known = self.known();
        if let Some(at) = known.iter().position(|(known, _)| known == name) {
            return Ok(known.swap_remove(at).1);
        }
        let hint = did_you_mean(name, known.iter().map(|(name, _)| name.as_str()));
        Err(self.wrong(value, format!("there is no ${{{name}}}{hint}")))
    }
}

impl Kind for References<'_> {
    type Value = Text;

    fn expected(&self) -> String {
        let known: Vec<String> =
            self.known().iter().map(|(name, _)| format!("${{{name}}}")).collect();
        format!("a text that holds no placeholders but {}", known.join(", "))
    }

    fn read(&self, value: &Value<'_>) -> Result<Text, Vec<Wrong>> {
        let mut rest = value.as_str().ok_or_else(|| self.refuse(value))?;
        let (mut pieces, mut wrongs) = (Vec::new(), Vec::new());
        while let Some((literal, opened)) = rest.split_once("${") {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            let Some((name, after)) = opened.split_once('}') else {
                wrongs.push(self.wrong(value, format!("${{{opened} is not closed with }}")));
                return Err(wrongs);
            };
            match self.placeholder(name, value) {
                Ok(placeholder) => pieces.push(Piece::Placeholder(placeholder)),
                Err(wrong) => wrongs.push(wrong),
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
pub(super) struct SecretReferences<'a>(pub(super) &'a Resources);

impl SecretReferences<'_> {
    /// Every field of every secret that these settings have.
    fn known(&self) -> Vec<(String, SecretReference)> {
        let mut known: Vec<(String, SecretReference)> = DatabaseField::ALL
            .into_iter()
            .map(|field| (format!("database.{}", field.as_str()), SecretReference::Database(field)))
            .collect();
        if self.0.cache {
            known.push(("cache.token".to_owned(), SecretReference::CacheToken));
        }
        for name in &self.0.keys {
            known.push((format!("keys.{name}.key"), SecretReference::Key(name.clone())));
            let fallbacks = SecretReference::KeyFallbacks(name.clone());
            known.push((format!("keys.{name}.fallbacks"), fallbacks));
        }
        known
    }
}

impl Kind for SecretReferences<'_> {
    type Value = SecretReference;

    fn expected(&self) -> String {
        let known: Vec<String> = self.known().into_iter().map(|(name, _)| name).collect();
        format!("one of {}", known.join(", "))
    }

    fn read(&self, value: &Value<'_>) -> Result<SecretReference, Vec<Wrong>> {
        let name = value.as_str().ok_or_else(|| self.refuse(value))?;
        let mut known = self.known();
        if let Some(at) = known.iter().position(|(known, _)| known == name) {
            return Ok(known.swap_remove(at).1);
        }
        let hint = did_you_mean(name, known.iter().map(|(name, _)| name.as_str()));
        let problem = format!("there is no {name:?}{hint}");
        Err(vec![Wrong { span: value.span, problem, expected: self.expected() }])
    }
}
