//! Situations that a tenant is in, from the cheapest decision to the most talkative.

use std::collections::BTreeMap;
use std::error::Error;

use domain::tags::Ownership;
use domain::{Tenant, Tier};
use jiff::{SignedDuration, Timestamp};
use store::{Status, TenantRecord};
use tenant_onboarding::decide::{
    Cause, Health, Observed, Rollout, ServiceHealth, Stack, StackState, TargetHealth, Wanted,
};

/// What a decision is made of.
pub(crate) struct Situation {
    pub(crate) name: &'static str,
    pub(crate) record: TenantRecord,
    pub(crate) observed: Observed,
    pub(crate) wanted: Wanted,
    pub(crate) now: Timestamp,
}

/// The situations that are measured.
pub(crate) fn all() -> Result<Vec<Situation>, Box<dyn Error>> {
    let began: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    let onboarding = TenantRecord::new(tenant()?, "request-1".to_owned(), 1, began);
    let active = TenantRecord {
        status: Status::Active,
        active_at: Some(began),
        announced: true,
        ..onboarding.clone()
    };
    let with_role = TenantRecord { database_role_at: Some(began), ..onboarding.clone() };
    let stack = |name, status| stack(name, status, began);
    let data = stack("mate-demo-dev-data", "CREATE_COMPLETE")?;
    let app = stack("mate-demo-dev-app", "CREATE_COMPLETE")?;
    let cause = Cause {
        resource: Some("Database (AWS::RDS::DBInstance)".to_owned()),
        reason: "the quota of DB instances is used up".to_owned(),
    };
    let broken = Stack { cause: Some(cause), ..stack("mate-demo-dev-data", "ROLLBACK_COMPLETE")? };
    let creating = stack("mate-demo-dev-data", "CREATE_IN_PROGRESS")?;
    let healthy = Observed { data: Some(data), app: Some(app), health: Some(healthy()) };
    let only = |data| Observed { data: Some(data), ..Observed::default() };
    let situation = |name, record, observed| Situation {
        name,
        record,
        observed,
        wanted: Wanted { protection: false },
        now: began + SignedDuration::from_mins(5),
    };
    Ok(vec![
        situation("active", active, Observed::default()),
        situation("waiting", onboarding.clone(), only(creating)),
        situation("healthy", with_role, healthy),
        situation("failed", onboarding, only(broken)),
    ])
}

fn tenant() -> Result<Tenant, Box<dyn Error>> {
    let word = || "internal".to_owned();
    Ok(Tenant {
        product: "mate".parse()?,
        id: "demo".parse()?,
        environment: "dev".parse()?,
        tier: Tier::Trial,
        display_name: "Demo".to_owned(),
        admin_email: "admin@demo.example.com".to_owned(),
        ownership: Ownership {
            cost_center: word(),
            owner: word(),
            data_classification: word(),
            compliance: word(),
        },
    })
}

fn stack(name: &str, status: &str, began: Timestamp) -> Result<Stack, Box<dyn Error>> {
    let state = StackState::of(status).ok_or_else(|| format!("{status} is no stack's status"))?;
    Ok(Stack {
        name: name.to_owned(),
        status: status.to_owned(),
        state,
        created_at: began + SignedDuration::from_mins(1),
        updated_at: None,
        tier: None,
        parameters: BTreeMap::new(),
        outputs: BTreeMap::from([("Url".to_owned(), "https://demo.mate.example.com".to_owned())]),
        termination_protection: false,
        cause: None,
    })
}

/// Three services behind one target, as mate has them.
fn healthy() -> Health {
    let service = |name: &str| ServiceHealth {
        name: format!("mate-demo-dev-{name}"),
        running: 1,
        desired: 1,
        rollout: Rollout::Completed,
    };
    Health {
        services: ["django", "celery", "beat"].map(service).to_vec(),
        missing: Vec::new(),
        targets: vec![TargetHealth {
            target: "10.0.0.7:8000".to_owned(),
            healthy: true,
            reason: "healthy".to_owned(),
        }],
    }
}
