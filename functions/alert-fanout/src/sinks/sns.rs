//! SNS: plain text through a topic, which mails it to who subscribed.
//!
//! Source: SNS API reference, `Publish`: a subject has fewer than 100 characters of ASCII, begins with a
//! letter, a digit or a punctuation mark, and has no line break.

use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::types::MessageAttributeValue;
use domain::catalogue::alerting::Sns;

use super::Sinks;
use crate::notification::{Notification, Receipt, SinkError};
use crate::render::{Words, cut, text};

/// Characters of a subject, all of them ASCII: fewer than 100.
const SUBJECT_LENGTH_MAX: usize = 99;

impl Sinks {
    /// Publishes to the topic.
    pub(super) async fn publish(
        &self,
        sink: &Sns,
        notification: &Notification,
    ) -> Result<Receipt, SinkError> {
        let topic = sink.topic_arn.as_ref().or(self.place.mail_topic_arn.as_ref());
        let Some(topic) = topic else {
            return Err(SinkError::Refused {
                sink: "SNS".to_owned(),
                reason: "the catalogue names no topic_arn, and the function's wiring has no mail \
                         topic"
                    .to_owned(),
            });
        };
        let name = format!("SNS topic {topic}");
        let attribute = |value: &str| {
            // Without a value nothing can be built; with both it always can.
            MessageAttributeValue::builder().data_type("String").string_value(value).build().ok()
        };
        let mut request = self
            .sns
            .publish()
            .topic_arn(topic)
            .subject(subject(notification))
            .message(text::plain(notification, &self.place.deployment()));
        // By these, subscriptions can filter.
        for (attribute_name, value) in
            [("severity", notification.severity.as_str()), ("state", notification.state.as_str())]
        {
            if let Some(value) = attribute(value) {
                request = request.message_attributes(attribute_name, value);
            }
        }
        match request.send().await {
            Ok(published) => Ok(Receipt {
                key: published.message_id().map(str::to_owned),
                place: Some(topic.clone()),
                credential: None,
            }),
            Err(error) => Err(failure(name, &error)),
        }
    }
}

fn failure(sink: String, error: &SdkError<PublishError>) -> SinkError {
    let reason = runtime::describe_sdk_error(error);
    match error.code() {
        Some("Throttled" | "ThrottledException" | "Throttling" | "KMSThrottling") => {
            SinkError::Limited { sink, retry_after: None, reason }
        }
        _ if runtime::is_transient(error) => SinkError::Failed { sink, reason },
        Some("AuthorizationError" | "AuthorizationErrorException") => {
            let reason = format!("{reason}; the function's role must be allowed to publish to it");
            SinkError::Refused { sink, reason }
        }
        _ => SinkError::Refused { sink, reason },
    }
}

/// The subject: what is not ASCII has a question mark, and the body has it all.
pub(super) fn subject(notification: &Notification) -> String {
    let words = Words::of(notification);
    let headline = words.headline();
    let whole = words.whose().map_or(headline.clone(), |whose| format!("[{whose}] {headline}"));
    let ascii: String = whole
        .chars()
        .filter(|character| cut::is_shown(*character))
        .map(|character| match character {
            ' '..='~' => character,
            '–' | '—' => '-',
            '…' => '.',
            _ if character.is_whitespace() => ' ',
            _ => '?',
        })
        .collect();
    let line = ascii.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.len() <= SUBJECT_LENGTH_MAX {
        return line;
    }
    let kept: String = line.chars().take(SUBJECT_LENGTH_MAX - 3).collect();
    format!("{}...", kept.trim_end())
}

#[cfg(test)]
mod tests;
