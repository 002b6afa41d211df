//! All that is read of AWS before anything is decided, and nothing that is written.
//!
//! Only what the next decision can need is read: an app stack is not asked for before the data
//! stack is up, nor health before there is an application.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksError;
use aws_sdk_cloudformation::types::{ResourceStatus, StackEvent, StackStatus};
use aws_sdk_ecs::types::DeploymentRolloutState;
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthReasonEnum, TargetHealthStateEnum};
use domain::catalogue::Settings;
use domain::tags;
use jiff::Timestamp;
use runtime::call;
use store::{Status, TenantRecord};

use crate::decide::{
    Cause, Health, Observed, Rollout, ServiceHealth, Stack, StackState, TargetHealth,
};
use crate::error::Error;

/// How many pages of stack events are read for the first failure. A page holds 100 events and a
/// tenant's larger stack some 60 resources with three events each.
const EVENT_PAGES_MAX: usize = 20;

/// How many services one `DescribeServices` takes (ECS API reference).
const SERVICES_PER_CALL_MAX: usize = 10;

/// Reads of AWS.
#[derive(Debug, Clone)]
pub struct Observer {
    /// Stacks and their events.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// Services.
    pub ecs: aws_sdk_ecs::Client,
    /// Targets.
    pub elb: aws_sdk_elasticloadbalancingv2::Client,
}

impl Observer {
    /// What can be seen of the tenant of `record`, as far as the next decision needs it.
    ///
    /// # Errors
    /// When AWS does not answer; nothing is guessed then.
    pub async fn observe(
        &self,
        record: &TenantRecord,
        settings: &Settings,
        cluster: &str,
    ) -> Result<Observed, Error> {
        let names = record.tenant.names();
        let mut observed = Observed::default();
        let looks = match record.status {
            Status::Onboarding => true,
            Status::Failed => record.cleaning_up,
            _ => false,
        };
        if !looks {
            return Ok(observed);
        }
        observed.data = self.stack(&names.data_stack()).await?;
        let onboarding = record.status == Status::Onboarding;
        if onboarding && !observed.data.as_ref().is_some_and(Stack::is_whole) {
            return Ok(observed);
        }
        observed.app = self.stack(&names.app_stack()).await?;
        if let Some(app) = observed.app.as_ref().filter(|app| onboarding && app.is_whole()) {
            let services: Vec<String> =
                settings.services.keys().map(|service| names.component(service)).collect();
            observed.health = Some(self.health(cluster, &services, app).await?);
        }
        Ok(observed)
    }

    async fn stack(&self, name: &str) -> Result<Option<Stack>, Error> {
        let answer = match self.cloudformation.describe_stacks().stack_name(name).send().await {
            Ok(answer) => answer,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(call(format!("describe the stack {name}"), &error).into()),
        };
        let Some(stack) = answer.stacks().first() else { return Ok(None) };
        let status = stack.stack_status().map_or("UNKNOWN", StackStatus::as_str);
        let Some(state) = StackState::of(status) else { return Ok(None) };
        let pair = |key: Option<&str>, value: Option<&str>| {
            Some((key?.to_owned(), value.unwrap_or_default().to_owned()))
        };
        let cause = match state {
            StackState::Broken | StackState::Stuck | StackState::UpdateRolledBack => {
                self.cause(name).await?
            }
            StackState::InProgress | StackState::Ready => None,
        };
        Ok(Some(Stack {
            name: name.to_owned(),
            status: status.to_owned(),
            state,
            created_at: stack.creation_time().map_or(Timestamp::UNIX_EPOCH, timestamp),
            updated_at: stack.last_updated_time().map(timestamp),
            tier: stack
                .tags()
                .iter()
                .find(|tag| tag.key() == Some(tags::TIER))
                .and_then(|tag| tag.value().map(str::to_owned)),
            parameters: stack
                .parameters()
                .iter()
                .filter_map(|p| pair(p.parameter_key(), p.parameter_value()))
                .collect(),
            outputs: stack
                .outputs()
                .iter()
                .filter_map(|o| pair(o.output_key(), o.output_value()))
                .collect::<BTreeMap<_, _>>(),
            termination_protection: stack.enable_termination_protection().unwrap_or_default(),
            cause,
        }))
    }

