//! The data stack: everything of a tenant that must not be lost, and the security groups that
//! hold it together.

mod buckets;
mod cache;
mod database;
mod files;
mod logs;
mod network;
mod secrets;

use domain::Tenant;
use domain::catalogue::Settings;
use serde_json::Value;

pub(super) use self::cache::CACHE;
pub(super) use self::database::{DATABASE, instance_id};
use super::alarms;
use super::cfn::Draft;
use super::metrics::Stack;

/// The template of the data stack.
pub(super) fn render(tenant: &Tenant, settings: &Settings) -> Value {
    let mut draft = Draft::new(tenant, settings);
    network::add(&mut draft);
    secrets::add(&mut draft);
    database::add(&mut draft);
    cache::add(&mut draft);
    buckets::add(&mut draft);
    files::add(&mut draft);
    logs::add(&mut draft);
    alarms::add(&mut draft, Stack::Data);
    draft.finish(format!(
        "What tenant {} of {} {} must not lose: database, cache, buckets, files, secrets, logs.",
        tenant.id, tenant.product, tenant.environment
    ))
}
