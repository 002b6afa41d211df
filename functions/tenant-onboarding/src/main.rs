//! The Lambda `tenant-onboarding`: wiring and clients, then one batch after the other.

use std::process::ExitCode;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use runtime::Invocation;
use tenant_onboarding::error::Error;
use tenant_onboarding::wiring::Wiring;
use tenant_onboarding::{FUNCTION, TenantOnboarding};

fn main() -> ExitCode {
    runtime::start(FUNCTION, async |shell| {
        let wiring = Wiring::read(runtime::Wiring::from_env())?;
        let function = TenantOnboarding::new(wiring, &shell.sdk_config().await)?;
        shell
            .run(async move |event: SqsEvent, invocation: Invocation| {
                Ok::<SqsBatchResponse, Error>(function.handle(event, &invocation).await)
            })
            .await
    })
}
