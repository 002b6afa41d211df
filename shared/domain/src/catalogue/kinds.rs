//! The kinds of values that a catalogue holds: how each is read, and how what it accepts is put
//! in words. A kind knows a value alone; what must agree with another key is checked where both
//! are read.

use toml_span::Span;
use toml_span::value::{Value, ValueInner};

use super::suggest::did_you_mean;

/// Why a value is not of a kind.
pub(super) struct Wrong {
    pub(super) span: Span,
    pub(super) problem: String,
    pub(super) expected: String,
}

/// A kind of value.
pub(super) trait Kind {
    /// What it is read into.
    type Value;

    /// What it accepts, in words that follow "expected".
    fn expected(&self) -> String;

    /// Reads the value, or says everything that is wrong with it.
    fn read(&self, value: &Value<'_>) -> Result<Self::Value, Vec<Wrong>>;

    /// Reports that this is something else.
    fn refuse(&self, value: &Value<'_>) -> Vec<Wrong> {
        let problem = format!("found {}", describe(value));
        vec![Wrong { span: value.span, problem, expected: self.expected() }]
    }
}

/// A value in words, cut to a readable length.
pub(super) fn describe(value: &Value<'_>) -> String {
    const SHOWN: usize = 60;
    match value.as_ref() {
        ValueInner::String(text) => {
            let cut = if text.chars().count() > SHOWN { "…" } else { "" };
            format!("{:?}{cut}", text.chars().take(SHOWN).collect::<String>())
        }
        ValueInner::Integer(number) => number.to_string(),
        ValueInner::Float(number) => number.to_string(),
        ValueInner::Boolean(flag) => flag.to_string(),
        ValueInner::Array(_) => "a list".to_owned(),
        ValueInner::Table(_) => "a table".to_owned(),
    }
}

/// A text that a function accepts or refuses.
pub(super) struct Text<T>(pub(super) &'static str, pub(super) fn(&str) -> Option<T>);

impl Text<String> {
    /// A text that is taken as it stands.
    pub(super) fn checked(text: &str, good: bool) -> Option<String> {
        good.then(|| text.to_owned())
    }
}

impl<T> Kind for Text<T> {
    type Value = T;

    fn expected(&self) -> String {
        self.0.to_owned()
    }

    fn read(&self, value: &Value<'_>) -> Result<T, Vec<Wrong>> {
        value.as_str().and_then(self.1).ok_or_else(|| self.refuse(value))
    }
}

/// One of a few words.
pub(super) struct Choice<T: 'static>(pub(super) &'static [T], pub(super) fn(T) -> &'static str);

impl<T: Copy> Choice<T> {
    fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|item| (self.1)(*item))
    }
}

impl<T: Copy> Kind for Choice<T> {
    type Value = T;

    fn expected(&self) -> String {
        format!("one of {}", self.words().collect::<Vec<_>>().join(", "))
    }

    fn read(&self, value: &Value<'_>) -> Result<T, Vec<Wrong>> {
        let text = value.as_str().ok_or_else(|| self.refuse(value))?;
        self.0.iter().copied().find(|item| (self.1)(*item) == text).ok_or_else(|| {
            let mut wrongs = self.refuse(value);
            for wrong in &mut wrongs {
                wrong.problem.push_str(&did_you_mean(text, self.words()));
            }
            wrongs
        })
    }
}

/// `true` or `false`.
pub(super) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, value: &Value<'_>) -> Result<bool, Vec<Wrong>> {
        value.as_bool().ok_or_else(|| self.refuse(value))
    }
}

/// A whole number within bounds.
pub(super) struct Whole<T>(pub(super) T, pub(super) T);

impl<T: TryFrom<i64> + PartialOrd + Copy + std::fmt::Display> Kind for Whole<T> {
    type Value = T;

    fn expected(&self) -> String {
        format!("a whole number from {} to {}", self.0, self.1)
    }

    fn read(&self, value: &Value<'_>) -> Result<T, Vec<Wrong>> {
        value
            .as_integer()
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| (self.0..=self.1).contains(number))
            .ok_or_else(|| self.refuse(value))
    }
}

/// One of a few whole numbers.
pub(super) struct OneOf(pub(super) &'static [u32]);

impl Kind for OneOf {
    type Value = u32;

    fn expected(&self) -> String {
        let numbers: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        format!("one of {}", numbers.join(", "))
    }

    fn read(&self, value: &Value<'_>) -> Result<u32, Vec<Wrong>> {
        value
            .as_integer()
            .and_then(|number| self.0.iter().copied().find(|known| i64::from(*known) == number))
            .ok_or_else(|| self.refuse(value))
    }
}

/// A number that is not negative.
pub(super) struct Amount;

impl Kind for Amount {
    type Value = f64;

    fn expected(&self) -> String {
        "a number that is not negative".to_owned()
    }

    fn read(&self, value: &Value<'_>) -> Result<f64, Vec<Wrong>> {
        // An integer beyond u32 is no threshold of anything; below it, f64 is exact.
        let whole = value.as_integer().and_then(|number| u32::try_from(number).ok());
        value
            .as_float()
            .or(whole.map(f64::from))
            .filter(|number| number.is_finite() && *number >= 0.0)
            .ok_or_else(|| self.refuse(value))
    }
}

/// A list of values of one kind.
pub(super) struct List<K>(pub(super) K);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    fn expected(&self) -> String {
        format!("a list, each item {}", self.0.expected())
    }

    fn read(&self, value: &Value<'_>) -> Result<Self::Value, Vec<Wrong>> {
        let items = value.as_array().ok_or_else(|| self.refuse(value))?;
        let (mut read, mut wrongs) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            match self.0.read(item) {
                Ok(item) => read.push(item),
                Err(more) => wrongs.extend(more),
            }
        }
        if wrongs.is_empty() { Ok(read) } else { Err(wrongs) }
    }
}

/// A parameter of a parameter group: AWS takes them all as texts, people write numbers too.
pub(super) struct Parameter;

impl Kind for Parameter {
    type Value = String;

    fn expected(&self) -> String {
        "a text or a whole number".to_owned()
    }

    fn read(&self, value: &Value<'_>) -> Result<String, Vec<Wrong>> {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .or_else(|| value.as_integer().map(|number| number.to_string()))
            .ok_or_else(|| self.refuse(value))
    }
}
