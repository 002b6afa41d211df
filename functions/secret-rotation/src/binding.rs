//! Whose a secret is, and that everything it names is that tenant's too.
//!
//! Why it exists: the function may read and change the secrets of all tenants, and a secret's JSON
//! is written by whoever may write the secret. Were its `host`, `username` and `masterarn` simply
//! believed, one tenant's secret could be pointed at another tenant's database, and the function
//! would set a password there that the first one knows. So each of them is held against what AWS
//! itself says of the database, and against the tenant's record.
//!
//! Pure: what AWS says comes in as arguments. All that does not fit is told at once.

use domain::catalogue::Settings;
use domain::naming::DATABASE_CLONE_SUFFIX;
use domain::{Environment, Names, Product, TenantId};
use store::{Status, TenantRecord};

use crate::kind::{RDS_CLUSTER_TAG, RDS_INSTANCE_TAG, RdsResource, Tags};
use crate::refusal::{FailureKind, Refusal};

/// The tags by which a resource says whose it is.
const TENANT_TAG: &str = "Tenant";
const PRODUCT_TAG: &str = "Product";
const ENVIRONMENT_TAG: &str = "Environment";

/// A database as RDS describes it: an instance or a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    /// Its identifier.
    pub identifier: String,
    /// Its ARN.
    pub arn: String,
    /// RDS's name of its engine.
    pub engine: String,
    /// The host names under which it answers.
    pub hosts: Vec<String>,
    /// The port on which it answers.
    pub port: Option<u16>,
    /// The name of its master user.
    pub master_username: String,
    /// Its tags.
    pub tags: Tags,
    /// The server whose users are its own, where it is a replica or one of a cluster's instances.
    pub copies: Option<Box<Self>>,
}

impl Server {
    /// Whether it answers under this name. Host names know no case.
    pub fn answers_at(&self, host: &str) -> bool {
        self.hosts.iter().any(|it| it.eq_ignore_ascii_case(host))
    }
}

/// What a secret says about where it belongs.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The secret's name.
    pub name: &'a str,
    /// Its tags.
    pub tags: &'a Tags,
}

/// The deployment that is asked: one product in one environment.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// The product.
    pub product: &'a Product,
    /// The environment.
    pub environment: &'a Environment,
}

/// Whose secret it is: by its tag, and by its name where that follows the scheme.
///
/// # Errors
/// [`FailureKind::Binding`] when the two contradict each other, or name nobody of this deployment.
pub fn tenant(claim: Claim<'_>, here: Here<'_>) -> Result<TenantId, Refusal> {
    let mut faults = elsewhere("the secret", claim.tags, here);
    let by_name = tenant_of_name(claim.name, here);
    let by_tag = claim.tags.get(TENANT_TAG).map(|tag| tag.parse::<TenantId>());
    let tenant = match (by_tag, by_name) {
        (Some(Ok(tag)), Some(name)) if tag != name => {
            faults.push(format!("its tag {TENANT_TAG} is {tag}, and its name is {name}'s"));
            None
        }
        (Some(Ok(tag)), _) => Some(tag),
        (Some(Err(error)), _) => {
            faults.push(format!("its tag {TENANT_TAG}: {error}"));
            None
        }
        (None, _) => {
            faults.push(format!("it has no tag {TENANT_TAG}"));
            None
        }
    };
    match tenant {
        Some(tenant) if faults.is_empty() => Ok(tenant),
        _ => Err(refuse(claim.name, &faults)),
    }
}

/// The tenant whose name a secret's name begins with: `mate-demo-dev/database-app`.
fn tenant_of_name(name: &str, here: Here<'_>) -> Option<TenantId> {
    Names::tenant_of_secret(here.product, here.environment, name)
}

/// Which tags name another product or environment than this deployment's.
fn elsewhere(what: &str, tags: &Tags, here: Here<'_>) -> Vec<String> {
    [(PRODUCT_TAG, here.product.as_str()), (ENVIRONMENT_TAG, here.environment.as_str())]
        .into_iter()
        .filter_map(|(tag, ours)| {
            let theirs = tags.get(tag).filter(|theirs| *theirs != ours)?;
            Some(format!("{what}'s tag {tag} is {theirs}, and this deployment serves {ours}"))
        })
        .collect()
}

