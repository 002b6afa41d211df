//! An ECS with services whose tasks get their secrets when they are made, as far as a rollout
//! looks at it. Time is the test's; deployments move when the test says so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::Clock;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
struct Deployment {
    id: String,
    status: &'static str,
    created_at: Timestamp,
    state: &'static str,
    reason: String,
}

#[derive(Debug, Clone)]
struct Task {
    arn: String,
    deployment: String,
    created_at: Timestamp,
    desired: &'static str,
    last: &'static str,
}

#[derive(Debug, Clone)]
struct Service {
    secrets: Vec<String>,
    desired: usize,
    deployments: Vec<Deployment>,
    tasks: Vec<Task>,
}

/// All services, by their names.
#[derive(Debug, Default)]
pub(crate) struct Ecs {
    clock: Option<Clock>,
    services: BTreeMap<String, Service>,
    made: usize,
    /// The services that were asked to be deployed anew, in their order.
    pub(crate) redeployed: Vec<String>,
}

impl Ecs {
    /// From now on time is this clock's.
    pub(crate) fn at(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    fn now(&self) -> Timestamp {
        self.clock.as_ref().expect("a clock").now()
    }

    fn id(&mut self, what: &str) -> String {
        self.made += 1;
        format!("{what}/{:04}", self.made)
    }

    /// A steady service of two tasks, that get these secrets when they are made.
    pub(crate) fn run(&mut self, name: &str, secrets: &[&str]) {
        let id = self.id("ecs-svc");
        let deployment = Deployment {
            id,
            status: "PRIMARY",
            created_at: self.now(),
            state: "COMPLETED",
            reason: String::new(),
        };
        let secrets = secrets.iter().map(|arn| format!("{arn}:password::")).collect();
        let service =
            Service { secrets, desired: 2, deployments: vec![deployment], tasks: Vec::new() };
        self.services.insert(name.to_owned(), service);
        self.start_tasks(name);
    }

    /// The newest deployment's tasks start.
    pub(crate) fn start_tasks(&mut self, name: &str) {
        let now = self.now();
        let (desired, deployment) = {
            let service = &self.services[name];
            (service.desired, service.deployments[0].id.clone())
        };
        for _ in 0..desired {
            let task = Task {
                arn: self.id("task"),
                deployment: deployment.clone(),
                created_at: now,
                desired: "RUNNING",
                last: "RUNNING",
            };
            self.services.get_mut(name).unwrap().tasks.push(task);
        }
    }

    /// The newest deployment is complete; tasks of older ones are on their way out.
    pub(crate) fn complete(&mut self, name: &str) {
        let service = self.services.get_mut(name).unwrap();
        service.deployments.truncate(1);
        service.deployments[0].state = "COMPLETED";
        let newest = service.deployments[0].id.clone();
        for task in service.tasks.iter_mut().filter(|task| task.deployment != newest) {
            task.desired = "STOPPED";
        }
    }

    /// The tasks on their way out are gone.
    pub(crate) fn drain(&mut self, name: &str) {
        for task in &mut self.services.get_mut(name).unwrap().tasks {
            if task.desired == "STOPPED" {
                task.last = "STOPPED";
            }
        }
    }

    /// A whole deployment.
    pub(crate) fn deploy(&mut self, name: &str) {
        self.start_tasks(name);
        self.complete(name);
        self.drain(name);
    }

    /// Every deployment that is under way comes to its end.
    pub(crate) fn deploy_all(&mut self) {
        let moving = self.services.iter().filter(|(_, it)| it.deployments[0].state != "COMPLETED");
        let names: Vec<String> = moving.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.deploy(&name);
        }
    }

    /// The circuit breaker gives the newest deployment up, and goes back to the one before.
    pub(crate) fn roll_back(&mut self, name: &str) {
        let service = self.services.get_mut(name).unwrap();
        service.deployments[0].status = "INACTIVE";
        service.deployments[0].state = "FAILED";
        service.deployments[0].reason.push_str("tasks failed to start");
        service.deployments[1].status = "PRIMARY";
    }

