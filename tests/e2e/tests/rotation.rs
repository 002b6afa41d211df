//! Secrets are rotated while applications use them, and leave no trace anywhere.

use std::collections::BTreeSet;
use std::time::Duration;

use database::{Trust, verify_application_login};
use e2e::{Fault, Result, Suite, Writer, version_with};
use store::Status;

/// What is killed below.
const FUNCTION: &str = "secret-rotation";

/// How long a login may take.
const LOGIN_WITHIN: Duration = Duration::from_secs(20);

/// How long relaunched services and what follows them may take.
const ROLLED_OUT_WITHIN: Duration = Duration::from_mins(3);

/// So often is a secret rotated under a client that writes.
const ROTATIONS: usize = 10;

/// What makes looks come soon after each other, and killed ones again.
const IMPATIENT: [&str; 2] = ["queue.visibility_timeout_seconds=5", "queue.max_receive_count=20"];

/// Nothing that was ever secret is written anywhere.
async fn nowhere_is_written(suite: &Suite, secrets: &BTreeSet<String>) -> Result<()> {
    assert!(!secrets.is_empty(), "there is nothing to look for");
    let written = suite.everything_written().await?;
    let bytes: usize = written.iter().map(|(_, text)| text.len()).sum();
    assert!(bytes > 10_000, "there is nothing to look in: {bytes} bytes");
    for (place, text) in &written {
        for secret in secrets {
            assert!(!text.contains(secret.as_str()), "a secret value is written in {place}");
        }
    }
    Ok(())
}

/// The log of the database has statements, so that looking for passwords in it means something.
async fn statements_are_logged(suite: &Suite) -> Result<()> {
    let written = suite.everything_written().await?;
    let logged = written.iter().any(|(_, text)| text.contains("INSERT INTO written"));
    assert!(logged, "no server logs its statements: {:?}", places(&written));
    Ok(())
}

fn places(written: &[(String, String)]) -> Vec<&String> {
    written.iter().map(|(place, _)| place).collect()
}

/// Rotates the application's database secret ten times under a client that writes all the time.
async fn no_write_is_lost(product: &str) -> Result<()> {
    let suite = Suite::testing(product, &IMPATIENT).await?;
    suite.ask_for("busy", "trial").await?;
    suite.until("busy", Status::Active).await?;
    let secret = suite.secret_name("busy", "database-app");

    let mut values = suite.values(&secret).await?;
    let writer = Writer::start(&suite, &secret).await?;
    for _ in 0..ROTATIONS {
        let version = suite.rotate(&secret).await?;
        values.extend(suite.values(&secret).await?);
        suite.until_rolled_out(&version).await?;
    }
    let written = writer.stop().await?;

    assert_eq!(written.failures, Vec::<String>::new(), "of {} writes", written.writes);
    assert!(written.writes > 0, "nothing was written");
    assert_eq!(written.rows, written.writes, "what was confirmed is there");
    assert_eq!(written.users.len(), ROTATIONS + 1, "users alternate: {:?}", written.users);
    assert_eq!(values.len(), ROTATIONS + 1, "each rotation made a password of its own");
    statements_are_logged(&suite).await?;
    nowhere_is_written(&suite, &values).await
}

#[tokio::test]
async fn ten_rotations_on_postgres_lose_no_write_and_leave_no_password_in_any_log() -> Result<()> {
    no_write_is_lost("rotating").await
}

#[tokio::test]
async fn ten_rotations_on_mariadb_lose_no_write_and_leave_no_password_in_any_log() -> Result<()> {
    no_write_is_lost("rotating-my").await
}

#[tokio::test]
async fn after_a_rotation_services_are_relaunched_and_only_then_is_the_old_user_locked()
-> Result<()> {
    let suite = Suite::testing("rotating", &IMPATIENT).await?;
    suite.ask_for("steady", "trial").await?;
    suite.until("steady", Status::Active).await?;
    let secret = suite.secret_name("steady", "database-app");
    let (old, trust) = suite.database("steady").await?;
    let before = suite.running_tasks("steady").await?;

    suite.rotate(&secret).await?;
    let event = suite
        .message(suite.inbox("events")?, |it| it.json()["detail-type"] == "SecretRotated")
        .await?
        .json();
    assert_eq!(event["detail"]["tenantId"], "steady");

    let (new, _) = suite.database("steady").await?;
    assert_ne!(new.username, old.username);
    verify_application_login(&new, &trust, LOGIN_WITHIN).await?;
    let locked = suite
        .eventually(ROLLED_OUT_WITHIN, async || {
            Ok(verify_application_login(&old, &trust, LOGIN_WITHIN).await.is_err().then_some(()))
        })
        .await?;
    assert!(locked.is_some(), "the old user still opens the database");
    let after = suite.running_tasks("steady").await?;
    assert!(before.is_disjoint(&after), "{before:?} became {after:?}");
    let (status, _) = suite.get("steady", "/health")?;
    assert_eq!(status, 200);
    Ok(())
}

