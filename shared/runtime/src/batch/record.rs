//! One SQS message as a function sees it, with what SQS says about it in types instead of strings.

use std::collections::BTreeMap;

use aws_lambda_events::event::sqs::SqsMessage;
use jiff::Timestamp;

/// How the name of every FIFO queue ends, by the rules of SQS.
const FIFO_SUFFIX: &str = ".fifo";

/// A message of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// SQS's id of the message; the same at every delivery. Empty where Lambda gave none: such a
    /// record cannot be reported alone, and its failure brings the whole batch back.
    pub message_id: String,
    /// What SQS knows this delivery by; with it the message's visibility can be changed.
    pub receipt_handle: String,
    /// The body, as it was sent; nothing about it is checked here.
    pub body: String,
    /// How often the message was delivered, this time included; 1 where it is not said.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// When it was delivered for the first time.
    pub first_received_at: Option<Timestamp>,
    /// The message group it was sent to.
    pub group_id: Option<String>,
    /// Its deduplication id, on a FIFO queue.
    pub deduplication_id: Option<String>,
    /// The X-Ray trace header it was sent with.
    pub trace_header: Option<String>,
    /// The queue it came from.
    pub queue_arn: String,
    /// The sender's own message attributes, those with a text or number.
    pub attributes: BTreeMap<String, String>,
}

impl Record {
    /// Whether it must wait for the records before it: it belongs to a group of a FIFO queue.
    pub fn is_ordered(&self) -> bool {
        self.group_id.is_some() && self.queue_arn.ends_with(FIFO_SUFFIX)
    }
}

impl From<SqsMessage> for Record {
    /// System attributes are read as
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html>
    /// describes them: texts, times in milliseconds since the Unix epoch. One that cannot be read
    /// is taken as absent.
    fn from(message: SqsMessage) -> Self {
        let mut system = message.attributes;
        let mut time = |name: &str| {
            let milliseconds = system.remove(name)?.parse().ok()?;
            Timestamp::from_millisecond(milliseconds).ok()
        };
        let sent_at = time("SentTimestamp");
        let first_received_at = time("ApproximateFirstReceiveTimestamp");
        let receive_count =
            system.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
        let attributes = message.message_attributes.into_iter();
        Self {
            message_id: message.message_id.unwrap_or_default(),
            receipt_handle: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            receive_count: receive_count.unwrap_or(1),
            sent_at,
            first_received_at,
            group_id: system.remove("MessageGroupId"),
            deduplication_id: system.remove("MessageDeduplicationId"),
            trace_header: system.remove("AWSTraceHeader"),
            queue_arn: message.event_source_arn.unwrap_or_default(),
            attributes: attributes
                .filter_map(|(name, attribute)| Some((name, attribute.string_value?)))
                .collect(),
        }
    }
}
