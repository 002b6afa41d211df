//! The Lambda `alert-fanout`: wiring and clients, then one invocation after the other.

use std::process::ExitCode;

use alert_fanout::wiring::Wiring;
use alert_fanout::{AlertFanout, FUNCTION};
use runtime::Invocation;
use serde_json::Value;

fn main() -> ExitCode {
    runtime::start(FUNCTION, async |shell| {
        let wiring = Wiring::read(runtime::Wiring::from_env())?;
        let function = AlertFanout::new(wiring, &shell.sdk_config().await)?;
        shell
            .run(async move |payload: Value, invocation: Invocation| {
                function.handle(payload, &invocation).await
            })
            .await
    })
}
