//! Tenant records, journal, lease and idempotency in one DynamoDB table.
