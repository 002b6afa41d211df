//! Which value each template parameter gets: the base infrastructure from the wiring, the data
//! stack's answers for the app stack, the rest from the tenant's record.

use std::collections::BTreeMap;

use store::TenantRecord;

use crate::error::Error;
use crate::template::Template;
use crate::template::parameter::{HOSTNAME, LISTENER_RULE_PRIORITY, PROTECTED};
use crate::wiring::Wiring;

/// The values of all parameters of `template`, in its order. `outputs` are the data stack's.
///
/// # Errors
/// [`Error::Deployment`] with all parameters that nothing fills.
pub fn fill(
    template: &Template,
    wiring: &Wiring,
    record: &TenantRecord,
    outputs: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, Error> {
    let names = record.tenant.names();
    let value = |name: &str| match name {
        HOSTNAME => Some(names.hostname(&wiring.domain)),
        LISTENER_RULE_PRIORITY => Some(record.listener_priority.to_string()),
        PROTECTED => Some("false".to_owned()),
        name => wiring
            .base
            .iter()
            .find(|(parameter, _)| *parameter == name)
            .map(|(_, value)| value.clone())
            .or_else(|| outputs.get(name).cloned()),
    };
    let mut filled = Vec::new();
    let mut missing = Vec::new();
    for name in template.parameters() {
        match value(name) {
            Some(value) => filled.push((name.to_owned(), value)),
            None => missing.push(name),
        }
    }
    if missing.is_empty() {
        return Ok(filled);
    }
    Err(Error::Deployment(format!(
        "the template of {} has parameters that nothing fills: {}; the wiring or the data stack's \
         outputs are from another version of Caretaker, deploy the suite again",
        names.base(),
        missing.join(", ")
    )))
}
