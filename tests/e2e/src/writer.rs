//! An application that writes all the time: what a rotation must not disturb.
//!
//! It does what applications should do with a rotated secret: it looks the secret up, keeps it for
//! a moment, and opens its connections with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use database::{DatabaseSecret, Engine};
use secrecy::ExposeSecret;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{Connection, Row};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::{Result, Suite};

/// How long a secret that was looked up is kept.
const KEPT_FOR: Duration = Duration::from_millis(250);

/// Between two writes: enough to leave two cores some air.
const PAUSE: Duration = Duration::from_millis(10);

/// A client that writes until it is stopped.
#[derive(Debug)]
pub struct Writer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Written>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Written {
    /// Writes that the database confirmed.
    pub writes: u64,
    /// Each write that failed, in words.
    pub failures: Vec<String>,
    /// The users that it wrote as, in order, each time that it became another.
    pub users: Vec<String>,
    /// Rows found at the end.
    pub rows: u64,
}

impl Writer {
    /// Starts to write into a tenant's database, with a new connection for each write.
    ///
    /// # Errors
    /// When the table cannot be made.
    pub async fn start(suite: &Suite, secret: &str) -> Result<Self> {
        let application = Application {
            secrets: suite.secrets.clone(),
            secret: secret.to_owned(),
            ca: suite.about.ca_bundle.display().to_string(),
        };
        let found = application.look_up().await?;
        application.run(&found, "CREATE TABLE IF NOT EXISTS written (n BIGINT)").await?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move { application.write_until(&stopped).await });
        Ok(Self { stop, task })
    }

    /// Stops, and says what was written.
    ///
    /// # Errors
    /// When the writer itself broke.
    pub async fn stop(self) -> Result<Written> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.task.await?)
    }
}

struct Application {
    secrets: aws_sdk_secretsmanager::Client,
    secret: String,
    ca: String,
}

impl Application {
    async fn look_up(&self) -> Result<DatabaseSecret> {
        let answer = self.secrets.get_secret_value().secret_id(&self.secret).send().await?;
        Ok(DatabaseSecret::parse(answer.secret_string().unwrap_or_default())?)
    }

    async fn write_until(&self, stopped: &AtomicBool) -> Written {
        let mut written = Written::default();
        let mut kept: Option<(Instant, DatabaseSecret)> = None;
        while !stopped.load(Ordering::Relaxed) {
            let fresh = kept.take().filter(|(since, _)| since.elapsed() < KEPT_FOR);
            let (since, found) = match fresh {
                Some(fresh) => fresh,
                None => match self.look_up().await {
                    Ok(found) => (Instant::now(), found),
                    Err(error) => {
                        written.failures.push(format!("looking the secret up: {error}"));
                        continue;
                    }
                },
            };
            if written.users.last() != Some(&found.username) {
                written.users.push(found.username.clone());
            }
            match self.run(&found, "INSERT INTO written VALUES (1)").await {
                Ok(_) => written.writes += 1,
                Err(error) => written.failures.push(format!("as {}: {error}", found.username)),
            }
            kept = Some((since, found));
            tokio::time::sleep(PAUSE).await;
        }
        if let Ok(found) = self.look_up().await {
            let rows = self.run(&found, "SELECT count(*) FROM written").await;
            written.rows = rows.ok().flatten().unwrap_or_default().try_into().unwrap_or_default();
        }
        written
    }

    /// Opens a connection, runs one statement, and gives back the number that it answers.
    async fn run(&self, secret: &DatabaseSecret, statement: &'static str) -> Result<Option<i64>> {
        let password = secret.password.expose_secret();
        let database = secret.dbname.as_deref().unwrap_or_default();
        if secret.engine == Engine::Postgres {
            let options = PgConnectOptions::new_without_pgpass()
                .host(&secret.host)
                .port(secret.port)
                .username(&secret.username)
                .password(password)
                .database(database)
                .ssl_mode(PgSslMode::VerifyFull)
                .ssl_root_cert(&self.ca);
            let mut connection = PgConnection::connect_with(&options).await?;
            let row = sqlx::query(statement).fetch_optional(&mut connection).await?;
            connection.close().await?;
            return Ok(row.map(|row| row.try_get(0)).transpose()?);
        }
        let options = MySqlConnectOptions::new()
            .host(&secret.host)
            .port(secret.port)
            .username(&secret.username)
            .password(password)
            .database(database)
            .ssl_mode(MySqlSslMode::VerifyIdentity)
            .ssl_ca(&self.ca);
        let mut connection = MySqlConnection::connect_with(&options).await?;
        let row = sqlx::query(statement).fetch_optional(&mut connection).await?;
        connection.close().await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }
}