    /// The first resource that failed in the stack's last operation. Events come newest first.
    async fn cause(&self, name: &str) -> Result<Option<Cause>, Error> {
        let mut pages =
            self.cloudformation.describe_stack_events().stack_name(name).into_paginator().send();
        let mut first = None;
        let mut read = 0;
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| call(format!("read the events of the stack {name}"), &error))?;
            for event in page.stack_events() {
                if begins_operation(event, name) {
                    return Ok(first);
                }
                first = failure(event, name).or(first);
            }
            read += 1;
            if read == EVENT_PAGES_MAX {
                break;
            }
        }
        Ok(first)
    }

    async fn health(
        &self,
        cluster: &str,
        services: &[String],
        app: &Stack,
    ) -> Result<Health, Error> {
        let mut health = Health::default();
        for names in services.chunks(SERVICES_PER_CALL_MAX) {
            let answer = self
                .ecs
                .describe_services()
                .cluster(cluster)
                .set_services(Some(names.to_vec()))
                .send()
                .await
                .map_err(|error| call(format!("describe the services in {cluster}"), &error))?;
            let active =
                answer.services().iter().filter(|service| service.status() == Some("ACTIVE"));
            health.services.extend(active.map(service_health));
        }
        let found = |name: &&String| health.services.iter().any(|s| s.name == **name);
        health.missing = services.iter().filter(|name| !found(name)).cloned().collect();
        if let Some(group) = app.outputs.get(crate::template::output::TARGET_GROUP_ARN) {
            let answer = self
                .elb
                .describe_target_health()
                .target_group_arn(group)
                .send()
                .await
                .map_err(|error| call(format!("describe the targets of {group}"), &error))?;
            health.targets =
                answer.target_health_descriptions().iter().filter_map(target_health).collect();
        }
        Ok(health)
    }
}

fn timestamp(time: &aws_sdk_cloudformation::primitives::DateTime) -> Timestamp {
    let nanoseconds = i32::try_from(time.subsec_nanos()).unwrap_or_default();
    Timestamp::new(time.secs(), nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Whether the stack is not there, for which CloudFormation has no error of its own: it is a
/// `ValidationError` like any other, and its words tell.
fn is_missing(error: &SdkError<DescribeStacksError>) -> bool {
    error.code() == Some("ValidationError")
        && error.message().is_some_and(|words| words.contains("does not exist"))
}

/// Whether the event is the stack's own beginning of an operation that somebody asked for, and
/// not of the rollback that follows from it.
fn begins_operation(event: &StackEvent, stack: &str) -> bool {
    let status = event.resource_status().map(ResourceStatus::as_str).unwrap_or_default();
    event.logical_resource_id() == Some(stack)
        && matches!(status, "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS")
}

/// Whether it is what CloudFormation says of resources that it stopped because another one
/// failed: `Resource creation cancelled`, and so for an update or a deletion.
fn is_echo(reason: &str) -> bool {
    reason.starts_with("Resource ") && reason.ends_with(" cancelled")
}

fn failure(event: &StackEvent, stack: &str) -> Option<Cause> {
    let status = event.resource_status()?.as_str();
    let reason = event.resource_status_reason().unwrap_or("no reason was given");
    if !status.ends_with("_FAILED") || is_echo(reason) {
        return None;
    }
    let id = event.logical_resource_id().filter(|id| *id != stack);
    let resource = id.map(|id| format!("{id} ({})", event.resource_type().unwrap_or("resource")));
    Some(Cause { resource, reason: reason.to_owned() })
}

fn service_health(service: &aws_sdk_ecs::types::Service) -> ServiceHealth {
    let count = |number: i32| u32::try_from(number).unwrap_or_default();
    let newest = service.deployments().iter().find(|d| d.status() == Some("PRIMARY"));
    let rollout = match newest.and_then(|deployment| deployment.rollout_state()) {
        Some(DeploymentRolloutState::Completed) => Rollout::Completed,
        Some(DeploymentRolloutState::Failed) => Rollout::Failed(
            newest
                .and_then(|deployment| deployment.rollout_state_reason())
                .unwrap_or("no reason was given")
                .to_owned(),
        ),
        _ => Rollout::InProgress,
    };
    ServiceHealth {
        name: service.service_name().unwrap_or_default().to_owned(),
        running: count(service.running_count()),
        desired: count(service.desired_count()),
        rollout,
    }
}

fn target_health(
    target: &aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription,
) -> Option<TargetHealth> {
    let health = target.target_health()?;
    let state = health.state()?;
    if matches!(state, TargetHealthStateEnum::Draining | TargetHealthStateEnum::UnhealthyDraining) {
        return None;
    }
    let address = target.target().map_or_else(String::new, |target| {
        format!("{}:{}", target.id().unwrap_or("?"), target.port().unwrap_or_default())
    });
    let words = [
        Some(state.as_str()),
        health.reason().map(TargetHealthReasonEnum::as_str),
        health.description(),
    ];
    Some(TargetHealth {
        target: address,
        healthy: *state == TargetHealthStateEnum::Healthy,
        reason: words.into_iter().flatten().collect::<Vec<_>>().join(", "),
    })
}
