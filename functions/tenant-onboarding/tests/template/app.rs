//! The app stack: how services start, change, scale, and tell that they are not well.

use std::collections::BTreeSet;

use domain::Tier;
use serde_json::{Value, json};

use crate::cases::{Case, case, rendered};

/// All app templates.
fn apps() -> impl Iterator<Item = Case> {
    rendered().into_iter().filter(|case| case.stack == "app")
}

/// The resource of one service: `DjangoService`, `DjangoTaskDefinition`, …
fn of_service<'a>(case: &'a Case, kind: &str, service: &str) -> &'a Value {
    let name = case.tenant.names().component(service);
    let named =
        |properties: &Value| properties["ServiceName"] == name || properties["Family"] == name;
    let found = case.of_type(kind).into_iter().find(|properties| named(properties));
    found.unwrap_or_else(|| panic!("{} has no {kind} for {service}", case.path()))
}

#[test]
fn tasks_are_as_large_as_their_tier() {
    for (tier, cpu, memory) in [
        (Tier::Trial, "256", "512"),
        (Tier::Standard, "512", "1024"),
        (Tier::Enterprise, "1024", "2048"),
    ] {
        let case = case("mate", tier, "app");
        let task = case.properties("DjangoTaskDefinition");
        assert_eq!((&task["Cpu"], &task["Memory"]), (&json!(cpu), &json!(memory)), "{tier}");
    }
}

#[test]
fn mate_answers_on_port_8000() {
    let case = case("mate", Tier::Trial, "app");
    let container = &case.properties("DjangoTaskDefinition")["ContainerDefinitions"][0];
    assert_eq!(container["PortMappings"], json!([{"ContainerPort": 8000}]));
    assert_eq!(case.properties("DjangoTargetGroup")["Port"], 8000);
    assert_eq!(case.properties("DjangoService")["LoadBalancers"][0]["ContainerPort"], 8000);
}

#[test]
fn a_failed_deployment_takes_itself_back() {
    for case in apps() {
        for service in case.of_type("AWS::ECS::Service") {
            let breaker = &service["DeploymentConfiguration"]["DeploymentCircuitBreaker"];
            assert_eq!(*breaker, json!({"Enable": true, "Rollback": true}), "{}", case.path());
        }
    }
}

#[test]
fn a_single_task_never_has_a_twin_and_others_never_leave_a_gap() {
    for case in apps() {
        for (name, settings) in &case.settings.services {
            let service = of_service(&case, "AWS::ECS::Service", name);
            let deployment = &service["DeploymentConfiguration"];
            let limits = (&deployment["MinimumHealthyPercent"], &deployment["MaximumPercent"]);
            let is_single = settings.scaling.is_none() && settings.count == 1;
            let expected =
                if is_single { (json!(0), json!(100)) } else { (json!(100), json!(200)) };
            assert_eq!(limits, (&expected.0, &expected.1), "{name} of {}", case.path());
        }
    }
}

#[test]
fn an_update_of_the_stack_does_not_undo_scaling() {
    for case in apps() {
        let targets = case.of_type("AWS::ApplicationAutoScaling::ScalableTarget");
        let scaling = case.settings.services.values().filter(|service| service.scaling.is_some());
        assert_eq!(targets.len(), scaling.count(), "{}", case.path());
        for (name, settings) in &case.settings.services {
            let service = of_service(&case, "AWS::ECS::Service", name);
            match &settings.scaling {
                Some(_) => assert!(service.get("DesiredCount").is_none(), "{name}"),
                None => assert_eq!(service["DesiredCount"], settings.count, "{name}"),
            }
        }
    }
}

#[test]
fn services_keep_to_cpu_memory_and_requests() {
    let case = case("mate", Tier::Standard, "app");
    let policy = |id: &str| &case.properties(id)["TargetTrackingScalingPolicyConfiguration"];
    for (id, metric, target) in [
        ("DjangoScalingCpu", "ECSServiceAverageCPUUtilization", 70),
        ("DjangoScalingMemory", "ECSServiceAverageMemoryUtilization", 75),
        ("DjangoScalingRequests", "ALBRequestCountPerTarget", 1200),
    ] {
        let specification = &policy(id)["PredefinedMetricSpecification"];
        assert_eq!(specification["PredefinedMetricType"], metric);
        assert_eq!(policy(id)["TargetValue"], target, "{id}");
    }
    let label = &policy("DjangoScalingRequests")["PredefinedMetricSpecification"]["ResourceLabel"];
    let expected = "${LoadBalancerFullName}/${DjangoTargetGroup.TargetGroupFullName}";
    assert_eq!(*label, json!({"Fn::Sub": expected}));
}

#[test]
fn only_the_tenants_own_host_name_leads_to_its_tasks() {
    for case in apps() {
        let rules = case.of_type("AWS::ElasticLoadBalancingV2::ListenerRule");
        assert_eq!(rules.len(), 1, "{}", case.path());
        let condition = json!([{
            "Field": "host-header",
            "HostHeaderConfig": {"Values": [{"Ref": "Hostname"}]},
        }]);
        assert_eq!(rules[0]["Conditions"], condition);
        // ECS refuses a target group that belongs to no load balancer yet.
        let behind = case.resources().filter(|(_, resource)| {
            resource["Type"] == "AWS::ECS::Service"
                && resource["Properties"].get("LoadBalancers").is_some()
        });
        for (id, service) in behind {
            assert_eq!(service["DependsOn"], json!(["ListenerRule"]), "{id}");
        }
    }
}

#[test]
fn files_are_mounted_encrypted_and_by_those_who_ask_for_them() {
    for case in apps() {
        let asking: BTreeSet<&str> = case
            .settings
            .file_system
            .iter()
            .flat_map(|file_system| &file_system.services)
            .map(String::as_str)
            .collect();
        for name in case.settings.services.keys() {
            let definition = of_service(&case, "AWS::ECS::TaskDefinition", name);
            let volumes = definition["Volumes"].as_array().into_iter().flatten();
            let mounted: Vec<&Value> =
                volumes.filter_map(|volume| volume.get("EFSVolumeConfiguration")).collect();
            let service = of_service(&case, "AWS::ECS::Service", name);
            let groups = &service["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"];
            let joins = groups.to_string().contains("FileSystemSecurityGroupId");
            assert_eq!(mounted.len(), usize::from(asking.contains(name.as_str())), "{name}");
            assert_eq!(joins, asking.contains(name.as_str()), "{name}");
            for files in mounted {
                assert_eq!(files["TransitEncryption"], "ENABLED");
                assert_eq!(files["AuthorizationConfig"]["IAM"], "ENABLED");
            }
        }
    }
}

#[test]
fn the_dashboard_shows_what_the_tenant_has() {
    for case in apps() {
        let body = case.properties("Dashboard")["DashboardBody"]["Fn::Sub"].as_str().unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        let widgets = body["widgets"].as_array().unwrap();
        let shown = body.to_string();
        assert_eq!(shown.contains("AWS/ElastiCache"), case.settings.cache.is_some());
        for namespace in ["AWS/ECS", "AWS/RDS", "AWS/ApplicationELB"] {
            assert!(shown.contains(namespace), "{namespace} of {}", case.path());
        }
        let places: BTreeSet<(u64, u64)> = widgets
            .iter()
            .map(|widget| (widget["x"].as_u64().unwrap(), widget["y"].as_u64().unwrap()))
            .collect();
        assert_eq!(places.len(), widgets.len(), "no two widgets in one place");
    }
}
