//! The tenant's own database: an RDS instance, or an Aurora cluster with its instances.
//!
//! Its identifier is fixed, so a change that would need another database (engine, name) fails
//! instead of silently replacing a full database with an empty one.

use domain::catalogue::{Database, DatabaseEngine};
use domain::naming::DATABASE_MASTER_USER;
use serde_json::{Map, Value, json};

use super::{network, secrets};
use crate::template::cfn::{Draft, IS_PROTECTED, Keep, Resource};
use crate::template::intrinsics::{attribute, choose, pascal, reference, secret_value, sub};
use crate::template::{identifiers, output, parameter};

/// The instance or the cluster.
pub(in crate::template) const DATABASE: &str = "Database";

/// The logical id of one of an Aurora cluster's instances, counted from 1.
pub(in crate::template) fn instance_id(number: u32) -> String {
    format!("DatabaseInstance{number}")
}

const SUBNETS: &str = "DatabaseSubnets";
const PARAMETERS: &str = "DatabaseParameters";
const MONITORING_ROLE: &str = "DatabaseMonitoringRole";

/// Days for which Performance Insights keeps its figures: the span without extra cost.
const PERFORMANCE_INSIGHTS_DAYS: u32 = 7;

/// The CloudFormation type of what [`DATABASE`] is.
pub(super) fn resource_type(settings: &Database) -> &'static str {
    if settings.engine.is_aurora() { "AWS::RDS::DBCluster" } else { "AWS::RDS::DBInstance" }
}

/// Adds the database and what it stands on.
pub(super) fn add(draft: &mut Draft<'_>) {
    let settings = &draft.settings.database;
    add_subnets(draft);
    add_parameters(draft, settings);
    if settings.monitoring_interval_seconds > 0 {
        add_monitoring_role(draft);
    }
    let logs = add_logs(draft, settings);
    if settings.engine.is_aurora() {
        add_cluster(draft, settings, logs);
    } else {
        add_instance(draft, settings, logs);
    }
    draft.output(output::DATABASE_HOST, attribute(DATABASE, "Endpoint.Address"));
    draft.output(output::DATABASE_PORT, attribute(DATABASE, "Endpoint.Port"));
}

fn add_subnets(draft: &mut Draft<'_>) {
    let subnets = Resource::new(
        "AWS::RDS::DBSubnetGroup",
        json!({
            "DBSubnetGroupDescription": format!("{}: database", draft.names.base()),
            "SubnetIds": reference(parameter::DATABASE_SUBNET_IDS),
        }),
    );
    draft.add(SUBNETS, subnets);
}

/// One parameter group: the instance's, or the cluster's, which holds for all its instances.
fn add_parameters(draft: &mut Draft<'_>, settings: &Database) {
    let kind = if settings.engine.is_aurora() {
        "AWS::RDS::DBClusterParameterGroup"
    } else {
        "AWS::RDS::DBParameterGroup"
    };
    let (enforce_tls, on) = match settings.engine {
        DatabaseEngine::Postgres | DatabaseEngine::AuroraPostgresql => ("rds.force_ssl", "1"),
        DatabaseEngine::Mysql | DatabaseEngine::Mariadb => ("require_secure_transport", "1"),
        DatabaseEngine::AuroraMysql => ("require_secure_transport", "ON"),
    };
    let mut parameters = Map::new();
    for (name, value) in &settings.parameters {
        parameters.insert(name.clone(), value.clone().into());
    }
    // After the catalogue's own, so that no catalogue can allow connections without TLS.
    parameters.insert(enforce_tls.to_owned(), on.into());
    parameters.insert("max_connections".to_owned(), settings.max_connections.to_string().into());
    let group = Resource::new(
        kind,
        json!({
            "Description": format!("{}: database", draft.names.base()),
            "Family": settings.parameter_family,
            "Parameters": parameters,
        }),
    );
    draft.add(PARAMETERS, group);
}

/// Enhanced Monitoring writes its figures with this role.
fn add_monitoring_role(draft: &mut Draft<'_>) {
    let policy =
        "arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole";
    let role = Resource::new(
        "AWS::IAM::Role",
        json!({
            "RoleName": draft.names.component("monitoring"),
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": { "Service": "monitoring.rds.amazonaws.com" },
                    "Action": "sts:AssumeRole",
                    // RDS on behalf of nobody else's account (the confused deputy).
                    "Condition": { "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } },
                }],
            },
            "ManagedPolicyArns": [sub(policy)],
        }),
    );
    draft.add(MONITORING_ROLE, role);
}

/// RDS would make these log groups itself, without tags and for ever.
fn add_logs(draft: &mut Draft<'_>, settings: &Database) -> Vec<String> {
    let mut ids = Vec::new();
    for log in &settings.log_exports {
        let group = Resource::new(
            "AWS::Logs::LogGroup",
            json!({
                "LogGroupName": draft.names.database_log_group(settings.engine, log),
                "RetentionInDays": draft.settings.log_retention_days,
            }),
        );
        let id = format!("DatabaseLog{}", pascal(log));
        draft.add(&id, group);
        ids.push(id);
    }
    ids
}

