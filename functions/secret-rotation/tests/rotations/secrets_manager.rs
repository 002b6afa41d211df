//! A Secrets Manager as strict as the real one about labels and tokens.
//!
//! Source: its API reference (`PutSecretValue`, `UpdateSecretVersionStage`, `RotateSecret`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// An answer: the body, or the code and the words of an error.
pub(crate) type Answer = Result<Value, (&'static str, String)>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Version {
    pub(crate) value: Option<String>,
    pub(crate) labels: BTreeSet<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) versions: BTreeMap<String, Version>,
    pub(crate) rotation_enabled: Option<bool>,
}

impl Secret {
    pub(crate) fn with(&self, label: &str) -> Option<(&String, &Version)> {
        self.versions.iter().find(|(_, version)| version.labels.contains(label))
    }

    /// Moves a label, as only one version can have it.
    fn move_label(&mut self, label: &str, to: &str) {
        for version in self.versions.values_mut() {
            version.labels.remove(label);
        }
        self.versions.entry(to.to_owned()).or_default().labels.insert(label.to_owned());
    }
}

/// All secrets, by ARN, and every value that any of them ever had.
#[derive(Debug, Default)]
pub(crate) struct SecretsManager {
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) ever: BTreeSet<String>,
    pub(crate) rotation_tokens: Vec<String>,
    pub(crate) rotations_asked: Vec<String>,
    /// The passwords to be made next; after them they are made up.
    pub(crate) made: Vec<String>,
    random: u64,
}

impl SecretsManager {
    /// Begins a rotation as the real one does: an empty version with the label.
    pub(crate) fn begin(&mut self, arn: &str, token: &str) -> Result<(), String> {
        let secret = self.secrets.get_mut(arn).expect("the secret");
        let current = secret.with("AWSCURRENT").map(|(id, _)| id.clone());
        if let Some((pending, _)) = secret.with("AWSPENDING")
            && Some(pending) != current.as_ref()
        {
            return Err(format!("a previous rotation isn't complete: {pending}"));
        }
        secret.move_label("AWSPENDING", token);
        Ok(())
    }

    pub(crate) fn answer(&mut self, operation: &str, asked: &Value) -> Answer {
        if operation == "GetRandomPassword" {
            return Ok(json!({ "RandomPassword": self.make(asked) }));
        }
        let arn = asked["SecretId"].as_str().unwrap_or_default().to_owned();
        let Some(secret) = self.secrets.get_mut(&arn) else {
            return Err(("ResourceNotFoundException", format!("no secret {arn}")));
        };
        match operation {
            "DescribeSecret" => {
                let labels = |version: &Version| json!(version.labels);
                let stages: BTreeMap<_, _> =
                    secret.versions.iter().map(|(id, it)| (id, labels(it))).collect();
                let tag = |(key, value)| json!({"Key": key, "Value": value});
                Ok(json!({
                    "ARN": arn, "Name": secret.name, "VersionIdsToStages": stages,
                    "Tags": secret.tags.iter().map(tag).collect::<Vec<_>>(),
                    "RotationEnabled": secret.rotation_enabled,
                }))
            }
            "GetSecretValue" => {
                let label = asked["VersionStage"].as_str();
                let id = asked["VersionId"].as_str();
                let found = secret.versions.iter().find(|(version, it)| {
                    id.is_none_or(|id| id == *version)
                        && it.labels.contains(label.unwrap_or("AWSCURRENT"))
                });
                match found.and_then(|(id, it)| Some((id, it.value.clone()?))) {
                    Some((id, value)) => Ok(json!({
                        "ARN": arn, "Name": secret.name, "VersionId": id, "SecretString": value,
                    })),
                    None => Err((
                        "ResourceNotFoundException",
                        "Secrets Manager can't find the specified secret value".to_owned(),
                    )),
                }
            }
            "PutSecretValue" => {
                let token = asked["ClientRequestToken"].as_str().expect("a token").to_owned();
                let value = asked["SecretString"].as_str().expect("a text").to_owned();
                if let Some(rotation) = asked["RotationToken"].as_str() {
                    self.rotation_tokens.push(rotation.to_owned());
                }
                let there = secret.versions.get(&token).and_then(|it| it.value.as_ref());
                if there.is_some_and(|there| *there != value) {
                    return Err(("ResourceExistsException", "another value".to_owned()));
                }
                for label in asked["VersionStages"].as_array().expect("labels") {
                    secret.move_label(label.as_str().expect("a label"), &token);
                }
                secret.versions.entry(token).or_default().value = Some(value.clone());
                self.keep(&value);
                Ok(json!({ "ARN": arn }))
            }
            "UpdateSecretVersionStage" => update_stage(secret, asked),
            "RotateSecret" => {
                self.rotations_asked.push(arn.clone());
                Ok(json!({ "ARN": arn }))
            }
            other => Err(("InvalidActionException", format!("not in this world: {other}"))),
        }
    }

    /// Remembers the secret words of a value.
    pub(crate) fn keep(&mut self, value: &str) {
        let document: Value = serde_json::from_str(value).unwrap_or_default();
        for key in ["password", "token", "key"] {
            self.ever.extend(document[key].as_str().map(str::to_owned));
        }
        if !document.is_object() {
            self.ever.insert(value.to_owned());
        }
    }

    fn make(&mut self, asked: &Value) -> String {
        if !self.made.is_empty() {
            return self.made.remove(0);
        }
        self.random += 1;
        let length = usize::try_from(asked["PasswordLength"].as_u64().unwrap_or(32)).unwrap();
        let mut password = format!("Aa1{:08}", self.random);
        while password.len() < length {
            password.push('x');
        }
        password
    }
}

fn update_stage(secret: &mut Secret, asked: &Value) -> Answer {
    let label = asked["VersionStage"].as_str().expect("a label");
    let (to, from) = (asked["MoveToVersionId"].as_str(), asked["RemoveFromVersionId"].as_str());
    let holder = secret.with(label).map(|(id, _)| id.clone());
    if holder.as_deref() != from && holder.as_deref() != to {
        let words = format!("{label} is on {holder:?}, and RemoveFromVersionId is {from:?}");
        return Err(("InvalidParameterException", words));
    }
    match to {
        Some(to) if !secret.versions.contains_key(to) => {
            return Err(("ResourceNotFoundException", format!("no version {to}")));
        }
        Some(to) => {
            if let Some(before) = holder.filter(|holder| label == "AWSCURRENT" && *holder != to) {
                secret.move_label("AWSPREVIOUS", &before);
            }
            secret.move_label(label, to);
        }
        None => {
            let holder = holder.expect("it was compared");
            secret.versions.get_mut(&holder).expect("the holder").labels.remove(label);
        }
    }
    Ok(json!({}))
}
