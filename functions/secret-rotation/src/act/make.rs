//! `createSecret`: a new value for each kind, made by Secrets Manager and put into the pending
//! version. Keys of the secret that nobody here knows stay as they are.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use database::{DatabaseSecret, Engine};
use runtime::{CallError, call};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::cache;
use crate::case::Case;
use crate::error::Error;
use crate::keys;
use crate::kind::{Field, Kind};
use crate::observe::PENDING;
use crate::refusal::{FailureKind, Refusal};
use crate::step::Stepping;
use crate::wiring::PasswordOptions;

/// What a password in a connection URL or a shell cannot have without being escaped, by AWS's
/// templates for PostgreSQL and for the others.
const EXCLUDED_POSTGRES: &str = r#":/@"'\"#;
const EXCLUDED_OTHERS: &str = r#"/@"'\"#;

/// Characters of a cache's token, as the data stack makes it; ElastiCache takes 16 to 128.
const CACHE_TOKEN_LENGTH: i64 = 64;

/// The least characters of an application key: 32 of 62 letters and digits are 190 bits.
const KEY_LENGTH_MIN: i64 = 32;

/// The longest user names: PostgreSQL silently cuts longer ones (`NAMEDATALEN` - 1, in bytes);
/// MySQL has 32 characters since 5.7.8; MariaDB on RDS has 80.
const POSTGRES_USER_BYTES_MAX: usize = 63;
const MYSQL_USER_CHARS_MAX: usize = 32;
const MARIADB_USER_CHARS_MAX: usize = 80;

impl Stepping<'_> {
    /// Makes a value and puts it into the pending version.
    pub(super) async fn make(&self) -> Result<String, Error> {
        let case = self.case;
        check_username(case)?;
        let options = options(case, &self.function.wiring.password);
        let generated = self.generate(&options).await?;
        let value = next_value(case, &generated, self.invocation.clock.now())?;
        let arn = &case.secret.arn;
        let put = self
            .function
            .clients
            .secrets
            .put_secret_value()
            .secret_id(arn)
            .client_request_token(self.token)
            .secret_string(value.expose_secret())
            .version_stages(PENDING)
            .set_rotation_token(self.rotation_token.map(|it| it.expose_secret().to_owned()))
            .send()
            .await;
        match put {
            Ok(_) => Ok("a new value was made and is pending".to_owned()),
            // Two calls of the same step met, and the other's value is there: that is the one.
            Err(error) if error.code() == Some("ResourceExistsException") => {
                Ok("the pending version has been given its value meanwhile".to_owned())
            }
            Err(error) => Err(call(format!("put the new value of {arn}"), &error).into()),
        }
    }

    async fn generate(&self, options: &PasswordOptions) -> Result<SecretString, Error> {
        let answer = self
            .function
            .clients
            .secrets
            .get_random_password()
            .set_exclude_characters(options.exclude_characters.clone())
            .password_length(options.length)
            .exclude_numbers(options.exclude_numbers)
            .exclude_punctuation(options.exclude_punctuation)
            .exclude_uppercase(options.exclude_uppercase)
            .exclude_lowercase(options.exclude_lowercase)
            .require_each_included_type(options.require_each_included_type)
            .send()
            .await
            .map_err(|error| call("have a random password made", &error))?;
        let made = answer.random_password.filter(|made| !made.is_empty());
        let none = || CallError {
            tried: "have a random password made".to_owned(),
            reason: "the answer holds none".to_owned(),
            transient: true,
        };
        Ok(made.map(SecretString::from).ok_or_else(none)?)
    }
}

