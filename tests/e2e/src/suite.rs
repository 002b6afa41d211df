//! Caretaker on a local cloud, and what a person would do to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use database::{DatabaseSecret, Target, Trust};
use domain::TenantId;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::{JournalEntry, Status, Store, TenantKey, TenantRecord};
use tokio::time::Instant;

use crate::cloud::{About, Cloud, Deployment, root};
use crate::control::Control;
use crate::{Error, Result};

/// How long anything may take. Generous: two cores may be busy, and a wait that ends in time
/// costs nothing.
const WITHIN: Duration = Duration::from_mins(4);

/// How often it is looked meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The suite, deployed on a cloud of its own.
#[derive(Debug)]
pub struct Suite {
    /// Where the cloud is.
    pub about: About,
    /// The cloud's state folder.
    pub state: PathBuf,
    /// The cloud, where it is this value's own and ends with it.
    pub cloud: Option<Cloud>,
    /// What is to go wrong, and what was called.
    pub control: Control,
    /// Where everything is.
    pub deployment: Deployment,
    /// The records.
    pub store: Store,
    /// For clients with all rights.
    pub config: SdkConfig,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Stacks.
    pub cloudformation: aws_sdk_cloudformation::Client,
    /// Services and tasks.
    pub ecs: aws_sdk_ecs::Client,
    /// Secrets.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// The table, item by item.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// The bodies of all messages that were taken so far: what a later search must not miss.
    pub(crate) taken: Mutex<Vec<String>>,
}

impl Suite {
    /// The suite for one of the products in `infra/catalogues`.
    ///
    /// # Errors
    /// When the cloud does not start or the suite is not taken.
    pub async fn of(product: &str, environment: &str, settings: &[&str]) -> Result<Self> {
        let catalogue = root().join("infra/catalogues").join(product).with_extension("toml");
        Self::on(Cloud::start()?, &catalogue, environment, settings).await
    }

    /// The suite for a product of one small web server and a database, which comes up in a
    /// second: for tests that are not about the application.
    ///
    /// # Errors
    /// When the cloud does not start or the suite is not taken.
    pub async fn light(settings: &[&str]) -> Result<Self> {
        Self::testing("light", settings).await
    }

    /// The suite for one of the products in `tests/e2e/catalogues`.
    ///
    /// # Errors
    /// When the cloud does not start or the suite is not taken.
    pub async fn testing(product: &str, settings: &[&str]) -> Result<Self> {
        let catalogue = root().join("tests/e2e/catalogues").join(product).with_extension("toml");
        Self::on(Cloud::start()?, &catalogue, "dev", settings).await
    }

    /// The suite on this cloud.
    ///
    /// # Errors
    /// When the suite is not taken.
    pub async fn on(
        cloud: Cloud,
        catalogue: &Path,
        environment: &str,
        settings: &[&str],
    ) -> Result<Self> {
        cloud.deploy(catalogue, environment, settings)?;
        let suite = Self::attach(cloud.state()).await?;
        Ok(Self { cloud: Some(cloud), ..suite })
    }

    /// The suite on a cloud that runs already, by its state folder.
    ///
    /// # Errors
    /// When nothing is deployed there.
    pub async fn attach(state: &Path) -> Result<Self> {
        let about: About = read(&state.join("localcloud.json"))?;
        let deployment: Deployment = read(&state.join("deployment.json"))?;
        let (id, key) = (&about.admin.access_key_id, &about.admin.secret_access_key);
        let credentials = Credentials::new(id, key, None, None, "localcloud");
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(about.region.clone()))
            .endpoint_url(&about.endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .load()
            .await;
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        Ok(Self {
            control: Control::new(&about),
            store: Store::new(dynamodb.clone(), deployment.table.clone()),
            sqs: aws_sdk_sqs::Client::new(&config),
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            ecs: aws_sdk_ecs::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            dynamodb,
            taken: Mutex::default(),
            cloud: None,
            state: state.to_owned(),
            about,
            deployment,
            config,
        })
    }

