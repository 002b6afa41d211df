//! `services.<name>`: what runs, how it is reached and how it scales.

use toml_span::{Span, Spanned};

use super::text::Resources;
use crate::catalogue::facts::{self, FARGATE_CPU};
use crate::catalogue::kinds::{Flag, List, OneOf, Text, Whole};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::{Http, Scaling, Service};
use crate::catalogue::values::{DIRECTORY, IMAGE, URL_PATH, USER, VARIABLE};

/// Fargate's least and most memory; which goes with which CPU is checked with it.
const MEMORY_MB: Whole<u32> = Whole(512, 122_880);

/// The tasks of a service; ECS allows 5,000, a tenant does not need a hundred.
const TASKS: Whole<u32> = Whole(1, 100);

const PORT: Whole<u16> = Whole(1, 65535);

/// ELB API, `HealthCheckIntervalSeconds`; 30 is its default.
const HEALTH_INTERVAL_SECONDS: Whole<u32> = Whole(5, 300);
const HEALTH_INTERVAL_SECONDS_DEFAULT: u32 = 30;

/// How long a task may take to start: an hour is a task that hangs.
const GRACE_SECONDS: Whole<u32> = Whole(0, 3600);
const GRACE_SECONDS_DEFAULT: u32 = 60;

/// ELB API, `deregistration_delay.timeout_seconds`; 300 is its default.
const DRAIN_SECONDS: Whole<u32> = Whole(0, 3600);
const DRAIN_SECONDS_DEFAULT: u32 = 300;

const PERCENT: Whole<u32> = Whole(1, 100);
const REQUESTS: Whole<u32> = Whole(1, 1_000_000);
const COOLDOWN_SECONDS: Whole<u32> = Whole(0, 3600);

const ARGUMENT: Text<String> =
    Text("an argument that is not empty", |text| Text::checked(text, !text.is_empty()));

/// Reads one service.
pub(super) fn read(name: &str, section: &mut Section<'_>, resources: &Resources) -> Read<Service> {
    let image = section.required("image", &IMAGE);
    let command = section.optional("command", &List(ARGUMENT));
    let user = section.required("user", &USER);
    let cpu = section.required("cpu", &OneOf(FARGATE_CPU));
    let memory_mb = section.required("memory_mb", &MEMORY_MB);
    let writable_paths = section.optional("writable_paths", &List(DIRECTORY));
    let http = section.optional_table("http", http);
    let health_command = section.required("health_command", &List(ARGUMENT));
    let count = section.or("count", &TASKS, 1);
    let scaling_span = section.key_span("scaling");
    let scaling = section.optional_table("scaling", scaling);
    let environment = section.named_values("environment", VARIABLE, &resources.placeholders);
    let secrets = section.named_values("secrets", VARIABLE, &resources.secrets);

    if let (Ok(cpu), Ok(memory)) = (&cpu, &memory_mb)
        && let Err(sold) = facts::fargate_memory(cpu.value, memory.value)
    {
        section.mistake(memory.span, "memory_mb", format!("found {}", memory.value), sold);
    }
    if let Ok(command) = &health_command {
        health_command_is_bare(section, command);
    }
    if let (Ok(count), Ok(Some(scaling)), Some(span)) = (&count, &scaling, scaling_span) {
        scaling_fits(section, scaling, span, count, matches!(http, Ok(Some(_))));
    }
    no_variable_comes_twice(name, section);

    Ok(Service {
        image: image?.value,
        command: command?.map_or_else(Vec::new, |command| command.value),
        user: user?.value,
        cpu: cpu?.value,
        memory_mb: memory_mb?.value,
        writable_paths: writable_paths?.map_or_else(Vec::new, |paths| paths.value),
        http: http?,
        health_command: health_command?.value,
        count: count?.value,
        scaling: scaling?,
        environment: environment?,
        secrets: secrets?,
    })
}

fn http(section: &mut Section<'_>) -> Read<Http> {
    let port = section.required("port", &PORT);
    let health_path = section.required("health_path", &URL_PATH);
    let interval = section.or(
        "health_interval_seconds",
        &HEALTH_INTERVAL_SECONDS,
        HEALTH_INTERVAL_SECONDS_DEFAULT,
    );
    let grace_seconds = section.or("grace_seconds", &GRACE_SECONDS, GRACE_SECONDS_DEFAULT);
    let drain_seconds = section.or("drain_seconds", &DRAIN_SECONDS, DRAIN_SECONDS_DEFAULT);
    let sticky_sessions = section.or("sticky_sessions", &Flag, false);
    Ok(Http {
        port: port?.value,
        health_path: health_path?.value,
        health_interval_seconds: interval?.value,
        grace_seconds: grace_seconds?.value,
        drain_seconds: drain_seconds?.value,
        sticky_sessions: sticky_sessions?.value,
    })
}

fn scaling(section: &mut Section<'_>) -> Read<Scaling> {
    let max = section.required("max", &TASKS);
    let cpu_percent = section.required("cpu_percent", &PERCENT);
    let memory_percent = section.required("memory_percent", &PERCENT);
    let requests = section.optional("requests_per_minute_per_task", &REQUESTS);
    let out_cooldown_seconds = section.required("out_cooldown_seconds", &COOLDOWN_SECONDS);
    let in_cooldown_seconds = section.required("in_cooldown_seconds", &COOLDOWN_SECONDS);
    Ok(Scaling {
        max: max?.value,
        cpu_percent: cpu_percent?.value,
        memory_percent: memory_percent?.value,
        requests_per_minute_per_task: requests?.map(|requests| requests.value),
        out_cooldown_seconds: out_cooldown_seconds?.value,
        in_cooldown_seconds: in_cooldown_seconds?.value,
    })
}

/// ECS wants `CMD` in front of a health command; the template puts it there.
fn health_command_is_bare(section: &Section<'_>, command: &Spanned<Vec<String>>) {
    let problem = match command.value.first().map(String::as_str) {
        None => "is empty",
        Some("CMD" | "CMD-SHELL" | "NONE") => "begins with ECS's own word",
        Some(_) => return,
    };
    let expected = "the command alone, such as [\"python\", \"manage.py\", \"check\"]";
    section.mistake(command.span, "health_command", problem, expected);
}

fn scaling_fits(
    section: &Section<'_>,
    scaling: &Scaling,
    span: Span,
    count: &Spanned<u32>,
    has_http: bool,
) {
    if scaling.max < count.value {
        let problem = format!("{} is less than count, {}", scaling.max, count.value);
        section.mistake(span, "scaling.max", problem, "at least as many tasks as count");
    }
    if scaling.requests_per_minute_per_task.is_some() && !has_http {
        let expected = "cpu_percent and memory_percent alone for a service without http";
        let key = "scaling.requests_per_minute_per_task";
        section.mistake(span, key, "no requests reach this service", expected);
    }
}

/// ECS refuses a task definition in which a variable is both plain and secret.
fn no_variable_comes_twice(name: &str, section: &mut Section<'_>) {
    let plain = section.names_in("environment");
    let Ok(Some(secrets)) = section.child("secrets") else { return };
    for variable in section.names_in("secrets").intersection(&plain) {
        let span = secrets.key_span(variable).unwrap_or_else(|| secrets.span());
        let problem = format!("{name} has it in environment too");
        section.mistake(span, &format!("secrets.{variable}"), problem, "it in one of the two");
    }
}
