//! Alerts and notifications for tests.

use std::collections::BTreeMap;

use domain::catalogue::Severity;

use crate::alert::{Alert, Link, LinkKind, State};
use crate::notification::{Notification, Occasion};

/// A critical alert of a tenant's database.
pub(crate) fn alert() -> Alert {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Alert {
        dedup_key: "cloudwatch:123456789012:eu-central-1:mate-demo-dev-database-cpu".to_owned(),
        state: State::Firing,
        severity: Severity::Critical,
        title: "CPU of mate-demo-dev-db over 90 %".to_owned(),
        summary: "Threshold crossed: 5 datapoints were greater than the threshold (90.0).".to_owned(),
        tenant: Some("demo".parse().unwrap()),
        environment: Some("dev".parse().unwrap()),
        service: Some("database".to_owned()),
        source: "cloudwatch-alarm".to_owned(),
        resource: Some("mate-demo-dev-db".to_owned()),
        labels: BTreeMap::from([
            label("alertname", "database-cpu"),
            label("metric", "CPUUtilization"),
            label("region", "eu-central-1"),
            label("threshold", "90"),
        ]),
        links: vec![
            Link {
                kind: LinkKind::Console,
                url: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#alarmsV2:alarm/mate-demo-dev-database-cpu".to_owned(),
            },
            Link {
                kind: LinkKind::Logs,
                url: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#logsV2:logs-insights$3FqueryDetail$3D$257E$2528end$257E$25272026-11-21T12*3a05*3a00.000Z$257Estart$257E$25272026-11-21T11*3a40*3a00.000Z$257EtimeType$257E$2527ABSOLUTE$257Etz$257E$2527UTC$257EeditorString$257E$2527fields*20*40timestamp*2c*20*40message*0a*7c*20sort*20*40timestamp*20desc*0a*7c*20limit*20200$257Esource$257E$2528$257E$2527*2faws*2frds*2finstance*2fmate-demo-dev-db*2fpostgresql$2529$2529".to_owned(),
            },
            Link {
                kind: LinkKind::Dashboard,
                url: "https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/mate-demo-dev".to_owned(),
            },
            Link {
                kind: LinkKind::Runbook,
                url: "https://wiki.example.com/runbooks/database-cpu".to_owned(),
            },
        ],
        happened_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        will_resolve: true,
    }
}

/// The first notification of the group that consists of this alert.
pub(crate) fn notification() -> Notification {
    let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Notification {
        group_key: "{}/{severity=\"critical\"}:{alertname=\"database-cpu\", tenant=\"demo\"}"
            .to_owned(),
        generation: 1,
        occasion: Occasion::Opened,
        receiver: "critical".to_owned(),
        group_labels: vec![
            label("alertname", "database-cpu"),
            label("tenant", "demo"),
            label("environment", "dev"),
        ],
        state: State::Firing,
        severity: Severity::Critical,
        alerts: vec![alert()],
        firing: 1,
        resolved: 0,
        is_digest: false,
        opened_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        happened_at: "2026-11-21T12:00:00Z".parse().unwrap(),
        mentions: Vec::new(),
        fallback_for: None,
    }
}

/// The same group once it is over.
pub(crate) fn resolved() -> Notification {
    let mut over = notification();
    over.generation = 2;
    over.occasion = Occasion::Resolved;
    over.state = State::Resolved;
    over.firing = 0;
    over.resolved = 1;
    over.happened_at = "2026-11-21T12:17:30Z".parse().unwrap();
    for alert in &mut over.alerts {
        alert.state = State::Resolved;
        alert.happened_at = over.happened_at;
    }
    over
}
