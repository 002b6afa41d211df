//! What holds for every template as a whole.

use std::collections::BTreeSet;

use domain::{Tenant, Tier};
use serde_json::Value;
use tenant_onboarding::template::{self, UNTAGGABLE, output, parameter};

use crate::cases::{Case, case, catalogue, rendered, visit};

#[test]
fn every_resource_that_can_carries_the_nine_tags() {
    for case in rendered() {
        let expected: Vec<(String, String)> =
            case.tenant.tags().iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        assert_eq!(expected.len(), 9);
        for (id, resource) in case.resources() {
            let kind = resource["Type"].as_str().unwrap();
            let properties = &resource["Properties"];
            let tags = [&properties["Tags"], &properties["AccessPointTags"]];
            let tags = tags.into_iter().find_map(Value::as_array);
            if UNTAGGABLE.iter().any(|(untaggable, _)| *untaggable == kind) {
                assert!(tags.is_none(), "{id}: {kind} has tags and is listed as having none");
                continue;
            }
            let text = |tag: &Value, key: &str| tag[key].as_str().unwrap().to_owned();
            let tags: Vec<(String, String)> = tags
                .unwrap_or_else(|| panic!("{}: {id} ({kind}) has no tags", case.path()))
                .iter()
                .map(|tag| (text(tag, "Key"), text(tag, "Value")))
                .collect();
            assert_eq!(tags, expected, "{id} of {}", case.path());
        }
    }
}

/// Every name that a template speaks of.
fn names_used(case: &Case) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    visit(case.template.body(), &mut |key, value| match (key, value) {
        ("Ref", Value::String(name)) => {
            names.insert(name.clone());
        }
        ("Fn::GetAtt", Value::Array(parts)) => {
            names.insert(parts[0].as_str().unwrap().to_owned());
        }
        ("Fn::Sub", Value::String(text)) => {
            for part in text.split("${").skip(1) {
                let name = part.split(['}', '.']).next().unwrap();
                names.insert(name.to_owned());
            }
        }
        _ => {}
    });
    names.retain(|name| !name.starts_with("AWS::"));
    names
}

#[test]
fn what_is_used_is_declared_and_what_is_declared_is_used() {
    for case in rendered() {
        let used = names_used(&case);
        let resources: BTreeSet<String> = case.resources().map(|(id, _)| id.to_owned()).collect();
        let parameters: BTreeSet<String> =
            case.template.parameters().into_iter().map(str::to_owned).collect();
        for name in &used {
            let is_known = resources.contains(name) || parameters.contains(name);
            assert!(is_known, "{} uses {name}, which is nothing", case.path());
        }
        for name in &parameters {
            assert!(used.contains(name), "{} declares {name} and never uses it", case.path());
        }
        let mut conditions = BTreeSet::new();
        visit(case.template.body(), &mut |key, value| match (key, value) {
            ("Condition", Value::String(name)) => {
                conditions.insert(name.as_str());
            }
            ("Fn::If", Value::Array(parts)) => {
                conditions.insert(parts[0].as_str().unwrap());
            }
            _ => {}
        });
        let declared: BTreeSet<&str> = case.section("Conditions").map(|(name, _)| name).collect();
        assert_eq!(conditions, declared, "{}", case.path());
    }
}

#[test]
fn the_data_stack_answers_what_the_app_stack_asks() {
    // What comes from where the suite is deployed, and from the tenant's record.
    let elsewhere = [
        parameter::VPC_ID,
        parameter::PRIVATE_SUBNET_IDS,
        parameter::FILE_SYSTEM_SECURITY_GROUP_ID,
        parameter::FILE_SYSTEM_ID,
        parameter::KMS_KEY_ARN,
        parameter::CLUSTER_NAME,
        parameter::LISTENER_ARN,
        parameter::LISTENER_RULE_PRIORITY,
        parameter::LOAD_BALANCER_FULL_NAME,
        parameter::LOAD_BALANCER_DNS_NAME,
        parameter::LOAD_BALANCER_ZONE_ID,
        parameter::HOSTED_ZONE_ID,
        parameter::HOSTNAME,
        parameter::IMAGE_REGISTRY,
        parameter::ALARM_TOPIC_ARN,
    ];
    for app in rendered().iter().filter(|case| case.stack == "app") {
        let data = case(app.tenant.product.as_str(), app.tenant.tier, "data");
        let outputs = data.template.outputs();
        for name in app.template.parameters() {
            let is_known = elsewhere.contains(&name) || outputs.contains(&name);
            assert!(is_known, "{}: nobody knows {name}", app.path());
        }
    }
}

