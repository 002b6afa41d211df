//! Task definitions: what runs, with how much, and what it may touch.

use domain::catalogue::Service;
use serde_json::{Value, json};

use super::{roles, variables};
use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::{attribute, pascal, reference, sub};
use crate::template::{output, parameter};

/// Seconds between "please stop" and "stop": the most that Fargate grants. A worker finishes its
/// job in this time; who is done sooner is gone sooner.
const STOP_TIMEOUT_SECONDS: u32 = 120;

/// Seconds between two runs of the container's own health check: ECS's default. A check is a
/// process of its own, on a share of a core.
const HEALTH_INTERVAL_SECONDS: u32 = 30;

/// Seconds that one health check may take. Starting an interpreter on a quarter of a core takes
/// some.
const HEALTH_TIMEOUT_SECONDS: u32 = 10;

/// Failed checks in a row after which a container is unhealthy.
const HEALTH_RETRIES: u32 = 3;

/// Seconds after the start in which failed checks do not count, for a service that no load
/// balancer asks.
const HEALTH_START_SECONDS: u32 = 60;

/// The longest start period that ECS takes, in seconds.
const HEALTH_START_SECONDS_MAX: u32 = 300;

/// The volume of the tenant's files on the shared file system.
const FILES: &str = "files";

/// The logical id of a service's task definition.
pub(super) fn task_definition_id(service: &str) -> String {
    format!("{}TaskDefinition", pascal(service))
}

/// Whether the service mounts the tenant's files.
pub(super) fn mounts_files(draft: &Draft<'_>, service: &str) -> bool {
    let file_system = draft.settings.file_system.as_ref();
    file_system.is_some_and(|file_system| file_system.services.iter().any(|name| name == service))
}

/// Adds a task definition for each service.
pub(super) fn add(draft: &mut Draft<'_>) {
    for (name, service) in &draft.settings.services {
        let (volumes, mounts) = volumes(draft, name, service);
        let task_definition = Resource::new(
            "AWS::ECS::TaskDefinition",
            json!({
                "Family": draft.names.component(name),
                "RequiresCompatibilities": ["FARGATE"],
                "NetworkMode": "awsvpc",
                "Cpu": service.cpu.to_string(),
                "Memory": service.memory_mb.to_string(),
                "ExecutionRoleArn": attribute(roles::EXECUTION, "Arn"),
                "TaskRoleArn": attribute(roles::TASK, "Arn"),
                "Volumes": (!volumes.is_empty()).then_some(volumes),
                "ContainerDefinitions": [container(draft, name, service, &mounts)],
            }),
        );
        draft.add(task_definition_id(name), task_definition);
    }
}

fn container(draft: &Draft<'_>, name: &str, service: &Service, mounts: &[Value]) -> Value {
    let image = sub(format!("${{{}}}/{}", parameter::IMAGE_REGISTRY, service.image));
    let ports = service.http.as_ref().map(|http| json!([{ "ContainerPort": http.port }]));
    let container = json!({
        "Name": name,
        "Image": image,
        "Essential": true,
        "Command": (!service.command.is_empty()).then_some(&service.command),
        "User": service.user,
        "ReadonlyRootFilesystem": true,
        // A first process that passes signals on and buries its children.
        "LinuxParameters": { "InitProcessEnabled": true },
        "StopTimeout": STOP_TIMEOUT_SECONDS,
        "PortMappings": ports,
        "Environment": variables::environment(draft, service),
        "Secrets": variables::secrets(service),
        "MountPoints": (!mounts.is_empty()).then_some(mounts),
        "HealthCheck": health_check(service),
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": draft.names.log_group(name),
                "awslogs-region": reference("AWS::Region"),
                "awslogs-stream-prefix": name,
            },
        },
    });
    without_nulls(container)
}

fn health_check(service: &Service) -> Value {
    if service.health_command.is_empty() {
        return Value::Null;
    }
    let grace = service.http.as_ref().map_or(HEALTH_START_SECONDS, |http| http.grace_seconds);
    let command: Vec<&str> =
        std::iter::once("CMD").chain(service.health_command.iter().map(String::as_str)).collect();
    json!({
        "Command": command,
        "Interval": HEALTH_INTERVAL_SECONDS,
        "Timeout": HEALTH_TIMEOUT_SECONDS,
        "Retries": HEALTH_RETRIES,
        "StartPeriod": grace.min(HEALTH_START_SECONDS_MAX),
    })
}

/// The volumes of a task and where its container sees them. On Fargate an empty volume belongs
/// to the user whom the image gives the path to, if the image declares it as a `VOLUME`.
fn volumes(draft: &Draft<'_>, name: &str, service: &Service) -> (Vec<Value>, Vec<Value>) {
    let mut volumes = Vec::new();
    let mut mounts = Vec::new();
    for path in &service.writable_paths {
        let volume = path.trim_matches('/').replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        volumes.push(json!({ "Name": volume }));
        mounts.push(json!({ "SourceVolume": volume, "ContainerPath": path, "ReadOnly": false }));
    }
    let files = draft.settings.file_system.as_ref().filter(|_| mounts_files(draft, name));
    if let Some(files) = files {
        volumes.push(json!({
            "Name": FILES,
            "EFSVolumeConfiguration": {
                "FilesystemId": reference(parameter::FILE_SYSTEM_ID),
                "TransitEncryption": "ENABLED",
                "AuthorizationConfig": {
                    "AccessPointId": reference(output::ACCESS_POINT_ID),
                    "IAM": "ENABLED",
                },
            },
        }));
        mounts.push(json!({
            "SourceVolume": FILES,
            "ContainerPath": files.mount_path,
            "ReadOnly": false,
        }));
    }
    (volumes, mounts)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}
