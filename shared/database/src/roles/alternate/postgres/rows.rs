//! Why this exists: every way in which two users of PostgreSQL can differ has its row, with the
//! changes that mend it, and every wish that cannot be its refusal.

use super::super::AlternateSpec;
use super::{ByDefault, Held, Pair, User, plan};
use crate::roles::change::{Attribute, SettingValue};
use crate::roles::postgres::{Membership, PostgresRole};
use std::collections::BTreeSet;

const MEMBER: Membership = Membership { admin: false, usable: true };

fn login() -> User {
    let mut role = PostgresRole {
        attributes: BTreeSet::from([Attribute::Inherit, Attribute::Login]),
        becomes: Some("app_owner".into()),
        password_opens: true,
        ..PostgresRole::default()
    };
    role.member_of.insert("app_owner".into(), MEMBER);
    User { role, ..User::default() }
}

/// Two users that are as they should be.
fn settled() -> Pair {
    Pair {
        database: "mate".into(),
        owner_name: "app_owner".into(),
        owner: Some(PostgresRole::default()),
        current: Some(login()),
        alternate: Some(login()),
        ..Pair::default()
    }
}

fn with(change: impl FnOnce(&mut Pair)) -> Pair {
    let mut pair = settled();
    change(&mut pair);
    pair
}

fn current(pair: &mut Pair) -> &mut User {
    pair.current.get_or_insert_default()
}

fn alternate(pair: &mut Pair) -> &mut User {
    pair.alternate.get_or_insert_default()
}

fn held(grantee: &str, owner: &str) -> Held {
    Held {
        grantee: grantee.into(),
        kind: "TABLE".into(),
        identity: "public.t".into(),
        column: String::new(),
        owner: owner.into(),
        grantor: owner.into(),
        privilege: "SELECT".into(),
        grantable: false,
    }
}

fn by_default(creator: &str, grantee: &str) -> ByDefault {
    ByDefault {
        creator: creator.into(),
        schema: String::new(),
        objects: "TABLES".into(),
        grantee: grantee.into(),
        privilege: "SELECT".into(),
        grantable: false,
    }
}

fn planned(pair: &Pair) -> Vec<String> {
    let changes = plan(pair, &AlternateSpec::new("app", "app_clone"), "master").unwrap();
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn two_users_that_are_the_same_are_left_alone() {
    assert_eq!(planned(&settled()), [""; 0]);
}

/// A difference, and the changes that mend it.
type Row = (fn(&mut Pair), &'static [&'static str]);

fn mends(rows: &[Row]) {
    for (change, expected) in rows {
        assert_eq!(planned(&with(change)), *expected);
    }
}

#[test]
fn what_the_users_are_is_made_the_same() {
    mends(&[
        (|pair| pair.owner = None, &["create the owner role \"app_owner\""]),
        (
            |pair| {
                let owner = pair.owner.get_or_insert_default();
                owner.attributes.insert(Attribute::CreateRole);
            },
            &["make \"app_owner\" NOCREATEROLE"],
        ),
        (
            |pair| alternate(pair).role.password_opens = false,
            &["set the password of \"app_clone\" from its secret"],
        ),
        (
            |pair| alternate(pair).role.attributes = BTreeSet::from([Attribute::CreateDb]),
            &["make \"app_clone\" INHERIT LOGIN NOCREATEDB"],
        ),
        (
            |pair| {
                current(pair).role.attributes.insert(Attribute::CreateDb);
            },
            &["make \"app_clone\" CREATEDB"],
        ),
        (
            // Locked until its own next turn, and no model for the other in that.
            |pair| {
                current(pair).role.attributes.remove(&Attribute::Login);
            },
            &[],
        ),
        (
            |pair| current(pair).role.connection_limit = Some(9),
            &["limit \"app_clone\" to 9 connections"],
        ),
        (
            |pair| alternate(pair).role.expires = true,
            &["let \"app_clone\" log in again without an expiry"],
        ),
        (
            |pair| {
                current(pair)
                    .settings
                    .insert(("search_path".into(), None), SettingValue("a".into()));
                alternate(pair)
                    .settings
                    .insert(("work_mem".into(), None), SettingValue("1MB".into()));
            },
            &[
                "set \"search_path\" for the sessions of \"app_clone\"",
                "take away \"work_mem\" for the sessions of \"app_clone\"",
            ],
        ),
    ]);
}

