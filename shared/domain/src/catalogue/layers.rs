//! A catalogue's layers, looked at as one table.
//!
//! The layers are never merged into a new tree: a [`Section`] holds the tables that lie over one
//! another and looks a key up from the strongest down. Each value so keeps its place in the file,
//! which is what a message about it needs, and reading the nine combinations of three tiers and
//! three environments copies nothing.
//!
//! What a stronger layer hides is still read and checked: a mistake that only shows once the
//! layer above it is removed would be found by the wrong person at the wrong time.

use std::collections::{BTreeMap, BTreeSet};

use toml_span::value::{Table, Value};
use toml_span::{Span, Spanned};

use super::kinds::{Kind, describe};
use super::mistakes::{Mistakes, Read, Reported, join};
use super::suggest::did_you_mean;
use super::values::NameRule;

/// One table of the file.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    table: &'a Table<'a>,
    /// The key that the table is filed under: what to point at when something is missing in it.
    span: Span,
    /// A key that is no setting: `tiers` in an environment's table.
    without: Option<&'static str>,
}

/// A table of the settings: all layers of it, the strongest last.
pub(super) struct Section<'a> {
    path: String,
    layers: Vec<Layer<'a>>,
    known: Vec<&'a str>,
    mistakes: &'a Mistakes,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(file: &'a Value<'a>, mistakes: &'a Mistakes) -> Self {
        let span = Span::new(0, 0);
        let layer = file.as_table().map(|table| Layer { table, span, without: None });
        Self::over(layer.into_iter().collect(), mistakes)
    }

    /// The settings that these layers make, the strongest last.
    pub(super) fn over(layers: Vec<Layer<'a>>, mistakes: &'a Mistakes) -> Self {
        Self { path: String::new(), layers, known: Vec::new(), mistakes }
    }

    /// The section's tables, to be layers of something else.
    pub(super) fn layers(&self) -> Vec<Layer<'a>> {
        self.layers.clone()
    }

    /// The same without a key that is no setting.
    pub(super) fn layers_without(&self, key: &'static str) -> Vec<Layer<'a>> {
        self.layers.iter().map(|layer| Layer { without: Some(key), ..*layer }).collect()
    }

    /// Lays the section over these layers: where it says nothing, they do.
    pub(super) fn over_others(&mut self, others: &[Layer<'a>]) {
        self.layers.splice(0..0, others.iter().copied());
    }

    /// Where the section begins, for mistakes that concern all of it.
    pub(super) fn span(&self) -> Span {
        self.layers.first().map_or(Span::new(0, 0), |layer| layer.span)
    }

    /// Files a mistake about `key` of this section.
    pub(super) fn mistake(
        &self,
        span: Span,
        key: &str,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) -> Reported {
        self.mistakes.file(span, (&self.path, key), problem, expected)
    }

    /// What the layers say about `key`, the strongest last; each with the span of the key.
    fn entries(&self, key: &str) -> impl DoubleEndedIterator<Item = (Span, &'a Value<'a>)> {
        self.layers
            .iter()
            .filter(move |layer| layer.without != Some(key))
            .filter_map(move |layer| layer.table.get_key_value(key))
            .map(|(key, value)| (key.span, value))
    }

    /// Whether any layer has `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries(key).next().is_some()
    }

    /// Where the strongest layer that has `key` says it.
    pub(super) fn key_span(&self, key: &str) -> Option<Span> {
        self.entries(key).next_back().map(|(span, _)| span)
    }

    /// The names in the table `key`, for those who refer to them.
    pub(super) fn names_in(&self, key: &str) -> BTreeSet<&'a str> {
        self.entries(key)
            .filter_map(|(_, value)| value.as_table())
            .flat_map(|table| table.keys().map(|key| key.name.as_ref()))
            .collect()
    }

    fn knows(&mut self, key: &'a str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// A value that may be left out.
    pub(super) fn optional<K: Kind>(
        &mut self,
        key: &'a str,
        kind: &K,
    ) -> Read<Option<Spanned<K::Value>>> {
        self.knows(key);
        let mut effective = Ok(None);
        for (_, value) in self.entries(key) {
            effective = match kind.read(value) {
                Ok(read) => Ok(Some(Spanned::with_span(read, value.span))),
                Err(wrongs) => {
                    for wrong in wrongs {
                        self.mistake(wrong.span, key, wrong.problem, wrong.expected);
                    }
                    Err(Reported)
                }
            };
        }
        effective
    }

    /// A value that must be given.
    pub(super) fn required<K: Kind>(&mut self, key: &'a str, kind: &K) -> Read<Spanned<K::Value>> {
        self.optional(key, kind)?
            .ok_or_else(|| self.mistake(self.span(), key, "is missing", kind.expected()))
    }

    /// A value with a default.
    pub(super) fn or<K: Kind>(
        &mut self,
        key: &'a str,
        kind: &K,
        default: K::Value,
    ) -> Read<Spanned<K::Value>> {
        let span = self.span();
        Ok(self.optional(key, kind)?.unwrap_or_else(|| Spanned::with_span(default, span)))
    }

    /// The inner table `key` as it stands, or nothing where no layer has one.
    pub(super) fn child(&mut self, key: &'a str) -> Read<Option<Section<'a>>> {
        self.knows(key);
        let mut layers = Vec::new();
        let mut result = Ok(());
        for (span, value) in self.entries(key) {
            if let Some(table) = value.as_table() {
                layers.push(Layer { table, span, without: None });
            } else {
                let found = format!("found {}", describe(value));
                result = Err(self.mistake(value.span, key, found, "a table"));
            }
        }
        result?;
        let path = join(&self.path, key);
        let section = Self { path, layers, known: Vec::new(), mistakes: self.mistakes };
        Ok((!section.layers.is_empty()).then_some(section))
    }

    /// An inner table that may be left out; a key in it that nobody asks for is a mistake.
    pub(super) fn optional_table<T>(
        &mut self,
        key: &'a str,
        read: impl FnOnce(&mut Section<'a>) -> Read<T>,
    ) -> Read<Option<T>> {
        self.child(key)?.map(|section| section.read(read)).transpose()
    }

    /// An inner table that must be given.
    pub(super) fn table<T>(
        &mut self,
        key: &'a str,
        read: impl FnOnce(&mut Section<'a>) -> Read<T>,
    ) -> Read<T> {
        self.optional_table(key, read)?
            .ok_or_else(|| self.mistake(self.span(), key, "is missing", "a table"))
    }

    /// A list of inner tables; none where no layer has it. `read` learns which of the list it
    /// reads, from 0.
    pub(super) fn list_of_tables<T>(
        &mut self,
        key: &'a str,
        mut read: impl FnMut(usize, &mut Section<'a>) -> Read<T>,
    ) -> Read<Vec<T>> {
        self.knows(key);
        let mut effective = Ok(Vec::new());
        for (_, value) in self.entries(key) {
            let refuse = |wrong: &Value<'_>| {
                let found = format!("found {}", describe(wrong));
                self.mistake(wrong.span, key, found, format!("a list of tables, as by [[{key}]]"))
            };
            let Some(items) = value.as_array() else {
                effective = Err(refuse(value));
                continue;
            };
            let mut list = Ok(Vec::with_capacity(items.len()));
            for (number, item) in items.iter().enumerate() {
                let read = item.as_table().map_or_else(
                    || Err(refuse(item)),
                    |table| {
                        let path = join(&self.path, &format!("{key}[{number}]"));
                        let layers = vec![Layer { table, span: item.span, without: None }];
                        let mistakes = self.mistakes;
                        Section { path, layers, known: Vec::new(), mistakes }
                            .read(|section| read(number, section))
                    },
                );
                list = list.and_then(|mut list| {
                    list.push(read?);
                    Ok(list)
                });
            }
            effective = list;
        }
        effective
    }

    /// An inner table whose keys are names that the author chooses, each an inner table again.
    pub(super) fn named_tables<T>(
        &mut self,
        key: &'a str,
        rule: NameRule,
        mut read: impl FnMut(&'a str, &mut Section<'a>) -> Read<T>,
    ) -> Read<BTreeMap<String, T>> {
        let Some(mut tables) = self.child(key)? else { return Ok(BTreeMap::new()) };
        let mut result = Ok(BTreeMap::new());
        for name in self.names_in(key) {
            let named = tables.name(name, rule);
            let item = tables.table(name, |section| read(name, section));
            result = collect(result, name, named.and(item));
        }
        result
    }

    /// An inner table whose keys are names that the author chooses, each with a value.
    pub(super) fn named_values<K: Kind>(
        &mut self,
        key: &'a str,
        rule: NameRule,
        kind: &K,
    ) -> Read<BTreeMap<String, K::Value>> {
        let Some(mut values) = self.child(key)? else { return Ok(BTreeMap::new()) };
        let mut result = Ok(BTreeMap::new());
        for name in self.names_in(key) {
            let named = values.name(name, rule);
            let item = values.required(name, kind).map(|found| found.value);
            result = collect(result, name, named.and(item));
        }
        result
    }

    fn name(&self, name: &str, (expected, is_name): NameRule) -> Read<()> {
        if is_name(name) {
            return Ok(());
        }
        let span = self.key_span(name).unwrap_or_else(|| self.span());
        Err(self.mistake(span, name, format!("found the name {name:?}"), expected))
    }

    /// Reads the section to its end: keys that `read` did not ask for are mistakes.
    fn read<T>(mut self, read: impl FnOnce(&mut Section<'a>) -> T) -> T {
        let result = read(&mut self);
        self.finish();
        result
    }

    /// Files every key that nobody asked for.
    pub(super) fn finish(self) {
        for layer in &self.layers {
            for key in layer.table.keys() {
                let name = key.name.as_ref();
                if layer.without != Some(name) && !self.known.contains(&name) {
                    let hint = did_you_mean(name, self.known.iter().copied());
                    let expected = format!("one of {}", self.known.join(", "));
                    self.mistake(key.span, name, format!("unknown key{hint}"), expected);
                }
            }
        }
    }
}

fn collect<T>(
    into: Read<BTreeMap<String, T>>,
    name: &str,
    item: Read<T>,
) -> Read<BTreeMap<String, T>> {
    let mut map = into?;
    map.insert(name.to_owned(), item?);
    Ok(map)
}
