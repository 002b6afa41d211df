//! The nine tags that every resource carries, so that cost, ownership and compliance can be read
//! off any of them.

use serde::{Deserialize, Serialize};

/// The longest tag value (AWS Tagging best practices: 256 characters).
pub const TAG_VALUE_LENGTH_MAX: usize = 256;

/// The tag that says what a tenant pays for. It is read back: a stack tells by it which tier it
/// was made for.
pub const TIER: &str = "Tier";

/// Who answers for a tenant's resources, and under which rules. The catalogue holds the
/// product's defaults; a request may replace each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// Tag `CostCenter`: whose budget pays.
    pub cost_center: String,
    /// Tag `Owner`: the team to ask.
    pub owner: String,
    /// Tag `DataClassification`: `public`, `internal`, `confidential`, `restricted`, or a
    /// product's own word.
    pub data_classification: String,
    /// Tag `Compliance`: the regimes that apply, `none` where none does.
    pub compliance: String,
}

/// Whether `value` can be a tag's value everywhere: letters, digits, spaces and `+ - = . _ : / @`
/// (the set that all AWS services accept), not empty, not too long.
pub fn is_tag_value(value: &str) -> bool {
    !value.trim().is_empty()
        && value.chars().count() <= TAG_VALUE_LENGTH_MAX
        && value.chars().all(|c| c.is_alphanumeric() || " +-=._:/@".contains(c))
}

/// The tags of one tenant, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags(Vec<(&'static str, String)>);

impl Tags {
    /// All nine tags for this tenant.
    pub fn for_tenant(tenant: &crate::Tenant) -> Self {
        Self(vec![
            ("Product", tenant.product.to_string()),
            ("Tenant", tenant.id.to_string()),
            ("Environment", tenant.environment.to_string()),
            (TIER, tenant.tier.to_string()),
            ("CostCenter", tenant.ownership.cost_center.clone()),
            ("Owner", tenant.ownership.owner.clone()),
            ("DataClassification", tenant.ownership.data_classification.clone()),
            ("Compliance", tenant.ownership.compliance.clone()),
            ("ManagedBy", "caretaker".to_owned()),
        ])
    }

    /// The tags as key and value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(key, value)| (*key, value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_value_keeps_to_what_all_services_accept() {
        for good in ["finance-123", "Team Ä", "SOC2/GDPR", "a@b.c"] {
            assert!(is_tag_value(good), "{good}");
        }
        for bad in ["", "  ", "a;b", "<x>", &"x".repeat(257)] {
            assert!(!is_tag_value(bad), "{bad}");
        }
    }
}
