//! Why this exists: a database secret is JSON that people, CloudFormation and AWS's rotation
//! templates all write.
//!
//! Its keys are those of the templates in `aws-samples/aws-secrets-manager-rotation-lambdas`.
//! Whatever else is in the secret belongs to somebody, and survives a rewrite. A secret that cannot
//! be used is refused with all its faults at once, by key and never by value.

use crate::{Encryption, Engine, Target};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::fmt;

/// The secret of one database user: `engine host port username password dbname masterarn ssl …`.
#[derive(Clone)]
pub struct DatabaseSecret {
    /// Which protocol the server speaks.
    pub engine: Engine,
    /// Host name, exactly as the server's certificate has it.
    pub host: String,
    /// TCP port; the engine's own where the secret names none.
    pub port: u16,
    /// The user that the secret is for.
    pub username: String,
    /// The user's password.
    pub password: SecretString,
    /// The database to open.
    pub dbname: Option<String>,
    /// ARN of the secret of the master user, for users that are rotated by it.
    pub masterarn: Option<String>,
    /// What the secret says about TLS. `false` takes effect only where the caller permits it
    /// ([`Encryption`]).
    pub ssl: Option<bool>,
    /// The RDS instance, as CloudFormation's `SecretTargetAttachment` writes it.
    pub db_instance_identifier: Option<String>,
    /// The Aurora cluster, as CloudFormation's `SecretTargetAttachment` writes it.
    pub db_cluster_identifier: Option<String>,
    /// The secret as it was read: what this program does not know stays as it was.
    document: Map<String, Value>,
}

impl DatabaseSecret {
    /// Reads a secret.
    ///
    /// # Errors
    /// [`SecretError`] names every missing and every unusable key at once; it holds none of the
    /// secret's values.
    pub fn parse(json: &str) -> Result<Self, SecretError> {
        let document = parse_object(json)?;
        let mut reader = Reader::new(&document);
        let engine = reader.engine();
        let host = reader.required("host");
        let username = reader.required("username");
        let password = reader.required("password");
        let port = reader.port();
        let dbname = reader.optional("dbname");
        let masterarn = reader.optional("masterarn");
        let ssl = reader.ssl();
        let db_instance_identifier = reader.optional("dbInstanceIdentifier");
        let db_cluster_identifier = reader.optional("dbClusterIdentifier");
        let faults = reader.faults;
        match (engine, host, username, password) {
            (Some(engine), Some(host), Some(username), Some(password)) if faults.is_empty() => {
                Ok(Self {
                    engine,
                    host,
                    port: port.unwrap_or(engine.default_port()),
                    username,
                    password: password.into(),
                    dbname,
                    masterarn,
                    ssl,
                    db_instance_identifier,
                    db_cluster_identifier,
                    document,
                })
            }
            _ => Err(SecretError { faults }),
        }
    }

    /// The same secret with another password, for the next version of it.
    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.password = password;
        self
    }

    /// The same secret for another user, for users that alternate.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = username.into();
        self
    }

    /// What it takes to log in with this secret, over verified TLS; plain text is permitted by
    /// [`Target::with_encryption`].
    pub fn target(&self) -> Target {
        Target {
            engine: self.engine,
            host: self.host.clone(),
            port: self.port,
            database: self.dbname.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
            ssl: self.ssl,
            encryption: Encryption::Verified,
        }
    }

    /// The secret as JSON, with every key that it was read with. Keys that were absent stay absent.
    pub fn to_json(&self) -> SecretString {
        let mut document = self.document.clone();
        let mut set = |key: &str, value: &str| {
            if document.get(key).and_then(Value::as_str) != Some(value) {
                document.insert(key.to_owned(), Value::from(value));
            }
        };
        set("username", &self.username);
        set("password", self.password.expose_secret());
        Value::Object(document).to_string().into()
    }
}

impl fmt::Debug for DatabaseSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The document holds the password and perhaps more that is secret, so only named fields are
        // shown.
        f.debug_struct("DatabaseSecret")
            .field("engine", &self.engine)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("dbname", &self.dbname)
            .field("masterarn", &self.masterarn)
            .finish_non_exhaustive()
    }
}

/// Only a name and a password: all that a secret managed by RDS (`ManageMasterUserPassword`) holds.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub username: String,
    /// The user's password.
    pub password: SecretString,
}

