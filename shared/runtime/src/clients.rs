//! One configuration for all AWS clients: built once, before the first event, and quickly.
//!
//! Without timeouts of its own an SDK call may outlast the invocation; Lambda then kills the
//! function in the middle of a record and every record of the batch comes again. Every call here
//! ends well before that, and what failed for want of time is taken up by the next pass.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

/// Attempts at one call, the first included. The SDK waits up to 1 s before the second and up to 2
/// s before the third (standard mode, full jitter), which rides out a burst of throttling; what
/// lasts longer is better met by the next pass, with seconds to minutes between, than by an
/// invocation that waits and is paid for.
pub const ATTEMPTS_MAX: u32 = 3;

/// How long a call and its parts may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the TCP and TLS connection stands.
    pub connect: Duration,
    /// From the request's end to the answer's first byte.
    pub read: Duration,
    /// One attempt, connection included.
    pub attempt: Duration,
    /// The whole call: all attempts and the waits between them.
    pub operation: Duration,
}

impl Timeouts {
    /// For control-plane calls from inside one region: they answer in 20–200 ms, the slowest
    /// (`CreateStack`, `DescribeDBInstances`) in some 2 s. A whole call ends within
    /// [`WORK_RESERVE`](crate::deadline::WORK_RESERVE): the last record to be begun is not cut off
    /// in its first call.
    pub const DEFAULT: Self = Self {
        connect: Duration::from_millis(1_500),
        read: Duration::from_secs(4),
        attempt: Duration::from_secs(5),
        operation: Duration::from_secs(9),
    };
}

impl Default for Timeouts {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The SDK behaviour that the code is written for and tested with; a newer one is taken on purpose,
/// in a commit of its own.
pub fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// The configuration for every client of a function.
///
/// Region, credentials and endpoints (`AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_SQS`, …)
/// come from the environment as the SDK always reads them. All clients share one connection pool
/// and one TLS configuration; with eight clients that is 1.5 MiB less than one of each for every
/// client.
pub async fn config(timeouts: Timeouts) -> SdkConfig {
    let mut loader = aws_config::defaults(behavior_version())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(timeouts.connect)
                .read_timeout(timeouts.read)
                .operation_attempt_timeout(timeouts.attempt)
                .operation_timeout(timeouts.operation)
                .build(),
        )
        .http_client(
            aws_smithy_http_client::Builder::new()
                .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
                .build_https(),
        );
    // The name is valid; were it not, the calls would go without it.
    if let Ok(name) = AppName::new("caretaker") {
        loader = loader.app_name(name);
    }
    // Lambda gives both by environment variable. Said outright, the SDK sets up neither profile
    // files, nor web identity, nor the instance metadata service, none of which a function has.
    if let Ok(region) = std::env::var("AWS_REGION") {
        loader = loader.region(Region::new(region));
    }
    if std::env::var_os("AWS_ACCESS_KEY_ID").is_some() {
        loader = loader.credentials_provider(EnvironmentVariableCredentialsProvider::new());
    }
    loader.load().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deadline::{ANSWER_RESERVE, WORK_RESERVE};

    #[tokio::test]
    async fn every_call_has_its_timeouts_and_its_attempts() {
        let config = config(Timeouts::DEFAULT).await;
        let timeouts = config.timeout_config().unwrap();
        assert_eq!(timeouts.connect_timeout(), Some(Timeouts::DEFAULT.connect));
        assert_eq!(timeouts.read_timeout(), Some(Timeouts::DEFAULT.read));
        assert_eq!(timeouts.operation_attempt_timeout(), Some(Timeouts::DEFAULT.attempt));
        assert_eq!(timeouts.operation_timeout(), Some(Timeouts::DEFAULT.operation));
        assert_eq!(config.retry_config().unwrap().max_attempts(), ATTEMPTS_MAX);
        assert_eq!(config.app_name().unwrap().as_ref(), "caretaker");
        assert_eq!(config.behavior_version(), Some(BehaviorVersion::v2026_01_12()));
    }

    #[test]
    fn the_first_call_of_the_last_record_ends_before_the_answer_is_due() {
        let Timeouts { connect, read, attempt, operation } = Timeouts::DEFAULT;
        assert!(connect < attempt && read < attempt && attempt < operation);
        assert!(operation + ANSWER_RESERVE < WORK_RESERVE);
    }
}
