//! The way from the tenant's host name to its tasks: DNS record, listener rule, target group.

use domain::catalogue::Http;
use serde_json::{Value, json};

use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::{pascal, reference, sub};
use crate::template::{output, parameter};

/// The rule that sends the tenant's host name to its tasks.
pub(super) const LISTENER_RULE: &str = "ListenerRule";
const RECORD: &str = "DnsRecord";

/// The most seconds that a health check may take; always less than the interval.
const HEALTH_TIMEOUT_SECONDS_MAX: u32 = 5;

/// Successful checks in a row after which a target gets requests.
const HEALTHY_COUNT: u32 = 2;

/// Failed checks in a row after which it gets no more.
const UNHEALTHY_COUNT: u32 = 3;

/// The logical id of a service's target group.
pub(in crate::template) fn target_group_id(service: &str) -> String {
    format!("{}TargetGroup", pascal(service))
}

/// Adds the way to the service behind the load balancer. The catalogue has exactly one.
pub(super) fn add(draft: &mut Draft<'_>) {
    let services = draft.settings.services.iter();
    let behind = services.filter_map(|(name, service)| Some((name, service.http.as_ref()?)));
    for (name, http) in behind {
        let id = target_group_id(name);
        let target_group = target_group(draft, name, http);
        draft.add(&id, target_group);
        draft.add(LISTENER_RULE, listener_rule(&id));
        draft.output(output::TARGET_GROUP_ARN, reference(&id));
    }
    let record = Resource::new(
        "AWS::Route53::RecordSet",
        json!({
            "HostedZoneId": reference(parameter::HOSTED_ZONE_ID),
            "Name": reference(parameter::HOSTNAME),
            "Type": "A",
            "AliasTarget": {
                "DNSName": reference(parameter::LOAD_BALANCER_DNS_NAME),
                "HostedZoneId": reference(parameter::LOAD_BALANCER_ZONE_ID),
                // All tenants share the load balancer: its health says nothing about this one.
                "EvaluateTargetHealth": false,
            },
        }),
    );
    draft.add(RECORD, record);
    draft.output(output::URL, sub(format!("https://${{{}}}", parameter::HOSTNAME)));
}

fn target_group(draft: &Draft<'_>, service: &str, http: &Http) -> Resource {
    let attribute = |key: &str, value: &str| json!({ "Key": key, "Value": value });
    let attributes: Value = json!([
        attribute("deregistration_delay.timeout_seconds", &http.drain_seconds.to_string()),
        attribute("stickiness.enabled", if http.sticky_sessions { "true" } else { "false" }),
        attribute("stickiness.type", "lb_cookie"),
    ]);
    let timeout = http.health_interval_seconds.saturating_sub(1).min(HEALTH_TIMEOUT_SECONDS_MAX);
    Resource::new(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        json!({
            "Name": draft.names.target_group(service),
            "TargetType": "ip",
            "Protocol": "HTTP",
            "Port": http.port,
            "VpcId": reference(parameter::VPC_ID),
            "HealthCheckPath": http.health_path,
            "HealthCheckIntervalSeconds": http.health_interval_seconds,
            "HealthCheckTimeoutSeconds": timeout,
            "HealthyThresholdCount": HEALTHY_COUNT,
            "UnhealthyThresholdCount": UNHEALTHY_COUNT,
            "Matcher": { "HttpCode": "200" },
            "TargetGroupAttributes": attributes,
        }),
    )
}

fn listener_rule(target_group: &str) -> Resource {
    Resource::new(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        json!({
            "ListenerArn": reference(parameter::LISTENER_ARN),
            "Priority": reference(parameter::LISTENER_RULE_PRIORITY),
            "Conditions": [{
                "Field": "host-header",
                "HostHeaderConfig": { "Values": [reference(parameter::HOSTNAME)] },
            }],
            "Actions": [{ "Type": "forward", "TargetGroupArn": reference(target_group) }],
        }),
    )
}
