//! Where things lie in the table: every key pattern and every attribute name that is not a field
//! of a record.
//!
//! They are in one place because a key that two modules spell differently is a record that one of
//! them never finds.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Environment, Product};
use jiff::Timestamp;

use crate::TenantKey;

/// An item or a key as the SDK takes it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The partition key.
pub(crate) const PK: &str = "pk";
/// The sort key.
pub(crate) const SK: &str = "sk";
/// The sparse index of what is unfinished; an item is in it while it has both of its keys.
pub(crate) const INDEX: &str = "gsi1";
/// The index's partition key.
pub(crate) const INDEX_PK: &str = "gsi1pk";
/// The index's sort key.
pub(crate) const INDEX_SK: &str = "gsi1sk";
/// The table's TTL attribute, in epoch seconds.
pub(crate) const EXPIRES_AT: &str = "expires_at";

/// Of a tenant's record: how often its content was written. Of a document: which writing it is.
pub(crate) const VERSION: &str = "version";
/// Of a tenant's record: the pass that holds the lease.
pub(crate) const LEASE_OWNER: &str = "lease_owner";
/// Of a tenant's record: until when the lease holds, in epoch milliseconds.
pub(crate) const LEASE_UNTIL: &str = "lease_until";
/// Of a tenant's record: the last fencing token given out. It only ever grows.
pub(crate) const FENCE: &str = "fence";

/// The sort key of a tenant's record.
pub(crate) const RECORD: &str = "RECORD";
/// What the sort keys of a tenant's journal begin with.
pub(crate) const JOURNAL_PREFIX: &str = "JOURNAL#";
/// The sort key of an idempotency record.
pub(crate) const IDEMPOTENCY: &str = "IDEMPOTENCY";
/// The sort key of a counter.
pub(crate) const COUNTER: &str = "COUNTER";
/// The sort key of a token bucket.
pub(crate) const BUCKET: &str = "BUCKET";

/// The key of a tenant's record.
pub(crate) fn record_key(tenant: &TenantKey) -> Item {
    key(tenant.partition(), RECORD.to_owned())
}

/// The key of an idempotency record. A scope is a word of ours without `#`, so that no two pairs
/// of scope and key share one item.
pub(crate) fn idempotency_key(scope: &str, name: &str) -> Item {
    key(format!("IDEMPOTENCY#{scope}#{name}"), IDEMPOTENCY.to_owned())
}

/// The key of a counter.
pub(crate) fn counter_key(name: &str) -> Item {
    key(format!("COUNTER#{name}"), COUNTER.to_owned())
}

/// The partition of all documents of one kind. A kind is a word of ours without `#`, so that no
/// two pairs of kind and partition share one.
pub(crate) fn document_partition(kind: &str, partition: &str) -> String {
    format!("DOCUMENT#{kind}#{partition}")
}

/// The index partition of those documents of one kind that somebody has to look at.
pub(crate) fn due_partition(kind: &str, partition: &str) -> String {
    format!("DUE#{kind}#{partition}")
}

/// The key of a token bucket.
pub(crate) fn bucket_key(name: &str) -> Item {
    key(format!("BUCKET#{name}"), BUCKET.to_owned())
}

/// The index partition of all tenants of one environment that are unfinished.
pub(crate) fn unfinished_partition(product: &Product, environment: &Environment) -> String {
    format!("UNFINISHED#{product}#{environment}")
}

/// An instant whose text sorts as time does: jiff's own leaves out trailing zeros, and `Z` sorts
/// after `.`.
pub(crate) fn sortable(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// A key of partition and sort key.
pub(crate) fn key(partition: String, sort: String) -> Item {
    HashMap::from([
        (PK.to_owned(), AttributeValue::S(partition)),
        (SK.to_owned(), AttributeValue::S(sort)),
    ])
}

/// A number as DynamoDB takes it.
pub(crate) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A number of an item, if it is there and is one.
pub(crate) fn read_number<N: std::str::FromStr>(item: &Item, attribute: &str) -> Option<N> {
    item.get(attribute)?.as_n().ok()?.parse().ok()
}

/// A text of an item, if it is there and is one.
pub(crate) fn read_text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute)?.as_s().ok().map(String::as_str)
}

/// An instant of an item that is kept in epoch milliseconds.
pub(crate) fn read_instant(item: &Item, attribute: &str) -> Option<Timestamp> {
    Timestamp::from_millisecond(read_number(item, attribute)?).ok()
}

/// An item's key in words, for errors: `TENANT#mate#dev#demo / RECORD`.
pub(crate) fn key_in_words(item: &Item) -> String {
    let text = |attribute| read_text(item, attribute).unwrap_or("?");
    format!("{} / {}", text(PK), text(SK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sortable_instant_sorts_as_time_does() {
        let instants = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z"];
        let texts = instants.map(|text| sortable(text.parse().unwrap()));
        assert!(texts.is_sorted(), "{texts:?}");
        assert_eq!(texts[1], "2026-01-01T00:00:00.500000000Z");
    }
}
