//! The four words that name a tenant's place: product, tenant, environment, tier.
//!
//! They end up in DNS names, bucket names, database users and IAM conditions, so each is a type
//! of its own that is checked when it is made: a hyphen in the wrong place would otherwise
//! surface an hour later as a CloudFormation rollback.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest tenant id. With the longest product and environment, the names of AWS's
/// narrowest resources still fit: an ElastiCache replication group has 40 characters
/// (`{product}-{tenant}-{environment}-cache`).
pub const TENANT_ID_LENGTH_MAX: usize = 16;

/// The longest product name, see [`TENANT_ID_LENGTH_MAX`].
pub const PRODUCT_LENGTH_MAX: usize = 12;

/// The longest environment name, see [`TENANT_ID_LENGTH_MAX`] (`staging` has 7).
pub const ENVIRONMENT_LENGTH_MAX: usize = 7;

/// Why a word cannot name a product, tenant, environment or tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {what}: expected {expected}")]
pub struct InvalidName {
    /// What it should have been: `tenant id`, `tier`, …
    pub what: &'static str,
    /// What was found, cut to a readable length.
    pub found: String,
    /// What is accepted, in words.
    pub expected: String,
}

impl InvalidName {
    fn new(what: &'static str, found: &str, expected: impl Into<String>) -> Self {
        const SHOWN: usize = 80;
        Self { what, found: found.chars().take(SHOWN).collect(), expected: expected.into() }
    }
}

/// Whether `text` is a DNS label of lower-case letters, digits and single inner hyphens that
/// starts with a letter: what RDS, ElastiCache, S3, ELB and DNS all accept.
fn is_label(text: &str, length_min: usize, length_max: usize) -> bool {
    (length_min..=length_max).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The word itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_label(text, $min, $max) {
                    return Ok(Self(text.to_owned()));
                }
                let expected = format!(
                    "{} to {} lower-case letters, digits and single hyphens, beginning with a \
                     letter and not ending with a hyphen",
                    $min, $max
                );
                Err(InvalidName::new($what, text, expected))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

label! {
    /// The product a tenant is a customer of: `mate`, `sarc-ng`.
    Product, "product", 2, PRODUCT_LENGTH_MAX
}

label! {
    /// A tenant's id, unique within product and environment; the first word of its host name.
    TenantId, "tenant id", 2, TENANT_ID_LENGTH_MAX
}

label! {
    /// An environment of a product: `dev`, `staging`, `prod`. One deployment of the suite
    /// serves one environment.
    Environment, "environment", 2, ENVIRONMENT_LENGTH_MAX
}

/// What a tenant pays for, and so how large its resources are.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// A trial: the smallest of everything, one availability zone.
    Trial,
    /// A paying customer.
    Standard,
    /// A large customer: several availability zones, protected against deletion.
    Enterprise,
}

impl Tier {
    /// All tiers, from the smallest to the largest.
    pub const ALL: [Self; 3] = [Self::Trial, Self::Standard, Self::Enterprise];

    /// The tier's name as it is written in requests, catalogues and tags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Standard => "standard",
            Self::Enterprise => "enterprise",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tier {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == text)
            .ok_or_else(|| InvalidName::new("tier", text, "trial, standard or enterprise"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_id_is_a_dns_label() {
        for good in ["demo", "a1", "acme-corp", "x9-y", "abcdefghijklmnop"] {
            assert!(good.parse::<TenantId>().is_ok(), "{good} should be accepted");
        }
        for bad in
            ["", "a", "Demo", "1st", "-x", "x-", "a--b", "a_b", "a.b", "ünï", "abcdefghijklmnopq"]
        {
            assert!(bad.parse::<TenantId>().is_err(), "{bad} should be refused");
        }
    }

    #[test]
    fn a_refusal_says_what_is_accepted() {
        let error = "Demo".parse::<TenantId>().unwrap_err().to_string();
        assert!(
            error.starts_with("\"Demo\" is no tenant id: expected 2 to 16 lower-case"),
            "{error}"
        );
        let error = "gold".parse::<Tier>().unwrap_err().to_string();
        assert_eq!(error, "\"gold\" is no tier: expected trial, standard or enterprise");
    }

    #[test]
    fn every_tier_is_read_back_from_its_name() {
        for tier in Tier::ALL {
            assert_eq!(tier.as_str().parse(), Ok(tier));
        }
    }
}
