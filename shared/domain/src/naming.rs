//! The names of a tenant's resources, all by one scheme:
//! `{product}-{tenant}-{environment}-{component}`.
//!
//! A person who sees a name in a console, a bill or an alert can tell whose it is, and the
//! functions find resources and tenants without a look-up table. Nothing else in Caretaker puts
//! such a name together.

use crate::catalogue::DatabaseEngine;
use crate::{Environment, Product, TenantId};

/// The most characters a load balancer's target group may have in its name (ELB API reference,
/// `CreateTargetGroup`).
pub const TARGET_GROUP_NAME_LENGTH_MAX: usize = 32;

/// The longest id of a replication group (ElastiCache API, `CreateReplicationGroup`).
const REPLICATION_GROUP_ID_LENGTH_MAX: usize = 40;

/// The most characters of a user name that every supported engine accepts: MySQL's 32
/// (PostgreSQL has 63, MariaDB 80).
pub const DATABASE_USER_LENGTH_MAX: usize = 32;

/// What the name of the user ends with that takes turns with another one, as in AWS's rotation
/// templates. The longest tenant's user with it still has the [`DATABASE_USER_LENGTH_MAX`]
/// characters that every engine accepts.
pub const DATABASE_CLONE_SUFFIX: &str = "_clone";

/// The master user of every tenant's database. It belongs to Caretaker and is the same everywhere;
/// what differs is its password. Reserved in no engine, unlike `admin`, `root` or `master`.
pub const DATABASE_MASTER_USER: &str = "caretaker";

/// The components that a tenant's two stacks are.
const DATA_STACK: &str = "data";
const APP_STACK: &str = "app";

/// The names of everything that belongs to one tenant in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `mate-demo-dev`
    base: String,
    product: String,
    tenant: String,
    environment: String,
}

impl Names {
    /// The names for this tenant.
    pub fn new(product: &Product, tenant: &TenantId, environment: &Environment) -> Self {
        Self {
            base: format!("{product}-{tenant}-{environment}"),
            product: product.to_string(),
            tenant: tenant.to_string(),
            environment: environment.to_string(),
        }
    }

    /// What all names begin with: `mate-demo-dev`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A component's name: `mate-demo-dev-django`.
    pub fn component(&self, component: &str) -> String {
        format!("{}-{component}", self.base)
    }

    /// The stateful, protected stack: `mate-demo-dev-data`.
    pub fn data_stack(&self) -> String {
        self.component(DATA_STACK)
    }

    /// The application's stack: `mate-demo-dev-app`.
    pub fn app_stack(&self) -> String {
        self.component(APP_STACK)
    }

    /// The ECS cluster that all tenants of an environment share: `mate-dev`.
    pub fn cluster(&self) -> String {
        format!("{}-{}", self.product, self.environment)
    }

    /// A service's log group: `/ecs/mate-demo-dev/django`.
    pub fn log_group(&self, service: &str) -> String {
        format!("/ecs/{}/{service}", self.base)
    }

    /// The tenant's database: an instance of RDS, or a cluster of Aurora. `mate-demo-dev-database`.
    pub fn database(&self) -> String {
        self.component("database")
    }

    /// The log group to which RDS exports a log of the database:
    /// `/aws/rds/instance/mate-demo-dev-database/postgresql`, of Aurora `/aws/rds/cluster/…` (RDS user
    /// guide, "Publishing database logs to Amazon CloudWatch Logs").
    pub fn database_log_group(&self, engine: DatabaseEngine, log: &str) -> String {
        let kind = if engine.is_aurora() { "cluster" } else { "instance" };
        format!("/aws/rds/{kind}/{}/{log}", self.database())
    }

    /// A secret's name: `mate-demo-dev/database-app`. The slash makes
    /// `mate-demo-dev/*` a resource pattern that no other tenant's name can match.
    pub fn secret(&self, purpose: &str) -> String {
        format!("{}/{purpose}", self.base)
    }

    /// The host name under the environment's domain: `demo.mate.example.com`.
    pub fn hostname(&self, domain: &str) -> String {
        format!("{}.{domain}", self.tenant)
    }

    /// The cache's replication group: `mate-demo-dev-cache`, shortened with a digest where it does
    /// not fit.
    pub fn replication_group(&self) -> String {
        bounded(&self.component("cache"), REPLICATION_GROUP_ID_LENGTH_MAX)
    }

