//! The tenant's security groups, one for each layer. A layer lets in the layer in front of it by
//! that layer's group, never by an address range, so no tenant's task reaches another tenant's
//! database.

use serde_json::{Value, json};

use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::{attribute, reference};
use crate::template::{output, parameter};

/// The group of the application's tasks.
pub(super) const APP: &str = "AppSecurityGroup";
/// The group of the database.
pub(super) const DATABASE: &str = "DatabaseSecurityGroup";
/// The group of the cache.
pub(super) const CACHE: &str = "CacheSecurityGroup";

/// Adds the groups.
pub(super) fn add(draft: &mut Draft<'_>) {
    let settings = draft.settings;
    let http = settings.services.values().filter_map(|service| service.http.as_ref());
    let from_load_balancer: Vec<Value> = http
        .map(|http| {
            let source = reference(parameter::LOAD_BALANCER_SECURITY_GROUP_ID);
            ingress(&source, http.port, "from the load balancer")
        })
        .collect();
    // Tasks call payment providers, mail servers and AWS itself, so their way out stays open.
    add_group(draft, APP, "tasks", &from_load_balancer, None);
    draft.output(output::APP_SECURITY_GROUP_ID, attribute(APP, "GroupId"));

    let from_tenant_and_caretaker = |port| {
        [
            ingress(&attribute(APP, "GroupId"), port, "from the tasks of this tenant"),
            ingress(&reference(parameter::CARETAKER_SECURITY_GROUP_ID), port, "from Caretaker"),
        ]
    };
    let rules = from_tenant_and_caretaker(settings.database.port);
    add_group(draft, DATABASE, "database", &rules, Some(&no_way_out()));
    if let Some(cache) = &settings.cache {
        let rules = from_tenant_and_caretaker(cache.port);
        add_group(draft, CACHE, "cache", &rules, Some(&no_way_out()));
    }
}

fn add_group(
    draft: &mut Draft<'_>,
    id: &str,
    what: &str,
    ingress: &[Value],
    egress: Option<&Value>,
) {
    let group = Resource::new(
        "AWS::EC2::SecurityGroup",
        json!({
            "GroupDescription": format!("{}: {what}", draft.names.base()),
            "VpcId": reference(parameter::VPC_ID),
            "SecurityGroupIngress": (!ingress.is_empty()).then_some(ingress),
            "SecurityGroupEgress": egress,
        }),
    );
    draft.add(id, group);
}

fn ingress(source: &Value, port: u16, description: &str) -> Value {
    json!({
        "Description": description,
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "SourceSecurityGroupId": source,
    })
}

/// A group without egress rules gets one that allows everything; a rule that leads nowhere
/// replaces it. Answers to what came in are always let out.
fn no_way_out() -> Value {
    json!([{
        "Description": "answers only",
        "IpProtocol": "-1",
        "CidrIp": "127.0.0.1/32",
    }])
}
