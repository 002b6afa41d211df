//! Whose a name is that AWS's limits made Caretaker shorten: target groups and caches have 32 and 40
//! characters at most, and a long tenant's in `staging` has more.
//!
//! What was cut off is not needed. The end of such a name is a digest of the whole, so a guess of the
//! whole is either right or known to be wrong. Only a tenant's id that was cut itself stays unknown.

use domain::{Environment, Names, TenantId};

use crate::event::Context;

/// The component that a tenant's cache is.
const CACHE: &str = "cache";

/// Digits of the digest at the end of a name, as [`domain::naming::bounded`] writes it.
const DIGEST_LENGTH: usize = 8;

/// Tenant, environment and component of a name that was shortened: `mate-my-long-tenant-st-1f2e3d4c`.
pub(super) fn taken_apart<'c>(
    word: &str,
    context: &'c Context,
) -> Option<(TenantId, &'c Environment, &'c str)> {
    let word = without_node(word);
    let (kept, digest) = word.rsplit_once('-')?;
    if digest.len() != DIGEST_LENGTH || !digest.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let rest = kept.strip_prefix(context.product.as_str())?.strip_prefix('-')?;
    let components = || context.services.iter().map(String::as_str).chain([CACHE]);
    let mut wholes = context
        .environments
        .iter()
        .flat_map(|environment| components().map(move |component| (environment, component)));
    wholes.find_map(|(environment, component)| {
        let end = format!("-{environment}-{component}");
        let shown = (0..end.len()).filter_map(|length| end.get(..length));
        let mut tenants = shown.filter_map(|shown| rest.strip_suffix(shown)?.parse().ok());
        let tenant = tenants.find(|tenant: &TenantId| {
            let names = Names::new(&context.product, tenant, environment);
            let whole = match component {
                CACHE => names.replication_group(),
                service => names.target_group(service),
            };
            whole == word
        })?;
        Some((tenant, environment, component))
    })
}

/// A cache's name without the number of a node: `…-cache-001`.
fn without_node(word: &str) -> &str {
    const NODE_DIGITS: usize = 3;
    match word.rsplit_once('-') {
        Some((group, node))
            if node.len() == NODE_DIGITS && node.bytes().all(|it| it.is_ascii_digit()) =>
        {
            group
        }
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use domain::catalogue::alerting::Links;
    use domain::naming::{TARGET_GROUP_NAME_LENGTH_MAX, bounded};

    use super::*;

    fn context(product: &str) -> Context {
        let environment = |name: &str| name.parse().unwrap();
        Context {
            product: product.parse().unwrap(),
            environment: environment("staging"),
            environments: ["dev", "prod", "staging"].map(environment).to_vec(),
            services: ["api", "worker"].map(str::to_owned).into(),
            database_log: None,
            region: "eu-central-1".to_owned(),
            links: Links::default(),
        }
    }

    fn found(name: &str, context: &Context) -> Option<(String, String, String)> {
        let (tenant, environment, component) = taken_apart(name, context)?;
        Some((tenant.to_string(), environment.to_string(), component.to_owned()))
    }

    #[test]
    fn a_shortened_name_leads_back_to_its_tenant() {
        let context = context("social-flow");
        for (tenant, environment, component) in [
            ("a-long-tenant-id", "staging", "cache"),
            ("prod-long-tenant", "staging", "cache"),
            ("acme-corp", "staging", "api"),
            ("acme-widget", "prod", "worker"),
        ] {
            let environment = environment.parse().unwrap();
            let names = Names::new(&context.product, &tenant.parse().unwrap(), &environment);
            let name = match component {
                "cache" => names.replication_group(),
                service => names.target_group(service),
            };
            assert_ne!(name, names.component(component), "it is not too long");
            let expected = (tenant.to_owned(), environment.to_string(), component.to_owned());
            assert_eq!(found(&name, &context).as_ref(), Some(&expected), "{name}");
            let node = format!("{name}-001");
            assert_eq!(found(&node, &context), Some(expected), "{node}");
        }
    }

    #[test]
    fn a_name_that_only_looks_shortened_is_nobodys() {
        let context = context("social-flow");
        let cut = bounded("social-flow-a-long-tenant-id-prod-api", TARGET_GROUP_NAME_LENGTH_MAX);
        for name in [
            cut.as_str(),
            "social-flow-a-long-tenant-id-st-00000000",
            "social-flow-demo-dev-api",
            "social-flow-demo-1f2e3d4",
            "other-demo-st-1f2e3d4c",
            "1f2e3d4c",
            "",
        ] {
            assert_eq!(found(name, &context), None, "{name}");
        }
    }
}
