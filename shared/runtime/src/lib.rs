//! A Lambda's shell: start-up, clients, logs, metrics, batches, deadline, re-queueing.
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
//! use runtime::{Backoff, Classify, Invocation, Record, Requeue, RequeueError, Wiring, batch};
//!
//! /// How often a tenant is looked at while something takes its time.
//! const PATIENCE: Backoff =
//!     Backoff { first: Duration::from_secs(5), factor: 2, cap: Duration::from_mins(2) };
//!
//! fn main() -> ExitCode {
//!     runtime::start("example", async |shell| {
//!         let mut wiring = Wiring::from_env();
//!         let queue_url = wiring.required("CARETAKER_QUEUE_URL");
//!         wiring.finish()?;
//!         let config = shell.sdk_config().await;
//!         let requeue = Requeue::new(aws_sdk_sqs::Client::new(&config), queue_url);
//!         shell
//!             .run(async move |event: SqsEvent, invocation: Invocation| {
//!                 let pass = async |record: Record| pass(record, &invocation, &requeue).await;
//!                 Ok::<_, RequeueError>(batch::process(event, &invocation, pass).await)
//!             })
//!             .await
//!     })
//! }
//!
//! async fn pass(
//!     record: Record,
//!     invocation: &Invocation,
//!     requeue: &Requeue,
//! ) -> Result<(), RequeueError> {
//!     tracing::Span::current().record("tenant", "demo");
//!     tracing::info!(receive_count = record.receive_count, "not finished yet");
//!     let delay = PATIENCE.delay(record.receive_count);
//!     requeue.send(record.body, delay, invocation.trace_header.as_deref()).await?;
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
mod invocation;
mod requeue;
mod sdk;
mod start;
mod wiring;

pub use backoff::{Backoff, equal_jitter};
pub use batch::Record;
pub use clock::Clock;
pub use deadline::Deadline;
pub use error::{Classify, chain};
pub use invocation::Invocation;
pub use requeue::{DELAY_MAX, Requeue, RequeueError};
pub use sdk::{CallError, call, describe_sdk_error, is_transient};
pub use start::{Shell, StartError, start};
pub use wiring::{Wiring, WiringError};
