//! Whether an application serves: its services as ECS sees them, its targets as the load
//! balancer does.

/// How a service's newest deployment is doing. Source: ECS API reference,
/// `Deployment.rolloutState`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// Tasks are being started.
    InProgress,
    /// As many tasks run as are wanted.
    Completed,
    /// The circuit breaker tripped; ECS's reason.
    Failed(String),
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceHealth {
    /// Its name.
    pub name: String,
    /// Tasks that run.
    pub running: u32,
    /// Tasks that should.
    pub desired: u32,
    /// Its newest deployment.
    pub rollout: Rollout,
}

/// A task behind the load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// Its address and port.
    pub target: String,
    /// Whether its health path answers as it should.
    pub healthy: bool,
    /// The load balancer's state and reason where it does not.
    pub reason: String,
}

/// An application's health.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// All services of the tenant that exist.
    pub services: Vec<ServiceHealth>,
    /// Services that the catalogue names and ECS does not have.
    pub missing: Vec<String>,
    /// All targets but those that are leaving.
    pub targets: Vec<TargetHealth>,
}

impl Health {
    /// The first thing that keeps it from serving, in words; none if it serves.
    pub fn ailment(&self) -> Option<String> {
        if let Some(name) = self.missing.first() {
            return Some(format!("the service {name} does not exist"));
        }
        for service in &self.services {
            let ServiceHealth { name, running, desired, rollout } = service;
            match rollout {
                Rollout::Failed(reason) => {
                    return Some(format!("the deployment of {name} failed: {reason}"));
                }
                _ if running < desired => {
                    return Some(format!("{running} of {desired} tasks of {name} run"));
                }
                Rollout::InProgress => {
                    return Some(format!("the deployment of {name} is not complete"));
                }
                Rollout::Completed => {}
            }
        }
        if self.targets.is_empty() {
            return Some("no task is registered with the load balancer".to_owned());
        }
        let sick = self.targets.iter().find(|target| !target.healthy)?;
        Some(format!("the target {} is not healthy: {}", sick.target, sick.reason))
    }
}
