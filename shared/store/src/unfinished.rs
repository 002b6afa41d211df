//! What a sweep has to take up: tenants that are on their way, or whose arrival nobody was told.
//!
//! They are found through a sparse index that holds only them, so a sweep costs what is
//! unfinished, not what exists.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Environment, Product};

use crate::layout::{self, INDEX, INDEX_PK, INDEX_SK, Item, PK};
use crate::page::PageToken;
use crate::store::text;
use crate::{Store, StoreError, TenantKey, TenantRecord};

/// How many tenants one sweep takes up; what is left over is the next sweep's, longest waiting
/// first. A thousand passes every five minutes are more than one environment ever has under way,
/// and their keys fit in one page of DynamoDB.
pub const UNFINISHED_TENANTS_MAX: usize = 1_000;

impl Store {
    /// The tenants of an environment that are unfinished, those first whose record was left alone
    /// the longest; at most [`UNFINISHED_TENANTS_MAX`].
    ///
    /// The index follows the table within a second or so: a tenant that was just asked for may be
    /// missing and one that was just finished still be there. For a sweep neither matters, as
    /// each pass reads the record itself.
    pub async fn unfinished(
        &self,
        product: &Product,
        environment: &Environment,
    ) -> Result<Vec<TenantKey>, StoreError> {
        let partition = layout::unfinished_partition(product, environment);
        let mut tenants = Vec::new();
        let mut start = None;
        loop {
            let left = UNFINISHED_TENANTS_MAX.saturating_sub(tenants.len());
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(INDEX)
                .key_condition_expression("#partition = :partition")
                .expression_attribute_names("#partition", INDEX_PK)
                .expression_attribute_values(":partition", text(&partition))
                .limit(i32::try_from(left).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| {
                    let index = layout::key(partition.clone(), INDEX.to_owned());
                    self.failed("Query", &index, &error)
                })?;
            tenants.extend(answer.items().iter().filter_map(tenant_of));
            start = PageToken::from_key(answer.last_evaluated_key).map(PageToken::into_key);
            if start.is_none() || tenants.len() >= UNFINISHED_TENANTS_MAX {
                return Ok(tenants);
            }
        }
    }
}

/// Whose record an item of the index is. One that cannot be told is logged and left out: it must
/// not keep the sweep from all the others.
fn tenant_of(item: &Item) -> Option<TenantKey> {
    let partition = layout::read_text(item, PK).unwrap_or_default();
    let tenant = TenantKey::from_partition(partition);
    if tenant.is_none() {
        tracing::warn!(item = partition, "an unfinished item is no tenant's record: {partition:?}");
    }
    tenant
}

/// The index's keys of a record, `None` for one that belongs out of the index.
pub(crate) fn index_keys(record: &TenantRecord) -> Option<[(&'static str, AttributeValue); 2]> {
    record.is_unfinished().then(|| {
        let tenant = &record.tenant;
        let partition = layout::unfinished_partition(&tenant.product, &tenant.environment);
        let since = layout::sortable(record.updated_at);
        [(INDEX_PK, text(partition)), (INDEX_SK, text(format!("{since}#{}", tenant.id)))]
    })
}
