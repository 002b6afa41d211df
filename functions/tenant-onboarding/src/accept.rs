//! Taking requests: what is new begins, what failed is tried again, what exists answers with its
//! state, what contradicts itself is refused.

use std::time::Duration;

use events::saas_builder::Registration;
use runtime::{Invocation, Record};
use serde_json::{Value, json};
use store::{Acquire, Begin, Creation, Idempotency, IdempotencyConflict, Status, TenantRecord};

use crate::TenantOnboarding;
use crate::decide::{Verdict, judge};
use crate::error::Error;
use crate::event::{Asked, Look, Refusal};
use crate::journal::Lines;
use crate::pass::{lease_for, pass_of};
use crate::request::Mistake;
use crate::wiring::Wiring;

/// How long a repeated request is known as one. SQS keeps a message for 14 days at the most, and
/// a dead letter may be replayed after that long.
const REMEMBERED_FOR: Duration = Duration::from_hours(30 * 24);

/// The counter from which rules on the shared listener get their priorities.
const LISTENER_PRIORITY: &str = "listener-priority";

/// The largest priority of a rule (ELB API reference, `CreateRule`).
const LISTENER_PRIORITY_MAX: u32 = 50_000;

impl TenantOnboarding {
    pub(crate) async fn accept(
        &self,
        asked: &Asked,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let tenant_id = &asked.request.tenant_id;
        tracing::Span::current().record("tenant", tenant_id.as_str());
        let content: Value = serde_json::from_str(&asked.content).unwrap_or_default();
        let id = &asked.request.request_id;
        let idempotency = Idempotency::new("onboard", id.clone(), &content, REMEMBERED_FOR)?;
        let found = self.store.read(&self.key(tenant_id)).await?;
        let taken = match found {
            None => self.begin_tenant(asked, &idempotency, record, invocation).await?,
            Some(tenant) => self.ask_again(tenant, asked, &idempotency, record, invocation).await?,
        };
        match taken {
            Taken::Tenant(tenant) => {
                let look = Look { tenant_id: tenant_id.clone(), chain: Some(0) };
                self.pass(*tenant, &look, record, invocation).await
            }
            Taken::Answered => Ok(()),
            Taken::Contradiction(conflict) => {
                self.refuse(&contradiction(asked, &conflict), record, invocation).await
            }
        }
    }

