//! The tenant's secrets. Secrets Manager makes every value; none is ever in a template, a
//! parameter or Caretaker's memory.
//!
//! Values have letters and digits only. Each engine forbids other punctuation (RDS `/ @ "` and
//! space, ElastiCache all but `! & # $ ^ < > -`), and applications put passwords into
//! connection URLs where more would have to be escaped; length makes up for the alphabet.

use domain::naming::DATABASE_MASTER_USER;
use serde_json::{Value, json};

use super::database;
use crate::template::cfn::{Draft, HAS_ROTATION, Resource};
use crate::template::intrinsics::{document, pascal, reference, sub};
use crate::template::{output, parameter};

/// The secret of the database's master user.
pub(super) const DATABASE_MASTER: &str = "DatabaseMasterSecret";
/// The secret of the application's own database user.
const DATABASE_APP: &str = "DatabaseSecret";
/// The secret with the cache's auth token.
pub(super) const CACHE_TOKEN: &str = "CacheTokenSecret";
/// The key of the auth token in its secret's JSON.
pub(super) const CACHE_TOKEN_KEY: &str = "token";

/// Characters of a database password: 32 of 62 letters and digits are 190 bits, and MySQL takes
/// at most 41 (RDS API, `MasterUserPassword`).
const DATABASE_PASSWORD_LENGTH: u32 = 32;

/// Characters of a cache's auth token: ElastiCache takes 16 to 128.
const CACHE_TOKEN_LENGTH: u32 = 64;

/// Adds the secrets and their rotation schedules.
pub(super) fn add(draft: &mut Draft<'_>) {
    let settings = draft.settings;
    let rotation = &settings.rotation;

    let master = document(json!({ "username": DATABASE_MASTER_USER, "ssl": true }));
    add_database_secret(draft, DATABASE_MASTER, "database-master", &master.into());
    draft.output(output::DATABASE_MASTER_SECRET_ARN, reference(DATABASE_MASTER));

    // `masterarn` says with whose help the user is made and rotated; `ssl` that there is no way
    // without TLS. Host, port and engine are added by the attachment.
    let app = json!({
        "username": draft.names.database_user(),
        "dbname": settings.database.name,
        "masterarn": format!("${{{DATABASE_MASTER}}}"),
        "ssl": true,
    });
    add_database_secret(draft, DATABASE_APP, "database-app", &sub(document(app)));
    draft.output(output::DATABASE_SECRET_ARN, reference(DATABASE_APP));

    for (id, days) in
        [(DATABASE_MASTER, rotation.master_days), (DATABASE_APP, rotation.database_days)]
    {
        let attachment = attach_to_database(draft, id);
        add_rotation(draft, id, days, [attachment]);
    }
    if settings.cache.is_some() {
        let value = generated(CACHE_TOKEN_KEY, CACHE_TOKEN_LENGTH, &"{}".into());
        add_secret(draft, CACHE_TOKEN, "cache-token", &value);
        draft.output(output::CACHE_TOKEN_SECRET_ARN, reference(CACHE_TOKEN));
        // A token can only be changed on a cache that is there.
        add_rotation(draft, CACHE_TOKEN, rotation.cache_days, [super::cache::CACHE.to_owned()]);
    }
    for (name, key) in &settings.keys {
        let id = format!("Key{}Secret", pascal(name));
        let value = generated("key", key.length, &document(json!({ "fallbacks": "" })).into());
        add_secret(draft, &id, &format!("key-{name}"), &value);
        draft.output(output::key_secret_arn(name), reference(&id));
        add_rotation(draft, &id, rotation.keys_days, []);
    }
}

fn add_database_secret(draft: &mut Draft<'_>, id: &str, purpose: &str, template: &Value) {
    let value = generated("password", DATABASE_PASSWORD_LENGTH, template);
    add_secret(draft, id, purpose, &value);
}

fn add_secret(draft: &mut Draft<'_>, id: &str, purpose: &str, generate: &Value) {
    let secret = Resource::new(
        "AWS::SecretsManager::Secret",
        json!({
            "Name": draft.names.secret(purpose),
            "KmsKeyId": reference(parameter::KMS_KEY_ARN),
            "GenerateSecretString": generate,
        }),
    );
    draft.add(id, secret);
}

/// `GenerateSecretString`: the JSON of `template` with a made-up value under `key`.
fn generated(key: &str, length: u32, template: &Value) -> Value {
    json!({
        "SecretStringTemplate": template,
        "GenerateStringKey": key,
        "PasswordLength": length,
        "ExcludePunctuation": true,
    })
}

/// Has CloudFormation write engine, host, port and identifier of the database into the secret.
fn attach_to_database(draft: &mut Draft<'_>, secret: &str) -> String {
    let attachment = Resource::new(
        "AWS::SecretsManager::SecretTargetAttachment",
        json!({
            "SecretId": reference(secret),
            "TargetId": reference(database::DATABASE),
            "TargetType": database::resource_type(&draft.settings.database),
        }),
    );
    let id = format!("{secret}Attachment");
    draft.add(&id, attachment);
    id
}

/// Nothing is rotated when a schedule is made or changed: the application would have to be
/// relaunched before it is even there.
fn add_rotation<const N: usize>(
    draft: &mut Draft<'_>,
    secret: &str,
    days: u32,
    after: [String; N],
) {
    let schedule = Resource::new(
        "AWS::SecretsManager::RotationSchedule",
        json!({
            "SecretId": reference(secret),
            "RotationLambdaARN": reference(parameter::ROTATION_FUNCTION_ARN),
            "RotationRules": { "AutomaticallyAfterDays": days },
            "RotateImmediatelyOnUpdate": false,
        }),
    );
    draft.add(format!("{secret}Rotation"), schedule.only_if(HAS_ROTATION).after(after));
}
