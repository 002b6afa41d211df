//! What a secret is, and so how it is rotated: told from its JSON and its tags, with no call.
//!
//! Why it exists: one function rotates everything that a tenant holds, and a secret does not say
//! what it is. Its keys do: those of AWS's rotation templates, of RDS, of ElastiCache, and of the
//! catalogue's application keys. What fits none of them is not guessed at: it is refused, and the
//! refusal says what would make it rotatable.

use std::collections::BTreeMap;

use database::DatabaseSecret;
pub use domain::catalogue::RotationStrategy as Strategy;
use serde_json::{Map, Value};

/// The tag by which a secret chooses its strategy.
pub const STRATEGY_TAG: &str = "RotationStrategy";
/// The tag that names the one JSON field that is generated.
pub const FIELD_TAG: &str = "RotationField";
/// What [`STRATEGY_TAG`] says of a secret whose value nobody else has to be told.
pub const GENERATED: &str = "generated";

/// Tags that RDS puts on the secret of a master user that it manages (RDS user guide, "Password
/// management with Amazon RDS and AWS Secrets Manager").
pub const RDS_INSTANCE_TAG: &str = "aws:rds:primaryDBInstanceArn";
/// The same for a cluster.
pub const RDS_CLUSTER_TAG: &str = "aws:rds:primaryDBClusterArn";

/// A secret's tags.
pub type Tags = BTreeMap<String, String>;

/// Whether a strategy cannot be done without the master's secret.
const fn needs_master(strategy: Strategy) -> bool {
    matches!(strategy, Strategy::AlternatingUsers | Strategy::SingleUserByMaster)
}

/// The strategy that a tag names.
fn strategy_of(word: &str) -> Option<Strategy> {
    Strategy::ALL.into_iter().find(|strategy| strategy.as_str() == word)
}

/// What a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A database user, in the shape of AWS's templates.
    Database(Strategy),
    /// The master user of a database that RDS manages: only a name and a password; the tags say
    /// where the database is.
    RdsManagedMaster(RdsResource),
    /// The auth token of an ElastiCache replication group: `{"token": "…"}`.
    CacheToken {
        /// The group, where the secret names it (`replicationGroupId`).
        replication_group_id: Option<String>,
    },
    /// An ElastiCache RBAC user, in the shape of AWS's template.
    CacheUser {
        /// The user's ARN.
        user_arn: String,
        /// Its name at the login.
        username: String,
    },
    /// An application key with its fallbacks: `{"key": "…", "fallbacks": "…"}`.
    ApplicationKey,
    /// A value that is only generated: whoever checks it reads this secret too.
    Generated(Field),
    /// None of these.
    CannotBeRotated {
        /// Why not; without anything of the value.
        why: String,
        /// What would make it rotatable.
        remedy: String,
    },
}

/// Which part of a secret is generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// All of it: an opaque text.
    Whole,
    /// One key of its JSON.
    Named(String),
}

/// What RDS's tags on a managed master's secret point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RdsResource {
    /// An instance, by its ARN.
    Instance(String),
    /// An Aurora or Multi-AZ cluster, by its ARN.
    Cluster(String),
}

impl Kind {
    /// Its name in records, events and metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Database(_) => "database",
            Self::RdsManagedMaster(_) => "rds-managed-master",
            Self::CacheToken { .. } => "cache-token",
            Self::CacheUser { .. } => "cache-user",
            Self::ApplicationKey => "application-key",
            Self::Generated(_) => GENERATED,
            Self::CannotBeRotated { .. } => "cannot-be-rotated",
        }
    }

    /// The strategy, where there is more than one for its kind.
    pub const fn strategy(&self) -> Option<Strategy> {
        match self {
            Self::Database(strategy) => Some(*strategy),
            Self::RdsManagedMaster(_) => Some(Strategy::SingleUser),
            _ => None,
        }
    }
}