/// The tenant's record, if it has one that secrets may be rotated for.
///
/// # Errors
/// [`FailureKind::Binding`] when nobody asked for the tenant, or it is gone.
pub fn recorded(
    claim: Claim<'_>,
    tenant: &TenantId,
    record: Option<TenantRecord>,
) -> Result<TenantRecord, Refusal> {
    match record {
        None => Err(refuse(claim.name, &[format!("no tenant {tenant} is recorded")])),
        Some(record) if record.status == Status::Offboarded => {
            Err(refuse(claim.name, &[format!("the tenant {tenant} has been offboarded")]))
        }
        Some(record) => Ok(record),
    }
}

/// What a database secret says: where the server is, and who the user.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// `host`.
    pub host: &'a str,
    /// `port`.
    pub port: u16,
    /// `username`.
    pub username: &'a str,
}

/// Checks that a login is at the tenant's own server, and that its user is one of the tenant's:
/// the application's, its other half, the server's master, or one that the catalogue names.
///
/// # Errors
/// [`FailureKind::Binding`], with all that does not fit.
pub fn login(
    claim: Claim<'_>,
    here: Here<'_>,
    record: &TenantRecord,
    settings: &Settings,
    login: Login<'_>,
    server: Option<&Server>,
) -> Result<(), Refusal> {
    let Some(server) = server else {
        let unknown = || format!("RDS knows no server of the tenant at {}", login.host);
        let fault = proxy(login.host).unwrap_or_else(unknown);
        return Err(refuse(claim.name, &[fault]));
    };
    let mut faults = not_of(here, &record.tenant.id, &server.identifier, &server.tags);
    if let Some(fault) = proxy(login.host) {
        faults.push(format!("{fault}, {}", server.hosts.join(" or ")));
    } else if !server.answers_at(login.host) {
        faults.push(format!(
            "its host is {}, and {} answers at {}",
            login.host,
            server.identifier,
            server.hosts.join(", ")
        ));
    }
    if let Some(port) = server.port.filter(|port| *port != login.port) {
        faults.push(format!("its port is {}, and {}'s is {port}", login.port, server.identifier));
    }
    let users = users(record, settings, server);
    if !users.iter().any(|user| user == login.username) {
        faults.push(format!(
            "its user {:?} is none of the tenant's; those are {}",
            login.username,
            users.join(", ")
        ));
    }
    if faults.is_empty() { Ok(()) } else { Err(refuse(claim.name, &faults)) }
}

/// What is wrong with a host that is an RDS Proxy's, if it is one's: `name.proxy-x.region.rds.…`, or
/// `name.endpoint.proxy-x.region.rds.…` (RDS user guide, "Connecting to a database through RDS
/// Proxy"). People who use one write its host into the secret, so they are told more than that it
/// is another one.
fn proxy(host: &str) -> Option<String> {
    let lower = host.to_ascii_lowercase();
    let is_proxy = lower.contains(".rds.amazonaws.com")
        && lower.split('.').skip(1).take(2).any(|label| label.starts_with("proxy-"));
    is_proxy.then(|| {
        format!(
            "its host {host} is an RDS Proxy's, which hands logins on and has no users of its own; \
             applications may connect to the proxy, but the secret's host must be the server's own"
        )
    })
}

/// The users that belong to a tenant on its server.
fn users(record: &TenantRecord, settings: &Settings, server: &Server) -> Vec<String> {
    let names = record.tenant.names();
    let mut users = vec![names.database_user(), names.database_user_clone()];
    for name in settings.rotation.users.keys() {
        users.push(name.clone());
        users.push(alternate(name));
    }
    users.push(server.master_username.clone());
    users
}

/// Checks that a cache, or a user of caches, is the tenant's; `owner` is its ARN and its tags.
///
/// # Errors
/// [`FailureKind::Binding`], with all that does not fit.
pub fn cache(
    claim: Claim<'_>,
    here: Here<'_>,
    tenant: &TenantId,
    owner: Option<(&str, &Tags)>,
) -> Result<(), Refusal> {
    let faults = match owner {
        Some((arn, tags)) => not_of(here, tenant, arn, tags),
        None => vec!["ElastiCache does not know the group or user that it is for".to_owned()],
    };
    if faults.is_empty() { Ok(()) } else { Err(refuse(claim.name, &faults)) }
}

