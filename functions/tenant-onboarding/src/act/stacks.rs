//! Stacks: CloudFormation creates, protects and deletes them; this only asks it to.

use aws_sdk_cloudformation::types::{Capability, OnFailure, Parameter, Tag};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use runtime::call;
use store::TenantRecord;

use super::{Hands, Situation, data_outputs, stack_name};
use crate::decide::StackKind;
use crate::error::Error;
use crate::parameters;
use crate::template::{self, parameter::PROTECTED};

/// How long CloudFormation may take for a stack before it fails and rolls it back, in minutes:
/// within [`crate::decide::ATTEMPT_WITHIN`], and twice what an Aurora cluster takes.
const STACK_TIMEOUT_MINUTES: i32 = 90;

impl Hands {
    pub(super) async fn create_stack(
        &self,
        kind: StackKind,
        record: &TenantRecord,
        situation: Situation<'_>,
    ) -> Result<String, Error> {
        let name = stack_name(record, kind);
        let template = match kind {
            StackKind::Data => template::data(&record.tenant, situation.settings),
            StackKind::App => template::app(&record.tenant, situation.settings),
        };
        let values =
            parameters::fill(&template, situation.wiring, record, data_outputs(situation))?;
        let parameter = |(key, value): (String, String)| {
            Parameter::builder().parameter_key(key).parameter_value(value).build()
        };
        let tag = |(key, value)| Tag::builder().key(key).value(value).build();
        let sent = self
            .cloudformation
            .create_stack()
            .stack_name(&name)
            .template_body(template.to_json())
            .set_parameters(Some(values.into_iter().map(parameter).collect()))
            .set_tags(Some(record.tenant.tags().iter().map(tag).collect()))
            .capabilities(Capability::CapabilityNamedIam)
            .role_arn(&situation.wiring.provisioning_role_arn)
            .on_failure(OnFailure::Rollback)
            .timeout_in_minutes(STACK_TIMEOUT_MINUTES)
            .client_request_token(token("create", kind, record))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(format!("CloudFormation creates {name}")),
            Err(error) if error.code() == Some("AlreadyExistsException") || is_known(&error) => {
                Ok(format!("{name} is there already"))
            }
            Err(error) => Err(call(format!("create the stack {name}"), &error).into()),
        }
    }

    pub(super) async fn delete_stack(
        &self,
        kind: StackKind,
        record: &TenantRecord,
        situation: Situation<'_>,
    ) -> Result<String, Error> {
        let name = stack_name(record, kind);
        let observed = match kind {
            StackKind::Data => &situation.observed.data,
            StackKind::App => &situation.observed.app,
        };
        // One attempt may delete two stacks of this name: what an earlier one left, and its own.
        let created = observed.as_ref().map_or(0, |stack| stack.created_at.as_second());
        // Deleting a stack that is not there succeeds.
        let sent = self
            .cloudformation
            .delete_stack()
            .stack_name(&name)
            .role_arn(&situation.wiring.provisioning_role_arn)
            .client_request_token(format!("{}-{created}", token("delete", kind, record)))
            .send()
            .await;
        match sent {
            Err(error) if !is_known(&error) => {
                Err(call(format!("delete the stack {name}"), &error).into())
            }
            _ => Ok(format!("CloudFormation deletes {name}")),
        }
    }

    /// Deletion protection for the database, by the template's own parameter, and termination
    /// protection for its stack.
    pub(super) async fn protect(
        &self,
        record: &TenantRecord,
        situation: Situation<'_>,
    ) -> Result<String, Error> {
        let name = stack_name(record, StackKind::Data);
        let as_before =
            |key: &str| Parameter::builder().parameter_key(key).use_previous_value(true).build();
        let template = template::data(&record.tenant, situation.settings);
        let parameters = template.parameters().into_iter().map(|key| {
            if key == PROTECTED {
                Parameter::builder().parameter_key(key).parameter_value("true").build()
            } else {
                as_before(key)
            }
        });
        let sent = self
            .cloudformation
            .update_stack()
            .stack_name(&name)
            .use_previous_template(true)
            .set_parameters(Some(parameters.collect()))
            .capabilities(Capability::CapabilityNamedIam)
            .role_arn(&situation.wiring.provisioning_role_arn)
            .client_request_token(token("protect", StackKind::Data, record))
            .send()
            .await;
        if let Err(error) = sent
            && !is_known(&error)
            && !error
                .message()
                .is_some_and(|words| words.contains("No updates are to be performed"))
        {
            return Err(call(format!("protect the database of the stack {name}"), &error).into());
        }
        self.cloudformation
            .update_termination_protection()
            .stack_name(&name)
            .enable_termination_protection(true)
            .send()
            .await
            .map_err(|error| call(format!("protect the stack {name}"), &error))?;
        Ok(format!("CloudFormation protects {name}"))
    }
}

/// Whether CloudFormation was asked the same before, under the same token: the answer was lost,
/// and what it does about it is seen at the next look.
fn is_known(error: &impl ProvideErrorMetadata) -> bool {
    error.code() == Some("TokenAlreadyExistsException")
}

/// One token for each thing that one attempt asks of CloudFormation once: a repetition within
/// the attempt is recognised as one, another attempt is not.
fn token(verb: &str, kind: StackKind, record: &TenantRecord) -> String {
    let kind = match kind {
        StackKind::Data => "data",
        StackKind::App => "app",
    };
    let began = record.attempt_at.as_second();
    format!("{verb}-{kind}-{}-{}-{began}", record.tenant.id, record.attempt)
}
