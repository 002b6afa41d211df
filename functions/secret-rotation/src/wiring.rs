//! Where things are: the environment variables that Terraform sets from the manifest.
//!
//! The password options are those of AWS's rotation templates, by the same names, so that a
//! function that took the place of one behaves as before.

use domain::{Environment, Product};
use runtime::{Wiring as Variables, WiringError};

/// The length of a generated password unless told otherwise, as in AWS's templates.
const PASSWORD_LENGTH: i64 = 32;

/// The longest that `GetRandomPassword` makes (API reference).
const PASSWORD_LENGTH_MAX: i64 = 4096;

/// The words that AWS's templates take for yes, in any case. To them every other word is a no; here
/// a misspelt one is a mistake, for it would make weaker passwords without a word.
const YES: [&str; 4] = ["true", "1", "y", "yes"];
const NO: [&str; 4] = ["false", "0", "n", "no"];

/// The wiring of this function. Each field is the variable `CARETAKER_<FIELD>`.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// The product that this deployment serves.
    pub product: Product,
    /// The environment that it serves.
    pub environment: Environment,
    /// The DynamoDB table of all records.
    pub table: String,
    /// The function's own queue.
    pub queue_url: String,
    /// Where messages go that cannot be done, with their reason.
    pub dead_letter_queue_url: String,
    /// The EventBridge bus on which Caretaker publishes.
    pub event_bus: String,
    /// The `source` of its events.
    pub event_source: String,
    /// The SNS topic for what a person has to look at.
    pub alarm_topic_arn: String,
    /// The environment's ECS cluster.
    pub cluster: String,
    /// A certificate authority to trust in place of RDS's own; the local cloud has one.
    pub database_ca_file: Option<String>,
    /// The same for caches, in place of the public authorities that ElastiCache's certificates
    /// come from.
    pub cache_ca_file: Option<String>,
    /// The catalogue's file, where it is not beside the binary.
    pub catalogue: Option<String>,
    /// How passwords are made.
    pub password: PasswordOptions,
}

/// How passwords are made: the options of `GetRandomPassword`, under the names that AWS's rotation
/// templates read them by, without a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of AWS's by itself")]
pub struct PasswordOptions {
    /// `EXCLUDE_CHARACTERS`; where it is not set, what the secret's kind cannot have.
    pub exclude_characters: Option<String>,
    /// `PASSWORD_LENGTH`, in characters.
    pub length: i64,
    /// `EXCLUDE_NUMBERS`.
    pub exclude_numbers: bool,
    /// `EXCLUDE_PUNCTUATION`.
    pub exclude_punctuation: bool,
    /// `EXCLUDE_UPPERCASE`.
    pub exclude_uppercase: bool,
    /// `EXCLUDE_LOWERCASE`.
    pub exclude_lowercase: bool,
    /// `REQUIRE_EACH_INCLUDED_TYPE`.
    pub require_each_included_type: bool,
}

impl Default for PasswordOptions {
    /// The defaults of AWS's templates.
    fn default() -> Self {
        Self {
            exclude_characters: None,
            length: PASSWORD_LENGTH,
            exclude_numbers: false,
            exclude_punctuation: false,
            exclude_uppercase: false,
            exclude_lowercase: false,
            require_each_included_type: true,
        }
    }
}

impl PasswordOptions {
    fn read(variables: &mut Variables) -> Self {
        let default = Self::default();
        let length = variables.parsed_or("PASSWORD_LENGTH", default.length);
        if !(1..=PASSWORD_LENGTH_MAX).contains(&length) {
            let accepted = format!("accepted is 1 to {PASSWORD_LENGTH_MAX}");
            variables.reject("PASSWORD_LENGTH", &accepted);
        }
        let mut flag = |name, default| {
            let Some(word) = variables.optional(name).map(|word| word.to_lowercase()) else {
                return default;
            };
            if !YES.contains(&word.as_str()) && !NO.contains(&word.as_str()) {
                let accepted = format!("accepted are {} and {}", YES.join(", "), NO.join(", "));
                variables.reject(name, &accepted);
            }
            YES.contains(&word.as_str())
        };
        let exclude_numbers = flag("EXCLUDE_NUMBERS", default.exclude_numbers);
        let exclude_punctuation = flag("EXCLUDE_PUNCTUATION", default.exclude_punctuation);
        let exclude_uppercase = flag("EXCLUDE_UPPERCASE", default.exclude_uppercase);
        let exclude_lowercase = flag("EXCLUDE_LOWERCASE", default.exclude_lowercase);
        let require_each_included_type =
            flag("REQUIRE_EACH_INCLUDED_TYPE", default.require_each_included_type);
        Self {
            exclude_characters: variables.optional("EXCLUDE_CHARACTERS"),
            length,
            exclude_numbers,
            exclude_punctuation,
            exclude_uppercase,
            exclude_lowercase,
            require_each_included_type,
        }
    }
}

