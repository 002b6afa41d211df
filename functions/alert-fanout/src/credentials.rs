//! The credentials of sinks, from Secrets Manager.
//!
//! Why they are cached: a storm is hundreds of messages a second, and each needs its credential at
//! once. Why not for long: a rotated one must be found by itself. Why a failed read falls back to
//! what was read before: an alert that Secrets Manager's bad minute holds back is lost to who should
//! have heard it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use domain::catalogue::alerting::SecretRef;
use domain::naming::fingerprint;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use crate::notification::SinkError;

/// How long a value is used without asking again. What is rotated meanwhile is found sooner, for
/// who is refused asks at once.
const FRESH_FOR: Duration = Duration::from_mins(5);

/// Bytes of a digest: enough that no two credentials share one, too few to guess one from.
const DIGEST_BYTES: usize = 16;

/// The stage of the value before the newest (Secrets Manager user guide, "Secret versions").
const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret in Secrets Manager by its whole name, and what is known of its value.
type Slot = Arc<tokio::sync::Mutex<Option<Cached>>>;

/// Reads credentials, and keeps them for a while.
pub struct Credentials {
    secrets: aws_sdk_secretsmanager::Client,
    prefix: String,
    slots: Mutex<HashMap<String, Slot>>,
}

struct Cached {
    value: SecretString,
    read_at: Instant,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A credential's value; its `Debug` shows nothing.
#[derive(Debug, Clone)]
pub struct Credential(SecretString);

impl Credential {
    /// The value, for the one place that sends it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What tells it from another credential without giving it away.
    pub fn digest(&self) -> String {
        fingerprint(self.expose(), DIGEST_BYTES)
    }

    #[cfg(test)]
    pub(crate) fn for_test(value: &str) -> Self {
        Self(value.to_owned().into())
    }
}

impl Credentials {
    /// Credentials whose names, where they are no ARNs, lie under `{prefix}/alerting/`.
    pub fn new(secrets: aws_sdk_secretsmanager::Client, prefix: impl Into<String>) -> Self {
        Self { secrets, prefix: prefix.into(), slots: Mutex::default() }
    }

    /// The credential, as it was read not long ago.
    ///
    /// # Errors
    /// [`SinkError::Failed`] when it could not be read now, [`SinkError::Refused`] when it cannot be
    /// read at all: it is not there, not allowed, or has no such field. `sink` is named in them.
    pub async fn get(&self, sink: &str, wanted: &SecretRef) -> Result<Credential, SinkError> {
        let slot = self.slot(wanted);
        // Locked while reading: a hundred deliveries that need the same secret read it once.
        let mut cached = slot.lock().await;
        if let Some(cached) = cached.as_ref().filter(|cached| is_fresh(cached)) {
            return field(sink, wanted, &cached.value);
        }
        self.refresh(sink, wanted, &mut cached).await
    }

    /// The credential as it is now, after the service refused `refused`; nothing where it has not
    /// changed, so that asking the service again is no use.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub async fn reread(
        &self,
        sink: &str,
        wanted: &SecretRef,
        refused: &Credential,
    ) -> Result<Option<Credential>, SinkError> {
        let slot = self.slot(wanted);
        let mut cached = slot.lock().await;
        if let Some(cached) = cached.as_ref() {
            // Another delivery was refused as well and has read the new one already.
            let known = field(sink, wanted, &cached.value)?;
            if known.expose() != refused.expose() {
                return Ok(Some(known));
            }
        }
        let now = self.refresh(sink, wanted, &mut cached).await?;
        Ok((now.expose() != refused.expose()).then_some(now))
    }

