//! The tenant's two roles. The execution role is ECS's: it starts a task, and reads the secrets
//! that the task gets. The task role is the application's own: its buckets, its files, nothing
//! else. Neither reaches another tenant's, and neither reaches the database's master.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::variables;
use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::{arn, reference, sub};
use crate::template::{identifiers, output, parameter};

/// What ECS starts tasks with.
pub(super) const EXECUTION: &str = "ExecutionRole";
/// What the application runs as.
pub(super) const TASK: &str = "TaskRole";

/// Adds the roles.
pub(super) fn add(draft: &mut Draft<'_>) {
    let execution = role(draft, "execution", &execution_statements(draft));
    draft.add(EXECUTION, execution);
    let task = role(draft, "task", &task_statements(draft));
    draft.add(TASK, task);
}

fn role(draft: &Draft<'_>, purpose: &str, statements: &[Value]) -> Resource {
    let policy = json!([{
        "PolicyName": purpose,
        "PolicyDocument": { "Version": "2012-10-17", "Statement": statements },
    }]);
    Resource::new(
        "AWS::IAM::Role",
        json!({
            "RoleName": draft.names.component(purpose),
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": "ecs-tasks.amazonaws.com" },
                    "Action": "sts:AssumeRole",
                    // ECS on behalf of nobody else's account (the confused deputy).
                    "Condition": {
                        "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") },
                        "ArnLike": { "aws:SourceArn": arn("ecs", "*") },
                    },
                }],
            },
            "Policies": (!statements.is_empty()).then_some(policy),
        }),
    )
}

fn execution_statements(draft: &Draft<'_>) -> Vec<Value> {
    let services = &draft.settings.services;
    let repositories: BTreeSet<&str> =
        services.values().map(|service| repository(&service.image)).collect();
    let log_group =
        |service: &String| arn("logs", &format!("log-group:{}:*", draft.names.log_group(service)));
    let logs: Vec<Value> = services.keys().map(log_group).collect();
    let mut statements = vec![
        // A token for the registry is not bound to a repository.
        allow(&["ecr:GetAuthorizationToken"], &json!("*")),
        allow(
            &["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            // The registry may be another account's, in another region.
            &repositories
                .iter()
                .map(|name| sub(format!("arn:${{AWS::Partition}}:ecr:*:*:repository/{name}")))
                .collect(),
        ),
        allow(&["logs:CreateLogStream", "logs:PutLogEvents"], &logs.into()),
    ];
    let secrets: BTreeSet<String> = services
        .values()
        .flat_map(|service| service.secrets.values())
        .map(variables::secret_parameter)
        .collect();
    if !secrets.is_empty() {
        let arns: Vec<Value> = secrets.iter().map(|name| reference(name)).collect();
        statements.push(allow(&["secretsmanager:GetSecretValue"], &arns.into()));
        let context = "kms:EncryptionContext:SecretARN";
        let own = arn("secretsmanager", &format!("secret:{}/*", draft.names.base()));
        let decrypt = decrypt_through("secretsmanager", &["kms:Decrypt"], context, &own);
        statements.push(decrypt);
    }
    statements
}

fn task_statements(draft: &Draft<'_>) -> Vec<Value> {
    let mut statements = Vec::new();
    let buckets: Vec<String> = draft
        .settings
        .buckets
        .keys()
        .map(|name| {
            format!("arn:${{AWS::Partition}}:s3:::{}", identifiers::bucket(&draft.names, name))
        })
        .collect();
    if !buckets.is_empty() {
        let arns: Value = buckets.iter().map(sub).collect();
        let objects: Value = buckets.iter().map(|bucket| sub(format!("{bucket}/*"))).collect();
        let read_and_write = [
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
        ];
        statements.push(allow(&["s3:GetBucketLocation", "s3:ListBucket"], &arns));
        statements.push(allow(&read_and_write, &objects));
        let actions = ["kms:Decrypt", "kms:GenerateDataKey"];
        // With a bucket key the context is the bucket's ARN.
        let context = "kms:EncryptionContext:aws:s3:arn";
        statements.push(decrypt_through("s3", &actions, context, &arns));
    }
    if draft.settings.file_system.is_some() {
        let file_system =
            arn("elasticfilesystem", &format!("file-system/${{{}}}", parameter::FILE_SYSTEM_ID));
        let access_point =
            arn("elasticfilesystem", &format!("access-point/${{{}}}", output::ACCESS_POINT_ID));
        let actions = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"];
        let mut statement = allow(&actions, &file_system);
        add_condition(
            &mut statement,
            json!({ "StringEquals": { "elasticfilesystem:AccessPointArn": access_point } }),
        );
        statements.push(statement);
    }
    statements
}

fn allow(actions: &[&str], resource: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

/// Use of the key through one service, for what the encryption context names: the key is all
/// tenants', what it opens is not.
fn decrypt_through(service: &str, actions: &[&str], context: &str, own: &Value) -> Value {
    let mut statement = allow(actions, &reference(parameter::KMS_KEY_ARN));
    let via = sub(format!("{service}.${{AWS::Region}}.${{AWS::URLSuffix}}"));
    add_condition(
        &mut statement,
        json!({ "StringEquals": { "kms:ViaService": via }, "StringLike": { context: own } }),
    );
    statement
}

fn add_condition(statement: &mut Value, condition: Value) {
    if let Some(statement) = statement.as_object_mut() {
        statement.insert("Condition".to_owned(), condition);
    }
}

/// The repository of an image: `mate-web` of `mate-web:stable`.
fn repository(image: &str) -> &str {
    image.split([':', '@']).next().unwrap_or(image)
}
