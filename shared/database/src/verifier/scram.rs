//! Why this exists: PostgreSQL accepts a ready-made verifier in place of a password, and stores it
//! as it is.
//!
//! `libpq` does the same in `PQencryptPasswordConn`. The number of iterations is the server's
//! setting, because each login pays for it.

use super::{NoRandomness, salt};
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use aws_lc_rs::{hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use std::num::NonZeroU32;

/// The salt's length in PostgreSQL itself (`SCRAM_DEFAULT_SALT_LEN`).
const SALT_BYTES: usize = 16;

/// The verifier for a password, with a fresh salt.
pub(crate) fn scram_sha_256(
    password: &SecretString,
    iterations: NonZeroU32,
) -> Result<String, NoRandomness> {
    Ok(with_salt(password, iterations, &salt::<SALT_BYTES>()?))
}

fn with_salt(password: &SecretString, iterations: NonZeroU32, salt: &[u8]) -> String {
    let password = password.expose_secret();
    // Like libpq and the server: a password that SASLprep forbids is used as it is.
    let prepared = stringprep::saslprep(password).unwrap_or_else(|_| password.into());
    let mut salted = [0; SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, prepared.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client_key = hmac::sign(&key, b"Client Key");
    let server_key = hmac::sign(&key, b"Server Key");
    let stored_key = digest(&SHA256, client_key.as_ref());
    format!(
        "SCRAM-SHA-256${iterations}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(server_key),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_is_that_of_the_rfcs_example_exchange() {
        // RFC 7677, section 3: user "user", password "pencil", this salt, 4096 iterations. The keys
        // are those that make the RFC's client proof and server signature come out.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = with_salt(&"pencil".to_owned().into(), 4096.try_into().unwrap(), &salt);
        assert_eq!(
            verifier,
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn two_verifiers_of_one_password_differ_in_their_salt() {
        let password = SecretString::from("pencil".to_owned());
        let iterations = NonZeroU32::new(4096).unwrap();
        assert_ne!(
            scram_sha_256(&password, iterations).unwrap(),
            scram_sha_256(&password, iterations).unwrap()
        );
    }
}
