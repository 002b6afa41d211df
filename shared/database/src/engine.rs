//! Why this exists: a secret says `aurora-postgresql`, the code wants to know which language the
//! server speaks.

use std::fmt;
use std::str::FromStr;

/// The database engine of a tenant, as far as a client can tell it apart.
///
/// Aurora speaks the protocol of the engine it is compatible with, so it has no variant of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// PostgreSQL, on RDS or as Aurora PostgreSQL.
    Postgres,
    /// MySQL, on RDS or as Aurora MySQL.
    Mysql,
    /// MariaDB on RDS.
    Mariadb,
}

impl Engine {
    /// The names that AWS uses in `DescribeDBInstances` and in the secrets of its rotation
    /// templates.
    pub const NAMES: [&str; 5] =
        ["postgres", "aurora-postgresql", "mysql", "aurora-mysql", "mariadb"];

    /// The port that the engine listens on when nothing else is said.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql | Self::Mariadb => 3306,
        }
    }

    /// Whether the server speaks MySQL's protocol and its dialect.
    pub const fn speaks_mysql(self) -> bool {
        matches!(self, Self::Mysql | Self::Mariadb)
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
        })
    }
}

/// A name that is none of AWS's engine names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{found}\" is no engine known here; accepted are {}",
    Engine::NAMES.join(", ")
)]
pub struct UnknownEngine {
    /// What was found in place of an engine.
    pub found: String,
}

impl FromStr for Engine {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<Self, UnknownEngine> {
        match name {
            "postgres" | "aurora-postgresql" => Ok(Self::Postgres),
            "mysql" | "aurora-mysql" => Ok(Self::Mysql),
            "mariadb" => Ok(Self::Mariadb),
            other => Err(UnknownEngine { found: other.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_aws_is_understood() {
        let engines: Vec<Engine> = Engine::NAMES.iter().map(|n| n.parse().unwrap()).collect();
        assert_eq!(
            engines,
            [Engine::Postgres, Engine::Postgres, Engine::Mysql, Engine::Mysql, Engine::Mariadb]
        );
    }

    #[test]
    fn an_unknown_engine_is_named_together_with_what_is_accepted() {
        let error = "oracle-ee".parse::<Engine>().unwrap_err().to_string();
        assert!(error.contains("\"oracle-ee\""), "{error}");
        assert!(error.contains("aurora-mysql"), "{error}");
    }
}
