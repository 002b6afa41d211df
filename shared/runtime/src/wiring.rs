//! The environment variables that Terraform sets: where things are.
//!
//! A deployment with three wrong variables is put right once, not three times: every reader here
//! notes its complaint and goes on, and [`Wiring::finish`] reports all of them together.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use crate::error::Classify;

/// Reads environment variables into typed values and keeps a list of what is wrong with them.
///
/// ```
/// use runtime::Wiring;
///
/// struct Settings { table: String, subnets: Vec<String>, page_size: u32 }
///
/// let mut wiring = Wiring::from_pairs([("CARETAKER_TABLE", "tenants"), ("CARETAKER_SUBNETS", "a, b")]);
/// let settings = Settings {
///     table: wiring.required("CARETAKER_TABLE"),
///     subnets: wiring.list("CARETAKER_SUBNETS"),
///     page_size: wiring.parsed_or("CARETAKER_PAGE_SIZE", 25),
/// };
/// wiring.finish()?;
/// assert_eq!((settings.table.as_str(), settings.subnets.len(), settings.page_size), ("tenants", 2, 25));
/// # Ok::<(), runtime::WiringError>(())
/// ```
#[derive(Debug)]
pub struct Wiring {
    variables: BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Wiring {
    /// Over the process's environment. Variables that are not UTF-8 are taken as they can be read.
    pub fn from_env() -> Self {
        Self::from_pairs(std::env::vars_os().map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        }))
    }

    /// Over given pairs, for tests.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, problems: Vec::new() }
    }

    /// The value of `name`; a missing or blank one is a problem, and gives the empty string.
    pub fn required(&mut self, name: &'static str) -> String {
        let value = self.optional(name);
        if value.is_none() {
            self.problems.push(Problem { name, what: What::Missing });
        }
        value.unwrap_or_default()
    }

    /// The value of `name`, or `None` where it is missing or blank.
    pub fn optional(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    }

    /// The comma-separated values of `name`, without blanks; none at all is a problem.
    pub fn list(&mut self, name: &'static str) -> Vec<String> {
        let values = self.optional_list(name);
        if values.is_empty() {
            self.problems.push(Problem { name, what: What::Missing });
        }
        values
    }

    /// The comma-separated values of `name`, without blanks; there may be none.
    pub fn optional_list(&self, name: &str) -> Vec<String> {
        let value = self.optional(name).unwrap_or_default();
        value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// The value of `name` as a `T`; missing or malformed is a problem, and gives `None`.
    ///
    /// The value itself is not repeated in the problem: it may be something that does not belong in
    /// a log.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        match self.required(name) {
            value if value.is_empty() => None,
            value => self.parse(name, &value),
        }
    }

    /// The value of `name` as a `T`, or `default` where it is missing; malformed is a problem, and
    /// gives `default`.
    pub fn parsed_or<T: FromStr<Err: Display>>(&mut self, name: &'static str, default: T) -> T {
        match self.optional(name) {
            Some(value) => self.parse(name, &value).unwrap_or(default),
            None => default,
        }
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, name: &'static str, value: &str) -> Option<T> {
        value.parse().map_err(|error: T::Err| self.reject(name, &error)).ok()
    }

    /// Notes that the value of `name` cannot be used, for a check of the caller's own; `why` goes
    /// into the report.
    pub fn reject(&mut self, name: &'static str, why: &dyn Display) {
        self.problems.push(Problem { name, what: What::Invalid(why.to_string()) });
    }

    /// Ends the reading with what was read, for values that [`Wiring::parsed`] gave one by one:
    /// fails with every problem found.
    pub fn complete<T>(mut self, value: Option<T>) -> Result<T, WiringError> {
        if let Some(value) = value {
            return self.finish().map(|()| value);
        }
        if self.problems.is_empty() {
            self.reject("CARETAKER_*", &"something was not given, and nobody said what");
        }
        Err(WiringError(self.problems))
    }

    /// Ends the reading: fails with every problem found.
    pub fn finish(self) -> Result<(), WiringError> {
        if self.problems.is_empty() { Ok(()) } else { Err(WiringError(self.problems)) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Problem {
    name: &'static str,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Missing,
    Invalid(String),
}

/// Everything that is wrong with a function's environment variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WiringError(Vec<Problem>);

impl Display for WiringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut missing: Vec<&str> = Vec::new();
        let mut invalid: Vec<String> = Vec::new();
        for Problem { name, what } in &self.0 {
            match what {
                // A variable may be read for several uses; it is one variable to set.
                What::Missing if missing.contains(name) => {}
                What::Missing => missing.push(name),
                What::Invalid(why) => invalid.push(format!("{name} is invalid ({why})")),
            }
        }
        let missing = missing.join(", ");
        let missing = (!missing.is_empty()).then(|| format!("missing or empty are {missing}"));
        let all: Vec<String> = missing.into_iter().chain(invalid).collect();
        write!(
            f,
            "the function's environment variables are not in order: {}. \
             Terraform sets them from infra/manifest.yaml; correct them there and deploy again",
            all.join("; ")
        )
    }
}

