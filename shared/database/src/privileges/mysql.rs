//! Why this exists: on MySQL and MariaDB only `SHOW GRANTS` tells an account all that it may,
//! together with its active roles. It answers in statements, which are read here.

use super::Privilege;
use crate::connection::{Mysql, StatementError};
use sqlx::Row;
use std::collections::BTreeSet;

/// What the session may do in the schema that is open.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// The schema; empty where none is open.
    schema: String,
    /// The privileges on it, from whichever grant; `ALL PRIVILEGES` stands for all of them.
    words: BTreeSet<String>,
}

/// Reads what the session may do.
pub(super) async fn read(server: &mut Mysql<'_>) -> Result<Held, StatementError> {
    let doing = "read the privileges of the session";
    let rows = server.rows(doing, sqlx::query("SELECT COALESCE(DATABASE(), '')")).await?;
    let schema = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    let mut held = Held { schema, words: BTreeSet::new() };
    let lines = server.rows(doing, sqlx::query("SHOW GRANTS")).await?;
    for line in &lines {
        let line: String = line.try_get(0).unwrap_or_default();
        held.take(&line);
    }
    Ok(held)
}

/// What is missing of this privilege, in words.
pub(super) fn missing(held: &Held, privilege: Privilege) -> Option<String> {
    let word = match privilege {
        // Whoever may do anything in a schema may open it.
        Privilege::Connect | Privilege::Usage if !held.words.is_empty() => return None,
        Privilege::Temporary => "CREATE TEMPORARY TABLES",
        other => other.as_str(),
    };
    let has = held.words.contains(word) || held.words.contains("ALL PRIVILEGES");
    (!has).then(|| format!("{privilege} on schema {:?}", held.schema))
}

impl Held {
    /// Takes one line of `SHOW GRANTS`. Those about roles, tables and routines say nothing about
    /// the schema. A partial revoke (MySQL) comes after the grant that it takes from.
    fn take(&mut self, line: &str) {
        let (grants, rest) = match (line.strip_prefix("GRANT "), line.strip_prefix("REVOKE ")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return,
        };
        let Some((words, rest)) = split_outside_names(rest, " ON ") else {
            return;
        };
        let end = if grants { " TO " } else { " FROM " };
        let Some((object, _)) = split_outside_names(rest, end) else {
            return;
        };
        let Some(pattern) = object.strip_suffix(".*") else {
            return;
        };
        if pattern != "*" && !matches(&unquoted(pattern), &self.schema) {
            return;
        }
        for word in words.split(", ").filter(|word| *word != "USAGE") {
            if grants {
                self.words.insert(word.to_owned());
            } else {
                self.words.remove(word);
            }
        }
    }
}

/// Splits at the first separator that is not inside a name in backticks.
fn split_outside_names<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let mut inside = false;
    for (at, letter) in text.char_indices() {
        if letter == '`' {
            inside = !inside;
        }
        let rest = text.get(at..).and_then(|rest| rest.strip_prefix(separator));
        if let (Some(rest), false) = (rest, inside) {
            return text.get(..at).map(|before| (before, rest));
        }
    }
    None
}

/// A name without its backticks.
fn unquoted(name: &str) -> String {
    let inner = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).unwrap_or(name);
    inner.replace("``", "`")
}

/// Whether a grant's pattern is for this schema: `_` is any letter, `%` any letters, and a backslash
/// takes both their meaning.
fn matches(pattern: &str, schema: &str) -> bool {
    let mut letters = pattern.chars();
    let rest = |text: &str| {
        let mut rest = text.chars();
        rest.next();
        rest.as_str().to_owned()
    };
    match letters.next() {
        None => schema.is_empty(),
        Some('%') => {
            let pattern = letters.as_str();
            schema
                .char_indices()
                .map(|(at, _)| schema.get(at..))
                .any(|tail| tail.is_some_and(|tail| matches(pattern, tail)))
                || matches(pattern, "")
        }
        Some('_') => !schema.is_empty() && matches(letters.as_str(), &rest(schema)),
        Some(letter) => {
            let literal = if letter == '\\' { letters.next().unwrap_or(letter) } else { letter };
            schema.starts_with(literal) && matches(letters.as_str(), &rest(schema))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(schema: &str, lines: &[&str]) -> Held {
        let mut held = Held { schema: schema.to_owned(), words: BTreeSet::new() };
        for line in lines {
            held.take(line);
        }
        held
    }

    fn lacking(held: &Held) -> Vec<&'static str> {
        let all = Privilege::ALL.into_iter();
        all.filter(|p| missing(held, *p).is_some()).map(Privilege::as_str).collect()
    }

    #[test]
    fn privileges_on_the_schema_and_on_the_server_count() {
        let seen = held(
            "mate_demo",
            &[
                "GRANT INSERT ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*1' REQUIRE SSL",
                r"GRANT SELECT, CREATE TEMPORARY TABLES ON `mate\_demo`.* TO `app`@`%` WITH GRANT OPTION",
                "GRANT DELETE ON `another`.* TO `app`@`%`",
                "GRANT UPDATE ON `mate_demo`.`orders` TO `app`@`%`",
                "GRANT EXECUTE ON PROCEDURE `mate_demo`.`p` TO `app`@`%`",
                "GRANT `readers`@`%` TO `app`@`%`",
                "SET DEFAULT ROLE `readers` FOR `app`@`%`",
            ],
        );
        assert_eq!(lacking(&seen), ["CREATE", "UPDATE", "DELETE"]);
        assert_eq!(missing(&seen, Privilege::Create).unwrap(), r#"CREATE on schema "mate_demo""#);
    }

    #[test]
    fn all_privileges_are_all_and_usage_is_none() {
        let all = held("mate", &["GRANT ALL PRIVILEGES ON `mate`.* TO `app`@`%`"]);
        assert_eq!(lacking(&all), Vec::<&str>::new());
        let none = held("mate", &["GRANT USAGE ON *.* TO `app`@`%`"]);
        assert_eq!(lacking(&none).len(), Privilege::ALL.len());
    }

    #[test]
    fn a_partial_revoke_takes_from_what_was_granted() {
        let lines = [
            "GRANT SELECT, INSERT ON *.* TO `app`@`%`",
            "REVOKE INSERT ON `mate`.* FROM `app`@`%`",
        ];
        assert!(missing(&held("mate", &lines), Privilege::Insert).is_some());
        assert!(missing(&held("other", &lines), Privilege::Insert).is_none());
    }

    #[test]
    fn a_pattern_is_for_the_schemas_that_it_matches() {
        for (pattern, schema, expected) in [
            ("mate", "mate", true),
            ("mate", "mate2", false),
            ("mate_demo", "mateXdemo", true),
            (r"mate\_demo", "mateXdemo", false),
            (r"mate\_demo", "mate_demo", true),
            ("mate%", "mate", true),
            ("mate%", "mate-demo", true),
            ("%demo", "mate-demo", true),
            (r"50\%", "50%", true),
            ("", "mate", false),
        ] {
            assert_eq!(matches(pattern, schema), expected, "{pattern} {schema}");
        }
    }

    #[test]
    fn words_inside_a_name_are_no_part_of_the_statement() {
        let line = "GRANT SELECT ON `a ON b TO c``.*`.* TO `app`@`%`";
        assert!(missing(&held("a ON b TO c`.*", &[line]), Privilege::Select).is_none());
    }
}
