//! Whose record it is: the one name under which everything of a tenant lies in the table.

use std::fmt;

use domain::{Environment, Product, Tenant, TenantId};

/// A tenant's place: product, environment and id. Displayed as people write it,
/// `mate/dev/demo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantKey {
    /// The product it is a customer of.
    pub product: Product,
    /// The environment it lives in.
    pub environment: Environment,
    /// Its id.
    pub tenant: TenantId,
}

impl TenantKey {
    /// The key of this place.
    pub fn new(product: Product, environment: Environment, tenant: TenantId) -> Self {
        Self { product, environment, tenant }
    }

    /// The partition of everything of this tenant: `TENANT#mate#dev#demo`. None of the three
    /// words can hold a `#`.
    pub(crate) fn partition(&self) -> String {
        format!("TENANT#{}#{}#{}", self.product, self.environment, self.tenant)
    }

    /// The key whose partition this is.
    pub(crate) fn from_partition(partition: &str) -> Option<Self> {
        let mut words = partition.strip_prefix("TENANT#")?.split('#');
        let product = words.next()?.parse().ok()?;
        let environment = words.next()?.parse().ok()?;
        let tenant = words.next()?.parse().ok()?;
        words.next().is_none().then_some(Self { product, environment, tenant })
    }
}

impl From<&Tenant> for TenantKey {
    fn from(tenant: &Tenant) -> Self {
        Self::new(tenant.product.clone(), tenant.environment.clone(), tenant.id.clone())
    }
}

impl fmt::Display for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.product, self.environment, self.tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_from_its_partition() {
        let key = TenantKey::new(
            "sarc-ng".parse().unwrap(),
            "prod".parse().unwrap(),
            "acme-corp".parse().unwrap(),
        );
        assert_eq!(key.partition(), "TENANT#sarc-ng#prod#acme-corp");
        assert_eq!(TenantKey::from_partition(&key.partition()), Some(key));
    }

    #[test]
    fn what_is_no_tenants_partition_gives_no_key() {
        for partition in
            ["", "TENANT#mate#dev", "TENANT#mate#dev#demo#x", "RUN#mate#dev#demo", "TENANT#M#d#x"]
        {
            assert_eq!(TenantKey::from_partition(partition), None, "{partition}");
        }
    }
}