    /// A target group's name, shortened with a digest where it does not fit.
    pub fn target_group(&self, service: &str) -> String {
        bounded(&self.component(service), TARGET_GROUP_NAME_LENGTH_MAX)
    }

    /// The application's own database user: `demo_app`, with `_` for `-` so that no client has
    /// to quote it.
    pub fn database_user(&self) -> String {
        format!("{}_app", self.tenant.replace('-', "_"))
    }

    /// The user that takes turns with the application's own where two alternate:
    /// `demo_app_clone`.
    pub fn database_user_clone(&self) -> String {
        format!("{}{DATABASE_CLONE_SUFFIX}", self.database_user())
    }

    /// The role without login that owns the application's tables (PostgreSQL): `demo_owner`.
    pub fn database_owner(&self) -> String {
        format!("{}_owner", self.tenant.replace('-', "_"))
    }
}

impl Names {
    /// The tenant to whom the resource `name` of `product` in `environment` belongs, by the
    /// scheme; `None` where it is no tenant's.
    ///
    /// Ask it of resources of this environment only. Another one's can be read as one of this:
    /// `mate-my-prod-team-dev-web`, of `my-prod-team` in `dev`, would in `prod` be the component
    /// `team-dev-web` of `my`.
    pub fn tenant_of(product: &Product, environment: &Environment, name: &str) -> Option<TenantId> {
        let rest = name.strip_prefix(product.as_str())?.strip_prefix('-')?;
        // The tenant's id may itself hold the environment's word, and a component may: the scheme
        // is unambiguous only because a component is asked for, so the last place wins.
        let (tenant, component) = rest.rsplit_once(&format!("-{environment}-"))?;
        if component.is_empty() {
            return None;
        }
        tenant.parse().ok()
    }

    /// The tenant to whom the stack `name` of `product` in `environment` belongs; `None` where it is
    /// no tenant's. Whatever words of environments a tenant's id holds, no stack of another
    /// environment is taken for one of this: what the name ends with is known.
    pub fn tenant_of_stack(
        product: &Product,
        environment: &Environment,
        name: &str,
    ) -> Option<TenantId> {
        let rest = name.strip_prefix(product.as_str())?.strip_prefix('-')?;
        let base = [DATA_STACK, APP_STACK]
            .into_iter()
            .find_map(|stack| rest.strip_suffix(stack)?.strip_suffix('-'))?;
        base.strip_suffix(environment.as_str())?.strip_suffix('-')?.parse().ok()
    }

    /// The tenant to whom the secret `name` of `product` in `environment` belongs, by the scheme
    /// of [`Names::secret`]; `None` where it is no tenant's.
    pub fn tenant_of_secret(
        product: &Product,
        environment: &Environment,
        name: &str,
    ) -> Option<TenantId> {
        // A tenant's id has no slash, so the first one ends it.
        let (base, purpose) = name.split_once('/')?;
        let rest = base.strip_prefix(product.as_str())?.strip_prefix('-')?;
        let tenant = rest.strip_suffix(environment.as_str())?.strip_suffix('-')?;
        if purpose.is_empty() { None } else { tenant.parse().ok() }
    }
}

/// `name` if it has at most `length_max` characters, else its beginning and eight hexadecimal
/// digits of its SHA-256, so that two long names stay two names.
pub fn bounded(name: &str, length_max: usize) -> String {
    const DIGEST_BYTES: usize = 4;
    if name.len() <= length_max {
        return name.to_owned();
    }
    let keep = length_max.saturating_sub(2 * DIGEST_BYTES + 1);
    let short: String = name.chars().take(keep).collect();
    format!("{}-{}", short.trim_end_matches('-'), fingerprint(name, DIGEST_BYTES))
}

