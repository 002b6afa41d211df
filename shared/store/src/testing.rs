//! What the crate's own tests speak of: tenant `demo` on the first of March 2026, at noon.

use jiff::{SignedDuration, Timestamp};

use crate::{JournalEntry, TenantRecord};

/// Noon and this many seconds.
pub(crate) fn instant(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(seconds)
}

/// The record of a tenant of `mate` in `dev` that was just asked for.
pub(crate) fn record(tenant: &str) -> TenantRecord {
    let tenant = serde_json::from_value(serde_json::json!({
        "product": "mate",
        "id": tenant,
        "environment": "dev",
        "tier": "trial",
        "display_name": "Demo GmbH",
        "admin_email": "admin@demo.example",
        "ownership": {
            "cost_center": "sales-7",
            "owner": "platform",
            "data_classification": "confidential",
            "compliance": "gdpr",
        },
    }));
    TenantRecord::new(tenant.unwrap(), "request-1".to_owned(), 7, instant(0))
}

/// A journal line, this many seconds after noon.
pub(crate) fn entry(seconds: i64, what: &str) -> JournalEntry {
    JournalEntry {
        at: instant(seconds),
        function: "tenant-onboarding".to_owned(),
        pass: "pass-1".to_owned(),
        request_id: "request-1".to_owned(),
        step: "data stack".to_owned(),
        what: what.to_owned(),
        why: "there is none".to_owned(),
        outcome: "started".to_owned(),
    }
}