    /// Records a tenant that is asked for the first time.
    async fn begin_tenant(
        &self,
        asked: &Asked,
        idempotency: &Idempotency,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<Taken, Error> {
        let now = invocation.clock.now();
        let priority = self.store.next_number(LISTENER_PRIORITY).await?;
        if priority > LISTENER_PRIORITY_MAX {
            return Err(Error::Deployment(format!(
                "the listener has no rule priority left: {LISTENER_PRIORITY_MAX} were given out"
            )));
        }
        let request = &asked.request;
        let Wiring { product, environment, .. } = &self.wiring;
        let tenant = request.tenant(product, environment, &self.catalogue.ownership);
        let mut new = TenantRecord::new(tenant, request.request_id.clone(), priority, now);
        new = registered(new, request.registration.as_ref());
        let mut lines = Lines::new(&invocation.request_id, &request.request_id, now);
        let what = format!("accept {} on tier {}", request.tenant_id, request.tier);
        lines.note("request", &what, "there is no such tenant", "recorded");
        Ok(match self.store.create(&new, &lines.take(), idempotency, now).await? {
            Creation::Created(tenant) | Creation::Repeated(tenant) => {
                Taken::Tenant(Box::new(tenant))
            }
            // Another request was faster: this one is for a tenant that exists.
            Creation::AlreadyExists(tenant) => {
                self.ask_again(tenant, asked, idempotency, record, invocation).await?
            }
            Creation::Conflict(conflict) => Taken::Contradiction(conflict),
        })
    }

    /// A request for a tenant that is recorded.
    async fn ask_again(
        &self,
        tenant: TenantRecord,
        asked: &Asked,
        idempotency: &Idempotency,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<Taken, Error> {
        let now = invocation.clock.now();
        let id = &asked.request.request_id;
        let (pass, held_for) = (pass_of(record), lease_for(invocation));
        let claim = match self.store.begin(idempotency, &pass, now, held_for).await? {
            Begin::Claimed(claim) => claim,
            Begin::Repeated(_) => return Ok(Taken::Tenant(Box::new(tenant))),
            Begin::Conflict(conflict) => return Ok(Taken::Contradiction(conflict)),
            Begin::InProgress { until } => {
                return Err(busy(format!("the request {id} is being taken until {until}")));
            }
        };
        let taken = match judge(id, Some(&tenant)) {
            Verdict::Begin | Verdict::Repeated => Taken::Tenant(Box::new(tenant)),
            Verdict::Retry => {
                Taken::Tenant(Box::new(self.try_again(tenant, asked, record, invocation).await?))
            }
            Verdict::AlreadyThere => {
                let key = tenant.key();
                let mut lines = Lines::new(&invocation.request_id, id, now);
                let why = format!("the tenant exists and is {}", tenant.status);
                lines.note("request", "change nothing", &why, "answered with its state");
                let waiting = asked.request.registration.as_ref();
                self.hands.answer_with_state(&tenant, id, waiting).await?;
                self.store.append(&key, &lines.take()).await?;
                Taken::Answered
            }
        };
        self.store.complete(&claim, &json!({ "tenant": asked.request.tenant_id }), now).await?;
        Ok(taken)
    }

    /// Begins a new attempt of a tenant whose last one failed, on what is asked for now.
    async fn try_again(
        &self,
        failed: TenantRecord,
        asked: &Asked,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<TenantRecord, Error> {
        let now = invocation.clock.now();
        let request = &asked.request;
        let (pass, held_for) = (pass_of(record), lease_for(invocation));
        let lease = match self.store.acquire(&failed, &pass, now, held_for).await? {
            Acquire::Taken(lease) => lease,
            Acquire::Held { .. } | Acquire::Changed => {
                return Err(busy(format!("another pass works on {}", failed.key())));
            }
        };
        let Wiring { product, environment, .. } = &self.wiring;
        let next = TenantRecord {
            tenant: request.tenant(product, environment, &self.catalogue.ownership),
            status: Status::Onboarding,
            request_id: request.request_id.clone(),
            attempt: failed.attempt.saturating_add(1),
            attempt_at: now,
            // The database may be another one by now, if a person removed the last.
            database_role_at: None,
            announced: false,
            failure: None,
            cleaning_up: false,
            ..failed.clone()
        };
        let next = registered(next, request.registration.as_ref());
        let mut lines = Lines::new(&invocation.request_id, &request.request_id, now);
        let what = format!("begin attempt {}", next.attempt);
        let why = failed.failure.map_or_else(
            || "the last attempt failed".to_owned(),
            |failure| format!("the last attempt failed: {failure}"),
        );
        lines.note("request", &what, &why, "recorded");
        Ok(self.store.commit(&lease, &next, &lines.take(), now).await?)
    }

    /// Refuses a message: in the journal where it names a tenant, and to all who must know.
    pub(crate) async fn refuse(
        &self,
        refusal: &Refusal,
        record: &Record,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let mistakes: Vec<String> = refusal.mistakes.iter().map(ToString::to_string).collect();
        let mistakes = mistakes.join("; ");
        tracing::warn!(mistakes, "refused a message with {} mistakes", refusal.mistakes.len());
        if let Some(tenant_id) = &refusal.tenant_id {
            let request_id = refusal.request_id.as_deref().unwrap_or_default();
            let now = record.sent_at.unwrap_or_else(|| invocation.clock.now());
            let mut lines = Lines::new(&record.message_id, request_id, now);
            lines.note("request", "refuse the message", &mistakes, "put with the dead letters");
            self.store.append(&self.key(tenant_id), &lines.take()).await?;
        }
        let reason = self.hands.refuse(refusal, &record.message_id, &self.wiring).await?;
        Ok(self.queue.give_up(record, &reason).await?)
    }
}

/// What came of a request.
enum Taken {
    /// There is a tenant to look at.
    Tenant(Box<TenantRecord>),
    /// All is said.
    Answered,
    /// It is another request than the one that had its id.
    Contradiction(IdempotencyConflict),
}

/// With the registration that waits for how the attempt ends.
fn registered(record: TenantRecord, registration: Option<&Registration>) -> TenantRecord {
    TenantRecord {
        registration_id: registration.map(|it| it.id.clone()),
        registration_unprefixed: registration.is_some_and(|it| it.is_unprefixed),
        ..record
    }
}

fn contradiction(asked: &Asked, conflict: &IdempotencyConflict) -> Refusal {
    let mistake = Mistake { field: "requestId".to_owned(), problem: conflict.to_string() };
    Refusal {
        mistakes: vec![mistake],
        tenant_id: Some(asked.request.tenant_id.clone()),
        request_id: Some(asked.request.request_id.clone()),
        // What the control plane asked for under this id at first is answered by how that ends.
        registration: None,
    }
}

fn busy(reason: String) -> Error {
    Error::Busy(reason)
}
