//! The app stack: everything of a tenant that can be made again at any time, with the data
//! stack's outputs as its parameters.

mod dashboard;
mod roles;
mod routing;
mod scaling;
mod services;
mod tasks;
mod variables;

use domain::Tenant;
use domain::catalogue::Settings;
use serde_json::Value;

pub(super) use self::routing::target_group_id;
pub(super) use self::services::service_id;
use super::alarms;
use super::cfn::Draft;
use super::metrics::Stack;

/// The template of the app stack.
pub(super) fn render(tenant: &Tenant, settings: &Settings) -> Value {
    let mut draft = Draft::new(tenant, settings);
    roles::add(&mut draft);
    tasks::add(&mut draft);
    routing::add(&mut draft);
    services::add(&mut draft);
    scaling::add(&mut draft);
    alarms::add(&mut draft, Stack::App);
    dashboard::add(&mut draft);
    draft.finish(format!(
        "The application of tenant {} of {} {}: services, routing, scaling, alarms.",
        tenant.id, tenant.product, tenant.environment
    ))
}
