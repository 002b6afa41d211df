//! Whose an alert is: tenant, environment and service, from what names say by the naming scheme.
//!
//! A name is taken apart with *all* environments of the product in view. With only the deployment's
//! own, `mate-my-dev-team-prod-app` would be a resource of a tenant `my` in `dev`, and somebody would
//! be woken for a tenant that does not exist.

use domain::{Environment, Names, Product, TenantId};

use super::shortened;
use crate::event::Context;

/// What the suite's own resources are called before product and environment, and which tag says
/// that Caretaker made something.
const CARETAKER: &str = "caretaker";

/// What a tenant has beside its services.
const DATABASE: &str = "database";
const CACHE: &str = "cache";

/// What a report says about whose it is: tags, a field, a description. It is taken only where it is
/// well-formed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Claims {
    pub(crate) product: Option<Product>,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) environment: Option<Environment>,
    pub(crate) service: Option<String>,
    /// Whether it is tagged as Caretaker's own work.
    pub(crate) is_managed: bool,
}

impl Claims {
    /// What a resource's tags say.
    pub(crate) fn of_tags<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut claims = Self::default();
        for (key, value) in tags {
            match key {
                "Product" => claims.product = value.parse().ok(),
                "Tenant" => claims.tenant = value.parse().ok(),
                "Environment" => claims.environment = value.parse().ok(),
                "ManagedBy" => claims.is_managed = value == CARETAKER,
                _ => {}
            }
        }
        claims
    }

    /// These, and what only `others` say.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            product: self.product.or(others.product),
            tenant: self.tenant.or(others.tenant),
            environment: self.environment.or(others.environment),
            service: self.service.or(others.service),
            is_managed: self.is_managed || others.is_managed,
        }
    }
}

/// Whose an alert is, as far as that can be told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Owner {
    pub(crate) product: Option<Product>,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) environment: Option<Environment>,
    pub(crate) service: Option<String>,
    is_managed: bool,
}

impl Owner {
    /// The owner by claims, then by names in their order.
    pub(crate) fn of(claims: &Claims, names: &[String], context: &Context) -> Self {
        let mut owner = Self {
            product: claims.product.clone(),
            tenant: claims.tenant.clone(),
            environment: claims.environment.clone(),
            service: claims.service.clone(),
            is_managed: claims.is_managed,
        };
        if owner.product.as_ref().is_some_and(|product| *product != context.product) {
            // Another product's names follow the scheme with other environments, which are not known.
            return owner;
        }
        for found in names.iter().flat_map(|name| places(name, context)) {
            // Two names can be about two things: a name of another tenant says nothing more.
            let differs = |a: Option<&str>, b: Option<&str>| a.is_some() && b.is_some() && a != b;
            if differs(owner.environment(), found.environment())
                || differs(owner.tenant(), found.tenant())
            {
                continue;
            }
            owner.product = owner.product.or(found.product);
            owner.environment = owner.environment.or(found.environment);
            owner.tenant = owner.tenant.or(found.tenant);
            owner.service = owner.service.or(found.service);
        }
        owner
    }

    fn environment(&self) -> Option<&str> {
        self.environment.as_ref().map(Environment::as_str)
    }

    fn tenant(&self) -> Option<&str> {
        self.tenant.as_ref().map(TenantId::as_str)
    }

    /// Whose it is in words, where it is certainly another deployment's: one deployment of the suite
    /// serves each environment of a product, and all in an account hear the account's events.
    pub(crate) fn elsewhere(&self, context: &Context) -> Option<String> {
        let product = self.product.as_ref()?;
        let environment = self.environment.as_ref()?;
        let is_known = if *product == context.product {
            context.environments.contains(environment)
        } else {
            self.is_managed
        };
        let is_ours = *product == context.product && *environment == context.environment;
        (is_known && !is_ours).then(|| format!("an affair of {product} in {environment}"))
    }

    /// The log group of the owner's service, where it is one of the product's, or of its database.
    pub(crate) fn log_group(&self, context: &Context) -> Option<String> {
        let service = self.service.as_ref()?;
        let names = self.names(context)?;
        if context.services.contains(service) {
            return Some(names.log_group(service));
        }
        // Which logs another environment exports is not known.
        let is_here = self.environment.as_ref() == Some(&context.environment);
        let (engine, log) = context.database_log.as_ref().filter(|_| is_here)?;
        (service == DATABASE).then(|| names.database_log_group(*engine, log))
    }

    /// The owner's names, where it is a tenant of this product.
    fn names(&self, context: &Context) -> Option<Names> {
        let product = self.product.as_ref().filter(|product| **product == context.product)?;
        Some(Names::new(product, self.tenant.as_ref()?, self.environment.as_ref()?))
    }
}

/// The part of the tenant that a component's name stands for.
fn service_of(component: &str, context: &Context) -> Option<String> {
    // `django`, and `errors-django`, an alarm's name.
    let whole = context.services.iter().find(|name| *name == component);
    let last = || {
        let is_last = |name: &&String| {
            component.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('-'))
        };
        context.services.iter().filter(is_last).max_by_key(|name| name.len())
    };
    let part = || [DATABASE, CACHE].into_iter().find(|part| component.starts_with(part));
    whole.or_else(last).cloned().or_else(|| part().map(str::to_owned))
}

