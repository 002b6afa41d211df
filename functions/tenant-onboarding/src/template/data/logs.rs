//! The services' log groups. They are made with the data, not with the application: when an
//! application fails and its stack is rolled back, its log is the evidence and must stay.

use serde_json::json;

use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::pascal;

/// Adds a log group for each service.
pub(super) fn add(draft: &mut Draft<'_>) {
    for name in draft.settings.services.keys() {
        let logs = Resource::new(
            "AWS::Logs::LogGroup",
            json!({
                "LogGroupName": draft.names.log_group(name),
                "RetentionInDays": draft.settings.log_retention_days,
            }),
        );
        draft.add(format!("{}LogGroup", pascal(name)), logs);
    }
}
