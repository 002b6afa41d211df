//! The outputs of the two stacks. The app stack takes the data stack's outputs as parameters of
//! the same names, so these constants are the only link between the two.

use super::intrinsics::pascal;

/// Data: the ARN of the secret of the database's master user. Only Caretaker reads it.
pub const DATABASE_MASTER_SECRET_ARN: &str = "DatabaseMasterSecretArn";
/// Data: the ARN of the secret of the application's own database user.
pub const DATABASE_SECRET_ARN: &str = "DatabaseSecretArn";
/// Data: the host name of the database, or of the Aurora cluster's writer.
pub const DATABASE_HOST: &str = "DatabaseHost";
/// Data: the port of the database.
pub const DATABASE_PORT: &str = "DatabasePort";
/// Data: the host name of the cache's primary node.
pub const CACHE_HOST: &str = "CacheHost";
/// Data: the port of the cache.
pub const CACHE_PORT: &str = "CachePort";
/// Data: the ARN of the secret with the cache's auth token, the JSON `{"token": "…"}`.
pub const CACHE_TOKEN_SECRET_ARN: &str = "CacheTokenSecretArn";
/// Data: the security group of the application's tasks. It lies with the data because database
/// and cache let it in.
pub const APP_SECURITY_GROUP_ID: &str = "AppSecurityGroupId";
/// Data: the tenant's access point on the shared file system.
pub const ACCESS_POINT_ID: &str = "AccessPointId";

/// App: where the application answers.
pub const URL: &str = "Url";
/// App: the target group of the service behind the load balancer.
pub const TARGET_GROUP_ARN: &str = "TargetGroupArn";

/// Data: the name of one of the buckets, `BucketData`.
pub fn bucket(name: &str) -> String {
    format!("Bucket{}", pascal(name))
}

/// Data: the ARN of the secret of one of the application keys, `KeyDjangoSecretArn`.
pub fn key_secret_arn(name: &str) -> String {
    format!("Key{}SecretArn", pascal(name))
}

/// App: the name of one of the ECS services, `DjangoServiceName`.
pub fn service_name(service: &str) -> String {
    format!("{}ServiceName", pascal(service))
}
