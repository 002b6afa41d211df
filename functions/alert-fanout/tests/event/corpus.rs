//! The fixtures, and the deployment that reads them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use alert_fanout::alert::Alert;
use alert_fanout::event::{self, Context, Delivery, Message};
use domain::Catalogue;
use domain::catalogue::alerting::Links;
use jiff::Timestamp;
use serde_json::Value;

/// A few seconds after the fixtures' events.
pub(crate) fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

/// The deployment of `mate` in `dev`. Its catalogue knows no `prod`; one that shares an account with
/// another does.
pub(crate) fn context() -> &'static Context {
    static CONTEXT: OnceLock<Context> = OnceLock::new();
    CONTEXT.get_or_init(|| {
        let text = include_str!("../../../../infra/catalogues/mate.toml");
        let catalogue = Catalogue::parse("mate.toml", text).unwrap();
        let links = Links {
            runbooks: Some("https://wiki.example.com/runbooks/{alertname}".to_owned()),
            dashboard: None,
        };
        let mut context = Context::new(&catalogue, &"dev".parse().unwrap(), "eu-central-1");
        let prod = "prod".parse().unwrap();
        if !context.environments.contains(&prod) {
            context.environments.push(prod);
        }
        context.with_links(&links)
    })
}

/// An event in a file: its name (`rds/storage-full`) and its text.
pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Fixture {
    /// Reads it as the function does: a whole invocation, or the body of a queue's message.
    pub(crate) fn read(&self) -> Vec<Message> {
        read(&self.text)
    }
}

/// Reads a text as an invocation if it is JSON, otherwise as the body of a queue's message.
pub(crate) fn read(text: &str) -> Vec<Message> {
    match serde_json::from_str::<Value>(text) {
        Ok(payload) => event::read(&payload, context(), now()),
        Err(_) => event::read_body(text, Delivery::default(), context(), now()),
    }
}

/// The alerts of one fixture.
pub(crate) fn alerts(name: &str) -> Vec<Alert> {
    let fixture = all().into_iter().find(|fixture| fixture.name == name);
    event::alerts(fixture.unwrap_or_else(|| panic!("there is no fixture {name}")).read())
}

/// The only alert of one fixture.
pub(crate) fn alert(name: &str) -> Alert {
    let mut alerts = alerts(name);
    assert_eq!(alerts.len(), 1, "{name}: {alerts:#?}");
    alerts.remove(0)
}

/// All fixtures, by name.
pub(crate) fn all() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let fixture = |file: &PathBuf| Fixture {
        name: file.strip_prefix(&root).unwrap().with_extension("").display().to_string(),
        text: std::fs::read_to_string(file).unwrap(),
    };
    files.iter().map(fixture).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
