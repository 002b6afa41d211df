//! What ECS says of the services that use a secret; nothing is written here.

use std::collections::BTreeMap;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    self, DeploymentRolloutState, DesiredStatus, LogConfiguration, TaskDefinition,
};
use jiff::Timestamp;
use runtime::call;

use super::service::{Deployment, DeploymentState, Observed, Service, Task};
use crate::error::Error;

/// How many services one `DescribeServices` takes (ECS API reference).
const SERVICES_PER_CALL_MAX: usize = 10;

/// How many services one page of `ListServices` has at most (ECS API reference); it has ten unless
/// told otherwise.
const SERVICES_PER_PAGE: i32 = 100;

/// A hyphen and six characters (Secrets Manager user guide, "What's in a secret?").
const ARN_SUFFIX_LENGTH: usize = 7;

/// How many tasks one `DescribeTasks` takes (ECS API reference).
const TASKS_PER_CALL_MAX: usize = 100;

/// The names of all services in the cluster that begin with `prefix`: those of a tenant, whether
/// the catalogue names them or somebody made them by hand. Whoever uses the secret must have the new
/// value before the old one ends.
///
/// # Errors
/// When ECS does not answer; nothing is guessed then.
pub(super) async fn list_services(
    ecs: &Client,
    cluster: &str,
    prefix: &str,
) -> Result<Vec<String>, Error> {
    let asked = ecs.list_services().cluster(cluster).max_results(SERVICES_PER_PAGE);
    let mut pages = asked.into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| call(format!("list the services in {cluster}"), &error))?;
        // `arn:aws:ecs:…:service/mate-dev/mate-demo-dev-django`
        let arns = page.service_arns.unwrap_or_default();
        let found = arns.iter().filter_map(|arn| arn.rsplit('/').next());
        names.extend(found.filter(|name| name.starts_with(prefix)).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// What is seen of those of the services `names` whose tasks get the secret when they start.
///
/// Services come before their tasks: a deployment that is complete has replaced them by then, and
/// not the other way round.
///
/// # Errors
/// When ECS does not answer; nothing is guessed then.
pub async fn observe(
    ecs: &Client,
    cluster: &str,
    names: &[String],
    secret_arn: &str,
) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    let mut definitions = Definitions { ecs, secret_arn, known: BTreeMap::new() };
    for names in names.chunks(SERVICES_PER_CALL_MAX) {
        let answer = ecs
            .describe_services()
            .cluster(cluster)
            .set_services(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| call(format!("describe the services in {cluster}"), &error))?;
        for service in answer.services().iter().filter(|it| it.status() == Some("ACTIVE")) {
            if definitions.use_secret(service).await? {
                let name = service.service_name().unwrap_or_default();
                let tasks = tasks(ecs, cluster, name).await?;
                observed.services.push(read_service(service, tasks));
            }
        }
    }
    Ok(observed)
}

/// Whether task definitions use the secret; each is read once.
struct Definitions<'a> {
    ecs: &'a Client,
    secret_arn: &'a str,
    known: BTreeMap<String, bool>,
}

impl Definitions<'_> {
    /// Whether the service uses the secret, by any of its deployments: tasks of one that is being
    /// replaced have it, too.
    async fn use_secret(&mut self, service: &types::Service) -> Result<bool, Error> {
        let of_deployments = service.deployments().iter().filter_map(|it| it.task_definition());
        for arn in service.task_definition().into_iter().chain(of_deployments) {
            let uses = match self.known.get(arn) {
                Some(uses) => *uses,
                None => self.read(arn).await?,
            };
            if uses {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn read(&mut self, arn: &str) -> Result<bool, Error> {
        let answer = self
            .ecs
            .describe_task_definition()
            .task_definition(arn)
            .send()
            .await
            .map_err(|error| call(format!("describe the task definition {arn}"), &error))?;
        let uses = answer.task_definition().is_some_and(|it| uses_secret(it, self.secret_arn));
        self.known.insert(arn.to_owned(), uses);
        Ok(uses)
    }
}

/// Whether a container, or what carries its log away, gets the secret when the task starts (ECS
/// developer guide, "Pass sensitive data to an Amazon ECS container"). The credentials of a
/// registry are none of these: ECS itself reads them anew for each task.
fn uses_secret(definition: &TaskDefinition, secret_arn: &str) -> bool {
    let containers = definition.container_definitions().iter();
    let mut secrets = containers.flat_map(|container| {
        let of_log = container.log_configuration().map(LogConfiguration::secret_options);
        container.secrets().iter().chain(of_log.unwrap_or_default())
    });
    secrets.any(|secret| names_secret(secret.value_from(), secret_arn))
}

/// Whether a reference is to the secret, or to a key of it: `arn` or `arn:key:stage:version`. An
/// ARN may be written without the six characters that Secrets Manager puts at its end.
fn names_secret(value_from: &str, secret_arn: &str) -> bool {
    let without_suffix = secret_arn
        .len()
        .checked_sub(ARN_SUFFIX_LENGTH)
        .and_then(|end| secret_arn.split_at_checked(end))
        .filter(|(_, suffix)| suffix.starts_with('-'))
        .map(|(partial, _)| partial);
    [Some(secret_arn), without_suffix]
        .into_iter()
        .flatten()
        .filter_map(|arn| value_from.strip_prefix(arn))
        .any(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// All tasks of a service that have not stopped, those on their way out included: they still serve
/// what they have begun, and open connections for it.
async fn tasks(ecs: &Client, cluster: &str, service: &str) -> Result<Vec<Task>, Error> {
    let mut arns = Vec::new();
    for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
        let pages = ecs.list_tasks().cluster(cluster).service_name(service).desired_status(status);
        let mut pages = pages.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| call(format!("list the tasks of {service}"), &error))?;
            arns.extend(page.task_arns.unwrap_or_default());
        }
    }
    let mut tasks = Vec::new();
    for arns in arns.chunks(TASKS_PER_CALL_MAX) {
        let answer = ecs
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(arns.to_vec()))
            .send()
            .await
            .map_err(|error| call(format!("describe the tasks of {service}"), &error))?;
        tasks.extend(answer.tasks().iter().filter_map(read_task));
    }
    Ok(tasks)
}

