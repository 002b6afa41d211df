//! All that is written: to CloudFormation, to the tenant's database, to those who listen.
//!
//! Every action can be done twice with the effect of one, for a pass may be killed after any
//! call and its successor decides the same again: stacks by their names and client tokens, the
//! role by comparing, announcements by their event ids.

mod announce;
mod database_role;
mod refuse;
mod stacks;

use std::collections::BTreeMap;

use database::Trust;
use domain::catalogue::Settings;
use runtime::Publisher;
use store::TenantRecord;

use crate::decide::{Action, Observed, StackKind};
use crate::error::Error;
use crate::wiring::Wiring;

/// Writes to AWS and to tenants' databases.
#[derive(Debug)]
pub struct Hands {
    /// Stacks.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// The secrets that open a tenant's database.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Events for programs, words for people.
    pub publisher: Publisher,
    /// Whose certificates databases must have.
    pub trust: Trust,
}

/// What an action is done with.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Where things are.
    pub wiring: &'a Wiring,
    /// What the catalogue wants for the tenant's tier.
    pub settings: &'a Settings,
    /// What was seen before.
    pub observed: &'a Observed,
}

impl Hands {
    /// Carries out an action outside of the record, and says in words what came of it.
    ///
    /// # Errors
    /// When it could not be carried out; what is there already is no error.
    pub async fn carry_out(
        &self,
        action: &Action,
        record: &TenantRecord,
        situation: Situation<'_>,
    ) -> Result<String, Error> {
        match action {
            Action::CreateStack(kind) => self.create_stack(*kind, record, situation).await,
            Action::DeleteStack(kind) => self.delete_stack(*kind, record, situation).await,
            Action::EnsureDatabaseRole => self.ensure_database_role(record, situation).await,
            Action::Protect => self.protect(record, situation).await,
            Action::Announce => self.announce(record, situation.wiring).await,
            Action::LeaveToPerson { stack } => self.call_person(stack, situation.wiring).await,
            // These are changes of the record alone.
            Action::MarkActive { .. } | Action::MarkFailed(_) | Action::Settle | Action::Wait => {
                Ok("recorded".to_owned())
            }
        }
    }
}

/// The outputs of the data stack, empty before there is one.
fn data_outputs(situation: Situation<'_>) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    situation.observed.data.as_ref().map_or(&NONE, |stack| &stack.outputs)
}

/// The name of a tenant's stack.
fn stack_name(record: &TenantRecord, kind: StackKind) -> String {
    let names = record.tenant.names();
    match kind {
        StackKind::Data => names.data_stack(),
        StackKind::App => names.app_stack(),
    }
}
