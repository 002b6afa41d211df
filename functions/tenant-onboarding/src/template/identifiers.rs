//! What database, cache and buckets are called in AWS. The data stack gives these names, the
//! app stack's alarms and dashboard look for them: two places that must agree.

use domain::Names;
use domain::catalogue::{Cache, Database};

/// The RDS instance, or the Aurora cluster: `mate-demo-dev-database`.
pub(super) fn database(names: &Names) -> String {
    names.database()
}

/// Every database instance: the one of RDS, or the cluster's `sarc-ng-demo-prod-database-1` on.
pub(super) fn database_instances(names: &Names, settings: &Database) -> Vec<String> {
    if !settings.engine.is_aurora() {
        return vec![database(names)];
    }
    (1..=settings.instances).map(|n| format!("{}-{n}", database(names))).collect()
}

/// The ElastiCache replication group: `mate-demo-dev-cache`.
pub(super) fn cache(names: &Names) -> String {
    names.replication_group()
}

/// Every node of the replication group, as ElastiCache numbers them: `mate-demo-dev-cache-001`.
pub(super) fn cache_nodes(names: &Names, settings: &Cache) -> Vec<String> {
    (1..=settings.replicas + 1).map(|n| format!("{}-{n:03}", cache(names))).collect()
}

/// A bucket: `mate-demo-dev-data`.
pub(super) fn bucket(names: &Names, bucket: &str) -> String {
    names.component(bucket)
}
