//! Matchers: which alerts a route, an inhibition or a silence is about.
//!
//! The four of Alertmanager (configuration reference, "`<matcher>`"): `=`, `!=`, `=~` and `!~`. A
//! regular expression must match the whole value, and a label that an alert does not have is an
//! empty one. A matcher that cannot be read is found when the catalogue is read; afterwards nobody
//! checks again.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The most bytes that one compiled expression may take. Real ones take some thousands; what
/// needs more (`(a{1000}){1000}`) would only slow every alert down.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchOperator {
    /// `=`: is this text.
    Equal,
    /// `!=`: is another text.
    NotEqual,
    /// `=~`: the regular expression matches all of it.
    Regex,
    /// `!~`: the regular expression does not match all of it.
    NotRegex,
}

impl MatchOperator {
    /// All operators; those that begin like a shorter one stand before it.
    pub const ALL: [Self; 4] = [Self::Regex, Self::NotEqual, Self::NotRegex, Self::Equal];

    /// The operator as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One matcher, such as `severity="critical"` or `tenant=~"demo|acme"`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matcher {
    label: String,
    operator: MatchOperator,
    value: String,
    regex: Option<Regex>,
}

/// Why a text is no matcher, in words that follow "the matcher".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} {problem}")]
pub struct InvalidMatcher {
    /// What was found.
    pub found: String,
    /// What is wrong with it: `has no operator`.
    pub problem: String,
}

impl Matcher {
    /// A matcher of these three parts.
    ///
    /// # Errors
    /// When the label's name is none, or the value no regular expression where one is asked for.
    pub fn new(label: &str, operator: MatchOperator, value: &str) -> Result<Self, InvalidMatcher> {
        let found = format!("{label}{}\"{value}\"", operator.as_str());
        if !is_label_name(label) {
            let problem = format!(
                "matches a label {label:?}; a label's name is letters, digits and _, and does \
                 not begin with a digit"
            );
            return Err(InvalidMatcher { found, problem });
        }
        let regex = match operator {
            MatchOperator::Equal | MatchOperator::NotEqual => None,
            MatchOperator::Regex | MatchOperator::NotRegex => Some(
                RegexBuilder::new(&format!("^(?:{value})$"))
                    .size_limit(REGEX_BYTES_MAX)
                    .build()
                    .map_err(|error| InvalidMatcher { found, problem: in_words(&error) })?,
            ),
        };
        Ok(Self { label: label.to_owned(), operator, value: value.to_owned(), regex })
    }

    /// The label that it looks at.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How it compares.
    pub fn operator(&self) -> MatchOperator {
        self.operator
    }

    /// What it compares with.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it matches this value of its label; an absent label has the value `""`.
    pub fn matches_value(&self, value: &str) -> bool {
        let matched = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => self.value == value,
        };
        match self.operator {
            MatchOperator::Equal | MatchOperator::Regex => matched,
            MatchOperator::NotEqual | MatchOperator::NotRegex => !matched,
        }
    }

    /// Whether it matches these labels.
    pub fn matches<K: Borrow<str> + Ord, V: AsRef<str>>(&self, labels: &BTreeMap<K, V>) -> bool {
        self.matches_value(labels.get(self.label.as_str()).map_or("", AsRef::as_ref))
    }
}

/// The last line of the parser's message tells what is wrong; those before it draw the expression.
fn in_words(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or("it cannot be read").trim();
    let last = last.strip_prefix("error: ").unwrap_or(last);
    format!("is no regular expression: {last}")
}

/// Whether this may be a label's name (Prometheus, "Data model": `[a-zA-Z_][a-zA-Z0-9_]*`).
pub fn is_label_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

impl FromStr for Matcher {
    type Err = InvalidMatcher;

