//! A function's log, as far as it is told in lines of JSON.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{Result, Suite};

/// A line of a function's log.
#[derive(Debug, Clone, Deserialize)]
pub struct LogLine {
    /// All of it as it was written, with its time and request: no two lines are the same.
    #[serde(skip)]
    pub raw: String,
    /// What happened, in words.
    pub message: String,
    /// The secret that it is about, by name or by ARN.
    #[serde(default)]
    pub secret: Option<String>,
    /// The step of a rotation in which it was written.
    #[serde(default)]
    pub step: Option<String>,
    /// What came of the step, in its last line.
    #[serde(default)]
    pub outcome: Option<String>,
}

impl LogLine {
    /// Whether it is about the secret of this name, after which an ARN has a hyphen and six signs.
    pub fn is_about(&self, secret: &str) -> bool {
        let named = |it: &str| it == secret || it.contains(&format!(":secret:{secret}-"));
        self.secret.as_deref().is_some_and(named)
    }
}

impl Suite {
    /// What a function has logged since then, the oldest line first. What is no line with a
    /// message (metrics, Lambda's own lines) is left out.
    ///
    /// # Errors
    /// When the function is not deployed or the log cannot be read.
    pub async fn log(&self, function: &str, since: Timestamp) -> Result<Vec<LogLine>> {
        let group = &self.deployment.function(function)?.log_group;
        let asked = self.logs.filter_log_events().log_group_name(group);
        let mut pages = asked.start_time(since.as_millisecond()).into_paginator().send();
        let mut lines = Vec::new();
        while let Some(page) = pages.next().await {
            for event in page?.events() {
                let raw = event.message().unwrap_or_default();
                let read = serde_json::from_str::<LogLine>(raw);
                lines.extend(read.ok().map(|line| LogLine { raw: raw.to_owned(), ..line }));
            }
        }
        Ok(lines)
    }
}
