//! A tenant is brought up: for each of the four products, on the engine that it has.

#![expect(clippy::indexing_slicing, reason = "a field that is missing fails the test")]

use std::time::Duration;

use database::verify_application_login;
use e2e::{Result, Suite};
use store::Status;

/// How long a login may take.
const LOGIN_WITHIN: Duration = Duration::from_secs(20);

/// Brings a tenant up and looks at it as its users, its operators and its auditors would.
async fn a_tenant_comes_up(suite: &Suite, tenant: &str, tier: &str, health: &str) -> Result<()> {
    suite.ask_for(tenant, tier).await?;
    let record = suite.until(tenant, Status::Active).await?;

    // Its users: the application answers under the tenant's own host name.
    let (status, body) = suite.get(tenant, health)?;
    assert_eq!(status, 200, "{health} answered {body}");
    let (_, other) = suite.get("nobody", health)?;
    assert_ne!(other, body, "a host name that is no tenant's must not lead to the tenant");

    // Its database: the secret opens it, as a role that is not the master.
    let (target, trust) = suite.database(tenant).await?;
    let login = verify_application_login(&target, &trust, LOGIN_WITHIN).await?;
    assert_eq!(target.username, record.tenant.names().database_user(), "{login}");

    // Its operators: told once, with the address.
    let event = suite
        .message(suite.inbox("events")?, |it| it.json()["detail-type"] == "TenantActivated")
        .await?
        .json();
    assert_eq!(event["detail"]["tenantId"], tenant);
    assert_eq!(event["detail"]["url"].as_str(), record.url.as_deref());
    suite.message(suite.inbox("notifications")?, |it| it.body.contains("is active")).await?;

    // Its auditors: every step is in the journal, and no password is.
    let journal = suite.journal(tenant).await?;
    let steps: Vec<&str> = journal.iter().map(|line| line.step.as_str()).collect();
    for step in ["request", "data stack", "database role", "app stack", "active", "announcement"] {
        assert!(steps.contains(&step), "the journal has no line of the step {step}: {steps:?}");
    }
    let password = database_password(suite, tenant).await?;
    let text: String = journal.iter().map(ToString::to_string).collect();
    assert!(!text.contains(&password), "the password is in the journal");
    Ok(())
}

async fn database_password(suite: &Suite, tenant: &str) -> Result<String> {
    let key = suite.key(tenant)?;
    let name = format!("{}-{}-{}/database-app", key.product, key.tenant, key.environment);
    let secrets = aws_sdk_secretsmanager::Client::new(&suite.config);
    let answer = secrets.get_secret_value().secret_id(name).send().await?;
    let secret: serde_json::Value =
        serde_json::from_str(answer.secret_string().unwrap_or_default())?;
    Ok(secret["password"].as_str().ok_or("the secret has no password")?.to_owned())
}

#[tokio::test]
async fn mate_on_postgres_with_django() -> Result<()> {
    let suite = Suite::of("mate", "dev", &[]).await?;
    a_tenant_comes_up(&suite, "demo", "trial", "/health/ready").await
}

#[tokio::test]
async fn social_flow_on_postgres_with_workers() -> Result<()> {
    let suite = Suite::of("social-flow", "dev", &[]).await?;
    a_tenant_comes_up(&suite, "acme", "standard", "/health").await
}

#[tokio::test]
async fn ctoprojects_on_multi_az_postgres() -> Result<()> {
    let suite = Suite::of("ctoprojects", "prod", &[]).await?;
    a_tenant_comes_up(&suite, "globex", "enterprise", "/health").await
}

#[tokio::test]
async fn sarc_ng_on_mysql() -> Result<()> {
    let suite = Suite::of("sarc-ng", "dev", &[]).await?;
    a_tenant_comes_up(&suite, "initech", "trial", "/health").await
}

#[tokio::test]
async fn sarc_ng_on_aurora_is_protected_before_it_is_active() -> Result<()> {
    let suite = Suite::of("sarc-ng", "prod", &[]).await?;
    a_tenant_comes_up(&suite, "umbrella", "enterprise", "/health").await?;
    let stack = "sarc-ng-umbrella-prod-data";
    let answer = suite.cloudformation.describe_stacks().stack_name(stack).send().await?;
    assert_eq!(answer.stacks()[0].enable_termination_protection(), Some(true));
    Ok(())
}
