//! What Slack answers, and what it means.
//!
//! The status says little: the Web API answers most failures with 200 and `"ok": false`, an incoming
//! webhook with a word of text. Codes and meanings: the "Errors" of `chat.postMessage` and
//! `chat.update`, and "Handling errors" of incoming webhooks.

use serde::Deserialize;

use crate::notification::SinkError;
use crate::render::cut;
use crate::sinks::http::Answer;

/// Codes by which the token itself is refused; a rotated one may be taken.
const UNAUTHORIZED: [&str; 9] = [
    "account_inactive",
    "invalid_auth",
    "not_authed",
    "token_expired",
    "token_revoked",
    "no_service",
    "no_service_id",
    "no_team",
    "invalid_token",
];

/// Codes by which Slack says that the fault is its own, or that it will pass.
const PASSING: [&str; 6] = [
    "fatal_error",
    "internal_error",
    "request_timeout",
    "rollup_error",
    "service_unavailable",
    "team_added_to_org",
];

/// Codes for the limit of calls.
const LIMITED: [&str; 3] = ["ratelimited", "rate_limited", "message_limit_exceeded"];

/// UTF-16 units of an error code that are shown; Slack's own are under 40.
const CODE_LENGTH_MAX: usize = 80;

/// What to do about a refusal that people can mend.
fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "channel_not_found" => {
            "check the channel's id, and invite the app into it if it is private"
        }
        "not_in_channel" => "invite the app into the channel: /invite @<its name>",
        "is_archived" | "channel_is_archived" => {
            "the channel is archived: name another one in the catalogue"
        }
        "missing_scope" => "give the app the scope chat:write and install it again",
        "no_service" | "no_service_id" | "no_team" | "invalid_token" => {
            "the webhook was removed: make a new one and put its address into the secret"
        }
        "invalid_auth" | "not_authed" | "token_expired" | "token_revoked" | "account_inactive" => {
            "put a valid bot token into the secret"
        }
        "restricted_action" | "action_prohibited" => {
            "the workspace's settings forbid it to post there"
        }
        _ => return None,
    })
}

/// What a method of the Web API gives back.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Posted {
    /// The message's id within its channel.
    #[serde(default)]
    pub(super) ts: Option<String>,
    /// The channel's id.
    #[serde(default)]
    pub(super) channel: Option<String>,
}

/// A failure and Slack's code for it, by which some can be helped.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) error: SinkError,
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        Self { code: String::new(), error }
    }
}

impl From<Failure> for SinkError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// The envelope of every answer of the Web API.
#[derive(Debug, Deserialize)]
struct Envelope {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    response_metadata: Option<Metadata>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    messages: Vec<String>,
}

/// The answer of a method: success is `"ok": true`.
pub(super) fn of_method(name: &str, method: &str, answer: &Answer) -> Result<Posted, Failure> {
    let Ok(envelope) = serde_json::from_str::<Envelope>(&answer.body) else {
        answer.check_status(name)?;
        // 200 with something else than Slack's envelope: a proxy, or an outage page.
        let reason = format!("{method} answered no JSON of Slack's: {}", answer.quote());
        return Err(SinkError::Failed { sink: name.to_owned(), reason }.into());
    };
    if envelope.ok && (200..300).contains(&answer.status) {
        return Ok(serde_json::from_str(&answer.body).unwrap_or_default());
    }
    let code = envelope.error.unwrap_or_default();
    let details = envelope.response_metadata.map(|metadata| metadata.messages.join("; "));
    Err(failure(name, method, &code, details.as_deref().unwrap_or_default(), answer))
}

/// The answer of an incoming webhook: success is 200 and the body `ok`.
pub(super) fn of_webhook(name: &str, answer: &Answer) -> Result<(), SinkError> {
    let body = answer.body.trim();
    if answer.status == 200 && body == "ok" {
        return Ok(());
    }
    // Some gateways answer as the Web API does.
    let envelope = serde_json::from_str::<Envelope>(body).ok();
    if answer.status == 200 && envelope.as_ref().is_some_and(|envelope| envelope.ok) {
        return Ok(());
    }
    let code = envelope.and_then(|envelope| envelope.error).unwrap_or_else(|| body.to_owned());
    Err(failure(name, "the webhook", &code, "", answer).error)
}

