//! The Lambda `secret-rotation`: wiring and clients, then one step or batch after the other.

use std::process::ExitCode;

use runtime::Invocation;
use secret_rotation::wiring::Wiring;
use secret_rotation::{FUNCTION, SecretRotation};
use serde_json::Value;

fn main() -> ExitCode {
    runtime::start(FUNCTION, async |shell| {
        let wiring = Wiring::read(runtime::Wiring::from_env())?;
        let function = SecretRotation::new(wiring, &shell.sdk_config().await)?;
        shell
            .run(async move |event: Value, invocation: Invocation| {
                function.handle(event, &invocation).await
            })
            .await
    })
}
