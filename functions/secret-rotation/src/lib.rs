//! Rotates every secret of a tenant, without downtime.
//!
//! Why it exists: secrets that nobody rotates leak once and stay leaked. Secrets Manager calls this
//! function in four steps for each rotation; afterwards the services that use the secret are
//! relaunched, and only then is the old value taken away.
