//! The sweep: every five minutes all that is unfinished is looked at, so that no lost message
//! strands a tenant.

use std::time::Duration;

use runtime::Invocation;

use crate::TenantOnboarding;
use crate::error::Error;
use crate::event::{Look, nudge};

/// Over which time the looks of one sweep are spread, so that a thousand tenants do not ask
/// CloudFormation in the same second.
const SPREAD: Duration = Duration::from_mins(1);

impl TenantOnboarding {
    pub(crate) async fn sweep(&self, invocation: &Invocation) -> Result<(), Error> {
        let unfinished =
            self.store.unfinished(&self.wiring.product, &self.wiring.environment).await?;
        // Alone, not the beginning of a chain: if a chain still lives, there must not be two.
        let looks: Vec<String> = unfinished
            .iter()
            .map(|tenant| nudge(&Look { tenant_id: tenant.tenant.clone(), chain: None }))
            .collect();
        self.queue.requeue_all(&looks, SPREAD, invocation).await?;
        tracing::info!(unfinished = unfinished.len(), "swept: {} unfinished", unfinished.len());
        Ok(())
    }
}
