use std::sync::{Arc, Mutex};

use aws_sdk_sesv2::operation::send_email::{SendEmailInput, SendEmailOutput};
use aws_sdk_sesv2::types::error::{MessageRejected, TooManyRequestsException};
use aws_smithy_mocks::{Rule, mock};
use domain::catalogue::alerting::Sink;
use proptest::prelude::*;

use super::*;
use crate::sinks::testing::{place, secrets, sinks};
use crate::testing::{notification, resolved};

async fn send(
    rule: &Rule,
    told: &Notification,
    receipt: Option<&Receipt>,
) -> Result<Receipt, SinkError> {
    let sink = Sink::Email(Email {
        from: "alerts@example.com".to_owned(),
        to: vec!["ada@example.com".to_owned(), "bob@example.com".to_owned()],
    });
    sinks("http://127.0.0.1:9", &secrets(&[]), &[], &[rule]).deliver(&sink, told, receipt).await
}

/// SES that takes everything, and what it got.
fn taking() -> (Rule, Arc<Mutex<Vec<SendEmailInput>>>) {
    let got = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&got);
    let rule = mock!(aws_sdk_sesv2::Client::send_email)
        .match_requests(move |request| {
            keep.lock().unwrap().push(request.clone());
            true
        })
        .then_output(|| SendEmailOutput::builder().message_id("0107019a-1").build());
    (rule, got)
}

#[tokio::test]
async fn a_mail_is_a_page_and_a_text_and_what_follows_answers_it() {
    let (rule, got) = taking();
    let first = send(&rule, &notification(), None).await.unwrap();
    let last = send(&rule, &resolved(), Some(&first)).await.unwrap();
    assert_eq!(first.key.as_deref(), Some("0107019a-1"));
    assert_eq!(last.key, first.key, "all of a group's mails answer its first");
    let got = got.lock().unwrap();
    let mail = |index: usize| got[index].content().unwrap().simple().unwrap();
    assert_eq!(got[0].from_email_address(), Some("alerts@example.com"));
    assert_eq!(
        got[0].destination().unwrap().to_addresses(),
        ["ada@example.com", "bob@example.com"]
    );
    assert_eq!(
        mail(0).subject().unwrap().data(),
        "[demo dev] Critical: CPU of mate-demo-dev-db over 90 %"
    );
    assert!(mail(0).body().unwrap().html().unwrap().data().starts_with("<!doctype html>"));
    assert!(mail(0).body().unwrap().text().unwrap().data().starts_with("Critical: CPU"));
    let header = |index: usize, name: &str| {
        let found = mail(index).headers().iter().find(|header| header.name() == name);
        found.map(|header| header.value().to_owned())
    };
    assert_eq!(header(0, "In-Reply-To"), None);
    for name in ["In-Reply-To", "References"] {
        assert_eq!(header(1, name).as_deref(), Some("<0107019a-1@eu-central-1.amazonses.com>"));
    }
    assert_eq!(header(1, "X-Caretaker-State").as_deref(), Some("resolved"));
}

#[tokio::test]
async fn throttling_is_a_limit_and_a_rejected_message_a_refusal_with_advice() {
    let limited = mock!(aws_sdk_sesv2::Client::send_email).then_error(|| {
        let meta =
            aws_smithy_types::error::ErrorMetadata::builder().code("TooManyRequestsException");
        SendEmailError::TooManyRequestsException(
            TooManyRequestsException::builder().meta(meta.build()).build(),
        )
    });
    let error = send(&limited, &notification(), None).await.unwrap_err();
    assert!(matches!(error, SinkError::Limited { .. }), "{error}");
    let rejected = mock!(aws_sdk_sesv2::Client::send_email).then_error(|| {
        let meta = aws_smithy_types::error::ErrorMetadata::builder().code("MessageRejected");
        SendEmailError::MessageRejected(MessageRejected::builder().meta(meta.build()).build())
    });
    let error = send(&rejected, &notification(), None).await.unwrap_err();
    assert!(matches!(error, SinkError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("SES must have verified the sender"), "{error}");
}

proptest! {
    #[test]
    fn any_alert_has_one_line_of_subject_and_headers_of_ascii(
        title in any::<String>(), group in any::<String>(),
    ) {
        let mut told = notification();
        told.alerts[0].title = title;
        told.group_key = group;
        let subject = subject(&told);
        prop_assert!((1..=SUBJECT_LENGTH_MAX).contains(&subject.len()));
        prop_assert!(!subject.contains(['\r', '\n']));
        for (name, value) in headers(&told, Some("0107019a-1"), &place()) {
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}: {value}");
            prop_assert!(name.len() + value.len() <= 996);
        }
    }
}
