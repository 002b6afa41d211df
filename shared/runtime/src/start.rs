//! From `main` to the first event, and from each event to its answer.

mod init_error;
mod request;
mod shutdown;

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;

use aws_config::SdkConfig;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{error, info};

use crate::clients::{self, Timeouts};
use crate::clock::Clock;
use crate::error::Classify;
use crate::invocation::Invocation;
use crate::logging;

/// What `lambda_runtime` reads from the environment, and panics over when it is missing.
const LAMBDA_VARIABLES: [&str; 4] = [
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

/// Runs a function: the whole of its `main`.
///
/// Sets up the logs, then calls `init`, which reads the wiring, builds the clients and ends in
/// [`Shell::run`]. When `init` fails, the reason is logged and reported to Lambda (`errorType`,
/// `errorMessage`), and the process ends.
///
/// The function runs on one thread. Its work is waiting for AWS, so more threads gain nothing, and
/// they cost start-up time and memory (on two cores 0.5–1 ms and 0.4 MiB).
pub fn start(
    function_name: &'static str,
    init: impl AsyncFnOnce(Shell) -> Result<(), StartError>,
) -> ExitCode {
    logging::init(function_name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(init(Shell { function_name })),
        Err(error) => Err(StartError::new("RuntimeError", format!("no async runtime: {error}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError(diagnostic)) => {
            let Diagnostic { error_type, error_message } = &diagnostic;
            error!(error_type, error = error_message, "the function cannot start");
            init_error::report(&diagnostic);
            ExitCode::FAILURE
        }
    }
}

/// A function that is starting.
#[derive(Debug)]
pub struct Shell {
    function_name: &'static str,
}

impl Shell {
    /// The name that was given to [`start`].
    pub fn function_name(&self) -> &'static str {
        self.function_name
    }

    /// The configuration for all AWS clients, with the usual timeouts; see [`clients::config`] for
    /// others.
    pub async fn sdk_config(&self) -> SdkConfig {
        clients::config(Timeouts::DEFAULT).await
    }

    /// Takes events from Lambda and answers them with `handler`, until the process is asked to end.
    ///
    /// Every line logged on the way carries `function`, `request_id`, `cold_start` and
    /// `xray_trace_id`. An error is logged once, here, and becomes the invocation's `errorType` and
    /// `errorMessage`.
    pub async fn run<P, R, E>(
        self,
        handler: impl AsyncFn(P, Invocation) -> Result<R, E> + 'static,
    ) -> Result<(), StartError>
    where
        P: DeserializeOwned + 'static,
        R: Serialize + 'static,
        E: Classify + 'static,
    {
        demand_lambda_variables()?;
        let invocations = Rc::new(Invocations::default());
        let counted = Rc::clone(&invocations);
        let handler = Rc::new(handler);
        let service = service_fn(move |event: LambdaEvent<P>| {
            let (payload, context) = event.into_parts();
            let invocation =
                Invocation::from_context(&context, counted.is_first(), Clock::system());
            let handler = Rc::clone(&handler);
            async move { handler(payload, invocation).await.map_err(|error| logged(&error)) }
        });
        let runtime = lambda_runtime::Runtime::new(service)
            .layer(request::RequestLayer::new(Rc::clone(&invocations)));
        tokio::select! {
            ended = runtime.run() => ended.map_err(|error| StartError::new("RuntimeApiError", error.to_string())),
            signal = shutdown::asked_for(&invocations) => {
                info!(signal, invocations = invocations.begun.get(), "shutting down");
                Ok(())
            }
        }
    }
}

/// Logs why an invocation failed, and turns it into what Lambda answers.
fn logged(error: &impl Classify) -> Diagnostic {
    let diagnostic = error.diagnostic();
    error!(
        error_type = diagnostic.error_type,
        error = diagnostic.error_message,
        transient = error.is_transient(),
        "the invocation failed"
    );
    diagnostic
}

fn demand_lambda_variables() -> Result<(), StartError> {
    let missing: Vec<&str> =
        LAMBDA_VARIABLES.into_iter().filter(|name| std::env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "not started by Lambda: {} missing from the environment. \
         Deploy the function, or start it in the local cloud (make localcloud)",
        missing.join(", ")
    );
    Err(StartError::new("NotInLambda", message))
}

/// How many invocations began, and whether one is in hand.
#[derive(Debug, Default)]
struct Invocations {
    begun: Cell<u64>,
    in_hand: Cell<u32>,
    ended: tokio::sync::Notify,
}

impl Invocations {
    fn begin(&self) {
        self.begun.set(self.begun.get().saturating_add(1));
        self.in_hand.set(self.in_hand.get().saturating_add(1));
    }

    fn end(&self) {
        self.in_hand.set(self.in_hand.get().saturating_sub(1));
        self.ended.notify_one();
    }

    fn is_first(&self) -> bool {
        self.begun.get() <= 1
    }

    async fn none_in_hand(&self) {
        while self.in_hand.get() > 0 {
            self.ended.notified().await;
        }
    }
}

/// Why a function could not start. Every [`Classify`] error becomes one with `?`.
#[derive(Debug)]
pub struct StartError(Diagnostic);

impl StartError {
    /// A reason of the caller's own: a short stable name and a message for people.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Diagnostic { error_type: error_type.into(), error_message: message.into() })
    }

    /// The message for people.
    pub fn message(&self) -> &str {
        &self.0.error_message
    }
}

impl<E: Classify> From<E> for StartError {
    fn from(error: E) -> Self {
        Self(error.diagnostic())
    }
}

/// The fields of one invocation on every line that is logged in it.
fn request_span(context: &Context, cold_start: bool) -> tracing::Span {
    tracing::info_span!(
        "request",
        request_id = context.request_id,
        cold_start,
        xray_trace_id = context.xray_trace_id.as_deref().filter(|header| !header.is_empty()),
    )
}
