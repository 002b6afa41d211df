//! The parts of a group that are many and that no query reads: each is one text of JSON in the
//! document, and not a map of DynamoDB's with an attribute for every field.
//!
//! Each invocation of a storm reads the whole group: a hundred entries and ten alerts are a hundred
//! and ten texts, or some two thousand attributes, of which each is allocated by name.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Alerts and the like, in their order.
pub(super) mod listed {
    use super::*;

    pub(in crate::group) fn serialize<T: Serialize, S: Serializer>(
        all: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts: Result<Vec<String>, _> = all.iter().map(serde_json::to_string).collect();
        texts.map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(in crate::group) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let all: Result<Vec<T>, _> = texts.iter().map(|text| serde_json::from_str(text)).collect();
        all.map_err(D::Error::custom)
    }
}

/// Entries and the like, by their ids.
pub(super) mod by_id {
    use std::collections::BTreeMap;

    use super::*;

    pub(in crate::group) fn serialize<T: Serialize, S: Serializer>(
        all: &BTreeMap<String, T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = |(id, one): (&String, &T)| Ok((id.clone(), serde_json::to_string(one)?));
        let texts: Result<BTreeMap<String, String>, serde_json::Error> =
            all.iter().map(text).collect();
        texts.map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(in crate::group) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, T>, D::Error> {
        let texts = BTreeMap::<String, String>::deserialize(deserializer)?;
        let one = |(id, text): (String, String)| Ok((id, serde_json::from_str(&text)?));
        let all: Result<BTreeMap<String, T>, serde_json::Error> =
            texts.into_iter().map(one).collect();
        all.map_err(D::Error::custom)
    }
}