/// A name without product, tenant and environment, where it follows the scheme and has a component:
/// `database-cpu` of `mate-demo-dev-database-cpu`.
pub(crate) fn component<'a>(name: &'a str, context: &'a Context) -> Option<&'a str> {
    let suite = name.strip_prefix(CARETAKER).and_then(|rest| rest.strip_prefix('-'));
    let rest = suite.unwrap_or(name);
    let rest = rest.strip_prefix(context.product.as_str())?.strip_prefix('-')?;
    if suite.is_some() {
        return rest.strip_prefix(context.environment.as_str())?.strip_prefix('-');
    }
    let (tenant, _, component) = taken_apart(rest, None, context)?;
    tenant.parse::<TenantId>().ok()?;
    component
}

/// What each word of a name or ARN says: `targetgroup/mate-demo-dev-django/73e2ab`,
/// `/ecs/mate-demo-dev/django`, `mate-demo-dev/database-app`.
fn places(name: &str, context: &Context) -> Vec<Owner> {
    /// A name has few parts; a text that somebody made up may have thousands.
    const PARTS_MAX: usize = 32;
    let parts: Vec<&str> =
        name.split(['/', ':', ' ', '\n', ',', '"', '\'']).take(PARTS_MAX).collect();
    let next = parts.iter().skip(1).map(|part| Some(*part)).chain([None]);
    parts.iter().zip(next).filter_map(|(part, next)| place(part, next, context)).collect()
}

fn place(word: &str, next: Option<&str>, context: &Context) -> Option<Owner> {
    let suite = word.strip_prefix(CARETAKER).and_then(|rest| rest.strip_prefix('-'));
    let is_suite = suite.is_some();
    let rest = suite.unwrap_or(word);
    let rest = rest.strip_prefix(context.product.as_str())?.strip_prefix('-')?;
    let in_environment = |environment: &Environment| Owner {
        product: Some(context.product.clone()),
        environment: Some(environment.clone()),
        ..Owner::default()
    };
    for environment in &context.environments {
        let after = rest.strip_prefix(environment.as_str());
        // The cluster `mate-dev`, and the suite's own `caretaker-mate-dev-…`.
        if after == Some("") {
            return Some(in_environment(environment));
        }
        if is_suite && let Some(own) = after.and_then(|after| after.strip_prefix('-')) {
            let function = own.strip_suffix("-dead-letters").unwrap_or(own);
            let service = Some(function.to_owned());
            return Some(Owner { service, ..in_environment(environment) });
        }
    }
    if is_suite {
        return None;
    }
    if let Some((tenant, environment, component)) = shortened::taken_apart(word, context) {
        let (tenant, service) = (Some(tenant), Some(component.to_owned()));
        return Some(Owner { tenant, service, ..in_environment(environment) });
    }
    let (tenant, environment, component) = taken_apart(rest, next, context)?;
    let tenant: TenantId = tenant.parse().ok()?;
    let service = component.and_then(|component| service_of(component, context));
    Some(Owner { tenant: Some(tenant), service, ..in_environment(environment) })
}

/// `demo-dev-django` as (`demo`, `dev`, `django`). The last environment's word wins, as the scheme
/// has it, unless it is a service that begins with one. At the very end it is one only where no other reading is possible, or where what follows
/// is the component: `/ecs/mate-demo-dev/django`.
fn taken_apart<'a>(
    rest: &'a str,
    next: Option<&'a str>,
    context: &'a Context,
) -> Option<(&'a str, &'a Environment, Option<&'a str>)> {
    let inner = context
        .environments
        .iter()
        .filter_map(|environment| {
            let (tenant, component) = rest.rsplit_once(&format!("-{environment}-"))?;
            let fits = !tenant.is_empty() && !component.is_empty();
            fits.then_some((tenant, environment, Some(component)))
        })
        .max_by_key(|(tenant, _, component)| {
            let is_service =
                component.is_some_and(|component| context.services.contains(component));
            (is_service, tenant.len())
        });
    let outer = context.environments.iter().find_map(|environment| {
        let tenant = rest.strip_suffix(environment.as_str())?.strip_suffix('-')?;
        (!tenant.is_empty()).then_some((tenant, environment, next))
    });
    match (inner, outer) {
        (_, Some(outer)) if next.is_some() => Some(outer),
        // `mate-my-dev-team-prod`: of `my` in `dev`, or of `my-dev-team` in `prod`?
        (Some(_), Some(_)) => None,
        (inner, outer) => inner.or(outer),
    }
}

#[cfg(test)]
mod tests {
    use domain::catalogue::DatabaseEngine;

    use super::*;

