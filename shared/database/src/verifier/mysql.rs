//! Why this exists: MySQL and MariaDB accept a ready-made hash in place of a password.
//!
//! MySQL rewrites passwords in its own logs ("Passwords and Logging" in its manual), but not in
//! audit plugins, proxies or Performance Schema digests of other tools; a hash needs no such trust.

use super::{NoRandomness, salt};
use aws_lc_rs::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Write;

/// `caching_sha2_password`'s salt length (`CRYPT_SALT_LENGTH` in MySQL's sources; plain SHA-crypt
/// stops at 16).
const SALT_BYTES: usize = 20;

/// Rounds of SHA-crypt, in thousands: MySQL's default for `caching_sha2_password_digest_rounds` is
/// 5000.
const ROUNDS_THOUSANDS: usize = 5;

/// The alphabet of crypt(3)'s base 64.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// MariaDB's `mysql_native_password`: `*` and the hexadecimal SHA-1 of the SHA-1 of the password.
pub(crate) fn native(password: &SecretString) -> String {
    let once = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.expose_secret().as_bytes());
    let twice = digest(&SHA1_FOR_LEGACY_USE_ONLY, once.as_ref());
    twice.as_ref().iter().fold("*".to_owned(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

/// MySQL's `caching_sha2_password`: `$A$005$`, the salt, and the SHA-crypt of the password, without
/// a separator.
pub(crate) fn caching_sha2(password: &SecretString) -> Result<String, NoRandomness> {
    let random = salt::<SALT_BYTES>()?;
    // A salt of letters and digits keeps the whole hash printable, so that it needs no escaping
    // anywhere.
    let salt: String = random.iter().map(|byte| letter(u32::from(*byte))).collect();
    let crypt = sha256_crypt(
        password.expose_secret().as_bytes(),
        salt.as_bytes(),
        ROUNDS_THOUSANDS * 1_000,
    );
    Ok(format!("$A${ROUNDS_THOUSANDS:03}${salt}{crypt}"))
}

/// The SHA-256 variant of Ulrich Drepper's SHA-crypt
/// (<https://www.akkadia.org/drepper/SHA-crypt.txt>), whose numbered steps the comments name. The
/// salt is taken at its full length.
fn sha256_crypt(password: &[u8], salt: &[u8], rounds: usize) -> String {
    // Steps 4 to 8: digest B.
    let inner = sha256(&[password, salt, password]);
    // Steps 1 to 3 and 9 to 12: digest A.
    let mut outer = Context::new(&SHA256);
    outer.update(password);
    outer.update(salt);
    outer.update(&repeated(inner.as_ref(), password.len()));
    let mut bits = password.len();
    while bits > 0 {
        outer.update(if bits & 1 == 1 { inner.as_ref() } else { password });
        bits >>= 1;
    }
    let outer = outer.finish();
    // Steps 13 to 16: the sequence P.
    let password_digest = sha256(&vec![password; password.len()]);
    let passwords = repeated(password_digest.as_ref(), password.len());
    // Steps 17 to 20: the sequence S.
    let times = 16 + usize::from(outer.as_ref().first().copied().unwrap_or_default());
    let salt_digest = sha256(&vec![salt; times]);
    let salts = repeated(salt_digest.as_ref(), salt.len());
    // Step 21: the rounds, each over the digest C of the one before.
    let mut current = outer;
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut next = Context::new(&SHA256);
        next.update(if odd { &passwords } else { current.as_ref() });
        if round % 3 != 0 {
            next.update(&salts);
        }
        if round % 7 != 0 {
            next.update(&passwords);
        }
        next.update(if odd { current.as_ref() } else { &passwords });
        current = next.finish();
    }
    encode(current.as_ref())
}

fn sha256(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// The first `length` bytes of `pattern` repeated without end.
fn repeated(pattern: &[u8], length: usize) -> Vec<u8> {
    pattern.iter().copied().cycle().take(length).collect()
}

/// Step 22: crypt(3)'s base 64 over the digest's bytes in their shuffled order: three at a time,
/// each position moving on by 21 modulo 30, and the last two bytes by themselves.
fn encode(digest: &[u8]) -> String {
    let byte = |at: usize| u32::from(digest.get(at).copied().unwrap_or_default());
    let mut text = String::new();
    let mut at = 0;
    for _ in 0..10 {
        let group = byte(at) << 16 | byte((at + 10) % 30) << 8 | byte((at + 20) % 30);
        push(&mut text, group, 4);
        at = (at + 21) % 30;
    }
    push(&mut text, byte(31) << 8 | byte(30), 3);
    text
}

/// Appends the lowest 6-bit groups of `bits`, the lowest first.
fn push(text: &mut String, mut bits: u32, letters: u32) {
    for _ in 0..letters {
        text.push(letter(bits));
        bits >>= 6;
    }
}

/// The letter for the lowest six bits.
fn letter(bits: u32) -> char {
    let at = usize::try_from(bits & 0x3f).unwrap_or_default();
    char::from(ALPHABET.get(at).copied().unwrap_or(b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `HEX(authentication_string)` of accounts that MySQL 8 itself made with `IDENTIFIED BY`.
    const MADE_BY_MYSQL: [(&str, &str); 2] = [
        (
            "foobar",
            "24412430303524031A69251C34295C4B35167C7F1E5A7B63091349503974624D34504B5A424679354856336868686F52485A736E4A73\
             3368786E427575516C73446469496537",
        ),
        (
            "testpassword123",
            "24412430303524393D02673221785B414A4E5F02073711301659116B446B76753345617A4D7530635548526D3678746F6B7556483555\
             3334346932572E332F704C4856477131",
        ),
    ];

    fn unhex(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn a_hash_made_by_mysql_is_made_again_from_its_password_and_salt() {
        for (password, hex) in MADE_BY_MYSQL {
            let stored = unhex(hex);
            let (salt, crypt) = (&stored[7..27], &stored[27..]);
            assert_eq!(&stored[..7], b"$A$005$");
            assert_eq!(
                sha256_crypt(password.as_bytes(), salt, 5_000).as_bytes(),
                crypt,
                "{password}"
            );
        }
    }

    #[test]
    fn sha_crypt_agrees_with_glibc() {
        // What crypt(3) of glibc answers for `$5$saltstring` and `$5$rounds=77777$short`.
        for (password, salt, rounds, crypt) in [
            ("Hello world!", "saltstring", 5_000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
            (
                "we have a short salt string but not a short password",
                "short",
                77_777,
                "JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/",
            ),
        ] {
            assert_eq!(sha256_crypt(password.as_bytes(), salt.as_bytes(), rounds), crypt);
        }
    }

    #[test]
    fn a_caching_sha2_hash_is_printable_and_as_long_as_mysql_stores_it() {
        let hash = caching_sha2(&"a password".to_owned().into()).unwrap();
        assert!(hash.starts_with("$A$005$"), "{hash}");
        assert_eq!(hash.len(), 70);
        assert!(hash.chars().all(|c| c.is_ascii_alphanumeric() || "$./".contains(c)), "{hash}");
    }

    #[test]
    fn a_native_hash_is_that_of_the_manual() {
        // MariaDB's knowledge base, "mysql_native_password": PASSWORD('mariadb').
        assert_eq!(
            native(&"mariadb".to_owned().into()),
            "*54958E764CE10E50764C2EECBB71D01F08549980"
        );
    }
}
