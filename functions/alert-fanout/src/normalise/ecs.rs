//! Amazon ECS: tasks that stop, services that cannot start them, deployments.
//!
//! A service's trouble ends with its next steady state, a failed deployment with the next one that
//! completes, so both are alerts with an end. A task that stopped is a fact.
//! Source: ECS developer guide, "Amazon ECS events".

use domain::catalogue::Severity;

use super::arn::{Arn, name_in};
use super::eventbridge::Event;
use super::fields::Fields;
use super::links::{Console, escaped};
use super::{Draft, Outcome, words};
use crate::alert::State;

const SOURCE_TASK: &str = "ecs-task";
const SOURCE_SERVICE: &str = "ecs-service";

/// Events about the health of a service that say that all is as it should be, or that something
/// goes on whose end is reported.
const NO_NEWS: [&str; 4] = [
    "TASKSET_STEADY_STATE",
    "CAPACITY_PROVIDER_STEADY_STATE",
    "TASKS_STOPPED",
    "SERVICE_DEPLOYMENT_IN_PROGRESS",
];

/// Reads an event of ECS.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    match event.detail_type {
        "ECS Task State Change" => Some(vec![task(event)]),
        "ECS Service Action" => service(event),
        "ECS Deployment State Change" => deployment(event),
        _ => None,
    }
}

fn task(event: &Event<'_>) -> Outcome {
    let detail = event.detail;
    let task = detail.text("taskArn").or_else(|| event.resources().next()).unwrap_or_default();
    let group = detail.text("group").unwrap_or_default();
    let service = group.strip_prefix("service:");
    // `service:mate-demo-dev-django`; a task that is run alone has its family's name there.
    let definition = detail.text("taskDefinitionArn").map(name_of_family).unwrap_or_default();
    let name = service.unwrap_or(definition);
    if detail.text("lastStatus") != Some("STOPPED") {
        let status = detail.text("lastStatus").unwrap_or("UNKNOWN").to_lowercase();
        return Outcome::skip(format!("a task of {name} is {status}: a step of its life"));
    }
    let code = detail.text("stopCode").unwrap_or_default();
    let reason = detail.text("stoppedReason").unwrap_or("no reason was given");
    let exits: Vec<String> = detail.list("containers").filter_map(exit).collect();
    let is_clean = !exits.is_empty() && exits.iter().all(|exit| exit.ends_with(" 0"));
    let is_unhealthy = reason.contains("health check");
    let is_asked = matches!(code, "ServiceSchedulerInitiated" | "UserInitiated");
    let is_done = code == "EssentialContainerExited" && is_clean && service.is_none();
    if (is_asked && !is_unhealthy) || is_done {
        return Outcome::skip(format!("a task of {name} stopped as it should: {reason}"));
    }
    let mut draft = event.draft(SOURCE_TASK, "EcsTaskStopped");
    task.clone_into(&mut draft.key);
    draft.names.push(name.to_owned());
    draft.about(task);
    draft.names.extend(detail.text("clusterArn").map(str::to_owned));
    let is_moved = matches!(code, "SpotInterruption" | "TerminationNotice");
    draft.severity =
        if is_moved || (is_clean && !is_unhealthy) { Severity::Info } else { Severity::Warning };
    draft.label("stop_code", Some(code));
    draft.label("task_group", Some(group));
    let definition = detail.text("taskDefinitionArn").and_then(Arn::of);
    draft.label("task_definition", definition.and_then(|arn| arn.after("task-definition/")));
    draft.label("launch_type", detail.text("launchType"));
    draft.label("availability_zone", detail.text("availabilityZone"));
    let containers: Vec<String> = detail.list("containers").filter_map(ended).collect();
    // That an essential container exited says less than how it did.
    let failed = containers.iter().find(|container| !container.ends_with("exit code 0"));
    let why = failed.filter(|_| code == "EssentialContainerExited").map_or(reason, String::as_str);
    draft.title = format!("A task of {name} stopped: {}", words::first_line(why));
    draft.summary =
        std::iter::once(reason.to_owned()).chain(containers).collect::<Vec<_>>().join("\n");
    if let (Some(arn), Some(cluster)) = (Arn::of(task), detail.text("clusterArn").map(name_in)) {
        draft.console = Some(Console::Regional(format!(
            "/ecs/v2/clusters/{}/tasks/{}?region={{region}}",
            escaped(cluster),
            escaped(arn.name())
        )));
    }
    draft.into()
}

/// How a container ended, in words.
fn ended(container: Fields<'_>) -> Option<String> {
    let exit = container.word("exitCode").map(|code| format!("exit code {code}"));
    let reason = container.text("reason").map(str::to_owned);
    let said: Vec<String> = exit.into_iter().chain(reason).collect();
    let name = container.text("name")?;
    (!said.is_empty()).then(|| format!("{name}: {}", said.join(", ")))
}