/// Tells what a secret is from its value and its tags. `wanted` is the catalogue's strategy for
/// database users, which a tag of the secret goes before.
pub fn classify(value: &str, tags: &Tags, wanted: Strategy) -> Kind {
    let document = match serde_json::from_str(value) {
        Ok(Value::Object(document)) => Some(document),
        _ => None,
    };
    let strategy = tags.get(STRATEGY_TAG).map(String::as_str);
    if strategy == Some(GENERATED) {
        return generated(document.as_ref(), tags);
    }
    let Some(document) = document else {
        return unknown("it is no JSON object");
    };
    let has = |key: &str| document.get(key).is_some_and(|value| !value.is_null());
    if has("engine") || has("host") {
        return database(value, strategy, wanted);
    }
    if has("user_arn") {
        return cache_user(&document);
    }
    if has("username") && has("password") {
        let managed = tags.get(RDS_INSTANCE_TAG).cloned().map(RdsResource::Instance);
        let managed =
            managed.or_else(|| tags.get(RDS_CLUSTER_TAG).cloned().map(RdsResource::Cluster));
        return managed.map_or_else(
            || unknown("it has a user and a password, and nothing says of which server"),
            Kind::RdsManagedMaster,
        );
    }
    if text(&document, "token").is_some() {
        let replication_group_id = text(&document, "replicationGroupId");
        return Kind::CacheToken { replication_group_id };
    }
    if text(&document, "key").is_some() && document.get("fallbacks").is_some_and(Value::is_string) {
        return Kind::ApplicationKey;
    }
    unknown("its keys are those of no kind that is known")
}

fn database(value: &str, strategy: Option<&str>, wanted: Strategy) -> Kind {
    let secret = match DatabaseSecret::parse(value) {
        Ok(secret) => secret,
        Err(error) => {
            return Kind::CannotBeRotated {
                why: error.to_string(),
                remedy: "write a version of the secret in which these keys are right".to_owned(),
            };
        }
    };
    match strategy.map(strategy_of) {
        Some(None) => Kind::CannotBeRotated {
            why: format!("its tag {STRATEGY_TAG} names no strategy for a database user"),
            remedy: format!(
                "change the tag; accepted are {}",
                Strategy::ALL.map(Strategy::as_str).join(", ")
            ),
        },
        Some(Some(strategy)) if needs_master(strategy) && secret.masterarn.is_none() => {
            Kind::CannotBeRotated {
                why: format!(
                    "its tag {STRATEGY_TAG} is {strategy}, which needs the master's secret, and it \
                     names none"
                ),
                remedy: "add the key \"masterarn\" with the ARN of the master's secret".to_owned(),
            }
        }
        Some(Some(strategy)) => Kind::Database(strategy),
        // The catalogue speaks of the application's users; the master itself has nobody above it.
        None if secret.masterarn.is_none() => Kind::Database(Strategy::SingleUser),
        None => Kind::Database(wanted),
    }
}

fn cache_user(document: &Map<String, Value>) -> Kind {
    let keys = ["user_arn", "username", "password"];
    match keys.map(|key| text(document, key)) {
        [Some(user_arn), Some(username), Some(_)] => Kind::CacheUser { user_arn, username },
        found => {
            let missing: Vec<&str> = keys
                .into_iter()
                .zip(found)
                .filter_map(|(key, value)| value.is_none().then_some(key))
                .collect();
            Kind::CannotBeRotated {
                why: format!(
                    "it is a cache user's, but of its keys {} is missing or no text",
                    missing.join(" and ")
                ),
                remedy: "write a version of the secret with all three of user_arn, username and \
                         password"
                    .to_owned(),
            }
        }
    }
}

fn generated(document: Option<&Map<String, Value>>, tags: &Tags) -> Kind {
    let refused =
        |why: String, remedy: &str| Kind::CannotBeRotated { why, remedy: remedy.to_owned() };
    match (document, tags.get(FIELD_TAG)) {
        (None, None) => Kind::Generated(Field::Whole),
        (None, Some(_)) => refused(
            format!("its tag {FIELD_TAG} names a field, and the secret is no JSON object"),
            "remove the tag, and the whole text is generated",
        ),
        (Some(_), None) => refused(
            format!("it is a JSON object, and no tag {FIELD_TAG} says which field is generated"),
            "add the tag with the name of the field",
        ),
        (Some(document), Some(field)) => match document.get(field) {
            Some(Value::String(_)) => Kind::Generated(Field::Named(field.clone())),
            Some(_) => refused(
                format!("its tag {FIELD_TAG} names a field that is no text"),
                "name a field that is a text",
            ),
            None => refused(
                format!("its tag {FIELD_TAG} names a field that the secret does not have"),
                "name a field of the secret",
            ),
        },
    }
}

/// A key of the document, if it is a text that is not empty.
fn text(document: &Map<String, Value>, key: &str) -> Option<String> {
    let text = document.get(key)?.as_str().filter(|text| !text.is_empty())?;
    Some(text.to_owned())
}

