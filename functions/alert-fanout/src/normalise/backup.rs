//! AWS Backup: jobs that back up, copy and restore, by EventBridge or as the text that a vault's topic
//! gets.
//!
//! Sources: AWS Backup developer guide, "Monitoring AWS Backup events using EventBridge" and
//! "Notification options with AWS Backup".

use domain::catalogue::Severity;

use super::eventbridge::Event;
use super::links::Console;
use super::{Draft, Outcome, words};
use crate::event::Report;

const SOURCE: &str = "backup";

/// States on the way to one that is reported.
const ON_THE_WAY: [&str; 4] = ["CREATED", "PENDING", "RUNNING", "STARTED"];

/// What a job came to.
struct Job<'a> {
    /// `Backup job`, `Copy job`, `Restore job`.
    kind: &'a str,
    id: &'a str,
    state: &'a str,
    resource: Option<&'a str>,
    resource_type: Option<&'a str>,
    message: Option<&'a str>,
}

/// Reads an event of AWS Backup.
pub(crate) fn event(event: &Event<'_>) -> Option<Vec<Outcome>> {
    let kind = event.detail_type.strip_suffix(" State Change")?;
    if !kind.ends_with("Job") {
        return None;
    }
    let detail = event.detail;
    let ids = ["backupJobId", "copyJobId", "restoreJobId"];
    let job = Job {
        kind,
        id: ids.iter().find_map(|key| detail.text(key)).unwrap_or_default(),
        // Some of its events say `state`, others `status`.
        state: detail.text("state").or_else(|| detail.text("status"))?,
        resource: detail
            .text("resourceArn")
            .or_else(|| detail.text("createdResourceArn"))
            .or_else(|| event.resources().next()),
        resource_type: detail.text("resourceType"),
        message: detail.text("statusMessage"),
    };
    Some(vec![outcome(&job, event.draft(SOURCE, words::alert_name(kind)))])
}

/// Reads what a vault publishes: words, with what is needed in the message's attributes, or in the
/// words where raw delivery or a forwarder has lost those.
pub(crate) fn text(text: &str, report: &Report) -> Option<Vec<Outcome>> {
    let attribute = |key: &str| report.delivery.attributes.get(key).map(String::as_str);
    let first = words::first_line(text);
    let kind = match attribute("EventType") {
        Some("BACKUP_JOB") => "Backup Job",
        Some("COPY_JOB") => "Copy Job",
        Some("RESTORE_JOB") => "Restore Job",
        _ if first.starts_with("An AWS Backup job ") => "Backup Job",
        _ => return None,
    };
    // `… failed. Resource ARN : arn:…. BackupJob ID : 1b23…`
    let after = |label: &str| {
        let (_, rest) = text.split_once(label)?;
        let word = rest.trim_start_matches([' ', ':']).split([' ', '\n']).next()?;
        Some(word.trim_end_matches(['.', ',']))
    };
    let said = || {
        let words = ["completed", "failed", "expired", "stopped", "aborted", "started"];
        words.into_iter().find(|word| first.contains(word)).unwrap_or("reported")
    };
    let state = attribute("State").map_or_else(|| said().to_uppercase(), str::to_owned);
    let job = Job {
        kind,
        id: attribute("Id").or_else(|| after("Job ID")).unwrap_or_default(),
        state: &state,
        resource: after("Resource ARN"),
        resource_type: None,
        message: Some(text),
    };
    Some(vec![outcome(&job, Draft::new(SOURCE, words::alert_name(kind)))])
}

fn outcome(job: &Job<'_>, mut draft: Draft) -> Outcome {
    let name = job.resource.map_or("a resource", super::arn::name_in);
    let kind = words::sentence(&job.kind.to_lowercase());
    if ON_THE_WAY.contains(&job.state) {
        return Outcome::skip(format!("{kind} of {name} is {}", job.state.to_lowercase()));
    }
    if let Some(resource) = job.resource {
        draft.about(resource);
    }
    // A job that completed with a message has backed up not all of it.
    let is_good = matches!(job.state, "COMPLETED" | "SUCCESSFUL");
    draft.severity = if is_good { Severity::Info } else { Severity::Warning };
    draft.alertname.push_str(if is_good { "Completed" } else { "Failed" });
    draft.key = format!("{}:{}:{}", job.kind, job.id, job.state);
    draft.label("job_state", Some(job.state));
    draft.label("resource_type", job.resource_type);
    draft.title = format!("{kind} of {name}: {}", job.state.to_lowercase());
    let lines =
        [job.message.map(str::to_owned), (!job.id.is_empty()).then(|| format!("Job {}", job.id))];
    draft.summary = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let list = match job.kind {
        "Copy Job" => "copy",
        "Restore Job" => "restore",
        _ => "backup",
    };
    draft.console = Some(Console::Regional(format!("/backup/home?region={{region}}#/jobs/{list}")));
    draft.into()
}