impl Wiring {
    /// Reads the wiring.
    ///
    /// # Errors
    /// All variables that are missing or malformed, at once.
    pub fn read(mut variables: Variables) -> Result<Self, WiringError> {
        let product = variables.parsed("CARETAKER_PRODUCT");
        let environment = variables.parsed("CARETAKER_ENVIRONMENT");
        let [
            table,
            queue_url,
            dead_letter_queue_url,
            event_bus,
            event_source,
            alarm_topic_arn,
            cluster,
        ] = [
            "CARETAKER_TABLE",
            "CARETAKER_QUEUE_URL",
            "CARETAKER_DEAD_LETTER_QUEUE_URL",
            "CARETAKER_EVENT_BUS",
            "CARETAKER_EVENT_SOURCE",
            "CARETAKER_ALARM_TOPIC_ARN",
            "CARETAKER_CLUSTER",
        ]
        .map(|name| variables.required(name));
        let database_ca_file = variables.optional("CARETAKER_DATABASE_CA_FILE");
        let cache_ca_file = variables.optional("CARETAKER_CACHE_CA_FILE");
        let catalogue = variables.optional("CARETAKER_CATALOGUE");
        let password = PasswordOptions::read(&mut variables);
        let (product, environment) = variables.complete(product.zip(environment))?;
        Ok(Self {
            product,
            environment,
            table,
            queue_url,
            dead_letter_queue_url,
            event_bus,
            event_source,
            alarm_topic_arn,
            cluster,
            database_ca_file,
            cache_ca_file,
            catalogue,
            password,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &'static str)]) -> Result<Wiring, WiringError> {
        let base = [
            ("CARETAKER_PRODUCT", "mate"),
            ("CARETAKER_ENVIRONMENT", "dev"),
            ("CARETAKER_TABLE", "t"),
            ("CARETAKER_QUEUE_URL", "q"),
            ("CARETAKER_DEAD_LETTER_QUEUE_URL", "d"),
            ("CARETAKER_EVENT_BUS", "b"),
            ("CARETAKER_EVENT_SOURCE", "s"),
            ("CARETAKER_ALARM_TOPIC_ARN", "a"),
            ("CARETAKER_CLUSTER", "c"),
        ];
        Wiring::read(Variables::from_pairs(base.into_iter().chain(pairs.iter().copied())))
    }

    #[test]
    fn without_options_passwords_are_made_as_by_awss_templates() {
        assert_eq!(read(&[]).unwrap().password, PasswordOptions::default());
    }

    #[test]
    fn the_options_of_awss_templates_are_read_in_any_case() {
        let options = read(&[
            ("EXCLUDE_CHARACTERS", "/@\"'\\"),
            ("PASSWORD_LENGTH", "40"),
            ("EXCLUDE_PUNCTUATION", "True"),
            ("REQUIRE_EACH_INCLUDED_TYPE", "false"),
        ])
        .unwrap()
        .password;
        let expected = PasswordOptions {
            exclude_characters: Some("/@\"'\\".to_owned()),
            length: 40,
            exclude_punctuation: true,
            require_each_included_type: false,
            ..PasswordOptions::default()
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn a_flag_is_every_word_that_awss_templates_take_for_it() {
        for (word, meant) in [("true", true), ("Yes", true), ("y", true), ("1", true)]
            .into_iter()
            .chain([("FALSE", false), ("no", false), ("n", false), ("0", false)])
        {
            let read = read(&[("REQUIRE_EACH_INCLUDED_TYPE", word), ("EXCLUDE_NUMBERS", word)]);
            let options = read.unwrap().password;
            assert_eq!(options.require_each_included_type, meant, "{word}");
            assert_eq!(options.exclude_numbers, meant, "{word}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let error = read(&[
            ("CARETAKER_TABLE", ""),
            ("PASSWORD_LENGTH", "0"),
            ("EXCLUDE_NUMBERS", "maybe"),
        ])
        .unwrap_err()
        .to_string();
        for word in ["CARETAKER_TABLE", "PASSWORD_LENGTH", "EXCLUDE_NUMBERS"] {
            assert!(error.contains(word), "{error}");
        }
    }
}