/// The first `bytes` of the text's SHA-256 in hexadecimal digits: a short name for a long thing.
pub fn fingerprint(text: &str, bytes: usize) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;

    Sha256::digest(text).iter().take(bytes).fold(String::new(), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(tenant: &str) -> Names {
        Names::new(&"mate".parse().unwrap(), &tenant.parse().unwrap(), &"dev".parse().unwrap())
    }

    #[test]
    fn names_follow_the_scheme() {
        let names = names("demo");
        assert_eq!(names.component("django"), "mate-demo-dev-django");
        assert_eq!(names.data_stack(), "mate-demo-dev-data");
        assert_eq!(names.app_stack(), "mate-demo-dev-app");
        assert_eq!(names.cluster(), "mate-dev");
        assert_eq!(names.log_group("django"), "/ecs/mate-demo-dev/django");
        assert_eq!(
            names.database_log_group(DatabaseEngine::Postgres, "postgresql"),
            "/aws/rds/instance/mate-demo-dev-database/postgresql"
        );
        assert_eq!(
            names.database_log_group(DatabaseEngine::AuroraMysql, "error"),
            "/aws/rds/cluster/mate-demo-dev-database/error"
        );
        assert_eq!(names.secret("database-app"), "mate-demo-dev/database-app");
        assert_eq!(names.hostname("mate.example.com"), "demo.mate.example.com");
        assert_eq!(names.database_user(), "demo_app");
        assert_eq!(names.database_user_clone(), "demo_app_clone");
    }

    #[test]
    fn a_name_leads_back_to_its_tenant() {
        let (mate, dev) = ("mate".parse().unwrap(), "dev".parse().unwrap());
        let tenant = |name| Names::tenant_of(&mate, &dev, name).map(String::from);
        assert_eq!(tenant("mate-demo-dev-data").as_deref(), Some("demo"));
        assert_eq!(tenant("mate-my-dev-team-dev-app").as_deref(), Some("my-dev-team"));
        for other in ["mate-dev", "mate-demo-dev", "mate-demo-dev-", "sarc-demo-dev-data", ""] {
            assert_eq!(tenant(other), None, "{other}");
        }
    }

    #[test]
    fn a_stacks_name_leads_back_to_its_tenant_whatever_words_are_in_it() {
        let tenant = |environment: &str, name: &str| {
            let (mate, environment) = ("mate".parse().unwrap(), environment.parse().unwrap());
            Names::tenant_of_stack(&mate, &environment, name).map(String::from)
        };
        for id in ["demo", "my-dev-team", "dev", "a-dev", "prod-shop", "a-prod", "my-data"] {
            for stack in [names(id).data_stack(), names(id).app_stack()] {
                assert_eq!(tenant("dev", &stack).as_deref(), Some(id), "{stack}");
                assert_eq!(tenant("prod", &stack), None, "{stack} is no stack in prod");
            }
        }
        for other in ["mate-dev-data", "mate-demo-dev", "mate-demo-dev-web", "mate-data", ""] {
            assert_eq!(tenant("dev", other), None, "{other}");
        }
    }

    #[test]
    fn a_secrets_name_leads_back_to_its_tenant() {
        let (mate, dev) = ("mate".parse().unwrap(), "dev".parse().unwrap());
        let tenant = |name: &str| Names::tenant_of_secret(&mate, &dev, name).map(String::from);
        for id in ["demo", "my-dev-team", "dev", "a-dev"] {
            let name = names(id).secret("database-app");
            assert_eq!(tenant(&name).as_deref(), Some(id));
        }
        assert_eq!(tenant("mate-demo-dev/third-party/stripe").as_deref(), Some("demo"));
        for other in [
            "mate-demo-dev",
            "mate-demo-dev/",
            "mate-demo-prod/database-app",
            "mate-demodev/database-app",
            "mate-dev/database-app",
            "sarc-demo-dev/database-app",
            "x/mate-demo-dev/database-app",
            "mate-demo.x-dev/database-app",
            "rds!db-1",
            "",
        ] {
            assert_eq!(tenant(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_bounded_name_fits_and_two_names_stay_two(
            a in "[a-z]{1,20}(-[a-z]{1,20}){0,3}", b in "[a-z]{1,20}(-[a-z]{1,20}){0,3}",
        ) {
            prop_assert!(bounded(&a, 32).len() <= 32);
            prop_assert_eq!(bounded(&a, 32) == bounded(&b, 32), a == b);
        }

        #[test]
        fn names_fit_awss_narrowest_limits(
            product in "[a-z]{12}", tenant in "[a-z]{16}", environment in "[a-z]{7}",
        ) {
            let names = Names::new(
                &product.parse().unwrap(), &tenant.parse().unwrap(), &environment.parse().unwrap(),
            );
            // RDS instance 63, ElastiCache replication group 40, IAM role 64, bucket 63.
            prop_assert!(names.component("db").len() <= 63);
            prop_assert!(names.target_group("web").len() <= 32);
            prop_assert!(names.component("c").len() <= 40);
            prop_assert!(names.database_user_clone().len() <= DATABASE_USER_LENGTH_MAX);
        }
    }
}
