//! The tenant's buckets: encrypted, closed to the public, reached over TLS only.

use domain::catalogue::Bucket;
use serde_json::{Value, json};

use crate::template::cfn::{Draft, Keep, Resource};
use crate::template::intrinsics::{attribute, pascal, reference, sub};
use crate::template::{identifiers, output, parameter};

/// Days after which the parts of an upload that was never finished are deleted: nobody sees
/// them, everybody pays for them.
const UNFINISHED_UPLOAD_DAYS: u32 = 7;

/// Seconds for which a browser may remember that it was allowed to upload.
const CORS_MAX_AGE_SECONDS: u32 = 3600;

/// Adds the buckets with their policies.
pub(super) fn add(draft: &mut Draft<'_>) {
    for (name, settings) in &draft.settings.buckets {
        let id = format!("Bucket{}", pascal(name));
        let bucket = Resource::new(
            "AWS::S3::Bucket",
            json!({
                "BucketName": identifiers::bucket(&draft.names, name),
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [{
                        // One data key for the whole bucket instead of one for each object.
                        "BucketKeyEnabled": true,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": reference(parameter::KMS_KEY_ARN),
                        },
                    }],
                },
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": true,
                    "BlockPublicPolicy": true,
                    "IgnorePublicAcls": true,
                    "RestrictPublicBuckets": true,
                },
                "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
                "VersioningConfiguration": {
                    "Status": if settings.versioning { "Enabled" } else { "Suspended" },
                },
                "LifecycleConfiguration": { "Rules": lifecycle(settings) },
                "CorsConfiguration": settings.cors_uploads.then(cors),
            }),
        );
        draft.add(&id, bucket.keep(Keep::Itself));
        draft.add(format!("{id}Policy"), policy(&id).keep(Keep::Itself));
        draft.output(output::bucket(name), reference(&id));
    }
}

fn lifecycle(settings: &Bucket) -> Value {
    let mut rules = vec![json!({
        "Id": "unfinished-uploads",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": UNFINISHED_UPLOAD_DAYS },
    })];
    if settings.versioning {
        rules.push(json!({
            "Id": "overwritten-versions",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {
                "NoncurrentDays": settings.noncurrent_expire_after_days,
            },
        }));
    }
    if let Some(days) = settings.glacier_after_days {
        rules.push(json!({
            "Id": "archive",
            "Status": "Enabled",
            "Transitions": [{ "StorageClass": "GLACIER", "TransitionInDays": days }],
        }));
    }
    if let Some(days) = settings.expire_after_days {
        rules.push(json!({ "Id": "expire", "Status": "Enabled", "ExpirationInDays": days }));
    }
    rules.into()
}

fn cors() -> Value {
    json!({
        "CorsRules": [{
            "AllowedMethods": ["PUT", "POST"],
            "AllowedOrigins": [sub(format!("https://${{{}}}", parameter::HOSTNAME))],
            "AllowedHeaders": ["*"],
            // Browsers need it to finish an upload in parts.
            "ExposedHeaders": ["ETag"],
            "MaxAge": CORS_MAX_AGE_SECONDS,
        }],
    })
}

fn policy(bucket: &str) -> Resource {
    Resource::new(
        "AWS::S3::BucketPolicy",
        json!({
            "Bucket": reference(bucket),
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Sid": "OnlyOverTls",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [attribute(bucket, "Arn"), sub(format!("${{{bucket}.Arn}}/*"))],
                    "Condition": { "Bool": { "aws:SecureTransport": "false" } },
                }],
            },
        }),
    )
}