    /// Reads a matcher as Alertmanager writes it; the value may stand in double quotes, where `\"`,
    /// `\\` and `\n` are escapes.
    fn from_str(text: &str) -> Result<Self, InvalidMatcher> {
        let wrong =
            |problem: &str| InvalidMatcher { found: text.to_owned(), problem: problem.to_owned() };
        let at = text.find(['=', '!']).ok_or_else(|| wrong("has no operator"))?;
        let (label, rest) = text.split_at(at);
        let (operator, value) = MatchOperator::ALL
            .into_iter()
            .find_map(|operator| Some((operator, rest.strip_prefix(operator.as_str())?)))
            .ok_or_else(|| wrong("has no operator"))?;
        let value = unquoted(value.trim()).map_err(wrong)?;
        Self::new(label.trim(), operator, &value)
    }
}

fn unquoted(text: &str) -> Result<String, &'static str> {
    let Some(inner) = text.strip_prefix('"') else {
        return if text.contains('"') {
            Err("has a quote in a value that does not begin with one")
        } else {
            Ok(text.to_owned())
        };
    };
    let mut value = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.as_str().is_empty() => return Ok(value),
            '"' => return Err("goes on after the closing quote"),
            '\\' => match characters.next() {
                Some('n') => value.push('\n'),
                Some(escaped @ ('"' | '\\')) => value.push(escaped),
                // An expression's own escape, `\d`.
                Some(other) => value.extend(['\\', other]),
                None => break,
            },
            other => value.push(other),
        }
    }
    Err("has no closing quote")
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}\"", self.label, self.operator.as_str())?;
        for character in self.value.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                other => write!(f, "{other}")?,
            }
        }
        f.write_str("\"")
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.label, self.operator, &self.value) == (&other.label, other.operator, &other.value)
    }
}

impl Eq for Matcher {}

impl TryFrom<String> for Matcher {
    type Error = InvalidMatcher;

    fn try_from(text: String) -> Result<Self, InvalidMatcher> {
        text.parse()
    }
}

impl From<Matcher> for String {
    fn from(matcher: Matcher) -> Self {
        matcher.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_compares_as_alertmanager_does() {
        // matcher, a value that it matches, one that it does not
        for (text, yes, no) in [
            ("severity=critical", "critical", "criticals"),
            (r#"severity="critical""#, "critical", ""),
            (r#" severity != "critical" "#, "warning", "critical"),
            (r#"tenant=~"demo|acme""#, "acme", "acme2"),
            (r#"tenant=~"de.*""#, "demo", "a demo"),
            (r#"tenant!~"demo|acme""#, "", "demo"),
            (r#"tenant="""#, "", "demo"),
            (r#"count=~"\d+""#, "17", "x"),
            (r#"title="a \"b\" \\ c""#, "a \"b\" \\ c", "a"),
            (r#"title="a,b=c""#, "a,b=c", "a"),
        ] {
            let matcher: Matcher = text.parse().unwrap();
            assert!(matcher.matches_value(yes), "{text} {yes}");
            assert!(!matcher.matches_value(no), "{text} {no}");
            assert_eq!(matcher.to_string().parse(), Ok(matcher), "{text} is read as it is written");
        }
    }

    #[test]
    fn a_label_that_is_absent_is_empty() {
        let labels = BTreeMap::from([("tenant", "demo")]);
        let matches = |text: &str| text.parse::<Matcher>().unwrap().matches(&labels);
        assert!(matches("tenant=demo") && matches("service=\"\"") && matches("service!=web"));
        assert!(!matches("service=~.+"));
    }

    #[test]
    fn what_is_no_matcher_says_why() {
        for (text, why) in [
            ("severity", "has no operator"),
            ("severity!critical", "has no operator"),
            ("9a=b", "does not begin with a digit"),
            ("=b", "a label's name is"),
            ("tenant=~\"(\"", "is no regular expression: unclosed group"),
            ("tenant=\"demo", "has no closing quote"),
            ("tenant=\"demo\"x", "goes on after the closing quote"),
            ("tenant=de\"mo", "has a quote"),
            ("tenant=~\"(a{1000}){1000}\"", "is no regular expression"),
        ] {
            let error = text.parse::<Matcher>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
