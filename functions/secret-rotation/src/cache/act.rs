//! All that is written to ElastiCache. Each write says the whole of what is wanted, so that a write
//! whose answer was lost can be made again with the effect of one.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::operation::modify_replication_group::ModifyReplicationGroupError;
use aws_sdk_elasticache::operation::modify_user::ModifyUserError;
use aws_sdk_elasticache::types::{
    AuthTokenUpdateStrategyType, AuthenticationMode, InputAuthenticationType,
};
use runtime::call;
use secrecy::{ExposeSecret as _, SecretString};

use super::decide::Write;
use super::limits::check_value;
use super::observe::user_id;
use super::step::Values;
use crate::error::Error;
use crate::refusal::{FailureKind, Refusal};

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// ElastiCache has taken it, and is at work.
    Taken,
    /// Somebody else changes the same thing at this moment: later.
    NotNow,
}

/// Changes the tokens of a replication group.
pub(super) async fn write_token(
    client: &Client,
    group_id: &str,
    write: Write,
    values: &Values,
) -> Result<Written, Error> {
    let (token, strategy, what) = match write {
        Write::AddPending => {
            let token = present(values.pending.as_ref())?;
            check_value(token.expose_secret())?;
            (token, AuthTokenUpdateStrategyType::Rotate, "give a second token to")
        }
        Write::OnlyCurrent => {
            let token = present(values.current.as_ref())?;
            (token, AuthTokenUpdateStrategyType::Set, "take the earlier token from")
        }
    };
    let sent = client
        .modify_replication_group()
        .replication_group_id(group_id)
        .auth_token(token.expose_secret())
        .auth_token_update_strategy(strategy)
        .apply_immediately(true)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(Written::Taken),
        Err(error)
            if error.as_service_error().is_some_and(
                ModifyReplicationGroupError::is_invalid_replication_group_state_fault,
            ) =>
        {
            Ok(Written::NotNow)
        }
        Err(error) => Err(call(format!("{what} the replication group {group_id}"), &error).into()),
    }
}

/// Changes the passwords of a user.
pub(super) async fn write_user(
    client: &Client,
    arn: &str,
    write: Write,
    values: &Values,
) -> Result<Written, Error> {
    let id = user_id(arn);
    let current = present(values.current.as_ref())?;
    let mode = AuthenticationMode::builder().r#type(InputAuthenticationType::Password);
    let (mode, what) = match write {
        Write::AddPending => {
            let pending = present(values.pending.as_ref())?;
            check_value(pending.expose_secret())?;
            let mode = mode.passwords(pending.expose_secret());
            (mode.passwords(current.expose_secret()), "give a second password to")
        }
        Write::OnlyCurrent => {
            (mode.passwords(current.expose_secret()), "take the earlier password from")
        }
    };
    match client.modify_user().user_id(id).authentication_mode(mode.build()).send().await {
        Ok(_) => Ok(Written::Taken),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(ModifyUserError::is_invalid_user_state_fault) =>
        {
            Ok(Written::NotNow)
        }
        Err(error) => Err(call(format!("{what} the cache user {id}"), &error).into()),
    }
}

/// `decide` asks for a write only where its values are known; this says so to the compiler.
fn present(value: Option<&SecretString>) -> Result<&SecretString, Refusal> {
    value.ok_or_else(|| {
        Refusal::new(
            FailureKind::Configuration,
            "the secret lacks the value that the cache is to have",
            "rotate the secret once more",
        )
    })
}
