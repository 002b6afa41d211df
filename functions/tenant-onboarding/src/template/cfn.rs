//! A template while it is being written: resources and outputs are added, everything else
//! follows from them.
//!
//! Tags, parameters and conditions are never written by hand next to a resource. A resource that
//! can carry tags gets all of them; a parameter or condition is declared if and only if
//! something uses it. Forgetting one is impossible rather than unlikely.

use std::collections::BTreeSet;

use domain::catalogue::Settings;
use domain::{Names, Tenant};
use serde_json::{Map, Value, json};

use super::intrinsics::{names_used, reference};
use super::parameter;

/// Condition: the rotation function is deployed, so secrets get their schedules.
pub(super) const HAS_ROTATION: &str = "HasRotation";

/// Condition: the tenant is active, so its database may be protected against deletion. While a
/// stack is still being created it must be able to roll back.
pub(super) const IS_PROTECTED: &str = "IsProtected";

/// The resource types that cannot carry tags (their CloudFormation schemas have no tag
/// property), and what they are part of: that carries the tags.
pub const UNTAGGABLE: [(&str, &str); 5] = [
    ("AWS::ApplicationAutoScaling::ScalingPolicy", "its scalable target"),
    ("AWS::Route53::RecordSet", "the hosted zone of the environment"),
    ("AWS::S3::BucketPolicy", "its bucket"),
    ("AWS::SecretsManager::RotationSchedule", "its secret"),
    ("AWS::SecretsManager::SecretTargetAttachment", "its secret"),
];

/// What is left of a resource when its stack is deleted or replaces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// A last snapshot.
    Snapshot,
    /// The resource itself, unless its creation failed: then nothing half-made stays behind to
    /// stand in the way of the next attempt.
    Itself,
}

/// One resource of a template.
#[derive(Debug)]
pub(super) struct Resource {
    kind: &'static str,
    properties: Map<String, Value>,
    depends_on: Vec<String>,
    condition: Option<&'static str>,
    keep: Option<Keep>,
}

impl Resource {
    /// A resource of this CloudFormation type. Properties that are null are left out, so that
    /// "none" in the catalogue needs no special case.
    pub(super) fn new(kind: &'static str, properties: Value) -> Self {
        let properties = match properties {
            Value::Object(properties) => {
                properties.into_iter().filter(|(_, value)| !value.is_null()).collect()
            }
            _ => Map::new(),
        };
        Self { kind, properties, depends_on: Vec::new(), condition: None, keep: None }
    }

    /// Made after these, where no reference says so already.
    pub(super) fn after(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.depends_on.extend(ids);
        self
    }

    /// Made only if the condition holds.
    pub(super) fn only_if(mut self, condition: &'static str) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Not simply deleted with its stack.
    pub(super) fn keep(mut self, keep: Keep) -> Self {
        self.keep = Some(keep);
        self
    }

    fn into_json(mut self, tags: &Value) -> Value {
        if let Some(property) = tag_property(self.kind) {
            self.properties.insert(property.to_owned(), tags.clone());
        }
        let mut json = Map::new();
        json.insert("Type".to_owned(), self.kind.into());
        json.insert("Properties".to_owned(), self.properties.into());
        if !self.depends_on.is_empty() {
            self.depends_on.sort();
            json.insert("DependsOn".to_owned(), self.depends_on.into());
        }
        if let Some(condition) = self.condition {
            json.insert("Condition".to_owned(), condition.into());
        }
        if let Some(keep) = self.keep {
            let (deletion, replacement) = match keep {
                Keep::Snapshot => ("Snapshot", "Snapshot"),
                Keep::Itself => ("RetainExceptOnCreate", "Retain"),
            };
            json.insert("DeletionPolicy".to_owned(), deletion.into());
            json.insert("UpdateReplacePolicy".to_owned(), replacement.into());
        }
        json.into()
    }
}

/// The property that holds a resource's tags, if it can have any.
fn tag_property(kind: &str) -> Option<&'static str> {
    match kind {
        "AWS::EFS::AccessPoint" => Some("AccessPointTags"),
        _ if UNTAGGABLE.iter().any(|(untaggable, _)| *untaggable == kind) => None,
        _ => Some("Tags"),
    }
}

/// A template being written, and what it is written for.
pub(super) struct Draft<'a> {
    /// The tenant.
    pub(super) tenant: &'a Tenant,
    /// What its tier wants in its environment.
    pub(super) settings: &'a Settings,
    /// The names of its resources.
    pub(super) names: Names,
    tags: Value,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

impl<'a> Draft<'a> {
    /// An empty template for this tenant.
    pub(super) fn new(tenant: &'a Tenant, settings: &'a Settings) -> Self {
        let tags = tenant.tags();
        let tags = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Self {
            tenant,
            settings,
            names: tenant.names(),
            tags,
            resources: Map::new(),
            outputs: Map::new(),
        }
    }

    /// Adds a resource under its logical id.
    pub(super) fn add(&mut self, id: impl Into<String>, resource: Resource) {
        self.resources.insert(id.into(), resource.into_json(&self.tags));
    }

    /// Adds an output.
    pub(super) fn output(&mut self, name: impl Into<String>, value: Value) {
        self.outputs.insert(name.into(), Map::from_iter([("Value".to_owned(), value)]).into());
    }

    /// The finished template, with the parameters and conditions that it uses.
    pub(super) fn finish(self, description: String) -> Value {
        let mut used = BTreeSet::new();
        let mut note = |name: &str| {
            used.insert(name.to_owned());
        };
        self.resources.values().chain(self.outputs.values()).for_each(|value| {
            names_used(value, &mut note);
        });
        let conditions: Map<String, Value> = conditions()
            .into_iter()
            .filter(|(name, _)| used.contains(*name))
            .map(|(name, condition)| (name.to_owned(), condition))
            .collect();
        conditions.values().for_each(|condition| {
            names_used(condition, &mut |name| {
                used.insert(name.to_owned());
            });
        });
        let parameters: Map<String, Value> = used
            .iter()
            .filter(|name| !self.resources.contains_key(*name))
            .filter_map(|name| Some((name.clone(), parameter::declaration(name)?)))
            .collect();

        let mut body = Map::new();
        body.insert("AWSTemplateFormatVersion".to_owned(), "2010-09-09".into());
        body.insert("Description".to_owned(), description.into());
        body.insert("Parameters".to_owned(), parameters.into());
        if !conditions.is_empty() {
            body.insert("Conditions".to_owned(), conditions.into());
        }
        body.insert("Resources".to_owned(), self.resources.into());
        body.insert("Outputs".to_owned(), self.outputs.into());
        let mut body = Value::from(body);
        // The same text whether or not some crate in the build has `serde_json` keep keys in the
        // order of their insertion.
        body.sort_all_objects();
        body
    }
}

/// All conditions that a template may use.
fn conditions() -> [(&'static str, Value); 2] {
    let is = |name: &str, value: &str| json!({ "Fn::Equals": [reference(name), value] });
    [
        (HAS_ROTATION, json!({ "Fn::Not": [is(parameter::ROTATION_FUNCTION_ARN, "")] })),
        (IS_PROTECTED, is(parameter::PROTECTED, "true")),
    ]
}