    /// The credential that was in use before the present one, if there is one.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub async fn previous(
        &self,
        sink: &str,
        wanted: &SecretRef,
    ) -> Result<Option<Credential>, SinkError> {
        match self.read(wanted, Some(PREVIOUS)).await {
            Ok(output) => field(sink, wanted, &string(sink, wanted, &output)?).map(Some),
            Err(failure) if failure.is_missing => Ok(None),
            Err(failure) => Err(failure.of(sink)),
        }
    }

    async fn refresh(
        &self,
        sink: &str,
        wanted: &SecretRef,
        cached: &mut Option<Cached>,
    ) -> Result<Credential, SinkError> {
        match self.read(wanted, None).await {
            Ok(output) => {
                let value = string(sink, wanted, &output)?;
                let credential = field(sink, wanted, &value);
                *cached = Some(Cached { value, read_at: Instant::now() });
                credential
            }
            Err(failure) => match cached {
                Some(old) if failure.is_transient => {
                    tracing::warn!(
                        error = failure.reason,
                        "used a credential that was read before"
                    );
                    field(sink, wanted, &old.value)
                }
                _ => Err(failure.of(sink)),
            },
        }
    }

    async fn read(
        &self,
        wanted: &SecretRef,
        stage: Option<&str>,
    ) -> Result<GetSecretValueOutput, ReadFailure> {
        let request = self.secrets.get_secret_value().secret_id(self.id(wanted));
        let request = request.set_version_stage(stage.map(str::to_owned));
        request.send().await.map_err(|error| {
            let is_missing = error
                .as_service_error()
                .is_some_and(GetSecretValueError::is_resource_not_found_exception);
            let said = runtime::describe_sdk_error(&error);
            ReadFailure {
                is_missing,
                is_transient: runtime::is_transient(&error),
                reason: format!("could not read the secret {}: {said}", self.id(wanted)),
            }
        })
    }

    fn slot(&self, wanted: &SecretRef) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(self.id(wanted)).or_default())
    }

    /// The secret's ARN, or its whole name.
    fn id(&self, wanted: &SecretRef) -> String {
        if wanted.secret.starts_with("arn:") {
            wanted.secret.clone()
        } else {
            format!("{}/alerting/{}", self.prefix, wanted.secret)
        }
    }
}

/// Why a secret could not be read.
struct ReadFailure {
    is_missing: bool,
    is_transient: bool,
    reason: String,
}

impl ReadFailure {
    fn of(self, sink: &str) -> SinkError {
        let sink = sink.to_owned();
        if self.is_transient {
            return SinkError::Failed { sink, reason: self.reason };
        }
        let reason = format!(
            "{}; the secret must exist, and the function's role must be allowed to read it",
            self.reason
        );
        SinkError::Refused { sink, reason }
    }
}

fn is_fresh(cached: &Cached) -> bool {
    cached.read_at.elapsed() < FRESH_FOR
}

/// The value of a secret, which is to be text.
fn string(
    sink: &str,
    wanted: &SecretRef,
    output: &GetSecretValueOutput,
) -> Result<SecretString, SinkError> {
    output
        .secret_string()
        .map(|text| text.to_owned().into())
        .ok_or_else(|| unusable(sink, wanted, "it has no SecretString; binary values are not read"))
}

/// The field that is asked for, or the whole value.
fn field(sink: &str, wanted: &SecretRef, value: &SecretString) -> Result<Credential, SinkError> {
    let Some(name) = &wanted.field else {
        let text = value.expose_secret().trim();
        return if text.is_empty() {
            Err(unusable(sink, wanted, "it is empty"))
        } else {
            Ok(Credential(text.to_owned().into()))
        };
    };
    // serde_json's own message could quote the secret, so none of it is kept.
    match serde_json::from_str::<Value>(value.expose_secret()) {
        Ok(Value::Object(document)) => match document.get(name).and_then(Value::as_str) {
            Some(text) if !text.trim().is_empty() => Ok(Credential(text.trim().to_owned().into())),
            _ => Err(unusable(sink, wanted, "the field is missing, empty or no text")),
        },
        _ => Err(unusable(sink, wanted, "it is no JSON object, so it has no fields")),
    }
}

