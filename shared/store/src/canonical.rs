//! One text for one meaning, and its digest.
//!
//! Whether two payloads are the same must not hang on the order of their keys or on blanks. The
//! form is RFC 8785's as far as it matters here: no blanks, keys sorted. Numbers keep
//! `serde_json`'s form, which is the same for the same payload.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The SHA-256 of the canonical JSON of `content`, as 64 hexadecimal digits.
pub(crate) fn digest(content: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    write_canonical(&serde_json::to_value(content)?, &mut text);
    let mut digits = String::new();
    for byte in Sha256::digest(text) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    Ok(digits)
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            // Sorted here: whether serde_json's own map is sorted hangs on a feature that any
            // crate of the program may switch on.
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (index, (key, member)) in members.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(member, text);
            }
            text.push('}');
        }
        Value::Array(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(element, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(json: &str) -> String {
        let mut text = String::new();
        write_canonical(&serde_json::from_str(json).unwrap(), &mut text);
        text
    }

    #[test]
    fn keys_are_sorted_and_blanks_are_left_out_at_every_depth() {
        assert_eq!(
            canonical(r#"{ "b": [1, {"z": null, "y": "\"q\""}], "a": true }"#),
            r#"{"a":true,"b":[1,{"y":"\"q\"","z":null}]}"#,
        );
    }

    #[test]
    fn the_order_of_elements_is_part_of_the_meaning() {
        assert_ne!(digest(&[1, 2]).unwrap(), digest(&[2, 1]).unwrap());
    }

    #[test]
    fn a_digest_is_the_sha_256_of_the_canonical_text() {
        // printf '{"a":1}' | sha256sum
        let value: Value = serde_json::from_str(r#"{ "a" : 1 }"#).unwrap();
        assert_eq!(
            digest(&value).unwrap(),
            "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
        );
    }
}