impl Credentials {
    /// Reads the name and the password of a secret, and looks at nothing else in it.
    ///
    /// # Errors
    /// [`SecretError`], like [`DatabaseSecret::parse`].
    pub fn parse(json: &str) -> Result<Self, SecretError> {
        let document = parse_object(json)?;
        let mut reader = Reader::new(&document);
        match (reader.required("username"), reader.required("password")) {
            (Some(username), Some(password)) => Ok(Self { username, password: password.into() }),
            _ => Err(SecretError { faults: reader.faults }),
        }
    }

    /// These credentials at a server whose address is known from elsewhere.
    pub fn at(self, engine: Engine, host: impl Into<String>, port: u16) -> Target {
        Target {
            engine,
            host: host.into(),
            port,
            database: None,
            username: self.username,
            password: self.password,
            ssl: None,
            encryption: Encryption::Verified,
        }
    }
}

/// A secret that cannot be used, with everything that is wrong with it; prints keys, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database secret cannot be used: {}", faults.join("; "))]
pub struct SecretError {
    /// One sentence per fault.
    pub faults: Vec<String>,
}

fn parse_object(json: &str) -> Result<Map<String, Value>, SecretError> {
    let fault = |what: String| SecretError { faults: vec![what] };
    // serde_json's own message could quote the secret; its position cannot.
    match serde_json::from_str(json) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(fault("it is JSON, but not an object with keys".into())),
        Err(error) => {
            Err(fault(format!("it is no JSON (line {}, column {})", error.line(), error.column())))
        }
    }
}

