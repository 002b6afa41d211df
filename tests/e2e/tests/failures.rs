//! What fails is said in words, cleaned up, and tried again from a clean start.

use e2e::{Fault, Result, Suite};
use store::Status;

fn failing(stack: &str, resource: &str, reason: &str) -> Fault {
    Fault {
        kind: "fail_resource",
        stack: stack.to_owned(),
        logical_id: resource.to_owned(),
        reason: reason.to_owned(),
        count: Some(1),
        ..Fault::default()
    }
}

async fn stack_exists(suite: &Suite, name: &str) -> bool {
    suite.cloudformation.describe_stacks().stack_name(name).send().await.is_ok()
}

async fn retry(suite: &Suite, tenant: &str) -> Result<()> {
    suite.send(suite.request_named(&format!("retry-{tenant}"), tenant, "trial").to_string()).await
}

#[tokio::test]
async fn a_data_stack_that_fails_leaves_its_reason_and_nothing_else() -> Result<()> {
    let suite = Suite::light(&[]).await?;
    let reason = "DB instance quota exceeded";
    suite.control.break_with(&[failing("light-demo-dev-data", "Database", reason)])?;
    suite.ask_for("demo", "trial").await?;

    let record = suite.until("demo", Status::Failed).await?;
    let failure = record.failure.ok_or("the record has no failure")?;
    assert_eq!(failure.step, "data stack");
    assert_eq!(failure.resource.as_deref(), Some("Database (AWS::RDS::DBInstance)"));
    assert!(failure.reason.contains(reason), "{}", failure.reason);
    assert!(!stack_exists(&suite, "light-demo-dev-data").await, "the stack was left behind");
    suite.message(suite.inbox("alarms")?, |it| it.body.contains(reason)).await?;

    retry(&suite, "demo").await?;
    let record = suite.until("demo", Status::Active).await?;
    assert_eq!((record.attempt, record.failure), (2, None));
    Ok(())
}

#[tokio::test]
async fn an_app_stack_that_fails_is_removed_and_the_data_is_kept_for_the_retry() -> Result<()> {
    let suite = Suite::light(&[]).await?;
    let reason = "Tasks failed to start";
    suite.control.break_with(&[failing("light-demo-dev-app", "WebService", reason)])?;
    suite.ask_for("demo", "trial").await?;

    let record = suite.until("demo", Status::Failed).await?;
    assert_eq!(record.failure.ok_or("the record has no failure")?.step, "app stack");
    assert!(!stack_exists(&suite, "light-demo-dev-app").await, "the stack was left behind");
    assert!(stack_exists(&suite, "light-demo-dev-data").await, "the data must be kept");

    retry(&suite, "demo").await?;
    suite.until("demo", Status::Active).await?;
    let (status, _) = suite.get("demo", "/health")?;
    assert_eq!(status, 200);
    Ok(())
}
