//! The two CloudFormation templates of a tenant, as pure functions of catalogue × tenant × tier.
//!
//! What a tenant *wants* is written into the template; where things *are* (network, listener,
//! key, the other stack's outputs) comes in as parameters. So a template can be rendered, read,
//! compared and linted without an AWS account, and a change of the catalogue shows in review as
//! a change of the golden templates in `tests/golden`.
//!
//! - [`data()`]: what must not be lost. Database, cache, buckets, files, secrets, and the security
//!   groups that hold them together.
//! - [`app()`]: what can be made again at any time. Roles, logs, task definitions, services,
//!   routing, scaling, dashboard.
//!
//! An alarm is in the stack of what it watches.
//!
//! The two are stacks of their own so that a broken release can never roll back a database.

mod alarms;
mod app;
mod cfn;
mod data;
mod identifiers;
mod intrinsics;
mod metrics;
pub mod output;
pub mod parameter;

pub use cfn::UNTAGGABLE;
use domain::Tenant;
use domain::catalogue::Settings;
use serde_json::Value;

/// The longest template that `CreateStack` takes inline, in bytes; a longer one would have to
/// lie in a bucket first (CloudFormation quotas: 51,200 bytes in a request).
pub const TEMPLATE_BYTES_MAX: usize = 51_200;

/// A CloudFormation template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    body: Value,
}

impl Template {
    /// The template as a JSON document, for those who look into it.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// The template as `CreateStack` takes it: JSON without white space, so that
    /// [`TEMPLATE_BYTES_MAX`] goes a long way.
    pub fn to_json(&self) -> String {
        self.body.to_string()
    }

    /// The names of the parameters that the template declares, in alphabetical order. It
    /// declares those that it uses and no others; their names are in [`parameter`].
    pub fn parameters(&self) -> Vec<&str> {
        self.names("Parameters")
    }

    /// The names of the stack's outputs, in alphabetical order; see [`output`].
    pub fn outputs(&self) -> Vec<&str> {
        self.names("Outputs")
    }

    fn names(&self, section: &str) -> Vec<&str> {
        let section = self.body.get(section).and_then(Value::as_object);
        section.into_iter().flat_map(|section| section.keys()).map(String::as_str).collect()
    }
}

/// The stateful stack, `{product}-{tenant}-{environment}-data`. To create it CloudFormation needs
/// `CAPABILITY_NAMED_IAM`, for the role of Enhanced Monitoring.
pub fn data(tenant: &Tenant, settings: &Settings) -> Template {
    Template { body: data::render(tenant, settings) }
}

/// The application's stack, `{product}-{tenant}-{environment}-app`. Its parameters are partly the
/// outputs of the [`data()`] stack, under the same names. To create it CloudFormation needs
/// `CAPABILITY_NAMED_IAM`, for the roles of the tenant's tasks.
pub fn app(tenant: &Tenant, settings: &Settings) -> Template {
    Template { body: app::render(tenant, settings) }
}
