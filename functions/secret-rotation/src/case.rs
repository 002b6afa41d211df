//! The case that a step works on: everything about the secret that is read before the first
//! decision, with its binding checked.
//!
//! Why the binding is here: a [`Case`] of a database secret cannot be had without it, so nothing
//! that comes after can forget it.

use std::time::Duration;

use database::{Credentials, DatabaseSecret, Encryption, Engine, Target};
use domain::catalogue::Settings;
use secrecy::{ExposeSecret, SecretString};
use store::{Status, TenantKey, TenantRecord};

use crate::SecretRotation;
use crate::binding::{self, Claim, Here, Login, Server};
use crate::decide::Method;
use crate::error::Error;
use crate::kind::{Kind, Strategy, classify};
use crate::observe::{CURRENT, Described, Version};
use crate::refusal::{FailureKind, Refusal};

/// What a step works on.
#[derive(Debug, Clone)]
pub struct Case {
    /// The secret.
    pub secret: Described,
    /// Whose it is.
    pub tenant: TenantRecord,
    /// What the catalogue wants for the tenant's tier.
    pub settings: Settings,
    /// What the secret is.
    pub kind: Kind,
    /// Whom a new value has to be told.
    pub method: Method,
    /// The value that applications get.
    pub current: SecretString,
    /// The tenant's server, for a database user.
    pub server: Option<Server>,
}

impl Case {
    /// Where and as whom a value of this secret logs in.
    ///
    /// # Errors
    /// In words without anything of the value, why it opens no database.
    pub fn target(&self, value: &SecretString) -> Result<Target, String> {
        let permitted = self.encryption();
        if let Kind::RdsManagedMaster(_) = self.kind {
            let credentials = Credentials::parse(value.expose_secret());
            let credentials = credentials.map_err(|error| error.to_string())?;
            return managed_target(credentials, self.server.as_ref())
                .map(|it| encrypted(it, permitted));
        }
        let secret = DatabaseSecret::parse(value.expose_secret());
        Ok(encrypted(secret.map_err(|error| error.to_string())?.target(), permitted))
    }

    /// The user of a value of this secret, for a database user.
    pub fn username(&self, value: &SecretString) -> Option<String> {
        self.target(value).ok().map(|target| target.username)
    }

    /// The user that the pending version is for: the current one, or its other half.
    pub fn next_username(&self) -> Option<String> {
        let current = self.username(&self.current)?;
        let alternates = self.method == Method::Database(Strategy::AlternatingUsers);
        Some(if alternates { binding::alternate(&current) } else { current })
    }

    /// The engine of the tenant's server, as the secret has it.
    pub fn engine(&self) -> Option<Engine> {
        self.target(&self.current).ok().map(|target| target.engine)
    }

    /// Whether the tenant's users are there to be tried: while a tenant is being brought up, the
    /// schedules are made, and tested, before the users are.
    pub fn user_is_made(&self) -> bool {
        self.tenant.status != Status::Onboarding || self.tenant.database_role_at.is_some()
    }

    /// How long an application key is accepted after it was replaced.
    pub fn key_fallback(&self) -> Duration {
        Duration::from_hours(self.settings.rotation.key_fallback_hours.into())
    }

    fn encryption(&self) -> Encryption {
        if self.settings.rotation.permit_plaintext {
            Encryption::PlaintextPermitted
        } else {
            Encryption::Verified
        }
    }

    /// What the secret says about where it belongs.
    pub fn claim(&self) -> Claim<'_> {
        Claim { name: &self.secret.name, tags: &self.secret.tags }
    }
}

fn encrypted(target: Target, encryption: Encryption) -> Target {
    target.with_encryption(encryption)
}

/// Where the master that RDS manages logs in.
fn managed_target(credentials: Credentials, server: Option<&Server>) -> Result<Target, String> {
    let server = server.ok_or("RDS does not know its server")?;
    let engine = server.engine.parse::<Engine>().map_err(|error| error.to_string())?;
    let host = server.hosts.first().ok_or("its server has no endpoint yet")?;
    let port = server.port.unwrap_or(engine.default_port());
    Ok(credentials.at(engine, host, port))
}

