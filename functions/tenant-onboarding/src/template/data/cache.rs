//! The tenant's own cache: an ElastiCache replication group that speaks TLS only and asks for a
//! token.

use serde_json::json;

use super::{network, secrets};
use crate::template::cfn::{Draft, Keep, Resource};
use crate::template::intrinsics::{attribute, reference, secret_value};
use crate::template::{identifiers, output, parameter};

/// The replication group.
pub(in crate::template) const CACHE: &str = "Cache";
const SUBNETS: &str = "CacheSubnets";
const PARAMETERS: &str = "CacheParameters";

/// Adds the cache, if the product has one.
pub(super) fn add(draft: &mut Draft<'_>) {
    let Some(settings) = &draft.settings.cache else { return };
    let description = format!("{}: cache", draft.names.base());
    let subnets = Resource::new(
        "AWS::ElastiCache::SubnetGroup",
        json!({
            "Description": description,
            "SubnetIds": reference(parameter::DATABASE_SUBNET_IDS),
        }),
    );
    draft.add(SUBNETS, subnets);
    let parameters = Resource::new(
        "AWS::ElastiCache::ParameterGroup",
        json!({
            "CacheParameterGroupFamily": settings.parameter_family,
            "Description": description,
            "Properties": settings.parameters,
        }),
    );
    draft.add(PARAMETERS, parameters);

    let has_replicas = settings.replicas > 0;
    let cache = Resource::new(
        "AWS::ElastiCache::ReplicationGroup",
        json!({
            "ReplicationGroupId": identifiers::cache(&draft.names),
            "ReplicationGroupDescription": description,
            "Engine": settings.engine.as_str(),
            "EngineVersion": settings.version,
            "CacheNodeType": settings.node_type,
            "NumCacheClusters": settings.replicas + 1,
            "AutomaticFailoverEnabled": has_replicas,
            "MultiAZEnabled": has_replicas,
            "Port": settings.port,
            "TransitEncryptionEnabled": true,
            "TransitEncryptionMode": "required",
            "AtRestEncryptionEnabled": true,
            "KmsKeyId": reference(parameter::KMS_KEY_ARN),
            "AuthToken": secret_value(secrets::CACHE_TOKEN, secrets::CACHE_TOKEN_KEY),
            "AutoMinorVersionUpgrade": true,
            "CacheParameterGroupName": reference(PARAMETERS),
            "CacheSubnetGroupName": reference(SUBNETS),
            "SecurityGroupIds": [attribute(network::CACHE, "GroupId")],
            "SnapshotRetentionLimit": settings.snapshot_retention_days,
        }),
    );
    // What is worth a snapshot every night is worth one at the end.
    let is_backed_up = settings.snapshot_retention_days > 0;
    draft.add(CACHE, if is_backed_up { cache.keep(Keep::Snapshot) } else { cache });
    draft.output(output::CACHE_HOST, attribute(CACHE, "PrimaryEndPoint.Address"));
    draft.output(output::CACHE_PORT, attribute(CACHE, "PrimaryEndPoint.Port"));
}
