//! Why this exists: every way in which two accounts of MySQL or MariaDB can differ has its row, with
//! the changes that mend it, and every wish that cannot be its refusal.

use super::super::AlternateSpec;
use super::{Pair, Twin, plan};
use crate::roles::change::Scope;
use std::collections::BTreeSet;

fn settled() -> Pair {
    let mut current = Twin { password_is_set: true, ..Twin::default() };
    current.tls.kind = "ANY".into();
    let privileges = ["SELECT", "GRANT OPTION"].map(str::to_owned).into();
    current.privileges.insert(Scope::Database("mate".into()), privileges);
    current.roles.insert("readers".into(), false);
    Pair { alternate: Some(current.clone()), current }
}

fn table() -> Scope {
    Scope::Table { schema: "mate".into(), table: "t".into() }
}

fn words(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn alternate(pair: &mut Pair) -> &mut Twin {
    pair.alternate.get_or_insert_default()
}

fn planned(change: impl FnOnce(&mut Pair)) -> Vec<String> {
    let mut pair = settled();
    change(&mut pair);
    let changes = plan(&pair, &AlternateSpec::new("app", "app_clone")).unwrap();
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn two_accounts_that_are_the_same_are_left_alone() {
    assert_eq!(planned(|_| ()), [""; 0]);
}

#[test]
fn an_account_is_made_locked_and_unlocked_when_it_is_complete() {
    assert_eq!(
        planned(|pair| pair.alternate = None),
        [
            "create the login \"app_clone\" with its password",
            "let \"app_clone\" in only with TLS",
            "grant GRANT OPTION, SELECT on database \"mate\" to \"app_clone\"",
            "make \"app_clone\" a member of \"readers\"",
            "let \"app_clone\" log in again without an expiry",
        ]
    );
}

#[test]
fn each_difference_has_its_own_change() {
    type Row = (fn(&mut Pair), &'static [&'static str]);
    let rows: [Row; 12] = [
        (
            |pair| alternate(pair).password_is_set = false,
            &["set the password of \"app_clone\" from its secret"],
        ),
        (
            |pair| alternate(pair).locked = true,
            &["let \"app_clone\" log in again without an expiry"],
        ),
        (|pair| pair.current.locked = true, &[]),
        (
            |pair| pair.current.tls.kind = String::new(),
            &["let \"app_clone\" in only with or without TLS"],
        ),
        (
            |pair| pair.current.limits.user_connections = 9,
            &[
                "limit \"app_clone\" to 0 queries, 0 updates and 0 logins in an hour and 9 connections \
               at once (0 is no limit)",
            ],
        ),
        (
            |pair| {
                pair.current.privileges.insert(table(), words(&["INSERT", "GRANT OPTION"]));
            },
            &["grant GRANT OPTION, INSERT on table \"mate\".\"t\" to \"app_clone\""],
        ),
        (
            |pair| {
                let held = words(&["INSERT", "DELETE", "GRANT OPTION"]);
                alternate(pair).privileges.insert(table(), held);
            },
            &[
                "revoke DELETE, INSERT on table \"mate\".\"t\" from \"app_clone\"",
                "revoke GRANT OPTION on table \"mate\".\"t\" from \"app_clone\"",
            ],
        ),
        (
            |pair| {
                pair.current.roles.insert("writers".into(), true);
            },
            &["give \"app_clone\" the right to let others into \"writers\""],
        ),
        (
            |pair| {
                alternate(pair).roles.insert("writers".into(), true);
            },
            &["end the membership of \"app_clone\" in \"writers\""],
        ),
        (
            |pair| {
                alternate(pair).roles.insert("readers".into(), true);
            },
            &[
                "end the membership of \"app_clone\" in \"readers\"",
                "make \"app_clone\" a member of \"readers\"",
            ],
        ),
        (
            |pair| pair.current.default_roles = words(&["readers"]),
            &["make {readers} the default roles of \"app_clone\""],
        ),
        (
            |pair| alternate(pair).default_roles = words(&["readers"]),
            &["make {} the default roles of \"app_clone\""],
        ),
    ];
    for (change, expected) in rows {
        assert_eq!(planned(change), expected);
    }
}

#[test]
fn what_cannot_be_given_to_another_and_what_makes_too_mighty_is_refused() {
    let mut pair = settled();
    pair.current.uncopied.insert("a partial revoke".into());
    pair.current.privileges.insert(Scope::Server, words(&["CREATE USER", "SUPER"]));
    let faults = plan(&pair, &AlternateSpec::new("app", "app_clone")).unwrap_err();
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].contains("a partial revoke"), "{faults:?}");
}
