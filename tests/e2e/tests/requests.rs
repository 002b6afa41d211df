//! Requests that come twice, contradict themselves, or are none; and their neighbours.

use e2e::{Result, Suite};
use serde_json::json;
use store::Status;

#[tokio::test]
async fn a_request_that_comes_three_times_makes_one_tenant() -> Result<()> {
    let suite = Suite::light(&[]).await?;
    for _ in 0..3 {
        suite.ask_for("demo", "trial").await?;
    }
    let record = suite.until("demo", Status::Active).await?;
    assert_eq!(record.attempt, 1);
    let journal = suite.journal("demo").await?;
    let accepted = journal.iter().filter(|line| line.what.starts_with("accept")).count();
    assert_eq!(accepted, 1, "{journal:#?}");
    Ok(())
}

#[tokio::test]
async fn a_request_for_a_tenant_that_exists_changes_nothing_and_answers_with_its_state()
-> Result<()> {
    let suite = Suite::light(&[]).await?;
    suite.ask_for("demo", "trial").await?;
    let before = suite.until("demo", Status::Active).await?;
    let again = suite.request_named("another-request", "demo", "enterprise");
    suite.send(again.to_string()).await?;
    let answer = suite
        .message(suite.inbox("events")?, |it| it.json()["detail-type"] == "TenantAlreadyExists")
        .await?
        .json();
    assert_eq!(answer["detail"]["state"], "active");
    assert_eq!(answer["detail"]["tier"], "trial");
    assert_eq!(answer["detail"]["requestId"], "another-request");
    assert_eq!(suite.record("demo").await?, Some(before));
    Ok(())
}

#[tokio::test]
async fn a_request_id_with_another_content_is_refused() -> Result<()> {
    let suite = Suite::light(&[]).await?;
    suite.ask_for("demo", "trial").await?;
    suite.until("demo", Status::Active).await?;
    suite.ask_for("demo", "enterprise").await?;
    let refused = suite
        .message(suite.inbox("events")?, |it| it.json()["detail-type"] == "TenantRequestRefused")
        .await?
        .json();
    let mistakes = refused["detail"]["mistakes"].to_string();
    assert!(mistakes.contains("requestId"), "{mistakes}");
    Ok(())
}

#[tokio::test]
async fn bad_messages_are_told_kept_with_their_reason_and_harm_no_neighbour() -> Result<()> {
    let suite = Suite::light(&[]).await?;
    let mut wrong = suite.request("wrong", "gold");
    wrong["adminEmail"] = json!("nobody");
    suite.send("this is no JSON").await?;
    suite.send(wrong.to_string()).await?;
    suite.ask_for("good", "trial").await?;
    suite.send("[1, 2, 3]").await?;
    suite.until("good", Status::Active).await?;

    // All three lie with the dead letters, each with its reason.
    let dead = &suite.deployment.function("tenant-onboarding")?.dead_letter_queue_url;
    let letter = suite.message(dead, |it| it.body.contains("wrong")).await?;
    let reason = &letter.attributes["CaretakerReason"];
    assert!(reason.contains("tier: \"gold\" is no tier"), "{reason}");
    assert!(reason.contains("adminEmail: expected an e-mail address"), "{reason}");

    // It is in the journal of the tenant it names, and people are told.
    let journal = suite.journal("wrong").await?;
    assert!(journal.iter().any(|line| line.why.contains("gold")), "{journal:#?}");
    assert_eq!(suite.record("wrong").await?, None);
    suite.message(suite.inbox("alarms")?, |it| it.body.contains("no JSON")).await?;
    Ok(())
}

#[tokio::test]
async fn the_saas_builders_control_plane_gets_the_answer_it_knows() -> Result<()> {
    let suite = Suite::light(&[]).await?;
    let request = json!({
        "id": "e1", "source": "sbt.control.plane", "detail-type": "sbt_aws_onboardingRequest",
        "detail": {
            "tenantRegistrationId": "3f1c", "tenantId": "9b2e", "tenantName": "acme",
            "email": "admin@acme.example.com", "tier": "standard"
        }
    });
    suite.send(request.to_string()).await?;
    suite.until("acme", Status::Active).await?;
    let answer = suite
        .message(suite.inbox("events")?, |it| {
            it.json()["detail-type"] == "sbt_aws_onboardingSuccess"
        })
        .await?
        .json();
    assert_eq!(answer["detail"]["tenantRegistrationId"], "3f1c");
    assert_eq!(
        answer["detail"]["jobOutput"]["tenantRegistrationData"]["registrationStatus"],
        "Created"
    );
    Ok(())
}
