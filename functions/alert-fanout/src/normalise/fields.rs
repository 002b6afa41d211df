//! Looks into JSON that may be anything.
//!
//! Not structs with serde: one field of another type than documented (a description that is null, a
//! severity that is a text) would refuse the whole report, and an alert must not be lost because its
//! least important field is odd. A field that is not as expected is taken as not there.

use serde_json::Value;

/// A value, and what is in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a Value);

impl<'a> Fields<'a> {
    /// What is under `key`; null where nothing is.
    pub(crate) fn at(self, key: &str) -> Self {
        Self(self.0.get(key).unwrap_or(&Value::Null))
    }

    /// Whether there is anything but null under `key`.
    pub(crate) fn has(self, key: &str) -> bool {
        !self.at(key).0.is_null()
    }

    /// The text under `key`, where it says anything.
    pub(crate) fn text(self, key: &str) -> Option<&'a str> {
        self.0.get(key)?.as_str().filter(|text| !text.trim().is_empty())
    }

    /// The text, number or truth under `key`, as text.
    pub(crate) fn word(self, key: &str) -> Option<String> {
        match self.at(key).0 {
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => self.text(key).map(str::to_owned),
        }
    }

    /// The number under `key`, written as one or as text.
    pub(crate) fn number(self, key: &str) -> Option<f64> {
        let value = self.0.get(key)?;
        value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|it| it.is_finite())
    }

    /// The items of the list under `key`; none where there is no list.
    pub(crate) fn list(self, key: &str) -> impl Iterator<Item = Fields<'a>> {
        self.at(key).0.as_array().into_iter().flatten().map(Fields)
    }

    /// The texts in the list under `key`.
    pub(crate) fn texts(self, key: &str) -> impl Iterator<Item = &'a str> {
        self.list(key).filter_map(|item| item.0.as_str())
    }

    /// The fields of this object; none where it is no object.
    pub(crate) fn entries(self) -> impl Iterator<Item = (&'a str, Fields<'a>)> {
        let entries = self.0.as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.as_str(), Fields(value)))
    }
}

/// Tags, as AWS writes them here as an object, there as a list of `{Key, Value}` or `{key, value}`.
pub(crate) fn tags(fields: Fields<'_>) -> Vec<(&str, &str)> {
    let named = fields.entries().filter_map(|(key, value)| Some((key, value.0.as_str()?)));
    let items = fields.0.as_array().into_iter().flatten().map(Fields);
    let listed = items.filter_map(|tag| {
        let key = tag.text("Key").or_else(|| tag.text("key"))?;
        Some((key, tag.text("Value").or_else(|| tag.text("value"))?))
    });
    named.chain(listed).collect()
}
