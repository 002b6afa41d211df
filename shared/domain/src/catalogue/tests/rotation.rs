//! `rotation`: its defaults, and what no rotation could do.

use super::checks::{assert_each, assert_mistakes};
use super::{Catalogue, GOOD, good_with};
use crate::Tier::Trial;
use crate::catalogue::{DatabasePrivilege, Rotation, RotationStrategy};

/// The last line of the good catalogue's table, where more can be said.
const LAST: &str = "keys_days = 180";

fn rotation(text: &str) -> Rotation {
    let catalogue = Catalogue::parse("good.toml", text).unwrap_or_else(|errors| panic!("{errors}"));
    catalogue.settings(&"dev".parse().unwrap(), Trial).unwrap().rotation.clone()
}

fn words(privileges: &[DatabasePrivilege]) -> Vec<&'static str> {
    privileges.iter().map(|privilege| privilege.as_str()).collect()
}

#[test]
fn what_is_not_said_is_the_cautious_default() {
    let rotation = rotation(GOOD);
    assert_eq!(rotation.strategy, RotationStrategy::SingleUser);
    assert!(!rotation.permit_plaintext);
    assert_eq!(rotation.key_fallback_hours, 48);
    assert_eq!(words(&rotation.privileges), ["CONNECT", "TEMPORARY", "USAGE", "CREATE"]);
    assert!(rotation.users.is_empty());
}

#[test]
fn on_mysql_the_usual_privileges_are_those_of_its_schema() {
    let mysql = [
        ("\"postgres\"", "\"mysql\""),
        ("\"15.7\"", "\"8.0.46\""),
        ("\"postgres15\"", "\"mysql8.0\""),
        ("[\"postgresql\"]", "[\"slowquery\"]"),
        ("extensions = [\"pg_stat_statements\"]", ""),
    ];
    let privileges = rotation(&good_with(&mysql)).privileges;
    assert_eq!(words(&privileges), ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE"]);
    let connect = (LAST, "keys_days = 180\nprivileges = [\"SELECT\", \"CONNECT\"]");
    assert_mistakes(
        &[mysql.as_slice(), &[connect]].concat(),
        &["rotation.privileges: mysql has no privilege CONNECT"],
    );
}

#[test]
fn everything_that_can_be_said_is_read() {
    let said = "keys_days = 180\nstrategy = \"alternating-users\"\npermit_plaintext = true\n\
                key_fallback_hours = 4319\nprivileges = []\n\
                users.reporting = { privileges = [\"CONNECT\", \"SELECT\"] }";
    let rotation = rotation(&good_with(&[(LAST, said)]));
    assert_eq!(rotation.strategy, RotationStrategy::AlternatingUsers);
    assert!(rotation.permit_plaintext);
    assert_eq!(rotation.key_fallback_hours, 4319);
    assert!(rotation.privileges.is_empty());
    assert_eq!(words(&rotation.users["reporting"].privileges), ["CONNECT", "SELECT"]);
}

#[test]
fn what_no_rotation_could_do_is_a_mistake() {
    let cases = [
        (
            "strategy = \"alternating\"",
            "rotation.strategy: found \"alternating\", did you mean \"alternating-users\"?",
        ),
        ("permit_plaintext = \"no\"", "rotation.permit_plaintext: found \"no\""),
        ("key_fallback_hours = 0", "rotation.key_fallback_hours: found 0"),
        (
            "key_fallback_hours = 4320",
            "rotation.key_fallback_hours: 4320 are not before the next rotation",
        ),
        (
            "privileges = [\"SELCT\"]",
            "rotation.privileges: found \"SELCT\", did you mean \"SELECT\"?",
        ),
        ("users.reporting = {}", "rotation.users.reporting.privileges: is missing"),
        (
            "users.Reporting = { privileges = [] }",
            "rotation.users.Reporting: found the name \"Reporting\"",
        ),
        (
            "users.a23456789012345678901234567 = { privileges = [] }",
            concat!(
                "rotation.users.a23456789012345678901234567: ",
                "found the name \"a23456789012345678901234567\"",
            ),
        ),
        (
            "users.caretaker = { privileges = [] }",
            "rotation.users.caretaker: is a name that Caretaker gives itself",
        ),
        (
            "users.demo_app_clone = { privileges = [] }",
            "rotation.users.demo_app_clone: is a name that Caretaker gives itself",
        ),
        (
            "users.reporting = { privileges = [], days = 3 }",
            "rotation.users.reporting.days: unknown key",
        ),
    ];
    for (said, mistake) in cases {
        assert_each(&[(LAST, &format!("{LAST}\n{said}"), mistake)]);
    }
}

#[test]
fn every_strategy_and_privilege_is_called_alike_in_catalogues_and_records() {
    for strategy in RotationStrategy::ALL {
        assert_eq!(serde_json::to_value(strategy).unwrap(), strategy.as_str());
    }
    for privilege in DatabasePrivilege::ALL {
        assert_eq!(serde_json::to_value(privilege).unwrap(), privilege.as_str());
    }
}
