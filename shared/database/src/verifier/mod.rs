//! Why this exists: a password in a statement ends up in server logs. What a server stores is
//! computed here instead, so that the statement carries only that.
//!
//! | server | what is sent | how |
//! |---|---|---|
//! | PostgreSQL | SCRAM-SHA-256 verifier | RFC 5802 and 7677, stored as `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` |
//! | MySQL 8 and 9 | `caching_sha2_password` hash | SHA-crypt with 5000 rounds and a 20-byte salt |
//! | MariaDB | `mysql_native_password` hash | `*` and SHA-1 of SHA-1 |
//!
//! MariaDB's hash has no salt: it is as strong as the password is long. Secrets Manager makes 32
//! random characters.

mod mysql;
mod scram;

pub(crate) use mysql::{caching_sha2, native};
pub(crate) use scram::scram_sha_256;

/// The system's source of randomness failed. It is not known to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes for a salt")]
pub struct NoRandomness;

/// Random bytes for a salt.
fn salt<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut salt = [0; N];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| NoRandomness)?;
    Ok(salt)
}