fn unknown(why: &str) -> Kind {
    Kind::CannotBeRotated {
        why: why.to_owned(),
        remedy: format!(
            "if whoever checks the value reads it from this secret, add the tag \
             {STRATEGY_TAG}={GENERATED}, and {FIELD_TAG} with the field's name where it is JSON; a \
             key of a third party has to be changed there by hand, so remove its rotation"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: &str = r#"{"engine":"postgres","host":"h","username":"u","password":"p3"#;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn kind(value: &str, pairs: &[(&str, &str)]) -> Kind {
        classify(value, &tags(pairs), Strategy::AlternatingUsers)
    }

    #[test]
    fn each_shape_is_what_it_is() {
        let with_master = format!(r#"{DATABASE}","masterarn":"arn:m"}}"#);
        let master = format!(r#"{DATABASE}"}}"#);
        let group = Some("g".to_owned());
        for (value, pairs, expected) in [
            (with_master.as_str(), &[][..], Kind::Database(Strategy::AlternatingUsers)),
            (
                &with_master,
                &[(STRATEGY_TAG, "single-user-by-master")],
                Kind::Database(Strategy::SingleUserByMaster),
            ),
            (&with_master, &[(STRATEGY_TAG, "single-user")], Kind::Database(Strategy::SingleUser)),
            // The catalogue's wish needs a master, and the master has none.
            (&master, &[], Kind::Database(Strategy::SingleUser)),
            (
                r#"{"username":"m","password":"p"}"#,
                &[(RDS_INSTANCE_TAG, "arn:i")],
                Kind::RdsManagedMaster(RdsResource::Instance("arn:i".into())),
            ),
            (
                r#"{"username":"m","password":"p"}"#,
                &[(RDS_CLUSTER_TAG, "arn:c")],
                Kind::RdsManagedMaster(RdsResource::Cluster("arn:c".into())),
            ),
            (r#"{"token":"t"}"#, &[], Kind::CacheToken { replication_group_id: None }),
            (
                r#"{"token":"t","replicationGroupId":"g"}"#,
                &[],
                Kind::CacheToken { replication_group_id: group },
            ),
            (
                r#"{"username":"u","password":"p","user_arn":"arn:u"}"#,
                &[],
                Kind::CacheUser { user_arn: "arn:u".into(), username: "u".into() },
            ),
            (r#"{"key":"k","fallbacks":""}"#, &[], Kind::ApplicationKey),
            ("opaque", &[(STRATEGY_TAG, GENERATED)], Kind::Generated(Field::Whole)),
            (
                r#"{"a":"x","b":"y"}"#,
                &[(STRATEGY_TAG, GENERATED), (FIELD_TAG, "b")],
                Kind::Generated(Field::Named("b".into())),
            ),
        ] {
            assert_eq!(kind(value, pairs), expected, "{value} {pairs:?}");
        }
    }

    #[test]
    fn what_cannot_be_rotated_says_why_and_what_to_do_and_repeats_nothing_of_the_value() {
        let generated = (STRATEGY_TAG, GENERATED);
        let no_master = format!(r#"{DATABASE}"}}"#);
        for (value, pairs, word) in [
            ("s3cret-opaque", &[][..], "no JSON object"),
            (r#"["s3cret"]"#, &[], "no JSON object"),
            (r#"{"api":"s3cret"}"#, &[], "no kind that is known"),
            (r#"{"key":"s3cret"}"#, &[], "no kind that is known"),
            (r#"{"token":""}"#, &[], "no kind that is known"),
            (r#"{"username":"s3cret","password":"s3cret"}"#, &[], "nothing says of which server"),
            (r#"{"user_arn":"a","username":"s3cret"}"#, &[], "password is missing"),
            (r#"{"engine":"s3cret","host":"h"}"#, &[], "\"engine\" is none of"),
            (no_master.as_str(), &[(STRATEGY_TAG, "s3cret")], "names no strategy"),
            (&no_master, &[(STRATEGY_TAG, "alternating-users")], "needs the master's secret"),
            (r#"{"a":"s3cret"}"#, &[generated], "which field is generated"),
            (r#"{"a":"s3cret"}"#, &[generated, (FIELD_TAG, "b")], "does not have"),
            (r#"{"a":["s3cret"]}"#, &[generated, (FIELD_TAG, "a")], "no text"),
            ("s3cret", &[generated, (FIELD_TAG, "a")], "no JSON object"),
        ] {
            let Kind::CannotBeRotated { why, remedy } = kind(value, pairs) else {
                panic!("{value} was taken");
            };
            assert!(why.contains(word), "{value}: {why}");
            assert!(!remedy.is_empty());
            assert!(!format!("{why}{remedy}").contains("s3cret"), "{why}; {remedy}");
        }
    }
}
