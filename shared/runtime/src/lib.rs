//! A Lambda's shell: start-up, clients, logs, metrics, batches, deadline, queue, telling others.
//!
//! Everything around a function that is the same for all of them lives here, so that a function is
//! only its own decisions. The shell knows no function and no tenant.
//!
//! # A whole function
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::time::Duration;
//!
//! use aws_lambda_events::event::sqs::SqsEvent;
//! use runtime::{Backoff, Classify, Invocation, Queue, Record, RequeueError, Wiring, batch};
//!
//! /// How often a tenant is looked at while something takes its time.
//! const PATIENCE: Backoff =
//!     Backoff { first: Duration::from_secs(5), factor: 2, cap: Duration::from_mins(2) };
//!
//! fn main() -> ExitCode {
//!     runtime::start("example", async |shell| {
//!         let mut wiring = Wiring::from_env();
//!         let queue_url = wiring.required("CARETAKER_QUEUE_URL");
//!         let dead_letters_url = wiring.required("CARETAKER_DEAD_LETTER_QUEUE_URL");
//!         wiring.finish()?;
//!         let config = shell.sdk_config().await;
//!         let sqs = aws_sdk_sqs::Client::new(&config);
//!         let queue = Queue::new(sqs, queue_url, dead_letters_url);
//!         shell
//!             .run(async move |event: SqsEvent, invocation: Invocation| {
//!                 let pass = async |record: Record| pass(record, &invocation, &queue).await;
//!                 Ok::<_, RequeueError>(batch::process(event, &invocation, pass).await)
//!             })
//!             .await
//!     })
//! }
//!
//! async fn pass(
//!     record: Record,
//!     invocation: &Invocation,
//!     queue: &Queue,
//! ) -> Result<(), RequeueError> {
//!     tracing::Span::current().record("tenant", "demo");
//!     tracing::info!(receive_count = record.receive_count, "not finished yet");
//!     let delay = PATIENCE.delay(record.receive_count);
//!     queue.requeue(record.body, delay, invocation.trace_header.as_deref()).await?;
//!     Ok(())
//! }
//! ```

pub mod batch;
pub mod catalogue;
pub mod clients;
pub mod deadline;
pub mod logging;
pub mod metrics;

mod backoff;
mod clock;
mod error;
mod guard;
mod invocation;
mod publisher;
mod queue;
mod sdk;
mod start;
mod testing;
mod wiring;

pub use backoff::{Backoff, equal_jitter};
pub use batch::Record;
pub use clock::Clock;
pub use deadline::Deadline;
pub use error::{Classify, chain, log_failure};
pub use guard::CutShort;
pub use invocation::Invocation;
pub use publisher::Publisher;
pub use queue::{DELAY_MAX, Queue, REDELIVERY, RequeueError};
pub use sdk::{CallError, call, describe_sdk_error, is_transient};
pub use start::{Shell, StartError, start};
pub use wiring::{Wiring, WiringError};
