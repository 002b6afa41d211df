//! The parameters of the two templates: where things are.
//!
//! A template declares the ones that it uses; who creates a stack fills in those that
//! [`Template::parameters`](super::Template::parameters) names. Parameters that are outputs of
//! the data stack have the names of [`output`].

use serde_json::{Map, Value};

use super::output;

/// The VPC that all tenants of the environment share.
pub const VPC_ID: &str = "VpcId";
/// The private subnets of the tasks, comma separated.
pub const PRIVATE_SUBNET_IDS: &str = "PrivateSubnetIds";
/// The subnets of databases and caches, comma separated.
pub const DATABASE_SUBNET_IDS: &str = "DatabaseSubnetIds";
/// The security group of Caretaker's own functions, which look after databases and caches.
pub const CARETAKER_SECURITY_GROUP_ID: &str = "CaretakerSecurityGroupId";
/// The load balancer's security group.
pub const LOAD_BALANCER_SECURITY_GROUP_ID: &str = "LoadBalancerSecurityGroupId";
/// The security group of the shared file system's mount targets. It must let its own members in
/// on port 2049: tasks that mount the file system join it.
pub const FILE_SYSTEM_SECURITY_GROUP_ID: &str = "FileSystemSecurityGroupId";
/// The shared EFS file system.
pub const FILE_SYSTEM_ID: &str = "FileSystemId";
/// The key that encrypts everything of the tenant at rest.
pub const KMS_KEY_ARN: &str = "KmsKeyArn";
/// The function that rotates secrets; empty while there is none.
pub const ROTATION_FUNCTION_ARN: &str = "RotationFunctionArn";
/// `true` once the tenant is active: only then is a database protected against deletion.
pub const PROTECTED: &str = "Protected";
/// The ECS cluster that all tenants of the environment share.
pub const CLUSTER_NAME: &str = "ClusterName";
/// The load balancer's listener.
pub const LISTENER_ARN: &str = "ListenerArn";
/// The place of the tenant's rule among the listener's rules, 1 to 50000, each used once.
pub const LISTENER_RULE_PRIORITY: &str = "ListenerRulePriority";
/// The load balancer's name in metrics: `app/name/id`.
pub const LOAD_BALANCER_FULL_NAME: &str = "LoadBalancerFullName";
/// The load balancer's own host name.
pub const LOAD_BALANCER_DNS_NAME: &str = "LoadBalancerDnsName";
/// The hosted zone of the load balancer's own host name.
pub const LOAD_BALANCER_ZONE_ID: &str = "LoadBalancerZoneId";
/// The hosted zone of the environment's domain.
pub const HOSTED_ZONE_ID: &str = "HostedZoneId";
/// The host name at which the tenant is reached.
pub const HOSTNAME: &str = "Hostname";
/// The registry that images come from, without a trailing slash.
pub const IMAGE_REGISTRY: &str = "ImageRegistry";
/// The topic that alarms go to.
pub const ALARM_TOPIC_ARN: &str = "AlarmTopicArn";

const STRING: &str = "String";
const SECURITY_GROUP: &str = "AWS::EC2::SecurityGroup::Id";
const SUBNETS: &str = "List<AWS::EC2::Subnet::Id>";

/// Each parameter's name and CloudFormation type. CloudFormation itself checks the AWS types,
/// before it makes anything.
const TYPES: [(&str, &str); 26] = [
    (VPC_ID, "AWS::EC2::VPC::Id"),
    (PRIVATE_SUBNET_IDS, SUBNETS),
    (DATABASE_SUBNET_IDS, SUBNETS),
    (CARETAKER_SECURITY_GROUP_ID, SECURITY_GROUP),
    (LOAD_BALANCER_SECURITY_GROUP_ID, SECURITY_GROUP),
    (FILE_SYSTEM_SECURITY_GROUP_ID, SECURITY_GROUP),
    (FILE_SYSTEM_ID, STRING),
    (KMS_KEY_ARN, STRING),
    (ROTATION_FUNCTION_ARN, STRING),
    (PROTECTED, STRING),
    (CLUSTER_NAME, STRING),
    (LISTENER_ARN, STRING),
    (LISTENER_RULE_PRIORITY, "Number"),
    (LOAD_BALANCER_FULL_NAME, STRING),
    (LOAD_BALANCER_DNS_NAME, STRING),
    (LOAD_BALANCER_ZONE_ID, STRING),
    (HOSTED_ZONE_ID, "AWS::Route53::HostedZone::Id"),
    (HOSTNAME, STRING),
    (IMAGE_REGISTRY, STRING),
    (ALARM_TOPIC_ARN, STRING),
    (output::APP_SECURITY_GROUP_ID, SECURITY_GROUP),
    (output::DATABASE_SECRET_ARN, STRING),
    (output::CACHE_HOST, STRING),
    (output::CACHE_PORT, STRING),
    (output::CACHE_TOKEN_SECRET_ARN, STRING),
    (output::ACCESS_POINT_ID, STRING),
];

/// How a template declares the parameter; `None` for a name that is no parameter.
pub(super) fn declaration(name: &str) -> Option<Value> {
    let kind = TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    // The data stack has one secret for each key, so their names are not all known here.
    let is_key = name.starts_with("Key") && name.ends_with("SecretArn");
    let kind = kind.or(is_key.then_some(STRING))?;
    let mut declaration = Map::new();
    declaration.insert("Type".to_owned(), kind.into());
    match name {
        ROTATION_FUNCTION_ARN => {
            declaration.insert("Default".to_owned(), "".into());
        }
        PROTECTED => {
            declaration.insert("Default".to_owned(), "false".into());
            declaration.insert("AllowedValues".to_owned(), vec!["true", "false"].into());
        }
        _ => {}
    }
    Some(declaration.into())
}
