//! What a request for a tenant means, given what is recorded of that tenant.

use store::{Status, TenantRecord};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is no such tenant: begin.
    Begin,
    /// The tenant's last attempt failed: begin a new one.
    Retry,
    /// This very request was taken already: just look at the tenant again.
    Repeated,
    /// There is such a tenant: change nothing, answer with its state.
    AlreadyThere,
}

/// Judges the request `request_id` by the record of its tenant.
pub fn judge(request_id: &str, record: Option<&TenantRecord>) -> Verdict {
    match record {
        None => Verdict::Begin,
        Some(record) if record.request_id == request_id => Verdict::Repeated,
        Some(record) if record.status == Status::Failed => Verdict::Retry,
        Some(_) => Verdict::AlreadyThere,
    }
}
