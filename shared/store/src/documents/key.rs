//! Under which name a document lies in the table.

use std::fmt;

use crate::StoreError;
use crate::layout::{self, Item};

/// The longest id of a document. DynamoDB's sort keys have at most 1024 bytes, and in the index
/// of what is due an instant of 31 stands before the id.
pub const DOCUMENT_ID_BYTES_MAX: usize = 990;

/// The longest kind and partition together: DynamoDB's partition keys have at most 2048 bytes.
const PARTITION_BYTES_MAX: usize = 2_000;

/// The name of a document: `rotation`, `mate#dev`, and the ARN of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentKey {
    /// What it is, a word of the function's own without `#`: `rotation`.
    pub kind: &'static str,
    /// What is listed together, and found by one sweep: `mate#dev`. DynamoDB takes a thousand
    /// writes a second to one partition before it splits it; what is written faster than that
    /// gets more than one.
    pub partition: String,
    /// Which one: at most [`DOCUMENT_ID_BYTES_MAX`] bytes.
    pub id: String,
}

impl DocumentKey {
    /// The key of these three.
    pub fn new(kind: &'static str, partition: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind, partition: partition.into(), id: id.into() }
    }

    /// The key of its item; an error for one that DynamoDB would not take.
    pub(crate) fn item_key(&self) -> Result<Item, StoreError> {
        let reason = if self.id.is_empty() {
            Some("its id is empty".to_owned())
        } else if self.id.len() > DOCUMENT_ID_BYTES_MAX {
            let length = self.id.len();
            Some(format!(
                "its id has {length} bytes, more than the {DOCUMENT_ID_BYTES_MAX} that fit into a \
                 key; use its digest"
            ))
        } else {
            None
        };
        match reason {
            Some(reason) => {
                Err(StoreError::Unwritable { what: format!("the document {self}"), reason })
            }
            None => Ok(layout::key(partition(self.kind, &self.partition)?, self.id.clone())),
        }
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} / {}", self.kind, self.partition, self.id)
    }
}

/// The partition of all documents of one kind; an error for one that DynamoDB would not take, or
/// that another kind's documents could be in.
pub(crate) fn partition(kind: &str, partition: &str) -> Result<String, StoreError> {
    let is_word = !kind.is_empty() && !kind.contains('#');
    if is_word && !partition.is_empty() && kind.len() + partition.len() <= PARTITION_BYTES_MAX {
        return Ok(layout::document_partition(kind, partition));
    }
    Err(StoreError::Unwritable {
        what: format!("a document of kind {kind:?} in partition {partition:?}"),
        reason: format!(
            "a kind is a word without '#', a partition is not empty, and both together have at \
             most {PARTITION_BYTES_MAX} bytes"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{PK, SK, read_text};

    #[test]
    fn a_document_lies_under_its_kind_partition_and_id() {
        let key = DocumentKey::new("rotation", "mate#dev", "arn:a#b").item_key().unwrap();
        assert_eq!(read_text(&key, PK), Some("DOCUMENT#rotation#mate#dev"));
        assert_eq!(read_text(&key, SK), Some("arn:a#b"));
    }

    #[test]
    fn a_key_that_dynamodb_would_not_take_is_refused_in_words() {
        let long = "x".repeat(DOCUMENT_ID_BYTES_MAX + 1);
        let wide = "x".repeat(PARTITION_BYTES_MAX);
        for (kind, partition, id, reason) in [
            ("rotation", "mate#dev", "", "its id is empty"),
            ("rotation", "mate#dev", long.as_str(), "use its digest"),
            ("", "mate#dev", "a", "a kind is a word"),
            ("rot#ation", "mate#dev", "a", "a kind is a word"),
            ("rotation", "", "a", "a partition is not empty"),
            ("rotation", wide.as_str(), "a", "at most 2000 bytes"),
        ] {
            let error = DocumentKey::new(kind, partition, id).item_key().unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert!(!error.is_transient());
        }
        let longest = "x".repeat(DOCUMENT_ID_BYTES_MAX);
        assert!(DocumentKey::new("rotation", "mate#dev", longest).item_key().is_ok());
    }
}
