//! What CloudFormation is asked for, and which of its refusals mean that it is done already.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::Client as CloudFormation;
use aws_sdk_cloudformation::operation::create_stack::{CreateStackInput, CreateStackOutput};
use aws_sdk_cloudformation::operation::delete_stack::{DeleteStackInput, DeleteStackOutput};
use aws_sdk_cloudformation::operation::update_stack::{UpdateStackInput, UpdateStackOutput};
use aws_sdk_cloudformation::operation::update_termination_protection::UpdateTerminationProtectionOutput;
use aws_sdk_cloudformation::types::Capability;
use aws_smithy_mocks::{Rule, mock};
use domain::catalogue::Settings;
use jiff::SignedDuration;
use runtime::{Classify, Publisher};
use store::TenantRecord;
use tenant_onboarding::act::{Hands, Situation};
use tenant_onboarding::decide::{Action, Observed, Stack, StackKind, StackState};
use tenant_onboarding::error::Error;
use tenant_onboarding::template::{self, parameter};
use tenant_onboarding::wiring::Wiring;

use crate::aws::{Calls, Sent, clients, xml_error};
use crate::fixtures::{DATA_STACK, began, catalogue, onboarding, wiring};

/// All that an action is done with.
struct Scene {
    hands: Hands,
    wiring: Wiring,
    settings: Settings,
    observed: Observed,
    calls: Calls,
}

/// A tenant whose data stack is whole and answers with what the app stack needs, where AWS
/// answers by `rules`.
fn scene(rules: &[&Rule]) -> Scene {
    let calls = Calls::default();
    let clients = clients(rules, &calls);
    let tenant = onboarding().tenant;
    let settings = catalogue().settings(&tenant.environment, tenant.tier).unwrap().clone();
    let data = template::data(&tenant, &settings);
    let outputs = data.outputs().into_iter().map(|name| (name.to_owned(), format!("its {name}")));
    let data = Stack {
        name: DATA_STACK.to_owned(),
        status: "CREATE_COMPLETE".to_owned(),
        state: StackState::Ready,
        created_at: began(),
        updated_at: None,
        tier: None,
        parameters: BTreeMap::new(),
        outputs: outputs.collect(),
        termination_protection: false,
        cause: None,
    };
    Scene {
        hands: Hands {
            cloudformation: clients.cloudformation,
            secrets: clients.secrets,
            publisher: Publisher::new(clients.events, clients.sns, "bus", "caretaker"),
            trust: database::Trust::from_setting(None::<&String>),
        },
        wiring: wiring(),
        settings,
        observed: Observed { data: Some(data), ..Observed::default() },
        calls,
    }
}

impl Scene {
    async fn does(&self, action: Action, record: &TenantRecord) -> Result<String, Error> {
        let Self { hands, wiring, settings, observed, .. } = self;
        hands.carry_out(&action, record, Situation { wiring, settings, observed }).await
    }
}

fn creations() -> (Rule, Sent<CreateStackInput>) {
    let sent = Sent::new();
    let rule = mock!(CloudFormation::create_stack)
        .match_requests(sent.keep())
        .then_output(|| CreateStackOutput::builder().build());
    (rule, sent)
}

fn deletions() -> (Rule, Sent<DeleteStackInput>) {
    let sent = Sent::new();
    let rule = mock!(CloudFormation::delete_stack)
        .match_requests(sent.keep())
        .then_output(|| DeleteStackOutput::builder().build());
    (rule, sent)
}

fn updates() -> (Rule, Sent<UpdateStackInput>) {
    let sent = Sent::new();
    let rule = mock!(CloudFormation::update_stack)
        .match_requests(sent.keep())
        .then_output(|| UpdateStackOutput::builder().build());
    (rule, sent)
}

fn locked() -> Rule {
    mock!(CloudFormation::update_termination_protection)
        .match_requests(|request| request.enable_termination_protection() == Some(true))
        .then_output(|| UpdateTerminationProtectionOutput::builder().build())
}

fn next_attempt(record: &TenantRecord) -> TenantRecord {
    let attempt_at = record.attempt_at + SignedDuration::from_mins(10);
    TenantRecord { attempt: record.attempt + 1, attempt_at, ..record.clone() }
}

#[tokio::test]
async fn a_stack_is_created_with_all_its_parameters_its_tags_and_the_provisioning_role() {
    let (rule, sent) = creations();
    let scene = scene(&[&rule]);
    let record = onboarding();
    scene.does(Action::CreateStack(StackKind::Data), &record).await.unwrap();
    scene.does(Action::CreateStack(StackKind::App), &record).await.unwrap();
    let templates = [
        template::data(&record.tenant, &scene.settings),
        template::app(&record.tenant, &scene.settings),
    ];
    for (request, template) in sent.all().iter().zip(templates) {
        assert_eq!(request.template_body(), Some(template.to_json().as_str()));
        let filled: BTreeMap<&str, &str> = request
            .parameters()
            .iter()
            .map(|p| (p.parameter_key().unwrap(), p.parameter_value().unwrap()))
            .collect();
        assert_eq!(filled.keys().copied().collect::<Vec<_>>(), template.parameters());
        // The data stack's answers go into the app stack under their own names.
        for (name, value) in &filled {
            if scene.observed.data.as_ref().unwrap().outputs.contains_key(*name) {
                assert_eq!(*value, format!("its {name}"));
            }
        }
        let tags: BTreeMap<&str, &str> =
            request.tags().iter().map(|t| (t.key().unwrap(), t.value().unwrap())).collect();
        assert_eq!(
            (tags["Tenant"], tags["Tier"], tags["ManagedBy"]),
            ("demo", "trial", "caretaker")
        );
        assert_eq!(request.role_arn(), Some("PROVISIONING_ROLE_ARN"));
        assert_eq!(request.capabilities(), [Capability::CapabilityNamedIam]);
    }
    assert_eq!(sent.all().len(), 2);
}