fn read_task(task: &types::Task) -> Option<Task> {
    if task.last_status() == Some("STOPPED") {
        return None;
    }
    Some(Task {
        deployment: task.started_by().unwrap_or_default().to_owned(),
        // A task of unknown age is taken for old.
        created_at: task.created_at().map_or(Timestamp::UNIX_EPOCH, timestamp),
        is_leaving: task.desired_status() == Some("STOPPED"),
    })
}

fn read_service(service: &types::Service, tasks: Vec<Task>) -> Service {
    let count = |number: i32| u32::try_from(number).unwrap_or_default();
    Service {
        name: service.service_name().unwrap_or_default().to_owned(),
        desired: count(service.desired_count()),
        running: count(service.running_count()),
        deployments: service.deployments().iter().map(read_deployment).collect(),
        tasks,
    }
}

pub(super) fn read_deployment(deployment: &types::Deployment) -> Deployment {
    let state = match deployment.rollout_state() {
        Some(DeploymentRolloutState::Completed) => DeploymentState::Completed,
        Some(DeploymentRolloutState::Failed) => DeploymentState::Failed(
            deployment.rollout_state_reason().unwrap_or("no reason was given").to_owned(),
        ),
        _ => DeploymentState::InProgress,
    };
    Deployment {
        id: deployment.id().unwrap_or_default().to_owned(),
        is_primary: deployment.status() == Some("PRIMARY"),
        created_at: deployment.created_at().map_or(Timestamp::UNIX_EPOCH, timestamp),
        state,
    }
}

fn timestamp(time: &DateTime) -> Timestamp {
    let nanoseconds = i32::try_from(time.subsec_nanos()).unwrap_or_default();
    Timestamp::new(time.secs(), nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::{ContainerDefinition, LogDriver, Secret};

    const ARN: &str = "arn:aws:secretsmanager:r:a:secret:mate-demo-dev/database-app-AbCdEf";

    fn secret(value_from: &str) -> Secret {
        Secret::builder().name("PASSWORD").value_from(value_from).build().unwrap()
    }

    fn definition(container: ContainerDefinition) -> TaskDefinition {
        let plain = ContainerDefinition::builder().name("sidecar").build();
        TaskDefinition::builder()
            .container_definitions(plain)
            .container_definitions(container)
            .build()
    }

    #[test]
    fn a_task_definition_uses_the_secret_that_it_names_whole_or_by_a_key() {
        let uses = |value_from: &str| {
            let container = ContainerDefinition::builder().name("app").secrets(secret(value_from));
            uses_secret(&definition(container.build()), ARN)
        };
        let partial = ARN.strip_suffix("-AbCdEf").unwrap();
        for arn in [ARN, partial] {
            for value_from in [arn.to_owned(), format!("{arn}:password::")] {
                assert!(uses(&value_from), "{value_from}");
            }
        }
        for value_from in [
            format!("{ARN}x"),
            format!("{partial}-other-AbCdEf"),
            format!("{partial}-"),
            ARN.replace("demo", "other"),
            String::new(),
        ] {
            assert!(!uses(&value_from), "{value_from}");
        }
    }

    #[test]
    fn a_log_driver_that_gets_the_secret_uses_it_too() {
        let log = LogConfiguration::builder().log_driver(LogDriver::Splunk);
        let log = log.secret_options(secret(&format!("{ARN}:token::"))).build().unwrap();
        let container = ContainerDefinition::builder().name("app").log_configuration(log).build();
        assert!(uses_secret(&definition(container), ARN));
    }
}
