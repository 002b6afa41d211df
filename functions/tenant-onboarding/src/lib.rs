//! Brings a tenant up: from a request on a queue to a running application.
//!
//! Why it exists: a tenant used to be three evenings of Terraform, and half of one stayed behind
//! when the third evening failed. Here a message asks for a tenant, CloudFormation makes it, and
//! what can go wrong is said in words and cleaned up after.
//!
//! ```text
//! message ──► observe ──► decide ──► act ──► journal + events
//!  (hint)     (reads)     (pure)    (writes)
//! ```
//!
//! A message only says *look at this tenant*. What is to be done follows from its record and from
//! what is observed, so a message that is lost, late, repeated or out of order changes nothing.
//! [`decide`] is where the thinking is.

pub mod act;
pub mod decide;
pub mod error;
pub mod event;
pub mod observe;
pub mod parameters;
pub mod request;
pub mod template;
pub mod wiring;

mod accept;
mod journal;
mod pass;
mod setup;
mod sweep;

pub use setup::Clients;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use domain::Catalogue;
use runtime::{Invocation, Queue, Record, batch};
use store::Store;

use crate::act::Hands;
use crate::error::Error;
use crate::event::{Look, Message};
use crate::observe::Observer;
use crate::wiring::Wiring;

/// The function's name, in logs, metrics and the journal.
pub const FUNCTION: &str = "tenant-onboarding";

/// The function: everything that outlives an invocation.
#[derive(Debug)]
pub struct TenantOnboarding {
    catalogue: Catalogue,
    wiring: Wiring,
    store: Store,
    observer: Observer,
    hands: Hands,
    queue: Queue,
}

impl TenantOnboarding {
    /// Works through a batch of the queue, record by record.
    pub async fn handle(&self, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
        batch::process(event, invocation, async |record| self.record(record, invocation).await)
            .await
    }

    /// One message: the whole way.
    async fn record(&self, record: Record, invocation: &Invocation) -> Result<(), Error> {
        let done = match event::read(&record.body, &self.wiring.product, &self.wiring.environment) {
            Ok(Message::Request(asked)) => self.accept(&asked, &record, invocation).await,
            Ok(Message::Look(look)) => self.look(&look, &record, invocation).await,
            Ok(Message::Sweep) => self.sweep(invocation).await,
            Ok(Message::NotOurs) => Ok(()),
            Err(refusal) => self.refuse(&refusal, &record, invocation).await,
        };
        self.queue.settle(&record, done).await
    }

    /// Looks at a tenant, and goes on from there.
    async fn look(
        &self,
        look: &Look,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        tracing::Span::current().record("tenant", look.tenant_id.as_str());
        let Some(tenant) = self.store.read(&self.key(&look.tenant_id)).await? else {
            tracing::info!("looked at a tenant that is not recorded; nothing to do");
            return Ok(());
        };
        self.pass(tenant, look, record, invocation).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use runtime::REDELIVERY;

    use super::*;

    #[test]
    fn a_message_is_not_given_up_while_a_killed_pass_still_holds_its_tenant() {
        // `max_receive_count` of the queue in `infra/manifest.yaml`.
        const DELIVERIES_MAX: u32 = 5;
        let delays: Duration = (1..DELIVERIES_MAX).map(|received| REDELIVERY.delay(received)).sum();
        assert!(delays > 2 * pass::LEASE_MAX, "{delays:?}");
    }
}