#[tokio::test]
async fn a_stack_that_is_there_already_was_created() {
    let there = mock!(CloudFormation::create_stack)
        .then_http_response(|| xml_error(400, "AlreadyExistsException", "it exists"));
    let outcome = scene(&[&there]).does(Action::CreateStack(StackKind::Data), &onboarding()).await;
    assert_eq!(outcome.unwrap(), format!("{DATA_STACK} is there already"));
}

#[tokio::test]
async fn what_was_asked_for_before_under_the_same_token_is_done() {
    let repeated = || xml_error(400, "TokenAlreadyExistsException", "asked before");
    let rules = [
        mock!(CloudFormation::create_stack).then_http_response(repeated),
        mock!(CloudFormation::update_stack).then_http_response(repeated),
        mock!(CloudFormation::delete_stack).then_http_response(repeated),
        locked(),
    ];
    let scene = scene(&rules.iter().collect::<Vec<_>>());
    let actions = [
        Action::CreateStack(StackKind::Data),
        Action::DeleteStack(StackKind::Data),
        Action::Protect,
    ];
    for action in actions {
        let outcome = scene.does(action.clone(), &onboarding()).await;
        assert!(outcome.is_ok(), "{action}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_token_is_the_same_within_an_attempt_and_another_in_the_next() {
    let (creations, deletions, updates) = (creations(), deletions(), updates());
    let scene = scene(&[&creations.0, &deletions.0, &updates.0, &locked()]);
    let record = onboarding();
    for record in [&record, &record, &next_attempt(&record)] {
        for action in [
            Action::CreateStack(StackKind::Data),
            Action::DeleteStack(StackKind::Data),
            Action::Protect,
        ] {
            scene.does(action, record).await.unwrap();
        }
    }
    let tokens: [Vec<String>; 3] = [
        creations.1.all().iter().map(|r| r.client_request_token().unwrap().to_owned()).collect(),
        deletions.1.all().iter().map(|r| r.client_request_token().unwrap().to_owned()).collect(),
        updates.1.all().iter().map(|r| r.client_request_token().unwrap().to_owned()).collect(),
    ];
    for tokens in &tokens {
        assert_eq!(tokens[0], tokens[1]);
        assert_ne!(tokens[0], tokens[2]);
        // CloudFormation takes letters, digits and hyphens, at most 128.
        assert!(tokens[0].chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{}", tokens[0]);
        assert!(tokens[0].len() <= 128);
    }
    assert_ne!(tokens[0][0], tokens[1][0]);
}

#[tokio::test]
async fn one_attempt_can_delete_two_stacks_of_one_name_one_after_the_other() {
    let (taken, deletions) = deletions();
    let mut scene = scene(&[&taken]);
    let record = onboarding();
    scene.does(Action::DeleteStack(StackKind::Data), &record).await.unwrap();
    // The attempt has made its own stack meanwhile, and that one failed as well.
    scene.observed.data.as_mut().unwrap().created_at = began() + SignedDuration::from_mins(3);
    scene.does(Action::DeleteStack(StackKind::Data), &record).await.unwrap();
    let tokens = deletions.all();
    assert_ne!(tokens[0].client_request_token(), tokens[1].client_request_token());
}

#[tokio::test]
async fn protection_changes_one_parameter_and_locks_the_stack() {
    let (taken, sent) = updates();
    let scene = scene(&[&taken, &locked()]);
    scene.does(Action::Protect, &onboarding()).await.unwrap();
    let request = sent.one();
    assert_eq!(request.use_previous_template(), Some(true));
    let template = template::data(&onboarding().tenant, &scene.settings);
    let keys: Vec<&str> = request.parameters().iter().map(|p| p.parameter_key().unwrap()).collect();
    assert_eq!(keys, template.parameters());
    for given in request.parameters() {
        if given.parameter_key() == Some(parameter::PROTECTED) {
            assert_eq!(given.parameter_value(), Some("true"));
        } else {
            assert_eq!((given.use_previous_value(), given.parameter_value()), (Some(true), None));
        }
    }
    assert_eq!(scene.calls.made(), ["UpdateStack", "UpdateTerminationProtection"]);
}

#[tokio::test]
async fn a_database_that_is_protected_already_still_gets_its_stack_locked() {
    let protected = mock!(CloudFormation::update_stack).then_http_response(|| {
        xml_error(400, "ValidationError", "No updates are to be performed.")
    });
    let scene = scene(&[&protected, &locked()]);
    scene.does(Action::Protect, &onboarding()).await.unwrap();
    assert_eq!(scene.calls.made(), ["UpdateStack", "UpdateTerminationProtection"]);
}

#[tokio::test]
async fn a_refused_protection_is_an_error_and_the_stack_is_not_locked() {
    let refused = mock!(CloudFormation::update_stack)
        .then_http_response(|| xml_error(400, "ValidationError", "Parameters: [X] must exist"));
    let scene = scene(&[&refused]);
    let error = scene.does(Action::Protect, &onboarding()).await.unwrap_err();
    assert!(!error.is_transient());
    assert_eq!(scene.calls.made(), ["UpdateStack"]);
}

#[tokio::test]
async fn an_app_stack_without_what_the_data_stack_answers_is_not_asked_for() {
    let mut scene = scene(&[]);
    scene.observed.data = None;
    let outcome = scene.does(Action::CreateStack(StackKind::App), &onboarding()).await;
    let words = outcome.unwrap_err().to_string();
    assert!(words.contains("DatabaseSecretArn"), "{words}");
    assert_eq!(scene.calls.made().len(), 0);
}
