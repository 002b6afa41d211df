//! A small function over the shell, without AWS: a record's body says how the record goes. The
//! crate's own tests run it as Lambda would, and `tests/bench/coldstart.py` measures it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use runtime::{Classify, Invocation, Record, Wiring, batch};
use tracing::{Span, info};

fn main() -> ExitCode {
    runtime::start("records", async |shell| {
        let mut wiring = Wiring::from_env();
        let greeting = wiring.required("CARETAKER_GREETING");
        let _limit: u32 = wiring.parsed_or("CARETAKER_LIMIT", 10);
        wiring.finish()?;
        let config = shell.sdk_config().await;
        info!(region = config.region().map(AsRef::as_ref), "{greeting}");
        shell.run(handle).await
    })
}

async fn handle(event: SqsEvent, invocation: Invocation) -> Result<SqsBatchResponse, Failure> {
    if event.records.is_empty() {
        return Err(Failure::Nothing);
    }
    Ok(batch::process(event, &invocation, work).await)
}

async fn work(record: Record) -> Result<(), Failure> {
    Span::current().record("tenant", "demo");
    match record.body.split_once(' ').unwrap_or((&record.body, "")) {
        ("panic", why) => {
            assert!(why.is_empty(), "{why}");
            Ok(())
        }
        ("gone", _) => Err(Failure::Gone),
        ("until", file) => {
            info!("waiting");
            while !Path::new(file).exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        }
        _ => {
            info!(greeting_bytes = record.body.len(), "done");
            Ok(())
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the batch has no records; send at least one")]
    Nothing,
    #[error("tenant demo is gone")]
    Gone,
}

impl Classify for Failure {
    fn error_type(&self) -> &'static str {
        match self {
            Self::Nothing => "NothingToDo",
            Self::Gone => "TenantGone",
        }
    }

    fn is_transient(&self) -> bool {
        false
    }
}