/// Why a resource is not the tenant's, by its tags.
fn not_of(here: Here<'_>, tenant: &TenantId, name: &str, tags: &Tags) -> Vec<String> {
    let mut faults = elsewhere(name, tags, here);
    match tags.get(TENANT_TAG) {
        Some(tag) if tag == tenant.as_str() => {}
        Some(tag) => faults.push(format!("{name} is the tenant {tag}'s, by its tag {TENANT_TAG}")),
        None => faults.push(format!("{name} has no tag {TENANT_TAG}, so nothing says whose it is")),
    }
    faults
}

/// Whose server it is, for a secret that RDS itself made: RDS names the server in a tag that
/// nobody else can set, and the server's own tag names the tenant.
///
/// # Errors
/// [`FailureKind::Binding`] when the server is nobody's of this deployment.
pub fn tenant_of_server(
    claim: Claim<'_>,
    here: Here<'_>,
    server: Option<&Server>,
) -> Result<TenantId, Refusal> {
    let Some(server) = server else {
        return Err(refuse(claim.name, &["RDS does not know the server in its tags".to_owned()]));
    };
    let mut faults = elsewhere(&server.identifier, &server.tags, here);
    match server.tags.get(TENANT_TAG).map(|tag| tag.parse::<TenantId>()) {
        Some(Ok(tenant)) if faults.is_empty() => return Ok(tenant),
        Some(Ok(_)) => {}
        Some(Err(error)) => faults.push(format!("{}'s tag: {error}", server.identifier)),
        None => faults.push(format!("{} has no tag {TENANT_TAG}", server.identifier)),
    }
    Err(refuse(claim.name, &faults))
}

/// Checks that the master's secret, which a user's secret names, is of the same tenant and for the
/// same server. `host` is what the master's secret says, where it says it.
///
/// # Errors
/// [`FailureKind::Binding`], with all that does not fit.
pub fn master(
    claim: Claim<'_>,
    here: Here<'_>,
    tenant_id: &TenantId,
    host: Option<&str>,
    server: &Server,
) -> Result<(), Refusal> {
    let servers = || std::iter::once(server).chain(server.copies.as_deref());
    let mut faults = Vec::new();
    if let Some(managed) = managed(claim.tags) {
        let (RdsResource::Instance(arn) | RdsResource::Cluster(arn)) = &managed;
        if !servers().any(|server| server.arn == *arn) {
            faults.push(format!("RDS manages it for {arn}, and the user is on {}", server.arn));
        }
    } else {
        match tenant(claim, here) {
            Ok(tenant) if tenant == *tenant_id => {}
            Ok(tenant) => faults.push(format!("it is the tenant {tenant}'s, not {tenant_id}'s")),
            Err(refusal) => faults.push(refusal.reason),
        }
    }
    if let Some(host) = host.filter(|host| !servers().any(|server| server.answers_at(host))) {
        faults.push(format!("its host is {host}, and the user is on {}", server.identifier));
    }
    if faults.is_empty() { Ok(()) } else { Err(refuse(claim.name, &faults)) }
}

/// The server whose master a secret belongs to, where RDS manages it.
pub fn managed(tags: &Tags) -> Option<RdsResource> {
    let tag = |name: &str| tags.get(name).cloned();
    let instance = tag(RDS_INSTANCE_TAG).map(RdsResource::Instance);
    instance.or_else(|| tag(RDS_CLUSTER_TAG).map(RdsResource::Cluster))
}

/// The other one of two users that take turns: `demo_app` and `demo_app_clone`.
pub fn alternate(username: &str) -> String {
    username
        .strip_suffix(DATABASE_CLONE_SUFFIX)
        .map_or_else(|| format!("{username}{DATABASE_CLONE_SUFFIX}"), str::to_owned)
}

fn refuse(name: &str, faults: &[String]) -> Refusal {
    Refusal::new(
        FailureKind::Binding,
        format!("the secret {name} is not rotated: {}", faults.join("; ")),
        "find out who wrote the secret and why; if it is right, mend the tags, the record or the \
         catalogue, and rotate again",
    )
}
