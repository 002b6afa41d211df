//! Tenants and stacks in words: `onboarding().with_role()`, `data().ready()`.

use std::collections::BTreeMap;

use domain::Tenant;
use domain::tags::Ownership;
use jiff::{SignedDuration, Timestamp};
use store::{Failure, Status, TenantRecord};
use tenant_onboarding::decide::{
    Cause, Decision, Health, Observed, Rollout, ServiceHealth, Stack, StackState, TargetHealth,
    Wanted, decide,
};

/// When the attempt began.
pub(crate) fn began() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// So many minutes into the attempt.
pub(crate) fn minute(minutes: i64) -> Timestamp {
    began() + SignedDuration::from_mins(minutes)
}

pub(crate) fn onboarding() -> TenantRecord {
    let word = "internal".to_owned();
    let ownership = Ownership {
        cost_center: word.clone(),
        owner: word.clone(),
        data_classification: word.clone(),
        compliance: word,
    };
    let tenant = Tenant {
        product: "mate".parse().unwrap(),
        id: "demo".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        tier: domain::Tier::Trial,
        display_name: "Demo".to_owned(),
        admin_email: "admin@example.com".to_owned(),
        ownership,
    };
    TenantRecord::new(tenant, "request-1".to_owned(), 1, began())
}

pub(crate) trait Told: Sized {
    fn with_role(self) -> Self;
    fn active(self) -> Self;
    fn failed(self) -> Self;
    fn announced(self) -> Self;
    fn settled(self) -> Self;
}

impl Told for TenantRecord {
    fn with_role(self) -> Self {
        Self { database_role_at: Some(began()), ..self }
    }

    fn active(self) -> Self {
        Self { status: Status::Active, active_at: Some(began()), ..self }
    }

    fn failed(self) -> Self {
        let failure = Failure {
            step: "data stack".to_owned(),
            resource: Some("Database (AWS::RDS::DBInstance)".to_owned()),
            reason: "quota exceeded".to_owned(),
            at: began(),
        };
        Self { status: Status::Failed, failure: Some(failure), cleaning_up: true, ..self }
    }

    fn announced(self) -> Self {
        Self { announced: true, ..self }
    }

    fn settled(self) -> Self {
        Self { cleaning_up: false, ..self }
    }
}

/// A stack that CloudFormation is creating since the first minute.
pub(crate) fn stack(name: &str) -> Stack {
    Stack {
        name: name.to_owned(),
        status: "CREATE_IN_PROGRESS".to_owned(),
        state: StackState::InProgress,
        created_at: minute(1),
        updated_at: None,
        tier: None,
        parameters: BTreeMap::new(),
        outputs: BTreeMap::new(),
        termination_protection: false,
        cause: None,
    }
}

pub(crate) fn data() -> Stack {
    stack("mate-demo-dev-data")
}

pub(crate) fn app() -> Stack {
    let url = ("Url".to_owned(), "https://demo.mate.example.com".to_owned());
    Stack { outputs: BTreeMap::from([url]), ..stack("mate-demo-dev-app") }
}

pub(crate) trait InState: Sized {
    fn is(self, status: &str) -> Self;
    fn ready(self) -> Self {
        self.is("CREATE_COMPLETE")
    }
    fn broken_by(self, resource: &str, reason: &str) -> Self;
    fn protected(self) -> Self;
    fn older_than_the_attempt(self) -> Self;
}

impl InState for Stack {
    fn is(self, status: &str) -> Self {
        let state = StackState::of(status).expect("a stack that exists");
        Self { status: status.to_owned(), state, ..self }
    }

    fn broken_by(self, resource: &str, reason: &str) -> Self {
        let cause = Cause { resource: Some(resource.to_owned()), reason: reason.to_owned() };
        Self { cause: Some(cause), ..self.is("ROLLBACK_COMPLETE") }
    }

    fn protected(self) -> Self {
        let parameters = BTreeMap::from([("Protected".to_owned(), "true".to_owned())]);
        Self { parameters, termination_protection: true, ..self }
    }

    fn older_than_the_attempt(self) -> Self {
        Self { created_at: minute(-60), ..self }
    }
}

pub(crate) fn healthy() -> Health {
    Health {
        services: vec![ServiceHealth {
            name: "mate-demo-dev-django".to_owned(),
            running: 1,
            desired: 1,
            rollout: Rollout::Completed,
        }],
        missing: Vec::new(),
        targets: vec![TargetHealth {
            target: "10.0.0.7:8000".to_owned(),
            healthy: true,
            reason: "healthy".to_owned(),
        }],
    }
}

pub(crate) fn sick() -> Health {
    let mut health = healthy();
    health.targets[0].healthy = false;
    "unhealthy, Target.ResponseCodeMismatch".clone_into(&mut health.targets[0].reason);
    health
}

pub(crate) fn nothing() -> Observed {
    Observed::default()
}

pub(crate) fn seen(data: Stack) -> Observed {
    Observed { data: Some(data), ..Observed::default() }
}

pub(crate) trait Also {
    fn and(self, app: Stack) -> Self;
    fn with(self, health: Health) -> Self;
}

impl Also for Observed {
    fn and(self, app: Stack) -> Self {
        Self { app: Some(app), ..self }
    }

    fn with(self, health: Health) -> Self {
        Self { health: Some(health), ..self }
    }
}

/// Decides for a tier without protection, five minutes into the attempt.
pub(crate) fn decided(record: &TenantRecord, observed: &Observed) -> Vec<String> {
    texts(&decide(record, observed, Wanted { protection: false }, minute(5)))
}

/// Decides for a protected tier.
pub(crate) fn decided_protected(record: &TenantRecord, observed: &Observed) -> Vec<String> {
    texts(&decide(record, observed, Wanted { protection: true }, minute(5)))
}

/// Decides so many minutes into the attempt.
pub(crate) fn decided_at(minutes: i64, record: &TenantRecord, observed: &Observed) -> Vec<String> {
    texts(&decide(record, observed, Wanted { protection: false }, minute(minutes)))
}

pub(crate) fn texts(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(ToString::to_string).collect()
}