/// How the value of this kind is made.
fn options(case: &Case, wired: &PasswordOptions) -> PasswordOptions {
    let mut options = wired.clone();
    let excluded = match &case.kind {
        Kind::Database(_) | Kind::RdsManagedMaster(_) | Kind::Generated(_) => match case.engine() {
            Some(Engine::Postgres) => EXCLUDED_POSTGRES,
            _ => EXCLUDED_OTHERS,
        },
        Kind::CacheToken { .. } => {
            options = letters_and_digits(CACHE_TOKEN_LENGTH);
            cache::EXCLUDED_PUNCTUATION
        }
        Kind::CacheUser { .. } => {
            let bound = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
            options.length = options
                .length
                .clamp(bound(cache::VALUE_LENGTH_MIN), bound(cache::VALUE_LENGTH_MAX));
            // Whatever the deployment excludes, ElastiCache's own rules hold too.
            let also = options.exclude_characters.take().unwrap_or_default();
            options.exclude_characters = Some(format!("{also}{}", cache::EXCLUDED_PUNCTUATION));
            cache::EXCLUDED_PUNCTUATION
        }
        // A comma would end a key in the list of fallbacks.
        Kind::ApplicationKey => {
            options = letters_and_digits(key_length(&case.current).max(KEY_LENGTH_MIN));
            EXCLUDED_OTHERS
        }
        Kind::CannotBeRotated { .. } => EXCLUDED_OTHERS,
    };
    options.exclude_characters.get_or_insert_with(|| excluded.to_owned());
    options
}

fn letters_and_digits(length: i64) -> PasswordOptions {
    PasswordOptions { length, exclude_punctuation: true, ..PasswordOptions::default() }
}

fn key_length(value: &SecretString) -> i64 {
    let document: Value = serde_json::from_str(value.expose_secret()).unwrap_or_default();
    let key = document.get("key").and_then(Value::as_str).unwrap_or_default();
    i64::try_from(key.chars().count()).unwrap_or(KEY_LENGTH_MIN)
}

/// The secret with its new value.
fn next_value(
    case: &Case,
    generated: &SecretString,
    now: jiff::Timestamp,
) -> Result<SecretString, Error> {
    let current = case.current.expose_secret();
    let next = match &case.kind {
        Kind::Database(_) => DatabaseSecret::parse(current).ok().map(|secret| {
            let username = case.next_username().unwrap_or_else(|| secret.username.clone());
            secret.with_username(username).with_password(generated.clone()).to_json()
        }),
        Kind::RdsManagedMaster(_) | Kind::CacheUser { .. } => {
            with_text(current, "password", generated)
        }
        Kind::CacheToken { .. } => with_text(current, "token", generated),
        Kind::ApplicationKey => keys::rotated(current, generated, case.key_fallback(), now),
        Kind::Generated(Field::Named(field)) => with_text(current, field, generated),
        Kind::Generated(Field::Whole) => Some(generated.clone()),
        Kind::CannotBeRotated { .. } => None,
    };
    next.ok_or_else(|| {
        Refusal::new(
            FailureKind::Configuration,
            format!("the current version of {} changed its shape meanwhile", case.secret.name),
            "rotate again",
        )
        .into()
    })
}

fn with_text(current: &str, key: &str, text: &SecretString) -> Option<SecretString> {
    let Ok(Value::Object(mut document)) = serde_json::from_str(current) else { return None };
    document.insert(key.to_owned(), Value::from(text.expose_secret()));
    Some(Value::Object(document).to_string().into())
}

/// Refuses a user name that the server would cut or not take, before anything is made.
fn check_username(case: &Case) -> Result<(), Refusal> {
    let (Some(engine), Some(name)) = (case.engine(), case.next_username()) else { return Ok(()) };
    let (length, longest, unit) = match engine {
        Engine::Postgres => (name.len(), POSTGRES_USER_BYTES_MAX, "bytes"),
        Engine::Mysql => (name.chars().count(), MYSQL_USER_CHARS_MAX, "characters"),
        Engine::Mariadb => (name.chars().count(), MARIADB_USER_CHARS_MAX, "characters"),
    };
    if length <= longest {
        return Ok(());
    }
    Err(Refusal::new(
        FailureKind::Configuration,
        format!("the user {name:?} would be {length} {unit} long, and {engine} takes {longest}"),
        "give the secret a user with a shorter name, or the tag RotationStrategy=single-user",
    ))
}