#[test]
fn the_function_finds_what_it_needs_in_the_outputs() {
    for case in rendered() {
        let outputs = case.template.outputs();
        let needed = match case.stack {
            "data" => vec![
                output::DATABASE_MASTER_SECRET_ARN,
                output::DATABASE_SECRET_ARN,
                output::DATABASE_HOST,
                output::DATABASE_PORT,
                output::APP_SECURITY_GROUP_ID,
            ],
            _ => vec![output::URL, output::TARGET_GROUP_ARN],
        };
        for name in needed {
            assert!(outputs.contains(&name), "{} has no output {name}", case.path());
        }
        if case.stack == "app" {
            for service in case.settings.services.keys() {
                assert!(outputs.contains(&output::service_name(service).as_str()));
            }
        }
    }
}

#[test]
fn the_same_tenant_always_has_the_same_template() {
    for (once, again) in rendered().into_iter().zip(rendered()) {
        assert_eq!(once.template.to_json(), again.template.to_json());
    }
}

/// The properties that give a resource a name of ours.
const NAMES: [(&str, usize); 11] = [
    ("AlarmName", 255),
    ("BucketName", 63),
    ("DBClusterIdentifier", 63),
    ("DBInstanceIdentifier", 63),
    ("DashboardName", 255),
    ("LogGroupName", 512),
    ("Name", 512),
    ("PolicyName", 128),
    ("ReplicationGroupId", 40),
    ("RoleName", 64),
    ("ServiceName", 255),
];

/// The names of our own making in a template, with the longest that AWS takes.
fn physical_names(template: &template::Template) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    for resource in template.body()["Resources"].as_object().unwrap().values() {
        let is_group = resource["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup";
        for (property, length_max) in NAMES {
            if let Some(name) = resource["Properties"][property].as_str() {
                let length_max = if is_group && property == "Name" { 32 } else { length_max };
                names.push((name.to_owned(), length_max));
            }
        }
    }
    names
}

/// Tenant `id` of mate in a tier.
fn of_mate(id: &str, tier: Tier) -> [template::Template; 2] {
    let catalogue = catalogue("mate");
    let environment = "dev".parse().unwrap();
    let settings = catalogue.settings(&environment, tier).unwrap();
    let tenant = Tenant {
        product: catalogue.product.clone(),
        id: id.parse().unwrap(),
        environment,
        tier,
        display_name: id.to_owned(),
        admin_email: format!("admin@{id}.example.com"),
        ownership: catalogue.ownership.clone(),
    };
    [template::data(&tenant, settings), template::app(&tenant, settings)]
}

#[test]
fn two_tenants_share_no_name() {
    let names = |id: &str| -> BTreeSet<String> {
        let templates = of_mate(id, Tier::Enterprise);
        templates.iter().flat_map(physical_names).map(|(name, _)| name).collect()
    };
    // Alike enough for a shortened name to lose the difference.
    let (one, other) = (names("aaaaaaaaaaaaaaa1"), names("aaaaaaaaaaaaaaa2"));
    assert!(one.len() > 20, "{one:?}");
    let shared: Vec<&String> = one.intersection(&other).collect();
    assert!(shared.is_empty(), "{shared:?}");
}

#[test]
fn the_longest_tenant_id_fits_every_name() {
    for tier in Tier::ALL {
        for template in of_mate("abcdefghijklmnop", tier) {
            for (name, length_max) in physical_names(&template) {
                assert!(name.len() <= length_max, "{name} is longer than {length_max}");
            }
        }
    }
}
