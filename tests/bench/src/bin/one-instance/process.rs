//! The function as a process: started as Lambda starts it, and ended with the measurement.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Where the catalogue is that sends everything to a webhook, which has no limit of its own.
const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e/catalogues/alerting.toml");

/// A running function.
pub(crate) struct Function(Child);

impl Function {
    /// Starts it with everything that it calls at `url`.
    pub(crate) fn start(bootstrap: &Path, url: &str) -> Result<Self, Box<dyn Error>> {
        let runtime_api = url.strip_prefix("http://").ok_or("the API is not on the loopback")?;
        let child = Command::new(bootstrap)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .env("AWS_LAMBDA_FUNCTION_NAME", "alert-fanout")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "measured")
            .env("AWS_SECRET_ACCESS_KEY", "measured")
            .env("AWS_ENDPOINT_URL", url)
            .env("CARETAKER_PRODUCT", "alerting")
            .env("CARETAKER_ENVIRONMENT", "dev")
            .env("CARETAKER_TABLE", "records")
            .env("CARETAKER_QUEUE_URL", format!("{url}/queue"))
            .env("CARETAKER_DEAD_LETTER_QUEUE_URL", format!("{url}/dead"))
            .env("CARETAKER_CATALOGUE", CATALOGUE)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// How long its threads have had a processor, by the kernel's account.
    pub(crate) fn own_time(&self) -> Result<Duration, Box<dyn Error>> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let spent = fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += spent.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(sum))
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left behind either way.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
