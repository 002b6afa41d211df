//! The ECS services: how many tasks, where, and how a new version takes over.

use domain::catalogue::Service;
use serde_json::{Value, json};

use super::{routing, tasks};
use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::{attribute, pascal, reference};
use crate::template::{output, parameter};

/// The logical id of a service.
pub(in crate::template) fn service_id(service: &str) -> String {
    format!("{}Service", pascal(service))
}

/// Adds the services.
pub(super) fn add(draft: &mut Draft<'_>) {
    for (name, service) in &draft.settings.services {
        let resource = Resource::new("AWS::ECS::Service", properties(draft, name, service));
        // ECS refuses a target group that no listener knows.
        let after = service.http.as_ref().map(|_| routing::LISTENER_RULE.to_owned());
        let id = service_id(name);
        draft.add(&id, resource.after(after));
        draft.output(output::service_name(name), attribute(&id, "Name"));
    }
}

fn properties(draft: &Draft<'_>, name: &str, service: &Service) -> Value {
    let mut security_groups = vec![reference(output::APP_SECURITY_GROUP_ID)];
    if tasks::mounts_files(draft, name) {
        // Members of this group may reach the file system. A rule for each tenant instead would
        // be at AWS's limit of 60 rules with the 60th tenant.
        security_groups.push(reference(parameter::FILE_SYSTEM_SECURITY_GROUP_ID));
    }
    let load_balancers = service.http.as_ref().map(|http| {
        json!([{
            "ContainerName": name,
            "ContainerPort": http.port,
            "TargetGroupArn": reference(&routing::target_group_id(name)),
        }])
    });
    // How many tasks a service that scales has is for its scaling to say. A number here would
    // throw it back to the start with every update of the stack.
    let count = service.scaling.is_none().then_some(service.count);
    json!({
        "ServiceName": draft.names.component(name),
        "Cluster": reference(parameter::CLUSTER_NAME),
        "TaskDefinition": reference(&tasks::task_definition_id(name)),
        "DesiredCount": count,
        "CapacityProviderStrategy": [{ "CapacityProvider": "FARGATE", "Weight": 1 }],
        "DeploymentConfiguration": deployment(service),
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                "AssignPublicIp": "DISABLED",
                "Subnets": reference(parameter::PRIVATE_SUBNET_IDS),
                "SecurityGroups": security_groups,
            },
        },
        "LoadBalancers": load_balancers,
        "HealthCheckGracePeriodSeconds": service.http.as_ref().map(|http| http.grace_seconds),
        // Nobody gets a shell in a tenant's task.
        "EnableExecuteCommand": false,
        "EnableECSManagedTags": true,
        "PropagateTags": "SERVICE",
    })
}

/// A new version starts beside the old one, unless there must never be two: a scheduler that
/// runs twice sends everything twice, so there the old one stops first.
fn deployment(service: &Service) -> Value {
    let is_single = service.scaling.is_none() && service.count == 1;
    let (min, max) = if is_single { (0, 100) } else { (100, 200) };
    json!({
        "MinimumHealthyPercent": min,
        "MaximumPercent": max,
        "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
    })
}
