//! Rotates every secret of a tenant, without downtime.
//!
//! Why it exists: secrets that nobody rotates leak once and stay leaked. Secrets Manager calls this
//! function in four steps for each rotation; afterwards the services that use the secret are
//! relaunched, and only then is the old value taken away.
//!
//! ```text
//! step ────► describe, bind ──► decide ◄──► try one more door ──► act ──► tell
//! message ─► read the document ──► settle what is stuck, or roll out ──► tell
//! ```
//!
//! [`decide`] is where the thinking about the four steps is, [`rollout`] where that about what
//! comes after. No database secret is touched before its [`binding`] holds.

pub mod binding;
pub mod cache;
pub mod case;
pub mod decide;
pub mod document;
pub mod error;
pub mod event;
pub mod keys;
pub mod kind;
pub mod observe;
pub mod refusal;
pub mod rollout;
pub mod wiring;

mod act;
mod doors;
mod record;
mod settle;
mod setup;
mod step;

pub use setup::Clients;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use database::Trust;
use domain::Catalogue;
use runtime::{Invocation, Publisher, Queue, Record, batch};
use serde_json::Value;
use store::{Documents, Store};

use crate::error::Error;
use crate::event::{Event, Message};
use crate::observe::Observer;
use crate::wiring::Wiring;

/// The function's name, in logs, metrics and events.
pub const FUNCTION: &str = "secret-rotation";

/// The function: everything that outlives an invocation.
#[derive(Debug)]
pub struct SecretRotation {
    pub(crate) catalogue: Catalogue,
    pub(crate) wiring: Wiring,
    pub(crate) clients: Clients,
    pub(crate) store: Store,
    pub(crate) documents: Documents,
    pub(crate) observer: Observer,
    pub(crate) trust: Trust,
    pub(crate) queue: Queue,
    pub(crate) publisher: Publisher,
}

impl SecretRotation {
    /// Answers whatever Lambda hands over: a step of Secrets Manager with nothing, a batch of the
    /// queue with the messages that failed.
    ///
    /// # Errors
    /// When the event cannot be understood or the step cannot be done. Of a batch, each message
    /// fails alone.
    pub async fn handle(&self, event: Value, invocation: &Invocation) -> Result<Value, Error> {
        match event::read(event).map_err(|error| Error::Unfit(error.to_string()))? {
            Event::Step(request) => self.step(&request, invocation).await.map(|()| Value::Null),
            Event::Queue(batch) => {
                let answer = self.batch(batch, invocation).await;
                // A list of texts always serializes.
                Ok(serde_json::to_value(answer).unwrap_or_default())
            }
        }
    }

    async fn batch(&self, event: SqsEvent, invocation: &Invocation) -> SqsBatchResponse {
        batch::process(event, invocation, async |record| self.record(record, invocation).await)
            .await
    }

    /// One message: the whole way.
    async fn record(&self, record: Record, invocation: &Invocation) -> Result<(), Error> {
        let here = self.here();
        let done = match event::message(&record.body, here.product, here.environment) {
            Ok(Message::Look(look)) => self.look(&look, invocation).await,
            Ok(Message::Tenant(tenant)) => self.look_at_tenant(&tenant, invocation).await,
            Ok(Message::Sweep) => self.sweep(invocation).await,
            Ok(Message::NotOurs) => Ok(()),
            Err(reason) => Err(Error::Unfit(reason)),
        };
        self.queue.settle(&record, done).await
    }

    /// Whose certificates caches must have.
    pub(crate) fn cache_trust(&self) -> cache::CacheTrust {
        cache::CacheTrust::from_setting(self.wiring.cache_ca_file.as_ref())
    }
}
