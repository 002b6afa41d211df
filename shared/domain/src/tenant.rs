//! A tenant: one customer of a product in one environment.

use serde::{Deserialize, Serialize};

use crate::tags::Ownership;
use crate::{Environment, Names, Product, Tags, TenantId, Tier};

/// What was asked for a tenant: everything that its templates depend on beside the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The product it is a customer of.
    pub product: Product,
    /// Its id.
    pub id: TenantId,
    /// The environment it lives in.
    pub environment: Environment,
    /// What it pays for.
    pub tier: Tier,
    /// Its name as people write it.
    pub display_name: String,
    /// Where its administrator is reached.
    pub admin_email: String,
    /// Who answers for it.
    pub ownership: Ownership,
}

impl Tenant {
    /// The names of its resources.
    pub fn names(&self) -> Names {
        Names::new(&self.product, &self.id, &self.environment)
    }

    /// The tags of its resources.
    pub fn tags(&self) -> Tags {
        Tags::for_tenant(self)
    }
}
