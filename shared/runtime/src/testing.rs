//! Clients of AWS for tests: configured as the functions' own are, but for what a test must not do.
//!
//! Why they are here: the tests of every crate need them, and the SDK's behaviour in them has to be
//! the one that ships. They are macros, since every service's client is a type of its own; nothing
//! of them is in a function. They are built by hand rather than with `mock_client!`, which would
//! have every crate of the workspace compiled a second time with the SDK's `test-util` feature.

/// The builder of a service's configuration for a test: no retries, credentials that open nothing.
/// What answers is added to it: `.http_client(…)`, `.interceptor(…)`.
#[macro_export]
macro_rules! test_config {
    ($sdk:ident) => {
        $sdk::Config::builder()
            .behavior_version($crate::clients::behavior_version())
            .region($sdk::config::Region::new("us-east-1"))
            .credentials_provider($sdk::config::Credentials::new(
                "test", "test", None, None, "test",
            ))
            .retry_config($sdk::config::retry::RetryConfig::disabled())
    };
}

/// A client that answers by the first of the rules of `aws-smithy-mocks` that fits, and panics where
/// none does. Interceptors that follow see each call before that.
#[macro_export]
macro_rules! test_client {
    ($sdk:ident, $rules:expr $(, $interceptor:expr)* $(,)?) => {{
        let mut answers = aws_smithy_mocks::MockResponseInterceptor::new()
            .rule_mode(aws_smithy_mocks::RuleMode::MatchAny);
        for rule in $rules {
            answers = answers.with_rule(rule);
        }
        let config = $crate::test_config!($sdk)
            .http_client(aws_smithy_mocks::create_mock_http_client())
            $(.interceptor($interceptor))*
            .interceptor(answers)
            .build();
        $sdk::Client::from_conf(config)
    }};
}