#[tokio::test]
async fn caches_masters_and_keys_are_rotated_and_leave_no_trace() -> Result<()> {
    let suite = Suite::testing("rotating", &IMPATIENT).await?;
    suite.ask_for("whole", "trial").await?;
    suite.until("whole", Status::Active).await?;
    let [cache, master, key] =
        ["cache-token", "database-master", "key-signing"].map(|it| suite.secret_name("whole", it));
    let mut values = BTreeSet::new();
    for secret in [&cache, &master, &key] {
        values.extend(suite.values(secret).await?);
    }
    let old_key = suite.look_up(&key).await?["key"].as_str().unwrap_or_default().to_owned();
    for secret in [&cache, &master, &key] {
        suite.rotate(secret).await?;
        values.extend(suite.values(secret).await?);
    }
    assert_eq!(values.len(), 6, "each of the three has an old and a new value");

    let rotated = suite.look_up(&key).await?;
    assert_ne!(rotated["key"], old_key.as_str());
    assert_eq!(rotated["fallbacks"], old_key.as_str(), "what was signed before stays valid");
    nowhere_is_written(&suite, &values).await
}

#[tokio::test]
async fn a_secret_that_points_at_another_tenants_database_is_refused_and_a_person_called()
-> Result<()> {
    let suite = Suite::testing("rotating", &IMPATIENT).await?;
    for tenant in ["mine", "theirs"] {
        suite.ask_for(tenant, "trial").await?;
    }
    for tenant in ["mine", "theirs"] {
        suite.until(tenant, Status::Active).await?;
    }
    let [mine, theirs] = ["mine", "theirs"].map(|it| suite.secret_name(it, "database-app"));
    let mut forged = suite.look_up(&mine).await?;
    let target = suite.look_up(&theirs).await?;
    let before = target.clone();
    for key in ["host", "port", "dbInstanceIdentifier", "masterarn"] {
        forged[key] = target[key].clone();
    }
    let put = suite.secrets.put_secret_value().secret_id(&mine).secret_string(forged.to_string());
    put.send().await?;

    suite.secrets.rotate_secret().secret_id(&mine).send().await?;
    suite.message(suite.inbox("alarms")?, |it| it.body.contains(&mine)).await?;
    let failed = suite
        .message(suite.inbox("events")?, |it| it.json()["detail-type"] == "SecretRotationFailed")
        .await?
        .json();
    assert!(failed["detail"]["reason"].as_str().unwrap_or_default().contains("theirs"), "{failed}");

    assert_eq!(suite.look_up(&theirs).await?, before);
    let (target, trust) = suite.database("theirs").await?;
    verify_application_login(&target, &trust, LOGIN_WITHIN).await?;
    Ok(())
}

/// Kills the function's process at every call that it makes in a rotation of the master's secret,
/// one rotation after the other. (All strategies are killed at every message in the function's own
/// tests; here it is the real process that dies.)
async fn killed_at_every_call(product: &str, when: &'static str) -> Result<()> {
    const CALLS_MAX: u32 = 100;
    let suite = Suite::testing(product, &IMPATIENT).await?;
    suite.ask_for("killed", "trial").await?;
    suite.until("killed", Status::Active).await?;
    let secret = suite.secret_name("killed", "database-master");
    let trust = Trust::from_setting(Some(&suite.about.ca_bundle));
    for skip in 0..CALLS_MAX {
        let fault = Fault {
            kind: "kill",
            caller: FUNCTION.to_owned(),
            when: Some(when),
            count: Some(1),
            skip,
            ..Fault::default()
        };
        suite.control.break_with(&[fault])?;
        let version = suite.rotate(&secret).await?;
        suite.until_rolled_out(&version).await?;
        let killed = suite.control.faults()?.iter().any(|fault| fault.applied > 0);

        let described = suite.describe(&secret).await?;
        let pending = version_with(&described, "AWSPENDING");
        assert!(pending.is_none_or(|it| it == version), "{described:#?}");
        let current = suite.look_up(&secret).await?;
        let found = database::DatabaseSecret::parse(&current.to_string())?;
        verify_application_login(&found.target(), &trust, LOGIN_WITHIN).await?;
        if !killed {
            assert!(skip > 0, "not one call was killed");
            return Ok(());
        }
    }
    Err(format!("a rotation takes more than {CALLS_MAX} calls").into())
}

#[tokio::test]
async fn killed_before_any_call_takes_effect_a_rotation_on_postgres_still_ends_well() -> Result<()>
{
    killed_at_every_call("rotating", "before").await
}

#[tokio::test]
async fn killed_after_any_call_took_effect_a_rotation_on_mariadb_still_ends_well() -> Result<()> {
    killed_at_every_call("rotating-my", "after").await
}