    /// Puts a message on the queue of tenant-onboarding.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn send(&self, body: impl Into<String>) -> Result<()> {
        let queue = &self.deployment.function("tenant-onboarding")?.queue_url;
        self.sqs.send_message().queue_url(queue).message_body(body).send().await?;
        Ok(())
    }

    /// Asks for a tenant by a request whose id is `request-<tenant>`.
    ///
    /// # Errors
    /// When the queue does not take it.
    pub async fn ask_for(&self, tenant: &str, tier: &str) -> Result<()> {
        self.send(self.request(tenant, tier).to_string()).await
    }

    /// The request that [`Suite::ask_for`] sends.
    pub fn request(&self, tenant: &str, tier: &str) -> Value {
        self.request_named(&format!("request-{tenant}"), tenant, tier)
    }

    /// A whole request for a tenant, under this request id.
    pub fn request_named(&self, request_id: &str, tenant: &str, tier: &str) -> Value {
        json!({
            "action": "onboard",
            "requestId": request_id,
            "tenantId": tenant,
            "displayName": format!("Tenant {tenant}"),
            "tier": tier,
            "environment": self.deployment.environment,
            "adminEmail": format!("admin@{tenant}.example.com"),
            "tags": { "costCenter": "4200" },
        })
    }

    /// The tenant's key in the store.
    ///
    /// # Errors
    /// When the id is none.
    pub fn key(&self, tenant: &str) -> Result<TenantKey> {
        let id: TenantId = tenant.parse()?;
        let Deployment { product, environment, .. } = &self.deployment;
        Ok(TenantKey::new(product.parse()?, environment.parse()?, id))
    }

    /// What is recorded of a tenant.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn record(&self, tenant: &str) -> Result<Option<TenantRecord>> {
        Ok(self.store.read(&self.key(tenant)?).await?)
    }

    /// A tenant's whole journal, the oldest line first.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn journal(&self, tenant: &str) -> Result<Vec<JournalEntry>> {
        let key = self.key(tenant)?;
        let mut lines = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.journal(&key, after).await?;
            lines.extend(page.items);
            after = page.next;
            if after.is_none() {
                return Ok(lines);
            }
        }
    }

    /// Waits until the tenant is recorded so and all who must know were told.
    ///
    /// # Errors
    /// When it is not in time; the message has its record and journal.
    pub async fn until(&self, tenant: &str, status: Status) -> Result<TenantRecord> {
        let reached = self
            .eventually(WITHIN, async || {
                let record = self.record(tenant).await?;
                Ok(record.filter(|it| it.status == status && !it.is_unfinished()))
            })
            .await?;
        match reached {
            Some(record) => Ok(record),
            None => Err(self.stuck(tenant, status).await),
        }
    }

    async fn stuck(&self, tenant: &str, status: Status) -> Error {
        let record = self.record(tenant).await;
        let journal = self.journal(tenant).await.unwrap_or_default();
        let journal: Vec<String> = journal.iter().map(ToString::to_string).collect();
        let journal = journal.join("\n");
        format!("{tenant} is not {status}: {record:#?}\n{journal}").into()
    }

    /// Waits until `look` finds something, at most for `within`.
    ///
    /// # Errors
    /// Those of `look`.
    pub async fn eventually<T>(
        &self,
        within: Duration,
        look: impl AsyncFn() -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let end = Instant::now() + within;
        loop {
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            if Instant::now() > end {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Takes messages from a queue until `is_it` finds the one that is waited for; the others
    /// are gone.
    ///
    /// # Errors
    /// When it does not come in time; the message has what came instead.
    pub async fn message(&self, queue: &str, is_it: impl Fn(&Message) -> bool) -> Result<Message> {
        let end = Instant::now() + WITHIN;
        let mut others = Vec::new();
        while Instant::now() < end {
            for message in self.take(queue).await? {
                if is_it(&message) {
                    return Ok(message);
                }
                others.push(message.body);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("what was waited for did not come to {queue}, but: {others:#?}").into())
    }

    /// Takes what lies in a queue, up to ten messages.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub async fn take(&self, queue: &str) -> Result<Vec<Message>> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .message_attribute_names("All")
            .send()
            .await?;
        let mut messages = Vec::new();
        for message in answer.messages() {
            let receipt = message.receipt_handle().unwrap_or_default();
            self.sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await?;
            let attributes = message.message_attributes().into_iter().flatten();
            if let Ok(mut taken) = self.taken.lock() {
                taken.extend(message.body().map(str::to_owned));
            }
            messages.push(Message {
                body: message.body().unwrap_or_default().to_owned(),
                attributes: attributes
                    .filter_map(|(name, it)| Some((name.clone(), it.string_value()?.to_owned())))
                    .collect(),
            });
        }
        Ok(messages)
    }

    /// The queue that hears what is published: `events`, `notifications` or `alarms`.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn inbox(&self, name: &str) -> Result<&str> {
        let inbox = self.deployment.inboxes.get(name);
        Ok(inbox.ok_or_else(|| format!("there is no inbox {name}"))?)
    }

    /// What the tenant's host name answers on `path`: status and body.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn get(&self, tenant: &str, path: &str) -> Result<(u16, String)> {
        let host = format!("{tenant}.{}", self.deployment.domain);
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let url = format!("{}{path}", self.deployment.load_balancer_url);
        let mut answer =
            ureq::Agent::new_with_config(config).get(url).header("Host", host).call()?;
        Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
    }

    /// A stack's outputs.
    ///
    /// # Errors
    /// When there is no such stack.
    pub async fn outputs(&self, stack: &str) -> Result<BTreeMap<String, String>> {
        let answer = self.cloudformation.describe_stacks().stack_name(stack).send().await?;
        let outputs = answer.stacks().first().map(|stack| stack.outputs().to_vec());
        let pair = |output: &aws_sdk_cloudformation::types::Output| {
            Some((output.output_key()?.to_owned(), output.output_value()?.to_owned()))
        };
        Ok(outputs.unwrap_or_default().iter().filter_map(pair).collect())
    }

    /// How to open a tenant's database as its application does, and whose certificate it has.
    ///
    /// # Errors
    /// When the secret cannot be read.
    pub async fn database(&self, tenant: &str) -> Result<(Target, Trust)> {
        let names = self.key(tenant)?;
        let stack = format!("{}-{}-{}-data", names.product, names.tenant, names.environment);
        let outputs = self.outputs(&stack).await?;
        let arn = outputs.get("DatabaseSecretArn").ok_or("the stack names no secret")?;
        let secrets = aws_sdk_secretsmanager::Client::new(&self.config);
        let answer = secrets.get_secret_value().secret_id(arn).send().await?;
        let secret = DatabaseSecret::parse(answer.secret_string().unwrap_or_default())?;
        Ok((secret.target(), Trust::from_setting(Some(&self.about.ca_bundle))))
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let json = std::fs::read(file).map_err(|error| {
        format!("could not read {}: {error}; does a local cloud run there?", file.display())
    })?;
    Ok(serde_json::from_slice(&json)?)
}

/// A message that was taken from a queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its body.
    pub body: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

impl Message {
    /// Its body as JSON, `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}
