//! The data stack: what is not lost, and how it is sized.

use domain::Tier;
use serde_json::{Value, json};

use crate::cases::{Case, case, rendered};

/// All data templates.
fn data() -> impl Iterator<Item = Case> {
    rendered().into_iter().filter(|case| case.stack == "data")
}

/// A database's availability, as it stands in a template.
fn database_instances(case: &Case) -> (usize, bool) {
    let instances = case.of_type("AWS::RDS::DBInstance");
    (instances.len(), instances.iter().any(|instance| instance["MultiAZ"] == true))
}

#[test]
fn an_enterprise_database_survives_the_loss_of_a_zone() {
    for case in data().filter(|case| case.tenant.tier == Tier::Enterprise) {
        let (count, is_multi_az) = database_instances(&case);
        let is_aurora = case.settings.database.engine.is_aurora();
        assert!(if is_aurora { count >= 2 } else { is_multi_az }, "{}", case.path());
        if let Some(cache) = case.of_type("AWS::ElastiCache::ReplicationGroup").first() {
            assert_eq!(cache["AutomaticFailoverEnabled"], true, "{}", case.path());
            assert_eq!(cache["MultiAZEnabled"], true, "{}", case.path());
        }
    }
}

#[test]
fn a_trial_of_mate_has_one_of_everything() {
    let case = case("mate", Tier::Trial, "data");
    assert_eq!(database_instances(&case), (1, false));
    let database = case.properties("Database");
    assert_eq!(database["DBInstanceClass"], "db.t4g.micro");
    assert_eq!(database["Engine"], "postgres");
    assert_eq!(database["EngineVersion"], "15.7");
    let cache = case.properties("Cache");
    assert_eq!(cache["CacheNodeType"], "cache.t4g.micro");
    assert_eq!(cache["NumCacheClusters"], 1);
    assert_eq!(cache["AutomaticFailoverEnabled"], false);
}

#[test]
fn a_database_leaves_a_snapshot_and_a_bucket_stays() {
    for case in data() {
        let database = case.resource("Database");
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            assert_eq!(database[policy], "Snapshot", "{}", case.path());
        }
        for (id, resource) in case.resources() {
            if resource["Type"] == "AWS::S3::Bucket" {
                // On a failed creation even a bucket goes: the next attempt needs its name.
                assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
                assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
            }
        }
    }
}

#[test]
fn a_database_is_protected_only_once_its_tenant_is_active() {
    for case in data() {
        let protection = &case.properties("Database")["DeletionProtection"];
        if case.settings.database.deletion_protection {
            assert_eq!(*protection, json!({"Fn::If": ["IsProtected", true, false]}));
            assert_eq!(case.template.body()["Parameters"]["Protected"]["Default"], "false");
        } else {
            assert_eq!(*protection, false, "{}", case.path());
            assert!(!case.template.parameters().contains(&"Protected"), "{}", case.path());
        }
    }
}

#[test]
fn a_database_is_sized_as_the_catalogue_says() {
    for case in data() {
        let settings = &case.settings.database;
        let database = case.properties("Database");
        assert_eq!(database["BackupRetentionPeriod"], settings.backup_retention_days);
        assert_eq!(database["PreferredBackupWindow"], settings.backup_window);
        assert_eq!(database["EngineVersion"], settings.version);
        for instance in case.of_type("AWS::RDS::DBInstance") {
            assert_eq!(instance["DBInstanceClass"], settings.class, "{}", case.path());
            let has_role = instance["MonitoringRoleArn"].is_object();
            assert_eq!(has_role, settings.monitoring_interval_seconds > 0, "{}", case.path());
        }
        if settings.engine.is_aurora() {
            let instances = case.of_type("AWS::RDS::DBInstance").len();
            assert_eq!(instances, settings.instances as usize, "{}", case.path());
        } else {
            assert_eq!(database["AllocatedStorage"], settings.storage_gb.to_string());
            assert_eq!(database["StorageType"], "gp3");
        }
    }
}

#[test]
fn the_applications_database_user_is_not_the_master() {
    for case in data() {
        let master = &case.properties("Database")["MasterUsername"];
        let app = &case.properties("DatabaseSecret")["GenerateSecretString"];
        let app = app["SecretStringTemplate"]["Fn::Sub"].as_str().unwrap();
        let app: Value = serde_json::from_str(app).unwrap();
        assert_eq!(app["username"], case.tenant.names().database_user());
        assert_ne!(app["username"], *master);
        assert_eq!(app["masterarn"], "${DatabaseMasterSecret}");
        assert_eq!(app["ssl"], true);
        let attached = &case.properties("DatabaseSecretAttachment")["SecretId"];
        assert_eq!(*attached, json!({"Ref": "DatabaseSecret"}));
    }
}

#[test]
fn secrets_rotate_only_where_there_is_a_function_and_not_at_once() {
    for case in data() {
        let schedules: Vec<(&str, &Value)> = case
            .resources()
            .filter(|(_, resource)| resource["Type"] == "AWS::SecretsManager::RotationSchedule")
            .collect();
        let secrets = case.of_type("AWS::SecretsManager::Secret").len();
        assert_eq!(schedules.len(), secrets, "every secret of {} rotates", case.path());
        for (id, schedule) in schedules {
            assert_eq!(schedule["Condition"], "HasRotation", "{id}");
            assert_eq!(schedule["Properties"]["RotateImmediatelyOnUpdate"], false, "{id}");
        }
        let rotation = &case.settings.rotation;
        for (id, days) in [
            ("DatabaseSecretRotation", rotation.database_days),
            ("DatabaseMasterSecretRotation", rotation.master_days),
        ] {
            let rules = &case.properties(id)["RotationRules"];
            assert_eq!(rules["AutomaticallyAfterDays"], days, "{id} of {}", case.path());
        }
    }
}

#[test]
fn a_bucket_follows_its_catalogue() {
    for case in data() {
        for (name, bucket) in &case.settings.buckets {
            let names = case.tenant.names();
            let found = case.of_type("AWS::S3::Bucket");
            let found = found.iter().find(|found| found["BucketName"] == names.component(name));
            let found = found.unwrap_or_else(|| panic!("{} lacks {name}", case.path()));
            let versioning = if bucket.versioning { "Enabled" } else { "Suspended" };
            assert_eq!(found["VersioningConfiguration"]["Status"], versioning);
            let rules = found["LifecycleConfiguration"]["Rules"].as_array().unwrap();
            let rule = |id: &str| rules.iter().find(|rule| rule["Id"] == id);
            assert!(rule("unfinished-uploads").is_some());
            let expire = rule("expire").map(|rule| rule["ExpirationInDays"].clone());
            assert_eq!(expire, bucket.expire_after_days.map(Value::from));
            let archive = rule("archive").map(|r| r["Transitions"][0]["TransitionInDays"].clone());
            assert_eq!(archive, bucket.glacier_after_days.map(Value::from));
            assert_eq!(found["CorsConfiguration"].is_object(), bucket.cors_uploads);
        }
    }
}

#[test]
fn a_services_log_outlives_a_failed_application() {
    for case in rendered() {
        let groups = case.of_type("AWS::Logs::LogGroup");
        let of_services: Vec<&str> = groups
            .iter()
            .filter_map(|group| group["LogGroupName"].as_str())
            .filter(|name| name.starts_with("/ecs/"))
            .collect();
        let expected = if case.stack == "data" { case.settings.services.len() } else { 0 };
        assert_eq!(of_services.len(), expected, "{}: {of_services:?}", case.path());
    }
}
