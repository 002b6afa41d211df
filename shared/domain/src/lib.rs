//! Tenants, tiers, names, tags and the catalogue: what a product wants, with no IO at all.