/// Takes keys out of a document and remembers what was wrong with them.
struct Reader<'a> {
    document: &'a Map<String, Value>,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(document: &'a Map<String, Value>) -> Self {
        Self { document, faults: Vec::new() }
    }

    fn present(&self, key: &str) -> Option<&'a Value> {
        self.document.get(key).filter(|value| !value.is_null())
    }

    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    fn required(&mut self, key: &str) -> Option<String> {
        let text = match self.present(key) {
            None => {
                self.fault(format!("\"{key}\" is missing"));
                return None;
            }
            Some(value) => self.text(key, value)?,
        };
        if text.is_empty() {
            self.fault(format!("\"{key}\" is empty"));
            return None;
        }
        Some(text)
    }

    /// A key that may be absent. Empty is absent, too: AWS's templates look at some of them only
    /// where they need them, so that forms which leave such a key empty work with them.
    fn optional(&mut self, key: &str) -> Option<String> {
        let value = self.present(key)?;
        self.text(key, value).filter(|text| !text.is_empty())
    }

    fn text(&mut self, key: &str, value: &Value) -> Option<String> {
        match value.as_str() {
            Some(text) if text.contains('\0') => {
                self.fault(format!("\"{key}\" contains a NUL character"));
            }
            Some(text) => return Some(text.to_owned()),
            None => self.fault(format!("\"{key}\" is {}, not a string", kind(value))),
        }
        None
    }

    fn engine(&mut self) -> Option<Engine> {
        let name = self.required("engine")?;
        if let Ok(engine) = name.parse() {
            return Some(engine);
        }
        // Not the value itself: somebody may have mixed up the keys.
        self.fault(format!("\"engine\" is none of {}", Engine::NAMES.join(", ")));
        None
    }

    /// The port is a number in secrets made by CloudFormation and a string in many made by hand.
    fn port(&mut self) -> Option<u16> {
        let value = self.present("port")?;
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let port = number.and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0);
        if port.is_none() {
            self.fault("\"port\" is no number from 1 to 65535");
        }
        port
    }

    /// `ssl` is a boolean or one of two words, in any case. AWS's templates take anything else as
    /// if it were not there, and a secret that worked with them has to work here. It costs nothing:
    /// where nothing is said, TLS is verified, and only a plain `false` can ask for less.
    fn ssl(&self) -> Option<bool> {
        match self.present("ssl")? {
            Value::Bool(ssl) => Some(*ssl),
            Value::String(word) if word.eq_ignore_ascii_case("true") => Some(true),
            Value::String(word) if word.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"engine":"aurora-postgresql","host":"db.example","port":"5433","username":"mate_app",
        "password":"hunter2-long","dbname":"mate","masterarn":"arn:aws:secretsmanager:eu-central-1:1:secret:m",
        "ssl":"True","dbClusterIdentifier":"mate-demo","note":{"kept":[1,2]}}"#;

    #[test]
    fn every_key_of_the_rotation_templates_is_read() {
        let secret = DatabaseSecret::parse(FULL).unwrap();
        assert_eq!(secret.engine, Engine::Postgres);
        assert_eq!((secret.host.as_str(), secret.port), ("db.example", 5433));
        assert_eq!(secret.username, "mate_app");
        assert_eq!(secret.password.expose_secret(), "hunter2-long");
        assert_eq!(secret.dbname.as_deref(), Some("mate"));
        assert!(secret.masterarn.as_deref().unwrap().starts_with("arn:aws:"));
        assert_eq!(secret.ssl, Some(true));
        assert_eq!(secret.db_cluster_identifier.as_deref(), Some("mate-demo"));
    }

    #[test]
    fn a_port_may_be_a_number_a_string_or_absent() {
        for (port, expected) in [(r#","port":6000"#, 6000), (r#","port":"6001""#, 6001), ("", 3306)]
        {
            let json =
                format!(r#"{{"engine":"mysql","host":"h","username":"u","password":"p"{port}}}"#);
            assert_eq!(DatabaseSecret::parse(&json).unwrap().port, expected);
        }
    }

    #[test]
    fn what_is_neither_true_nor_false_about_ssl_is_as_if_it_were_not_there() {
        for (ssl, expected) in [
            ("true", Some(true)),
            ("false", Some(false)),
            (r#""TRUE""#, Some(true)),
            (r#""False""#, Some(false)),
            (r#""require""#, None),
            (r#""0""#, None),
            (r#""""#, None),
            ("0", None),
            ("1", None),
            ("null", None),
            ("[false]", None),
            (r#"{"ca":"rds"}"#, None),
        ] {
            let json = format!(
                r#"{{"engine":"mysql","host":"h","username":"u","password":"p","ssl":{ssl}}}"#
            );
            let secret = DatabaseSecret::parse(&json).unwrap();
            assert_eq!(secret.ssl, expected, "{ssl}");
            let permitted = secret.target().with_encryption(Encryption::PlaintextPermitted);
            assert_eq!(permitted.is_plaintext(), expected == Some(false), "{ssl}");
            let kept: Value = serde_json::from_str(secret.to_json().expose_secret()).unwrap();
            assert_eq!(kept["ssl"].to_string(), ssl, "it is kept as it was");
        }
    }

    #[test]
    fn an_empty_text_names_no_database_and_no_master() {
        let secret = DatabaseSecret::parse(
            r#"{"engine":"mysql","host":"h","username":"u","password":"p","dbname":"","masterarn":""}"#,
        )
        .unwrap();
        assert_eq!((secret.dbname, secret.masterarn), (None, None));
    }

    #[test]
    fn all_faults_are_named_at_once_and_no_value_is_shown() {
        let error = DatabaseSecret::parse(
            r#"{"engine":"s3cret-in-the-wrong-key","host":"","port":"s3cret","password":["s3cret"],"dbname":7}"#,
        )
        .unwrap_err();
        let text = error.to_string();
        for key in ["engine", "host", "port", "username", "password", "dbname"] {
            assert!(text.contains(&format!("\"{key}\"")), "{key}: {text}");
        }
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn broken_json_is_refused_by_position_and_not_quoted() {
        let error = DatabaseSecret::parse(r#"{"password": "hunter2" oops"#).unwrap_err();
        assert!(error.to_string().contains("column"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let error = DatabaseSecret::parse("[1]").unwrap_err();
        assert!(error.to_string().contains("not an object"), "{error}");
    }

    #[test]
    fn a_rewrite_keeps_unknown_keys_and_invents_none() {
        let secret = DatabaseSecret::parse(FULL).unwrap().with_password("next".to_owned().into());
        let rewritten: Value = serde_json::from_str(secret.to_json().expose_secret()).unwrap();
        let mut expected: Value = serde_json::from_str(FULL).unwrap();
        expected["password"] = "next".into();
        assert_eq!(rewritten, expected);
    }

    #[test]
    fn debug_output_shows_no_password() {
        let secret = DatabaseSecret::parse(FULL).unwrap();
        let shown = format!("{secret:?} {:?} {:?}", secret.target(), secret.target().place());
        assert!(shown.contains("mate_app"), "{shown}");
        assert!(!shown.contains("hunter2-long"), "{shown}");
    }

    #[test]
    fn credentials_managed_by_rds_need_no_host() {
        let target = Credentials::parse(r#"{"username":"master","password":"p"}"#).unwrap().at(
            Engine::Postgres,
            "db.example",
            5432,
        );
        assert_eq!(
            target.place().to_string(),
            r#"PostgreSQL at db.example:5432, as user "master""#
        );
        let error = Credentials::parse("{}").unwrap_err();
        assert_eq!(error.faults.len(), 2);
    }
}