fn add_instance(draft: &mut Draft<'_>, settings: &Database, logs: Vec<String>) {
    let mut properties = json!({
        "DBInstanceIdentifier": identifiers::database(&draft.names),
        "DBInstanceClass": settings.class,
        "DBName": settings.name,
        "Port": settings.port.to_string(),
        "AllocatedStorage": settings.storage_gb.to_string(),
        "MaxAllocatedStorage": settings.storage_max_gb,
        "StorageType": "gp3",
        "MultiAZ": settings.multi_az,
        "DBParameterGroupName": reference(PARAMETERS),
        "VPCSecurityGroups": [attribute(network::DATABASE, "GroupId")],
        "DBSubnetGroupName": reference(SUBNETS),
        "EngineVersion": settings.version,
    });
    extend(&mut properties, &credentials_and_backups(settings));
    extend(&mut properties, &monitoring(settings));
    let instance = Resource::new("AWS::RDS::DBInstance", properties);
    draft.add(DATABASE, instance.after(logs).keep(Keep::Snapshot));
}

fn add_cluster(draft: &mut Draft<'_>, settings: &Database, logs: Vec<String>) {
    let mut properties = json!({
        "DBClusterIdentifier": identifiers::database(&draft.names),
        "DatabaseName": settings.name,
        "Port": settings.port,
        "DBClusterParameterGroupName": reference(PARAMETERS),
        "DBSubnetGroupName": reference(SUBNETS),
        "VpcSecurityGroupIds": [attribute(network::DATABASE, "GroupId")],
        "EngineVersion": settings.version,
    });
    extend(&mut properties, &credentials_and_backups(settings));
    let cluster = Resource::new("AWS::RDS::DBCluster", properties);
    draft.add(DATABASE, cluster.after(logs).keep(Keep::Snapshot));

    let identifiers = identifiers::database_instances(&draft.names, settings);
    for (number, identifier) in (1..).zip(identifiers) {
        let mut properties = json!({
            "DBInstanceIdentifier": identifier,
            "DBClusterIdentifier": reference(DATABASE),
            "DBInstanceClass": settings.class,
            "Engine": settings.engine.as_str(),
            // The first takes over first; tiers are counted from 0.
            "PromotionTier": number - 1,
        });
        extend(&mut properties, &monitoring(settings));
        // The data, and so the snapshot, is the cluster's.
        let instance = Resource::new("AWS::RDS::DBInstance", properties);
        draft.add(instance_id(number), instance);
    }
}

/// What an RDS instance and an Aurora cluster say in the same words.
fn credentials_and_backups(settings: &Database) -> Value {
    let protection = if settings.deletion_protection {
        choose(IS_PROTECTED, &true.into(), &false.into())
    } else {
        false.into()
    };
    let logs = &settings.log_exports;
    json!({
        "Engine": settings.engine.as_str(),
        "MasterUsername": DATABASE_MASTER_USER,
        "MasterUserPassword": secret_value(secrets::DATABASE_MASTER, "password"),
        "StorageEncrypted": true,
        "KmsKeyId": reference(parameter::KMS_KEY_ARN),
        "BackupRetentionPeriod": settings.backup_retention_days,
        "PreferredBackupWindow": settings.backup_window,
        "PreferredMaintenanceWindow": settings.maintenance_window,
        "CopyTagsToSnapshot": true,
        "DeletionProtection": protection,
        "EnableCloudwatchLogsExports": (!logs.is_empty()).then_some(logs),
    })
}

/// What only instances have, RDS's and Aurora's alike. Security patches of the minor version
/// come by themselves, in the maintenance window.
fn monitoring(settings: &Database) -> Value {
    let mut properties = json!({ "PubliclyAccessible": false, "AutoMinorVersionUpgrade": true });
    if settings.performance_insights {
        let insights = json!({
            "EnablePerformanceInsights": true,
            "PerformanceInsightsKMSKeyId": reference(parameter::KMS_KEY_ARN),
            "PerformanceInsightsRetentionPeriod": PERFORMANCE_INSIGHTS_DAYS,
        });
        extend(&mut properties, &insights);
    }
    if settings.monitoring_interval_seconds > 0 {
        let enhanced = json!({
            "MonitoringInterval": settings.monitoring_interval_seconds,
            "MonitoringRoleArn": attribute(MONITORING_ROLE, "Arn"),
        });
        extend(&mut properties, &enhanced);
    }
    properties
}

fn extend(properties: &mut Value, more: &Value) {
    if let (Value::Object(properties), Value::Object(more)) = (properties, more) {
        properties.extend(more.clone());
    }
}
