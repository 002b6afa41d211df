//! E-mail through SES: a page for people, a text for those who read none, and a thread for each
//! group.
//!
//! Source: SES API v2 reference, `SendEmail`; SES developer guide, "Header fields".

use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader};
use domain::catalogue::alerting::Email;
use domain::naming::fingerprint;

use super::{Place, Sinks};
use crate::notification::{Notification, Receipt, SinkError};
use crate::render::{Words, cut, html, text};

/// Bytes of a subject: mail programs show some 60 to 80 characters, and a header's line takes 998.
const SUBJECT_LENGTH_MAX: usize = 200;

/// Bytes of a digest in a header that names the group.
const GROUP_BYTES: usize = 16;

impl Sinks {
    /// Sends one mail to all of the sink's addresses.
    pub(super) async fn mail(
        &self,
        sink: &Email,
        notification: &Notification,
        receipt: Option<&Receipt>,
    ) -> Result<Receipt, SinkError> {
        let name = format!("SES to {}", sink.to.join(", "));
        let first = receipt.and_then(|receipt| receipt.key.as_deref());
        let content = content(notification, first, &self.place).map_err(|reason| {
            SinkError::Refused { sink: name.clone(), reason: reason.to_string() }
        })?;
        let sent = self
            .ses
            .send_email()
            .from_email_address(&sink.from)
            .destination(Destination::builder().set_to_addresses(Some(sink.to.clone())).build())
            .content(content)
            .send()
            .await;
        match sent {
            Ok(sent) => Ok(Receipt {
                // The first mail is what all later ones answer.
                key: first.map(str::to_owned).or_else(|| sent.message_id().map(str::to_owned)),
                place: None,
                credential: None,
            }),
            Err(error) => Err(failure(name, &error)),
        }
    }
}

fn failure(sink: String, error: &SdkError<SendEmailError>) -> SinkError {
    let reason = runtime::describe_sdk_error(error);
    match error.code() {
        Some("TooManyRequestsException" | "LimitExceededException" | "Throttling") => {
            SinkError::Limited { sink, retry_after: None, reason }
        }
        _ if runtime::is_transient(error) => SinkError::Failed { sink, reason },
        Some("MailFromDomainNotVerifiedException" | "MessageRejected") => {
            let reason = format!(
                "{reason}; SES must have verified the sender, and in the sandbox the recipients"
            );
            SinkError::Refused { sink, reason }
        }
        _ => SinkError::Refused { sink, reason },
    }
}

/// The subject: the same words as everywhere, and whose it is, for who reads no further.
pub(super) fn subject(notification: &Notification) -> String {
    let words = Words::of(notification);
    let headline = words.headline();
    let whole = words.whose().map_or(headline.clone(), |whose| format!("[{whose}] {headline}"));
    cut::one_line_in(&whole, SUBJECT_LENGTH_MAX, &cut::Bytes)
}

fn content(
    notification: &Notification,
    first: Option<&str>,
    place: &Place,
) -> Result<EmailContent, aws_smithy_types::error::operation::BuildError> {
    let deployment = place.deployment();
    let utf8 = |data: String| Content::builder().data(data).charset("UTF-8").build();
    let headers = headers(notification, first, place)
        .into_iter()
        .map(|(name, value)| MessageHeader::builder().name(name).value(value).build())
        .collect::<Result<Vec<_>, _>>()?;
    let body = Body::builder()
        .html(utf8(html::page(notification, &deployment))?)
        .text(utf8(text::plain(notification, &deployment))?)
        .build();
    let message = Message::builder()
        .subject(utf8(subject(notification))?)
        .body(body)
        .set_headers(Some(headers))
        .build();
    Ok(EmailContent::builder().simple(message).build())
}

/// Headers by which mail programs thread, filter and do not answer.
pub(super) fn headers(
    notification: &Notification,
    first: Option<&str>,
    place: &Place,
) -> Vec<(&'static str, String)> {
    let Place { product, environment, region, .. } = place;
    let mut headers = vec![
        // No automatic answers (RFC 3834).
        ("Auto-Submitted", "auto-generated".to_owned()),
        // RFC 2919; what filters sort by.
        ("List-Id", format!("<{product}-{environment}.alerts.caretaker>")),
        ("X-Caretaker-Severity", notification.severity.as_str().to_owned()),
        ("X-Caretaker-State", notification.state.as_str().to_owned()),
        ("X-Caretaker-Group", fingerprint(&notification.group_key, GROUP_BYTES)),
    ];
    if let Some(first) = first {
        // SES gives a message its Message-ID: its own id, at the region's domain.
        let domain = match region.as_str() {
            "us-east-1" => "email.amazonses.com".to_owned(),
            region => format!("{region}.amazonses.com"),
        };
        headers.push(("In-Reply-To", format!("<{first}@{domain}>")));
        headers.push(("References", format!("<{first}@{domain}>")));
    }
    headers
}

#[cfg(test)]
mod tests;
