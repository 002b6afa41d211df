//! Alarms, in both stacks: what they watch, and what they say when they go off.

use std::collections::BTreeSet;

use domain::catalogue::{AlarmMetric, Threshold};
use serde_json::{Value, json};

use crate::cases::{Case, case, rendered};

/// The catalogue's names of the alarms in a template.
fn names(case: &Case) -> BTreeSet<String> {
    let alarms = case.of_type("AWS::CloudWatch::Alarm").into_iter();
    let description = |alarm: &Value| -> Value {
        serde_json::from_str(alarm["AlarmDescription"].as_str().unwrap()).unwrap()
    };
    alarms.map(|alarm| description(alarm)["alarm"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_alarm_of_the_catalogue_is_in_the_stack_of_what_it_watches() {
    for data in rendered().iter().filter(|case| case.stack == "data") {
        let app = case(data.tenant.product.as_str(), data.tenant.tier, "app");
        for (name, alarm) in &data.settings.alarms {
            let is_of_data = matches!(
                alarm.metric,
                AlarmMetric::DatabaseCpu
                    | AlarmMetric::DatabaseConnections
                    | AlarmMetric::DatabaseFreeStorage
                    | AlarmMetric::CacheCpu
                    | AlarmMetric::CacheMemory
            );
            assert_eq!(names(data).contains(name), is_of_data, "{name} of {}", data.path());
            assert_eq!(names(&app).contains(name), !is_of_data, "{name} of {}", app.path());
        }
    }
}

#[test]
fn nobody_is_woken_by_what_is_still_being_made() {
    for case in rendered() {
        for (id, alarm) in case.resources() {
            if alarm["Type"] != "AWS::CloudWatch::Alarm" {
                continue;
            }
            // A target group is there long before its first healthy task; a service is not.
            let dimensions = alarm["Properties"]["Dimensions"].to_string();
            let waits_by_itself = dimensions.contains("Service\",\"Name\"");
            let waits = alarm["DependsOn"].as_array().is_some_and(|ids| ids.len() == 1);
            assert!(waits_by_itself || waits, "{id} of {}: {alarm}", case.path());
        }
    }
}

#[test]
fn every_alarm_says_whose_it_is_how_urgent_and_what() {
    for case in rendered() {
        let alarms = case.of_type("AWS::CloudWatch::Alarm");
        let names: BTreeSet<&str> =
            alarms.iter().map(|alarm| alarm["AlarmName"].as_str().unwrap()).collect();
        assert_eq!(names.len(), alarms.len(), "no two alarms of {} share a name", case.path());
        for alarm in alarms {
            let description = alarm["AlarmDescription"].as_str().unwrap();
            // CloudWatch, PutMetricAlarm: at most 1024 characters.
            assert!(description.len() <= 1024, "{description}");
            let description: Value = serde_json::from_str(description).unwrap();
            let name = description["alarm"].as_str().unwrap();
            let settings = &case.settings.alarms[name];
            assert_eq!(description["severity"], settings.severity.as_str());
            assert_eq!(description["tenant"], "demo");
            assert_eq!(description["product"], case.tenant.product.as_str());
            assert_eq!(description["environment"], case.tenant.environment.as_str());
            assert!(description["summary"].as_str().unwrap().contains(" for "), "{description}");
            for actions in ["AlarmActions", "OKActions"] {
                assert_eq!(alarm[actions], json!([{"Ref": "AlarmTopicArn"}]), "{name}");
            }
        }
    }
}

#[test]
fn an_alarm_is_in_cloudwatchs_unit() {
    for case in rendered() {
        for (name, settings) in &case.settings.alarms {
            let (Threshold::Above(value) | Threshold::Below(value)) = settings.threshold;
            let factor = match settings.metric {
                AlarmMetric::DatabaseFreeStorage => 1024.0 * 1024.0 * 1024.0,
                AlarmMetric::DatabaseConnections => {
                    f64::from(case.settings.database.max_connections) / 100.0
                }
                _ => 1.0,
            };
            let comparison = match settings.threshold {
                Threshold::Above(_) => "GreaterThanThreshold",
                Threshold::Below(_) => "LessThanThreshold",
            };
            let prefix = format!("\"alarm\":\"{name}\"");
            for alarm in case.of_type("AWS::CloudWatch::Alarm") {
                if alarm["AlarmDescription"].as_str().unwrap().contains(&prefix) {
                    let threshold = alarm["Threshold"].as_f64().unwrap();
                    assert!((threshold - value * factor).abs() < 1e-6, "{name}: {threshold}");
                    assert_eq!(alarm["ComparisonOperator"], comparison, "{name}");
                    assert_eq!(alarm["EvaluationPeriods"], settings.for_minutes, "{name}");
                }
            }
        }
    }
}