    /// A new deployment, whoever asked for it.
    pub(crate) fn update(&mut self, name: &str) {
        let deployment = Deployment {
            id: self.id("ecs-svc"),
            status: "PRIMARY",
            created_at: self.now(),
            state: "IN_PROGRESS",
            reason: String::new(),
        };
        let service = self.services.get_mut(name).unwrap();
        for deployment in &mut service.deployments {
            deployment.status = "ACTIVE";
        }
        service.deployments.insert(0, deployment);
    }

    pub(crate) fn answer(&mut self, operation: &str, asked: &Value) -> Value {
        let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
        let list = |key: &str| -> Vec<String> {
            let list = asked[key].as_array().into_iter().flatten();
            list.map(|it| it.as_str().expect("a text").to_owned()).collect()
        };
        match operation {
            "ListServices" => {
                // Pages of one, however many were asked for: ECS promises no number.
                let mut names = self.services.keys().map(String::as_str);
                let after = asked["nextToken"].as_str();
                let name = match after {
                    Some(after) => names.find(|name| *name > after),
                    None => names.next(),
                };
                let arn = |name| format!("arn:aws:ecs:us-east-1:111122223333:service/c/{name}");
                let arns: Vec<String> = name.into_iter().map(arn).collect();
                let more = name.filter(|_| names.next().is_some());
                json!({ "serviceArns": arns, "nextToken": more })
            }
            "DescribeServices" => {
                let found = list("services");
                let found = found.iter().filter_map(|name| Some((name, self.services.get(name)?)));
                let services: Vec<Value> = found.map(|(name, it)| it.shown(name)).collect();
                json!({ "services": services, "failures": [] })
            }
            "DescribeTaskDefinition" => {
                let service = &self.services[text("taskDefinition").trim_start_matches("td/")];
                let secrets: Vec<Value> = service
                    .secrets
                    .iter()
                    .map(|it| json!({ "name": "SECRET", "valueFrom": it }))
                    .collect();
                json!({ "taskDefinition": {
                    "containerDefinitions": [{ "name": "app", "secrets": secrets }],
                }})
            }
            "ListTasks" => {
                let status = text("desiredStatus");
                let tasks = &self.services[&text("serviceName")].tasks;
                let arns: Vec<&str> = tasks
                    .iter()
                    .filter(|task| task.desired == status)
                    .map(|task| task.arn.as_str())
                    .collect();
                json!({ "taskArns": arns })
            }
            "DescribeTasks" => {
                let asked = list("tasks");
                let all = self.services.values().flat_map(|service| &service.tasks);
                let tasks: Vec<Value> =
                    all.filter(|task| asked.contains(&task.arn)).map(Task::shown).collect();
                json!({ "tasks": tasks, "failures": [] })
            }
            "UpdateService" => {
                assert_eq!(asked["forceNewDeployment"], json!(true));
                let name = text("service");
                self.redeployed.push(name.clone());
                self.update(&name);
                json!({ "service": self.services[&name].shown(&name) })
            }
            other => panic!("ECS's {other} is not in this world"),
        }
    }
}

impl Service {
    fn shown(&self, name: &str) -> Value {
        let running = self.tasks.iter().filter(|task| task.desired == "RUNNING").count();
        let definition = format!("td/{name}");
        let deployments: Vec<Value> = self
            .deployments
            .iter()
            .map(|it| {
                json!({
                    "id": it.id, "status": it.status, "createdAt": seconds(it.created_at),
                    "rolloutState": it.state, "rolloutStateReason": it.reason,
                    "taskDefinition": definition,
                })
            })
            .collect();
        json!({
            "serviceName": name, "status": "ACTIVE", "desiredCount": self.desired,
            "runningCount": running.min(self.desired), "taskDefinition": definition,
            "deployments": deployments,
        })
    }
}

impl Task {
    fn shown(&self) -> Value {
        json!({
            "taskArn": self.arn, "startedBy": self.deployment,
            "createdAt": seconds(self.created_at), "desiredStatus": self.desired,
            "lastStatus": self.last,
        })
    }
}

/// ECS writes times as seconds with a fraction.
fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