fn exit(container: Fields<'_>) -> Option<String> {
    Some(format!("{} {}", container.text("name")?, container.word("exitCode")?))
}

/// `mate-demo-dev-django` of `…:task-definition/mate-demo-dev-django:7`.
fn name_of_family(arn: &str) -> &str {
    let family = Arn::of(arn).and_then(|arn| arn.after("task-definition/")).unwrap_or(arn);
    family.split(':').next().unwrap_or(family)
}

/// The service that an event is about, as an ARN.
fn service_arn<'a>(event: &Event<'a>) -> Option<&'a str> {
    event.resources().find(|arn| arn.contains(":service/"))
}

fn service(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let arn = service_arn(event)?;
    let name = name_in(arn);
    let what = event.detail.text("eventName")?;
    let kind = event.detail.text("eventType").unwrap_or_default();
    if what == "SERVICE_STEADY_STATE" {
        let mut draft = service_draft(event, arn, "EcsServiceImpaired");
        draft.state = State::Resolved;
        draft.will_resolve = true;
        draft.title = format!("{name} cannot run as it should");
        draft.summary = format!("{name} has reached a steady state.");
        return Some(vec![draft.into()]);
    }
    if NO_NEWS.contains(&what) {
        return Some(vec![Outcome::skip(format!("{name}: {}", words::spoken(what)))]);
    }
    if what == "SERVICE_DEPLOYMENT_COMPLETED" {
        // The deployment's own event says the same, and with it ends what it must end.
        return Some(vec![Outcome::skip(format!("{name}: told by the deployment's event"))]);
    }
    let mut draft;
    if matches!(kind, "WARN" | "ERROR") {
        draft = service_draft(event, arn, "EcsServiceImpaired");
        draft.will_resolve = true;
        draft.title = format!("{name} cannot run as it should: {}", words::spoken(what));
    } else {
        draft = service_draft(event, arn, "EcsServiceAction");
        draft.key = format!("{arn}:{}", event.id());
        draft.severity = Severity::Info;
        draft.title = format!("{name}: {}", words::spoken(what));
    }
    let reason = event.detail.text("reason").map(|reason| format!("Reason: {reason}"));
    let desired = event.detail.word("desiredCount").map(|it| format!("Desired tasks: {it}"));
    draft.summary = std::iter::once(format!("ECS reports {what}."))
        .chain(reason)
        .chain(desired)
        .collect::<Vec<_>>()
        .join("\n");
    Some(vec![draft.into()])
}

fn deployment(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let arn = service_arn(event)?;
    let name = name_in(arn);
    let reason = event.detail.text("reason").unwrap_or("no reason was given");
    let failed = |state: State| {
        let mut draft = service_draft(event, arn, "EcsDeploymentFailed");
        draft.key = format!("{arn}:deployment");
        draft.state = state;
        draft.will_resolve = true;
        draft.title = format!("A deployment of {name} failed");
        draft.summary = reason.into();
        draft
    };
    match event.detail.text("eventName")? {
        "SERVICE_DEPLOYMENT_FAILED" => Some(vec![failed(State::Firing).into()]),
        "SERVICE_DEPLOYMENT_COMPLETED" => {
            let mut draft = service_draft(event, arn, "EcsDeploymentCompleted");
            let id = event.detail.word("deploymentId").unwrap_or_else(|| event.id());
            draft.key = format!("{arn}:{id}");
            draft.severity = Severity::Info;
            draft.title = format!("{name} is deployed");
            draft.summary = reason.into();
            Some(vec![draft.into(), failed(State::Resolved).into()])
        }
        "SERVICE_DEPLOYMENT_IN_PROGRESS" => {
            Some(vec![Outcome::skip(format!("a deployment of {name} goes on: {reason}"))])
        }
        _ => None,
    }
}

fn service_draft(event: &Event<'_>, arn: &str, alertname: &str) -> Draft {
    let mut draft = event.draft(SOURCE_SERVICE, alertname);
    arn.clone_into(&mut draft.key);
    draft.about(arn);
    draft.label("event_name", event.detail.text("eventName"));
    draft.label("deployment_id", event.detail.word("deploymentId"));
    draft.happened_at =
        event.detail.text("updatedAt").and_then(super::time::parse).or(draft.happened_at);
    if let Some(parsed) = Arn::of(arn) {
        // `service/mate-dev/mate-demo-dev-django`; the oldest services have no cluster there.
        let place = parsed.after("service/").unwrap_or_default();
        let cluster = event.detail.text("clusterArn").map(name_in);
        let (cluster, service) = match place.split_once('/') {
            Some((cluster, service)) => (Some(cluster), service),
            None => (cluster, place),
        };
        draft.label("cluster", cluster);
        draft.console = cluster.map(|cluster| {
            Console::Regional(format!(
                "/ecs/v2/clusters/{}/services/{}/health?region={{region}}",
                escaped(cluster),
                escaped(service)
            ))
        });
    }
    draft
}
