//! Clients of AWS that answer by rules, for the tests of this crate.

/// A client that answers by the first of the rules that fits, and panics where none does.
///
/// Built by hand rather than with `mock_client!`, which would have every crate of the workspace
/// compiled a second time with the SDK's `test-util` feature.
macro_rules! client {
    ($sdk:ident, $rules:expr) => {{
        let mut answers = aws_smithy_mocks::MockResponseInterceptor::new()
            .rule_mode(aws_smithy_mocks::RuleMode::MatchAny);
        for rule in $rules {
            answers = answers.with_rule(rule);
        }
        let credentials = $sdk::config::Credentials::new("test", "test", None, None, "test");
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::v2026_01_12())
            .region($sdk::config::Region::new("us-east-1"))
            .credentials_provider(credentials)
            .retry_config($sdk::config::retry::RetryConfig::disabled())
            .http_client(aws_smithy_mocks::create_mock_http_client())
            .interceptor(answers)
            .build();
        $sdk::Client::from_conf(config)
    }};
}
pub(crate) use client;