impl std::error::Error for WiringError {}

impl Classify for WiringError {
    fn error_type(&self) -> &'static str {
        "WiringError"
    }

    fn is_transient(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_reported_at_once() {
        let mut wiring = Wiring::from_pairs([
            ("BLANK", "  "),
            ("COMMAS", " , ,"),
            ("COUNT", "many"),
            ("GOOD", "yes"),
        ]);
        assert_eq!(wiring.required("TABLE"), "");
        assert_eq!(wiring.required("BLANK"), "");
        assert_eq!(wiring.required("TABLE"), "", "asked for twice, missing once");
        assert_eq!(wiring.required("GOOD"), "yes");
        assert!(wiring.list("COMMAS").is_empty());
        assert_eq!(wiring.parsed::<u32>("COUNT"), None);
        assert_eq!(wiring.parsed_or::<u32>("COUNT", 7), 7);
        wiring.reject("GOOD", &"it must end in .fifo");
        assert_eq!(
            wiring.finish().unwrap_err().to_string(),
            "the function's environment variables are not in order: \
             missing or empty are TABLE, BLANK, COMMAS; \
             COUNT is invalid (invalid digit found in string); \
             COUNT is invalid (invalid digit found in string); \
             GOOD is invalid (it must end in .fifo). \
             Terraform sets them from infra/manifest.yaml; correct them there and deploy again"
        );
    }

    #[test]
    fn what_was_read_comes_out_only_when_all_is_in_order() {
        let mut wiring = Wiring::from_pairs([("COUNT", "3"), ("GOOD", "yes")]);
        let count = wiring.parsed::<u8>("COUNT");
        assert_eq!(wiring.complete(count), Ok(3));

        let mut wiring = Wiring::from_pairs([("COUNT", "3")]);
        let count = wiring.parsed::<u8>("COUNT");
        wiring.required("ABSENT");
        let error = wiring.complete(count).unwrap_err().to_string();
        assert!(error.contains("missing or empty are ABSENT."), "{error}");

        let error = Wiring::from_pairs([("A", "b")]).complete(None::<u8>).unwrap_err().to_string();
        assert!(error.contains("something was not given"), "{error}");
    }

    #[test]
    fn blanks_around_values_are_not_part_of_them() {
        let mut wiring =
            Wiring::from_pairs([("ONE", " a "), ("MANY", "a, b ,,c,"), ("COUNT", " 3 ")]);
        assert_eq!(wiring.required("ONE"), "a");
        assert_eq!(wiring.list("MANY"), ["a", "b", "c"]);
        assert_eq!(wiring.parsed("COUNT"), Some(3_u8));
        assert_eq!(wiring.finish(), Ok(()));
    }

    #[test]
    fn what_is_optional_may_be_missing() {
        let mut wiring = Wiring::from_pairs([("EMPTY", "")]);
        assert_eq!(wiring.optional("EMPTY"), None);
        assert_eq!(wiring.optional("ABSENT"), None);
        assert!(wiring.optional_list("ABSENT").is_empty());
        assert_eq!(wiring.parsed_or("ABSENT", 5_u8), 5);
        assert_eq!(wiring.finish(), Ok(()));
    }

    #[test]
    fn a_malformed_value_is_not_repeated_in_the_report() {
        let mut wiring = Wiring::from_pairs([("COUNT", "hunter2")]);
        wiring.parsed::<u32>("COUNT");
        assert!(!wiring.finish().unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn the_process_environment_is_read() {
        assert!(!Wiring::from_env().required("PATH").is_empty());
    }
}
