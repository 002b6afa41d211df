//! How the number of a service's tasks follows its load: target tracking on CPU, memory, and
//! requests where there are any. Each asks for a number of tasks, and the largest wins.

use domain::catalogue::{Scaling, Service};
use serde_json::{Value, json};

use super::{routing, services};
use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::{pascal, reference, sub};
use crate::template::parameter;

/// Adds a scalable target and its policies for each service that scales.
pub(super) fn add(draft: &mut Draft<'_>) {
    for (name, service) in &draft.settings.services {
        let Some(scaling) = &service.scaling else { continue };
        let target = format!("{}Scaling", pascal(name));
        let service_name = format!("${{{}.Name}}", services::service_id(name));
        let resource = sub(format!("service/${{{}}}/{service_name}", parameter::CLUSTER_NAME));
        let scalable = Resource::new(
            "AWS::ApplicationAutoScaling::ScalableTarget",
            json!({
                "ServiceNamespace": "ecs",
                "ScalableDimension": "ecs:service:DesiredCount",
                "ResourceId": resource,
                "MinCapacity": service.count,
                "MaxCapacity": scaling.max,
            }),
        );
        draft.add(&target, scalable);
        for (what, metric, target_value) in metrics(name, service, scaling) {
            let policy = Resource::new(
                "AWS::ApplicationAutoScaling::ScalingPolicy",
                json!({
                    "PolicyName": draft.names.component(&format!("{name}-{what}")),
                    "PolicyType": "TargetTrackingScaling",
                    "ScalingTargetId": reference(&target),
                    "TargetTrackingScalingPolicyConfiguration": {
                        "PredefinedMetricSpecification": metric,
                        "TargetValue": target_value,
                        "ScaleOutCooldown": scaling.out_cooldown_seconds,
                        "ScaleInCooldown": scaling.in_cooldown_seconds,
                    },
                }),
            );
            draft.add(format!("{target}{}", pascal(what)), policy);
        }
    }
}

fn metrics(name: &str, service: &Service, scaling: &Scaling) -> Vec<(&'static str, Value, u32)> {
    let average = |metric: &str| json!({ "PredefinedMetricType": metric });
    let mut metrics = vec![
        ("cpu", average("ECSServiceAverageCPUUtilization"), scaling.cpu_percent),
        ("memory", average("ECSServiceAverageMemoryUtilization"), scaling.memory_percent),
    ];
    let requests = scaling.requests_per_minute_per_task.filter(|_| service.http.is_some());
    if let Some(requests) = requests {
        // `app/{balancer}/{id}/targetgroup/{group}/{id}`
        let target_group = routing::target_group_id(name);
        let label = format!(
            "${{{}}}/${{{target_group}.TargetGroupFullName}}",
            parameter::LOAD_BALANCER_FULL_NAME
        );
        let metric = json!({
            "PredefinedMetricType": "ALBRequestCountPerTarget",
            "ResourceLabel": sub(label),
        });
        metrics.push(("requests", metric, requests));
    }
    metrics
}