fn unusable(sink: &str, wanted: &SecretRef, what: &str) -> SinkError {
    SinkError::Refused {
        sink: sink.to_owned(),
        reason: format!("the secret {wanted} cannot be used: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use aws_sdk_secretsmanager::types::error::ResourceNotFoundException;
    use aws_smithy_mocks::{Rule, mock};
    use runtime::test_client;

    use super::*;

    fn secret(text: &str) -> SecretRef {
        let (secret, field) = text.split_once('#').map_or((text, None), |(a, b)| (a, Some(b)));
        SecretRef { secret: secret.to_owned(), field: field.map(str::to_owned) }
    }

    /// Secrets Manager that answers each call with the next value.
    fn answering(values: &[&str]) -> Rule {
        let values = Mutex::new(values.iter().map(ToString::to_string).collect::<VecDeque<_>>());
        mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_output(move || {
            let next = values.lock().unwrap().pop_front().expect("one call too many");
            GetSecretValueOutput::builder().secret_string(next).build()
        })
    }

    fn credentials(rules: &[&Rule]) -> Credentials {
        let client = test_client!(aws_sdk_secretsmanager, rules);
        Credentials::new(client, "caretaker-mate-dev")
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_read_once_and_anew_after_a_while() {
        let rule = answering(&["one", "two"]);
        let credentials = credentials(&[&rule]);
        for _ in 0..3 {
            assert_eq!(credentials.get("it", &secret("slack")).await.unwrap().expose(), "one");
        }
        tokio::time::advance(FRESH_FOR).await;
        assert_eq!(credentials.get("it", &secret("slack")).await.unwrap().expose(), "two");
        assert_eq!(rule.num_calls(), 2);
    }

    #[tokio::test]
    async fn a_hundred_that_need_the_same_secret_read_it_once() {
        let rule = answering(&["one"]);
        let credentials = credentials(&[&rule]);
        let wanted = secret("slack");
        let all = futures::future::join_all((0..100).map(|_| credentials.get("it", &wanted)));
        assert!(all.await.iter().all(|got| got.as_ref().unwrap().expose() == "one"));
        assert_eq!(rule.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_refused_value_is_read_anew_by_the_first_who_was_refused() {
        let rule = answering(&["old", "new", "new"]);
        let credentials = credentials(&[&rule]);
        let wanted = secret("slack");
        let old = credentials.get("it", &wanted).await.unwrap();
        for _ in 0..2 {
            let new = credentials.reread("it", &wanted, &old).await.unwrap().unwrap();
            assert_eq!(new.expose(), "new");
        }
        assert_eq!(rule.num_calls(), 2);
        let new = credentials.get("it", &wanted).await.unwrap();
        assert!(credentials.reread("it", &wanted, &new).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_name_lies_under_the_prefix_and_an_arn_stays_as_it_is() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:slack-AbCdEf";
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let rule = mock!(aws_sdk_secretsmanager::Client::get_secret_value)
            .match_requests(move |request| {
                seen.lock().unwrap().push(request.secret_id().unwrap().to_owned());
                true
            })
            .then_output(|| GetSecretValueOutput::builder().secret_string("x").build());
        let credentials = credentials(&[&rule]);
        credentials.get("it", &secret("slack")).await.unwrap();
        credentials.get("it", &secret(arn)).await.unwrap();
        assert_eq!(*asked.lock().unwrap(), ["caretaker-mate-dev/alerting/slack", arn]);
    }

    #[tokio::test]
    async fn a_secret_of_many_fields_is_read_once_for_all_of_them() {
        let rule = answering(&[r#"{"bot_token": "xoxb-1", "routing_key": "abc"}"#]);
        let credentials = credentials(&[&rule]);
        for (name, expected) in [("all#bot_token", "xoxb-1"), ("all#routing_key", "abc")] {
            assert_eq!(credentials.get("it", &secret(name)).await.unwrap().expose(), expected);
        }
        assert_eq!(rule.num_calls(), 1);
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_used_is_named_and_not_shown() {
        for (name, value) in [
            ("s#token", "hunter2"),
            ("s#token", r#"{"tokem":"hunter2"}"#),
            ("s", " "),
            ("s#token", r#"{"token":["hunter2"]}"#),
        ] {
            let rule = answering(&[value]);
            let error = credentials(&[&rule]).get("it", &secret(name)).await.unwrap_err();
            assert!(matches!(error, SinkError::Refused { .. }), "{error}");
            assert!(error.to_string().contains(name), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_says_what_to_do() {
        let rule = mock!(aws_sdk_secretsmanager::Client::get_secret_value).then_error(|| {
            GetSecretValueError::ResourceNotFoundException(
                ResourceNotFoundException::builder().message("no such secret").build(),
            )
        });
        let credentials = credentials(&[&rule]);
        let error = credentials.get("it", &secret("slack")).await.unwrap_err().to_string();
        assert!(error.contains("caretaker-mate-dev/alerting/slack"), "{error}");
        assert!(error.contains("must be allowed to read it"), "{error}");
        assert!(credentials.previous("it", &secret("slack")).await.unwrap().is_none());
    }

    #[test]
    fn a_credential_is_not_shown_and_its_digest_tells_it_from_others() {
        let credential = Credential::for_test("hunter2");
        assert!(!format!("{credential:?}").contains("hunter2"));
        assert_ne!(credential.digest(), Credential::for_test("hunter3").digest());
        assert!(!credential.digest().contains("hunter2"));
    }
}