    fn context() -> Context {
        let environment = |name: &str| name.parse().unwrap();
        Context {
            product: "mate".parse().unwrap(),
            environment: environment("dev"),
            environments: ["dev", "prod", "staging"].map(environment).to_vec(),
            services: ["beat", "celery", "django", "dev-tools"].map(str::to_owned).into(),
            database_log: Some((DatabaseEngine::Postgres, "postgresql".to_owned())),
            region: "eu-central-1".to_owned(),
            links: domain::catalogue::alerting::Links::default(),
        }
    }

    /// Tenant, environment and service of the owner by one name, `-` where one is not known.
    fn owner(name: &str) -> String {
        let owner = Owner::of(&Claims::default(), &[name.to_owned()], &context());
        let word = |word: Option<&str>| word.unwrap_or("-").to_owned();
        let (tenant, environment) = (word(owner.tenant()), word(owner.environment()));
        format!("{tenant} {environment} {}", word(owner.service.as_deref()))
    }

    #[test]
    fn a_name_says_whose_it_is() {
        for (name, expected) in [
            ("mate-demo-dev-django", "demo dev django"),
            ("mate-demo-dev-errors-django", "demo dev django"),
            ("mate-demo-dev-data", "demo dev -"),
            ("mate-demo-dev-database-1", "demo dev database"),
            ("mate-demo-dev-cache-001", "demo dev cache"),
            ("mate-demo-dev", "demo dev -"),
            ("mate-demo-dev/database-app-x1", "demo dev database"),
            ("/ecs/mate-demo-dev/django", "demo dev django"),
            ("targetgroup/mate-demo-dev-django/73e2ab", "demo dev django"),
            ("arn:aws:ecs:r:1:service/mate-dev/mate-demo-dev-celery", "demo dev celery"),
            ("arn:aws:rds:r:1:snapshot:rds:mate-demo-dev-database-2026", "demo dev database"),
            ("mate-dev", "- dev -"),
            ("caretaker-mate-dev-alert-fanout-dead-letters", "- dev alert-fanout"),
            ("caretaker-mate-prod-alarms", "- prod alarms"),
        ] {
            assert_eq!(owner(name), expected, "{name}");
        }
    }

    #[test]
    fn a_name_of_another_environment_or_product_is_not_taken_for_ours() {
        for (name, expected) in [
            ("mate-demo-prod-data", "demo prod -"),
            ("mate-my-dev-team-prod-app", "my-dev-team prod -"),
            ("mate-my-dev-team-prod/database-app", "my-dev-team prod database"),
            ("mate-my-dev-team-prod", "- - -"),
            ("mate-prod-shop-dev-django", "prod-shop dev django"),
            ("mate-prod-shop-dev-data", "prod-shop dev -"),
            ("mate-a-prod-dev-database", "a-prod dev database"),
            ("mate-demo-prod-dev-tools", "demo prod dev-tools"),
            ("other-demo-dev-data", "- - -"),
            ("mate2-demo-dev-data", "- - -"),
            ("mate-demo-qa-data", "- - -"),
            ("mate-Demo-dev-data", "- - -"),
            ("mate--dev-data", "- - -"),
            ("caretaker-other-dev-alarms", "- - -"),
        ] {
            assert_eq!(owner(name), expected, "{name}");
        }
    }

    #[test]
    fn the_log_is_the_services_or_the_databases() {
        for (name, expected) in [
            ("mate-demo-dev-django", Some("/ecs/mate-demo-dev/django")),
            ("mate-demo-prod-django", Some("/ecs/mate-demo-prod/django")),
            ("mate-demo-dev-database", Some("/aws/rds/instance/mate-demo-dev-database/postgresql")),
            ("mate-demo-prod-database", None),
            ("mate-demo-dev-cache-001", None),
            ("mate-dev", None),
        ] {
            let owner = Owner::of(&Claims::default(), &[name.to_owned()], &context());
            assert_eq!(owner.log_group(&context()).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn what_contradicts_what_is_known_better_is_not_taken() {
        let claims = Claims::of_tags([("Tenant", "acme"), ("Environment", "dev"), ("X", "y")]);
        let names = ["mate-demo-dev-django".to_owned(), "mate-acme-dev-celery".to_owned()];
        let owner = Owner::of(&claims, &names, &context());
        assert_eq!((owner.tenant(), owner.service.as_deref()), (Some("acme"), Some("celery")));
    }

    #[test]
    fn another_deployments_affair_is_known_as_such() {
        let elsewhere = |tags: &[(&str, &str)], name: &str| {
            let claims = Claims::of_tags(tags.iter().copied());
            Owner::of(&claims, &[name.to_owned()], &context()).elsewhere(&context())
        };
        assert_eq!(elsewhere(&[], "mate-demo-dev-data"), None);
        assert_eq!(elsewhere(&[], "some-database"), None);
        let prod = elsewhere(&[], "mate-demo-prod-data");
        assert_eq!(prod.as_deref(), Some("an affair of mate in prod"));
        let other = [("Product", "sarc-ng"), ("Environment", "dev"), ("ManagedBy", "caretaker")];
        assert!(elsewhere(&other, "x").is_some());
        assert_eq!(elsewhere(&other[..2], "x"), None, "nobody may hear of it otherwise");
    }
}
