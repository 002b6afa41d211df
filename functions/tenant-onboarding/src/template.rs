//! The two CloudFormation templates of a tenant.