impl SecretRotation {
    pub(crate) const fn here(&self) -> Here<'_> {
        Here { product: &self.wiring.product, environment: &self.wiring.environment }
    }

    /// Reads the case of a secret, and checks that all it names is its tenant's.
    ///
    /// # Errors
    /// When it cannot be rotated, names what is not its tenant's, or AWS does not answer.
    pub(crate) async fn case(&self, secret: Described) -> Result<Case, Error> {
        let claim = Claim { name: &secret.name, tags: &secret.tags };
        let mut server = None;
        let tenant_id = if let Some(managed) = binding::managed(&secret.tags) {
            server = self.observer.managed_server(&managed).await?;
            binding::tenant_of_server(claim, self.here(), server.as_ref())?
        } else {
            binding::tenant(claim, self.here())?
        };
        let key = TenantKey::new(
            self.wiring.product.clone(),
            self.wiring.environment.clone(),
            tenant_id.clone(),
        );
        let tenant = binding::recorded(claim, &tenant_id, self.store.read(&key).await?)?;
        let settings = self.settings(&tenant)?;
        let current = self.observer.value(&secret.arn, Version::Labelled(CURRENT)).await?;
        let current = current.ok_or_else(|| no_current(&secret))?;
        let kind = classify(current.expose_secret(), &secret.tags, settings.rotation.strategy);
        if let Kind::CannotBeRotated { why, remedy } = &kind {
            return Err(cannot(&secret, why, remedy).into());
        }
        let method = Method::of(&kind).ok_or_else(|| cannot(&secret, "nothing sets it", ""))?;
        let mut case = Case { secret, tenant, settings, kind, method, current, server };
        if let Method::Database(strategy) = method {
            let parsed = DatabaseSecret::parse(case.current.expose_secret());
            if let (Ok(parsed), None) = (&parsed, &case.server) {
                let names = case.tenant.tenant.names();
                case.server = self.observer.server(parsed, &names).await?;
            }
            let has_master = parsed.is_ok_and(|parsed| parsed.masterarn.is_some());
            case.method = Method::Database(preferred(strategy, case.engine(), has_master));
            self.bind(&case, &case.current)?;
        }
        Ok(case)
    }

    /// Checks that a value's host and user are the tenant's.
    pub(crate) fn bind(&self, case: &Case, value: &SecretString) -> Result<(), Refusal> {
        let target = case.target(value).map_err(|why| cannot(&case.secret, &why, MEND))?;
        let login = Login { host: &target.host, port: target.port, username: &target.username };
        let server = case.server.as_ref();
        binding::login(case.claim(), self.here(), &case.tenant, &case.settings, login, server)
    }

    /// The master's login in the application's database, with its binding checked; `None` where
    /// the secret names no master.
    ///
    /// # Errors
    /// When the master's secret is not the tenant's or cannot be used, or AWS does not answer.
    pub(crate) async fn master(&self, case: &Case) -> Result<Option<Target>, Error> {
        let Ok(user) = DatabaseSecret::parse(case.current.expose_secret()) else {
            return Ok(None);
        };
        let (Some(arn), Some(server)) = (&user.masterarn, &case.server) else { return Ok(None) };
        let secret = self.observer.describe(arn).await?;
        let value = self.observer.value(arn, Version::Labelled(CURRENT)).await?;
        let value = value.ok_or_else(|| no_current(&secret))?;
        let (target, host) = match DatabaseSecret::parse(value.expose_secret()) {
            Ok(master) => (master.target(), Some(master.host)),
            // Of a master that RDS manages there is only a name and a password.
            Err(error) if binding::managed(&secret.tags).is_none() => {
                return Err(cannot(&secret, &error.to_string(), MEND).into());
            }
            Err(_) => {
                let credentials = Credentials::parse(value.expose_secret())
                    .map_err(|error| cannot(&secret, &error.to_string(), MEND))?;
                (credentials.at(user.engine, user.host.clone(), user.port), None)
            }
        };
        let claim = Claim { name: &secret.name, tags: &secret.tags };
        let tenant = &case.tenant.tenant.id;
        binding::master(claim, self.here(), tenant, host.as_deref(), server)?;
        let target = encrypted(target, case.encryption());
        // On PostgreSQL, schemas and privileges belong to a database.
        Ok(Some(match user.dbname {
            Some(database) => target.in_database(database),
            None => target,
        }))
    }

    pub(crate) fn settings(&self, tenant: &TenantRecord) -> Result<Settings, Error> {
        let tenant = &tenant.tenant;
        self.catalogue.settings(&tenant.environment, tenant.tier).cloned().ok_or_else(|| {
            Error::Unfit(format!(
                "the catalogue of {} has no tier {} in {}",
                tenant.product, tenant.tier, tenant.environment
            ))
        })
    }
}

/// A MySQL account can change its own password only by sending the password itself. Where there is
/// a master it is the master who sets it, as a hash.
fn preferred(strategy: Strategy, engine: Option<Engine>, has_master: bool) -> Strategy {
    if strategy == Strategy::SingleUser && engine == Some(Engine::Mysql) && has_master {
        return Strategy::SingleUserByMaster;
    }
    strategy
}

/// What to do about a value that cannot be read.
const MEND: &str = "write a version of the secret that is as it should be, and rotate again";

fn cannot(secret: &Described, why: &str, remedy: &str) -> Refusal {
    Refusal::new(
        FailureKind::Configuration,
        format!("the secret {} cannot be rotated: {why}", secret.name),
        remedy,
    )
}

fn no_current(secret: &Described) -> Refusal {
    Refusal::new(
        FailureKind::Configuration,
        format!("the secret {} has no current value", secret.name),
        "write the first version of the secret (PutSecretValue), and rotate again",
    )
}
