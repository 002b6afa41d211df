//! All reads: the secret and its versions, the servers that RDS knows.
//!
//! Nothing here decides. A value comes out as a `SecretString`, and what AWS says of a failure is
//! told with what was tried; neither ever holds the value.

mod servers;

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use runtime::call;
use secrecy::SecretString;

use crate::decide::Position;
use crate::error::Error;
use crate::kind::Tags;
use crate::refusal::{FailureKind, Refusal};

/// The label of the version that applications get.
pub const CURRENT: &str = "AWSCURRENT";
/// The label of the version that is being made.
pub const PENDING: &str = "AWSPENDING";
/// The label of the version before the current one.
pub const PREVIOUS: &str = "AWSPREVIOUS";

/// Reads from AWS.
#[derive(Debug, Clone)]
pub struct Observer {
    /// The secrets.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// The databases.
    pub rds: aws_sdk_rds::Client,
}

/// A secret without its values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
    /// Its versions, each with its labels.
    pub versions: BTreeMap<String, Vec<String>>,
    /// Whether it is rotated; `None` where that was never said.
    pub rotation_enabled: Option<bool>,
}

impl Described {
    /// Where the version of this token stands.
    pub fn position(&self, token: &str) -> Position {
        if self.rotation_enabled == Some(false) {
            return Position::RotationOff;
        }
        let Some(labels) = self.versions.get(token) else { return Position::Unknown };
        let has = |label: &str| labels.iter().any(|it| it == label);
        if has(CURRENT) {
            Position::Current
        } else if has(PENDING) {
            Position::Pending
        } else {
            Position::Neither
        }
    }

    /// The version that bears a label.
    pub fn version_with(&self, label: &str) -> Option<&str> {
        let mut versions = self.versions.iter();
        let found = versions.find(|(_, labels)| labels.iter().any(|it| it == label));
        found.map(|(version, _)| version.as_str())
    }
}

/// Which version of a secret.
#[derive(Debug, Clone, Copy)]
pub enum Version<'a> {
    /// The one with this label.
    Labelled(&'static str),
    /// The pending one of this token.
    Pending(&'a str),
}

impl Observer {
    /// Describes a secret.
    ///
    /// # Errors
    /// When there is none of this ARN, or Secrets Manager does not answer.
    pub async fn describe(&self, secret: &str) -> Result<Described, Error> {
        let answer = self
            .secrets
            .describe_secret()
            .secret_id(secret)
            .send()
            .await
            .map_err(|error| call(format!("describe the secret {secret}"), &error))?;
        let versions = answer.version_ids_to_stages.unwrap_or_default();
        Ok(Described {
            arn: answer.arn.unwrap_or_else(|| secret.to_owned()),
            name: answer.name.unwrap_or_default(),
            tags: answer
                .tags
                .unwrap_or_default()
                .into_iter()
                .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
                .collect(),
            versions: versions.into_iter().collect(),
            rotation_enabled: answer.rotation_enabled,
        })
    }

    /// The value of a version; `None` where there is no such version, or nothing in it.
    ///
    /// # Errors
    /// When Secrets Manager does not answer, or the value is no text.
    pub async fn value(
        &self,
        secret: &str,
        version: Version<'_>,
    ) -> Result<Option<SecretString>, Error> {
        let asked = self.secrets.get_secret_value().secret_id(secret);
        let (asked, label) = match version {
            Version::Labelled(label) => (asked.version_stage(label), label),
            Version::Pending(token) => (asked.version_id(token).version_stage(PENDING), PENDING),
        };
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(None),
            Err(error) => {
                return Err(call(format!("read the version {label} of {secret}"), &error).into());
            }
        };
        if answer.secret_binary.is_some() {
            return Err(Refusal::new(
                FailureKind::Configuration,
                format!("the version {label} of {secret} is binary"),
                "write it as a text (SecretString), or remove the secret's rotation",
            )
            .into());
        }
        Ok(answer.secret_string.filter(|text| !text.is_empty()).map(SecretString::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(versions: &[(&str, &[&str])]) -> Described {
        let owned = |labels: &[&str]| labels.iter().map(|it| (*it).to_owned()).collect();
        Described {
            versions: versions
                .iter()
                .map(|(version, labels)| ((*version).to_owned(), owned(labels)))
                .collect(),
            ..Described::default()
        }
    }

    #[test]
    fn a_version_stands_where_its_labels_say() {
        let described = secret(&[
            ("c", &[CURRENT]),
            ("p", &[PENDING]),
            ("both", &[CURRENT, PENDING]),
            ("old", &[PREVIOUS]),
        ]);
        for (token, position) in [
            ("c", Position::Current),
            ("p", Position::Pending),
            ("both", Position::Current),
            ("old", Position::Neither),
            ("none", Position::Unknown),
        ] {
            assert_eq!(described.position(token), position, "{token}");
        }
        let off = Described { rotation_enabled: Some(false), ..described };
        assert_eq!(off.position("p"), Position::RotationOff);
        assert_eq!(off.version_with(PREVIOUS), Some("old"));
    }
}
