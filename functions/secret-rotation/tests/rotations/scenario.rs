//! A tenant with a database secret, and Secrets Manager going through its four steps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use domain::tags::Ownership;
use domain::{Catalogue, Tenant, Tier};
use jiff::Timestamp;
use runtime::{Classify, Clock, Invocation};
use secret_rotation::wiring::Wiring;
use secret_rotation::{Clients, SecretRotation};
use serde_dynamo::aws_sdk_dynamodb_1::to_item;
use serde_json::{Value, json};
use store::{Status, TenantRecord};

use crate::aws::{Aws, Instance};
use crate::database::{NAME, Server};
use crate::kill::Kill;
use crate::proxy;
use crate::secrets_manager::{Secret, Version};

pub(crate) const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// The application's secret, its master's, and the instance.
pub(crate) const SECRET: &str =
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:demo/database-app-AbCdEf";
pub(crate) const MASTER_SECRET: &str =
    "arn:aws:secretsmanager:us-east-1:111122223333:secret:demo/database-master-AbCdEf";

/// The password that the application's user begins with.
pub(crate) const FIRST: &str = "the-first-password-0123456789abcd";

pub(crate) struct Scenario {
    pub(crate) server: Server,
    pub(crate) aws: Aws,
    pub(crate) kill: Kill,
    pub(crate) function: SecretRotation,
    pub(crate) clock: Clock,
    /// How many connections the function has opened.
    pub(crate) lines: Arc<AtomicUsize>,
    tokens: usize,
}