fn failure(name: &str, what: &str, code: &str, details: &str, answer: &Answer) -> Failure {
    let sink = name.to_owned();
    let shown = cut::one_line(code, CODE_LENGTH_MAX);
    let said = if shown.is_empty() { answer.quote() } else { shown };
    let details = match cut::one_line(details, 4 * CODE_LENGTH_MAX) {
        none if none.is_empty() => none,
        details => format!(" ({details})"),
    };
    let advice = advice(code).map(|advice| format!("; {advice}")).unwrap_or_default();
    let reason = format!("{what} answered {said}{details}{advice}");
    let retry_after = answer.retry_after;
    // An answer of 200 that says nothing is no refusal: something stands between Slack and us.
    let is_passing = PASSING.contains(&code)
        || matches!(answer.status, 408 | 500..=599)
        || (answer.status == 200 && code.is_empty());
    let is_limited =
        LIMITED.contains(&code) || answer.status == 429 || (is_passing && retry_after.is_some());
    let error = if is_limited {
        SinkError::Limited { sink, retry_after, reason }
    } else if UNAUTHORIZED.contains(&code) || answer.status == 401 {
        SinkError::Unauthorized { sink, reason }
    } else if is_passing {
        SinkError::Failed { sink, reason }
    } else {
        SinkError::Refused { sink, reason }
    };
    Failure { code: code.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, retry_after: None, body: body.to_owned() }
    }

    fn kind(error: &SinkError) -> &'static str {
        match error {
            SinkError::Limited { .. } => "limited",
            SinkError::Unauthorized { .. } => "unauthorized",
            SinkError::Refused { .. } => "refused",
            SinkError::Failed { .. } => "failed",
        }
    }

    #[test]
    fn success_is_ok_and_not_a_status() {
        let done = answer(200, r#"{"ok":true,"channel":"C1","ts":"1.2","message":{}}"#);
        let posted = of_method("Slack", "chat.postMessage", &done).unwrap();
        assert_eq!((posted.ts.as_deref(), posted.channel.as_deref()), (Some("1.2"), Some("C1")));
        for (status, body, expected) in [
            (200, r#"{"ok":false,"error":"invalid_auth"}"#, "unauthorized"),
            (200, r#"{"ok":false,"error":"token_revoked"}"#, "unauthorized"),
            (200, r#"{"ok":false,"error":"account_inactive"}"#, "unauthorized"),
            (200, r#"{"ok":false,"error":"ratelimited"}"#, "limited"),
            (429, r#"{"ok":false,"error":"ratelimited"}"#, "limited"),
            (429, "", "limited"),
            (200, r#"{"ok":false,"error":"channel_not_found"}"#, "refused"),
            (200, r#"{"ok":false,"error":"is_archived"}"#, "refused"),
            (200, r#"{"ok":false,"error":"msg_blocks_too_long"}"#, "refused"),
            (200, r#"{"ok":false,"error":"never_heard_of"}"#, "refused"),
            (200, r#"{"ok":false,"error":"internal_error"}"#, "failed"),
            (200, r#"{"ok":false}"#, "failed"),
            (500, r#"{"ok":true}"#, "failed"),
            (503, "<html>down</html>", "failed"),
            (200, "<html>down</html>", "failed"),
            (200, "", "failed"),
        ] {
            let failure =
                of_method("Slack", "chat.postMessage", &answer(status, body)).unwrap_err();
            assert_eq!(kind(&failure.error), expected, "{status} {body}: {}", failure.error);
        }
    }

    #[test]
    fn success_of_a_webhook_is_the_word_ok() {
        assert!(of_webhook("Slack", &answer(200, "ok")).is_ok());
        for (status, body, expected) in [
            (200, "no_text", "refused"),
            (200, "", "failed"),
            (200, r#"{"ok":false,"error":"ratelimited"}"#, "limited"),
            (302, "", "refused"),
            (400, "invalid_payload", "refused"),
            (403, "action_prohibited", "refused"),
            (403, "invalid_token", "unauthorized"),
            (404, "channel_not_found", "refused"),
            (404, "no_service", "unauthorized"),
            (410, "channel_is_archived", "refused"),
            (429, "rate_limited", "limited"),
            (500, "rollup_error", "failed"),
            (503, "", "failed"),
        ] {
            let error = of_webhook("Slack", &answer(status, body)).unwrap_err();
            assert_eq!(kind(&error), expected, "{status} {body}: {error}");
        }
    }

    #[test]
    fn a_limit_says_for_how_long() {
        let mut limited = answer(429, r#"{"ok":false,"error":"ratelimited"}"#);
        limited.retry_after = Some(Duration::from_secs(7));
        let error = of_method("Slack", "chat.postMessage", &limited).unwrap_err().error;
        assert_eq!(
            error.to_string(),
            "Slack limits the rate for 7 s: chat.postMessage answered ratelimited"
        );
    }

    #[test]
    fn a_refusal_says_what_to_do_about_it() {
        let body = r#"{"ok":false,"error":"not_in_channel"}"#;
        let error = of_method("Slack channel C1", "chat.postMessage", &answer(200, body));
        assert_eq!(
            error.unwrap_err().error.to_string(),
            "Slack channel C1 refused the message: chat.postMessage answered not_in_channel; \
             invite the app into the channel: /invite @<its name>"
        );
    }
}
