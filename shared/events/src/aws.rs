//! The events of AWS that wake Caretaker up.
//!
//! `aws_lambda_events` has no types for CloudFormation's and ECS's events, and Caretaker needs
//! one field of each: whose resource changed. Everything else is observed afresh.

use serde::Deserialize;

/// What every EventBridge event is wrapped in.
/// Source: EventBridge user guide, "AWS service event metadata".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Envelope {
    /// The event's own id; repeated when the event is delivered twice.
    pub id: String,
    /// What kind of event it is, together with `source`.
    pub detail_type: String,
    /// Who sent it: `aws.cloudformation`, `aws.ecs`, a product's control plane.
    pub source: String,
    /// The ARNs that it is about.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The event itself.
    #[serde(default)]
    pub detail: serde_json::Value,
}

impl Envelope {
    /// The name of the CloudFormation stack whose status changed, if that is what happened.
    ///
    /// Source: CloudFormation user guide, "Stack status change event detail": `detail.stack-id`
    /// is `arn:aws:cloudformation:region:account:stack/NAME/uuid`.
    pub fn changed_stack(&self) -> Option<&str> {
        if self.source != "aws.cloudformation"
            || self.detail_type != "CloudFormation Stack Status Change"
        {
            return None;
        }
        self.detail.get("stack-id")?.as_str()?.split('/').nth(1)
    }

    /// The name of the ECS service whose deployment moved on, if that is what happened.
    ///
    /// Source: ECS developer guide, "Service deployment state change events": `resources` holds
    /// `arn:aws:ecs:region:account:service/CLUSTER/NAME`.
    pub fn changed_service(&self) -> Option<&str> {
        if self.source != "aws.ecs" || self.detail_type != "ECS Deployment State Change" {
            return None;
        }
        self.resources.iter().find(|arn| arn.contains(":service/"))?.rsplit('/').next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(json: serde_json::Value) -> Envelope {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_stack_status_change_names_its_stack() {
        let event = envelope(serde_json::json!({
            "version": "0", "id": "e1", "detail-type": "CloudFormation Stack Status Change",
            "source": "aws.cloudformation", "account": "111122223333", "region": "us-east-1",
            "time": "2026-01-01T00:00:00Z",
            "resources": ["arn:aws:cloudformation:us-east-1:111122223333:stack/mate-demo-dev-data/a"],
            "detail": {
                "stack-id": "arn:aws:cloudformation:us-east-1:111122223333:stack/mate-demo-dev-data/a",
                "status-details": {"status": "CREATE_COMPLETE", "status-reason": ""}
            }
        }));
        assert_eq!(event.changed_stack(), Some("mate-demo-dev-data"));
        assert_eq!(event.changed_service(), None);
    }

    #[test]
    fn a_deployment_state_change_names_its_service() {
        let event = envelope(serde_json::json!({
            "id": "e2", "detail-type": "ECS Deployment State Change", "source": "aws.ecs",
            "resources": ["arn:aws:ecs:us-east-1:111122223333:service/mate-dev/mate-demo-dev-django"],
            "detail": {"eventType": "INFO", "eventName": "SERVICE_DEPLOYMENT_COMPLETED"}
        }));
        assert_eq!(event.changed_service(), Some("mate-demo-dev-django"));
        assert_eq!(event.changed_stack(), None);
    }

    #[test]
    fn an_event_of_another_kind_names_nothing() {
        let event = envelope(serde_json::json!({
            "id": "e3", "detail-type": "ECS Task State Change", "source": "aws.ecs",
            "detail": {"stack-id": "arn:aws:cloudformation:r:a:stack/x/y"}
        }));
        assert_eq!((event.changed_stack(), event.changed_service()), (None, None));
    }
}