impl Scenario {
    /// A tenant on this server, whose application's secret is rotated with this strategy.
    pub(crate) async fn new(server: Server, strategy: &str) -> Self {
        let product = if server.engine() == "postgres" { "mate" } else { "sarc-ng" };
        let kill = Kill::never();
        let (port, lines) = proxy::before(server.master().port, kill.clone()).await;
        let aws = Aws::new(kill.clone());
        let trust = match server.trust() {
            database::Trust::PemFile(path) => path.display().to_string(),
            database::Trust::RdsBundle => panic!("test servers have an authority of their own"),
        };
        let clients: Clients = aws.clients();
        let function =
            SecretRotation::with_catalogue(catalogue(product), wiring(product, &trust), clients)
                .unwrap();
        server.make_user("demo_app", "demo_owner", FIRST).await;
        let clock = Clock::fixed("2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap());
        let this = Self { server, aws, kill, function, clock, lines, tokens: 0 };
        this.fill(product, port, strategy);
        this
    }

    fn fill(&self, product: &str, port: u16, strategy: &str) {
        let tags: BTreeMap<String, String> =
            [("Product", product), ("Tenant", "demo"), ("Environment", "dev")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into();
        let mut world = self.aws.world.lock().unwrap();
        let id = format!("{product}-demo-dev-database");
        let engine = self.server.engine();
        let instance = Instance {
            engine: engine.to_owned(),
            port,
            master: self.server.master().username,
            tags: tags.clone(),
        };
        world.instances.insert(id, instance);
        world.table.put(&record(product));
        let master = self.server.master();
        let value = |user: &str, password: &str| {
            json!({
                "engine": engine, "host": "127.0.0.1", "port": port, "username": user,
                "password": password, "dbname": NAME, "note": { "kept": [1, 2] },
            })
        };
        let mut app = value("demo_app", FIRST);
        if strategy != "single-user" {
            app["masterarn"] = MASTER_SECRET.into();
        }
        let secret = |purpose: &str, value: &Value| Secret {
            name: format!("{product}-demo-dev/{purpose}"),
            tags: tags.clone(),
            versions: [("first".to_owned(), current(value))].into(),
            rotation_enabled: Some(true),
        };
        let mut app = secret("database-app", &app);
        app.tags.insert("RotationStrategy".to_owned(), strategy.to_owned());
        let password = secrecy::ExposeSecret::expose_secret(&master.password).to_owned();
        let master = secret("database-master", &value(&master.username, &password));
        world.secrets.ever.insert(FIRST.to_owned());
        world.secrets.secrets.insert(SECRET.to_owned(), app);
        world.secrets.secrets.insert(MASTER_SECRET.to_owned(), master);
    }

    /// The same, in a deployment that trusts another authority.
    pub(crate) fn trusting(mut self, authority: &Path) -> Self {
        let product = if self.server.engine() == "postgres" { "mate" } else { "sarc-ng" };
        let wiring = wiring(product, &authority.display().to_string());
        let clients = self.aws.clients();
        self.function =
            SecretRotation::with_catalogue(catalogue(product), wiring, clients).unwrap();
        self
    }

    /// The same, with a catalogue that permits plain text where a secret asks for it.
    pub(crate) fn permitting_plaintext(mut self, authority: &Path) -> Self {
        let rotation = "[defaults.rotation]";
        let text = text("mate").replace(rotation, &format!("{rotation}\npermit_plaintext = true"));
        let catalogue = Catalogue::parse("mate", &text).unwrap();
        let wiring = wiring("mate", &authority.display().to_string());
        let clients = self.aws.clients();
        self.function = SecretRotation::with_catalogue(catalogue, wiring, clients).unwrap();
        self
    }

    /// The same, with a catalogue that knows another user of every tenant.
    pub(crate) fn knowing(mut self, user: &str, privileges: &[&str]) -> Self {
        let product = if self.server.engine() == "postgres" { "mate" } else { "sarc-ng" };
        let database::Trust::PemFile(authority) = self.server.trust() else {
            panic!("test servers have an authority of their own")
        };
        let rotation = "[defaults.rotation]";
        let user = format!("[defaults.rotation.users.{user}]\nprivileges = {privileges:?}\n\n");
        let text = text(product).replace(rotation, &format!("{user}{rotation}"));
        let catalogue = Catalogue::parse(product, &text).unwrap();
        let wiring = wiring(product, &authority.display().to_string());
        self.function =
            SecretRotation::with_catalogue(catalogue, wiring, self.aws.clients()).unwrap();
        self
    }

    /// Has Secrets Manager begin a rotation when the rollout of the one before is over, and answers
    /// with its token.
    pub(crate) fn begin(&mut self, arn: &str) -> String {
        self.aws.world.lock().unwrap().table.settle();
        self.begin_at_once(arn)
    }

    /// Has Secrets Manager begin a rotation, whatever became of the one before.
    pub(crate) fn begin_at_once(&mut self, arn: &str) -> String {
        self.tokens += 1;
        let token = format!("token-{:04}", self.tokens);
        self.aws.world.lock().unwrap().secrets.begin(arn, &token).unwrap();
        token
    }

    /// One step: done, failed with its words, or `None` where the function was killed in it.
    pub(crate) async fn step(
        &self,
        step: &str,
        arn: &str,
        token: &str,
    ) -> Option<Result<(), String>> {
        let event = json!({
            "Step": step, "SecretId": arn, "ClientRequestToken": token,
            "RotationToken": "rotation-token-hunter2",
        });
        let invocation = Invocation::for_tests(self.clock.clone(), Duration::from_mins(2));
        tokio::select! {
            biased;
            () = self.kill.happened() => None,
            done = self.function.handle(event, &invocation) => {
                Some(done.map(drop).map_err(|error| error.diagnostic().error_message))
            }
        }
    }

    /// All four steps, as far as they come.
    pub(crate) async fn steps(&self, arn: &str, token: &str) -> Option<Result<(), String>> {
        for step in STEPS {
            match self.step(step, arn, token).await {
                Some(Ok(())) => {}
                Some(Err(words)) => return Some(Err(format!("{step}: {words}"))),
                None => return None,
            }
        }
        Some(Ok(()))
    }

    /// A whole rotation that must succeed.
    pub(crate) async fn rotate(&mut self, arn: &str) -> String {
        let token = self.begin(arn);
        self.steps(arn, &token).await.expect("nobody is killed").unwrap();
        token
    }

    /// The JSON of the version with a label.
    pub(crate) fn value(&self, arn: &str, label: &str) -> Option<Value> {
        let world = self.aws.world.lock().unwrap();
        let (_, version) = world.secrets.secrets[arn].with(label)?;
        version.value.as_ref().map(|value| serde_json::from_str(value).unwrap())
    }

    pub(crate) fn labels(&self, arn: &str, version: &str) -> Vec<String> {
        let world = self.aws.world.lock().unwrap();
        let version = world.secrets.secrets[arn].versions.get(version);
        version.into_iter().flat_map(|it| it.labels.clone()).collect()
    }

    /// Whether a version's login opens the database.
    pub(crate) async fn opens(&self, arn: &str, label: &str) -> bool {
        let value = self.value(arn, label).expect("it has a value");
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        self.server.lets_in(&text("username"), &text("password")).await
    }

    /// Runs SQL with what the application's look-up of its secret gives now.
    pub(crate) fn run_as_application(&self, arn: &str, statement: &str) {
        let value = self.value(arn, "AWSCURRENT").unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        self.server.sql_as(&self.server.login(&text("username"), &text("password")), statement);
    }

    /// What must hold whenever a rotation has ended: the current version opens the database, and
    /// the pending label is on it or nowhere.
    pub(crate) async fn assert_whole(&self, arn: &str) {
        assert!(self.opens(arn, "AWSCURRENT").await, "the current version opens the database");
        let world = self.aws.world.lock().unwrap();
        let secret = &world.secrets.secrets[arn];
        if let Some((pending, _)) = secret.with("AWSPENDING") {
            let (current, _) = secret.with("AWSCURRENT").unwrap();
            assert_eq!(pending, current, "AWSPENDING is on AWSCURRENT's version or on none");
        }
    }

    /// What must hold of everything that was written anywhere: no secret is in it.
    pub(crate) fn assert_nothing_leaked(&self) {
        let log = self.server.log();
        let world = self.aws.world.lock().unwrap();
        let told =
            format!("{:?}{:?}{:?}{:?}", world.events, world.alarms, world.queue, world.table);
        assert!(world.secrets.ever.len() > 1, "there is something to look for");
        for value in &world.secrets.ever {
            assert!(!log.contains(value.as_str()), "a password is in the server's log");
            assert!(!told.contains(value.as_str()), "a password was told");
        }
        assert!(!told.contains("hunter2"), "the rotation token was told");
    }
}

fn current(value: &Value) -> Version {
    Version { value: Some(value.to_string()), labels: ["AWSCURRENT".to_owned()].into() }
}

fn catalogue(product: &str) -> Catalogue {
    Catalogue::parse(product, &text(product)).unwrap()
}

/// A catalogue as it ships.
fn text(product: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("../../infra/catalogues/{product}.toml"));
    std::fs::read_to_string(file).unwrap()
}

fn wiring(product: &str, authority: &str) -> Wiring {
    let own =
        ["TABLE", "QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "EVENT_BUS", "EVENT_SOURCE", "CLUSTER"]
            .map(|name| (format!("CARETAKER_{name}"), name.to_owned()));
    let variables = [
        ("CARETAKER_PRODUCT", product),
        ("CARETAKER_ENVIRONMENT", "dev"),
        ("CARETAKER_DATABASE_CA_FILE", authority),
        ("CARETAKER_ALARM_TOPIC_ARN", "arn:aws:sns:us-east-1:111122223333:alarms"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Wiring::read(runtime::Wiring::from_pairs(own.into_iter().chain(variables))).unwrap()
}

fn record(
    product: &str,
) -> std::collections::HashMap<String, aws_sdk_dynamodb::types::AttributeValue> {
    let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let record = TenantRecord {
        tenant: Tenant {
            product: product.parse().unwrap(),
            id: "demo".parse().unwrap(),
            environment: "dev".parse().unwrap(),
            tier: Tier::Trial,
            display_name: "Demo".to_owned(),
            admin_email: "admin@example.com".to_owned(),
            ownership: Ownership {
                cost_center: "c".to_owned(),
                owner: "o".to_owned(),
                data_classification: "internal".to_owned(),
                compliance: "none".to_owned(),
            },
        },
        status: Status::Active,
        request_id: "r".to_owned(),
        registration_id: None,
        registration_unprefixed: false,
        attempt: 1,
        attempt_at: at,
        listener_priority: 1,
        database_role_at: Some(at),
        announced: true,
        failure: None,
        cleaning_up: false,
        url: None,
        active_at: Some(at),
        created_at: at,
        updated_at: at,
        version: 1,
    };
    let mut item = to_item(record).unwrap();
    for (name, value) in [("pk", format!("TENANT#{product}#dev#demo")), ("sk", "RECORD".to_owned())]
    {
        item.insert(name.to_owned(), aws_sdk_dynamodb::types::AttributeValue::S(value));
    }
    item
}