#[test]
fn memberships_are_the_owners() {
    mends(&[
        (
            |pair| {
                current(pair).role.member_of.insert("readers".into(), MEMBER);
            },
            &[
                "make \"app_owner\" a member of \"readers\"",
                "end the membership of \"app\" in \"readers\"",
            ],
        ),
        (
            |pair| {
                alternate(pair).role.member_of.insert("readers".into(), MEMBER);
            },
            &["end the membership of \"app_clone\" in \"readers\""],
        ),
        (
            // As AWS's template makes the second user.
            |pair| {
                alternate(pair).role.member_of.insert("app".into(), MEMBER);
            },
            &["end the membership of \"app_clone\" in \"app\""],
        ),
        (
            |pair| alternate(pair).role.objects = 2,
            &["hand the objects of \"app_clone\" over to \"app_owner\""],
        ),
        (
            |pair| {
                let membership = Membership { admin: true, usable: true };
                alternate(pair).role.member_of.insert("app_owner".into(), membership);
            },
            &["take the right of \"app_clone\" to let others into \"app_owner\""],
        ),
    ]);
}

#[test]
fn privileges_are_the_owners() {
    mends(&[
        (
            |pair| {
                pair.held.insert(held("app", "migrator"));
            },
            &[
                "grant SELECT on table public.t to \"app_owner\"",
                "revoke SELECT on table public.t from \"app\"",
            ],
        ),
        (
            |pair| {
                pair.held.insert(held("app_clone", "migrator"));
            },
            &["revoke SELECT on table public.t from \"app_clone\""],
        ),
        (
            // The template's second user has become the current one: what the first holds counts.
            |pair| {
                current(pair).role.member_of.insert("app_clone".into(), MEMBER);
                pair.held.insert(held("app_clone", "migrator"));
            },
            &[
                "grant SELECT on table public.t to \"app_owner\"",
                "end the membership of \"app\" in \"app_clone\"",
                "revoke SELECT on table public.t from \"app_clone\"",
            ],
        ),
        (
            |pair| {
                pair.held.insert(held("app", "app_owner"));
            },
            &["revoke SELECT on table public.t from \"app\""],
        ),
        (
            |pair| {
                pair.by_default.insert(by_default("migrator", "app"));
            },
            &[
                "grant SELECT on the tables that \"migrator\" will make to \"app_owner\"",
                "revoke SELECT on the tables that \"migrator\" will make from \"app\"",
            ],
        ),
        (
            // The owner's word counts by now.
            |pair| {
                pair.by_default.insert(by_default("app", "auditor"));
            },
            &[],
        ),
    ]);
}

#[test]
fn the_first_time_what_a_user_would_let_others_do_the_owner_lets_them_do() {
    let pair = with(|pair| {
        current(pair).role.becomes = None;
        pair.by_default.insert(by_default("app", "auditor"));
    });
    assert_eq!(
        planned(&pair),
        [
            "grant SELECT on the tables that \"app_owner\" will make to \"auditor\"",
            "let \"app\" become \"app_owner\" at login",
        ]
    );
}

#[test]
fn a_wish_that_cannot_be_is_refused_in_words() {
    type Row = (fn(&mut Pair), &'static str);
    let rows: [Row; 6] = [
        (|pair| pair.current = None, "there is no user \"app\""),
        (
            |pair| {
                current(pair).role.attributes.insert(Attribute::Superuser);
            },
            "SUPERUSER",
        ),
        (
            |pair| {
                current(pair).role.member_of.insert("master".into(), MEMBER);
            },
            "member of the master",
        ),
        (
            |pair| {
                let owner = pair.owner.get_or_insert_default();
                owner.attributes.insert(Attribute::Login);
            },
            "a login itself",
        ),
        (|pair| pair.owner_name = "app".into(), "cannot be the owner"),
        (
            |pair| {
                current(pair).role.becomes = None;
                pair.elsewhere.insert("other".into());
            },
            "rotate it as a single user",
        ),
    ];
    for (change, words) in rows {
        let spec = AlternateSpec::new("app", "app_clone");
        let faults = plan(&with(change), &spec, "master").unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains(words)), "{words}: {faults:?}");
    }
}
