//! What ElastiCache takes as a token or a password.
//!
//! Source: ElastiCache user guide, "Authenticating with the Valkey and Redis OSS AUTH command" (the
//! characters and the length of a token), and API reference, `CreateUser` (the length of a
//! password, two passwords for a user).

use crate::refusal::{FailureKind, Refusal};

/// The least characters of a token or a password.
pub const VALUE_LENGTH_MIN: usize = 16;

/// The most characters of a token or a password.
pub const VALUE_LENGTH_MAX: usize = 128;

/// The punctuation that a token may have.
const PUNCTUATION: &str = "!&#$^<>-";

/// The punctuation that `GetRandomPassword` knows and a token must not have: to be excluded when a
/// value is generated.
pub const EXCLUDED_PUNCTUATION: &str = r#""%'()*+,./:;=?@[\]_`{|}~"#;

/// Sees that ElastiCache can take a value, which is better said before than in its words.
///
/// # Errors
/// A refusal that names what is wrong, and never the value.
pub fn check_value(value: &str) -> Result<(), Refusal> {
    let length = value.chars().count();
    let mut faults = Vec::new();
    if !(VALUE_LENGTH_MIN..=VALUE_LENGTH_MAX).contains(&length) {
        faults.push(format!(
            "it has {length} characters, and ElastiCache takes {VALUE_LENGTH_MIN} to \
             {VALUE_LENGTH_MAX}"
        ));
    }
    if !value.chars().all(|c| c.is_ascii_alphanumeric() || PUNCTUATION.contains(c)) {
        faults.push(format!(
            "it has characters other than letters, digits and {PUNCTUATION}, which ElastiCache \
             does not take"
        ));
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        FailureKind::Policy,
        format!("the pending value cannot be a cache's: {}", faults.join("; ")),
        "correct the function's password options (PASSWORD_LENGTH, EXCLUDE_CHARACTERS) and rotate \
         again",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_elasticache_takes_passes() {
        for value in ["0123456789abcdef".to_owned(), "aZ0!&#$^<>-".repeat(11)] {
            assert_eq!(check_value(&value), Ok(()), "{value}");
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_value_is_told_without_the_value() {
        let refusal = check_value("geheim/@").unwrap_err();
        assert_eq!(refusal.kind, FailureKind::Policy);
        assert!(refusal.reason.contains("8 characters"), "{refusal}");
        assert!(refusal.reason.contains("other than letters"), "{refusal}");
        assert!(!refusal.to_string().contains("geheim"), "{refusal}");
        check_value(&"x".repeat(129)).unwrap_err();
    }

    #[test]
    fn every_punctuation_is_either_taken_or_excluded() {
        let all: Vec<char> = ('!'..='~').filter(char::is_ascii_punctuation).collect();
        for c in all {
            assert_ne!(PUNCTUATION.contains(c), EXCLUDED_PUNCTUATION.contains(c), "{c}");
        }
    }
}
