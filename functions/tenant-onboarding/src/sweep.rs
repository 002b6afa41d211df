//! The sweep: every five minutes all that is unfinished is looked at, so that no lost message
//! strands a tenant.

use runtime::Invocation;

use crate::TenantOnboarding;
use crate::error::Error;
use crate::event::{Look, nudge};

impl TenantOnboarding {
    pub(crate) async fn sweep(&self, invocation: &Invocation) -> Result<(), Error> {
        let unfinished =
            self.store.unfinished(&self.wiring.product, &self.wiring.environment).await?;
        // Alone, not the beginning of a chain: if a chain still lives, there must not be two.
        let looks = unfinished
            .iter()
            .map(|tenant| nudge(&Look { tenant_id: tenant.tenant.clone(), chain: None }));
        self.queue.requeue_all(looks, invocation).await?;
        tracing::info!(unfinished = unfinished.len(), "swept: {} unfinished", unfinished.len());
        Ok(())
    }
}
