//! A tenant's secrets as a person, an application and a nosy reader see them: rotated by hand,
//! looked up, and searched for wherever something is written down.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use serde_json::Value;

use crate::cloud::Deployment;
use crate::{Message, Result, Suite};

/// How long a rotation may take with all its retries.
const ROTATED_WITHIN: Duration = Duration::from_mins(3);

/// Shorter values than this are no secrets; they would be found everywhere.
const SECRET_LENGTH_MIN: usize = 16;

impl Suite {
    /// A tenant's secret by what it is for: `database-app`.
    pub fn secret_name(&self, tenant: &str, purpose: &str) -> String {
        format!("{}-{tenant}-{}/{purpose}", self.deployment.product, self.deployment.environment)
    }

    /// The secret's JSON as an application gets it now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn look_up(&self, secret: &str) -> Result<Value> {
        let answer = self.secrets.get_secret_value().secret_id(secret).send().await?;
        Ok(serde_json::from_str(answer.secret_string().unwrap_or_default())?)
    }

    /// Has Secrets Manager rotate a secret, and waits until the new version is the current one.
    ///
    /// # Errors
    /// When that does not come about in time; the message has the labels of all versions.
    pub async fn rotate(&self, secret: &str) -> Result<String> {
        self.until_none_is_under_way(secret).await?;
        let asked = self.secrets.rotate_secret().secret_id(secret).send().await?;
        let version = asked.version_id().ok_or("RotateSecret gave no version")?.to_owned();
        let rotated = self
            .eventually(ROTATED_WITHIN, async || {
                let described = self.describe(secret).await?;
                Ok(version_with(&described, "AWSCURRENT").filter(|current| *current == version))
            })
            .await?;
        match rotated {
            Some(version) => Ok(version),
            None => Err(format!("not rotated: {:#?}", self.describe(secret).await?).into()),
        }
    }

    /// Waits until `AWSPENDING` is where the end of a rotation leaves it. A schedule that has just been
    /// attached is tested on a pending version of its own, and until that is gone Secrets Manager
    /// refuses to rotate; so it does after a rotation that is stuck, and that ends as an error here.
    async fn until_none_is_under_way(&self, secret: &str) -> Result<()> {
        let free = self
            .eventually(ROTATED_WITHIN, async || {
                let described = self.describe(secret).await?;
                let pending = version_with(&described, "AWSPENDING");
                let is_free =
                    pending.is_none() || pending == version_with(&described, "AWSCURRENT");
                Ok(is_free.then_some(()))
            })
            .await?;
        match free {
            Some(()) => Ok(()),
            None => Err(format!("a rotation is stuck: {:#?}", self.describe(secret).await?).into()),
        }
    }

    /// Waits until all services have the version of a secret that is its current one, and the
    /// value before it is good for nothing.
    ///
    /// # Errors
    /// When that is not announced in time.
    pub async fn until_rolled_out(&self, version: &str) -> Result<()> {
        let completed = |message: &Message| {
            let event = message.json();
            let detail_type = event.get("detail-type").and_then(Value::as_str);
            let rotated = event.pointer("/detail/versionId").and_then(Value::as_str);
            detail_type == Some("SecretRolloutCompleted") && rotated == Some(version)
        };
        self.message(self.inbox("events")?, completed).await?;
        Ok(())
    }

    /// What Secrets Manager says of a secret.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn describe(&self, secret: &str) -> Result<DescribeSecretOutput> {
        Ok(self.secrets.describe_secret().secret_id(secret).send().await?)
    }

    /// Every secret text in every version of a secret that still has a value.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn values(&self, secret: &str) -> Result<BTreeSet<String>> {
        let described = self.describe(secret).await?;
        let mut values = BTreeSet::new();
        for version in described.version_ids_to_stages().into_iter().flatten().map(|(id, _)| id) {
            let asked = self.secrets.get_secret_value().secret_id(secret).version_id(version);
            let Ok(answer) = asked.send().await else { continue };
            let text = answer.secret_string().unwrap_or_default();
            let json = serde_json::from_str::<Value>(text).unwrap_or_default();
            for key in ["password", "token", "key"] {
                values.extend(json.get(key).and_then(Value::as_str).map(str::to_owned));
            }
        }
        values.retain(|value| value.len() >= SECRET_LENGTH_MIN);
        Ok(values)
    }

    /// The tasks that run in a tenant's services, by ARN.
    ///
    /// # Errors
    /// When ECS does not answer.
    pub async fn running_tasks(&self, tenant: &str) -> Result<BTreeSet<String>> {
        let Deployment { product, environment, cluster, .. } = &self.deployment;
        let prefix = format!("{product}-{tenant}-{environment}-");
        let services = self.ecs.list_services().cluster(cluster).into_paginator().items().send();
        let mut tasks = BTreeSet::new();
        for service in services.collect::<std::result::Result<Vec<_>, _>>().await? {
            if service.rsplit('/').next().is_some_and(|name| name.starts_with(&prefix)) {
                let running = self.ecs.list_tasks().cluster(cluster).service_name(service);
                let running = running.into_paginator().items().send();
                tasks.extend(running.collect::<std::result::Result<Vec<_>, _>>().await?);
            }
        }
        Ok(tasks)
    }

    /// Everything that was written down and is not a secret's own place: the logs of functions,
    /// tasks, databases and of the cloud, what was published, the table. Each with its name.
    ///
    /// # Errors
    /// When something of it cannot be read.
    pub async fn everything_written(&self) -> Result<Vec<(String, String)>> {
        let mut written = Vec::new();
        collect_logs(&self.state, &mut written)?;
        let groups = self.logs.describe_log_groups().into_paginator().items().send();
        for group in groups.collect::<std::result::Result<Vec<_>, _>>().await? {
            let name = group.log_group_name().unwrap_or_default().to_owned();
            let events = self.logs.filter_log_events().log_group_name(&name).into_paginator();
            let mut text = String::new();
            let mut pages = events.send();
            while let Some(page) = pages.next().await {
                let page = page?;
                text.extend(page.events().iter().filter_map(|it| it.message()));
            }
            written.push((format!("log group {name}"), text));
        }
        for inbox in ["events", "notifications", "alarms"] {
            while !self.take(self.inbox(inbox)?).await?.is_empty() {}
        }
        let taken = self.taken.lock().map_err(|error| error.to_string())?.join("\n");
        written.push(("what was published".to_owned(), taken));
        let table = &self.deployment.table;
        let items = self.dynamodb.scan().table_name(table).into_paginator().items().send();
        let items = items.collect::<std::result::Result<Vec<_>, _>>().await?;
        written.push((format!("table {table}"), format!("{items:?}")));
        Ok(written)
    }
}

/// The version that bears a label.
pub fn version_with(secret: &DescribeSecretOutput, label: &str) -> Option<String> {
    let mut versions = secret.version_ids_to_stages().into_iter().flatten();
    versions.find(|(_, labels)| labels.iter().any(|it| it == label)).map(|(id, _)| id.clone())
}

/// Reads all log files below a folder, links followed: the servers' data may lie elsewhere.
fn collect_logs(folder: &Path, into: &mut Vec<(String, String)>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        // A server's own files come and go while it runs.
        let Ok(about) = std::fs::metadata(&path) else { continue };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if about.is_dir() && name != "pgdata" {
            let _ = collect_logs(&path, into);
        } else if path.extension().is_some_and(|it| it == "log") {
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            into.push((path.display().to_string(), text));
        }
    }
    Ok(())
}
