//! What is to be done about a role follows from what was seen and what is wanted, and from nothing
//! else.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests may end them")]

use database::{
    Attribute, DatabasePrivileges, Grantee, Membership, MysqlAccount, ObservedRole, PostgresRole,
    PostgresRoles, RoleChange, RoleSpec, Scope, plan,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn wanted() -> RoleSpec {
    RoleSpec {
        role: "app".into(),
        owner: "app_owner".into(),
        database: "mate".into(),
        connection_limit: None,
    }
}

fn words(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// Roles that are as wanted.
fn good_postgres() -> PostgresRoles {
    let membership = Membership { admin: false, usable: true };
    PostgresRoles {
        owner: Some(PostgresRole {
            attributes: BTreeSet::from([Attribute::Inherit]),
            ..PostgresRole::default()
        }),
        login: Some(PostgresRole {
            attributes: BTreeSet::from([Attribute::Inherit, Attribute::Login]),
            member_of: BTreeMap::from([("app_owner".to_owned(), membership)]),
            becomes: Some("app_owner".into()),
            password_opens: true,
            ..PostgresRole::default()
        }),
        on_database: DatabasePrivileges {
            owner: words(&["CONNECT", "TEMPORARY"]),
            ..DatabasePrivileges::default()
        },
        on_schema: DatabasePrivileges {
            everybody: words(&["USAGE"]),
            owner: words(&["CREATE", "USAGE"]),
            ..DatabasePrivileges::default()
        },
    }
}

fn phrases(observed: PostgresRoles) -> Vec<String> {
    plan(&ObservedRole::Postgres(Box::new(observed)), &wanted())
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn roles_that_are_as_wanted_are_left_alone() {
    assert_eq!(phrases(good_postgres()), Vec::<String>::new());
}

#[test]
fn a_fresh_rds_database_gets_the_whole_plan_in_an_order_that_works() {
    let fresh = PostgresRoles {
        on_database: DatabasePrivileges {
            everybody: words(&["CONNECT", "TEMPORARY"]),
            ..DatabasePrivileges::default()
        },
        on_schema: DatabasePrivileges {
            everybody: words(&["USAGE"]),
            ..DatabasePrivileges::default()
        },
        ..PostgresRoles::default()
    };
    assert_eq!(
        phrases(fresh),
        [
            r#"create the owner role "app_owner""#,
            r#"create the login "app" with its password"#,
            r#"grant CONNECT, TEMPORARY on database "mate" to "app_owner""#,
            r#"grant CREATE, USAGE on schema "public" to "app_owner""#,
            r#"make "app" a member of "app_owner""#,
            r#"let "app" become "app_owner" at login"#,
            r#"revoke CONNECT, TEMPORARY on database "mate" from everybody"#,
        ]
    );
}

#[test]
fn each_difference_has_its_own_change() {
    type Spoil = fn(&mut PostgresRoles);
    let login = |roles: &mut PostgresRoles, spoil: fn(&mut PostgresRole)| {
        roles.login.iter_mut().for_each(spoil);
    };
    let table: [(&str, Spoil, &str); 12] = [
        (
            "superuser",
            |r| r.login.iter_mut().for_each(|l| _ = l.attributes.insert(Attribute::Superuser)),
            r#"make "app" NOSUPERUSER"#,
        ),
        (
            "no login",
            |r| r.login.iter_mut().for_each(|l| _ = l.attributes.remove(&Attribute::Login)),
            r#"make "app" LOGIN"#,
        ),
        (
            "owner logs in",
            |r| r.owner.iter_mut().for_each(|o| _ = o.attributes.insert(Attribute::Login)),
            r#"make "app_owner" NOLOGIN"#,
        ),
        (
            "limit",
            |r| r.login.iter_mut().for_each(|l| l.connection_limit = Some(3)),
            r#"lift the limit of connections of "app""#,
        ),
        (
            "expiry",
            |r| r.login.iter_mut().for_each(|l| l.expires = true),
            r#"let "app" log in again without an expiry"#,
        ),
        (
            "password",
            |r| r.login.iter_mut().for_each(|l| l.password_opens = false),
            r#"set the password of "app" from its secret"#,
        ),
        (
            "becomes another",
            |r| r.login.iter_mut().for_each(|l| l.becomes = Some("boss".into())),
            r#"let "app" become "app_owner" at login"#,
        ),
        (
            "owns something",
            |r| r.login.iter_mut().for_each(|l| l.objects = 1),
            r#"hand the objects of "app" over to "app_owner""#,
        ),
        (
            "may pass on",
            |r| {
                r.login
                    .iter_mut()
                    .flat_map(|l| l.member_of.values_mut())
                    .for_each(|m| m.admin = true);
            },
            r#"take the right of "app" to let others into "app_owner""#,
        ),
        (
            "membership without its use",
            |r| {
                r.login
                    .iter_mut()
                    .flat_map(|l| l.member_of.values_mut())
                    .for_each(|m| m.usable = false);
            },
            r#"make "app" a member of "app_owner""#,
        ),
        (
            "everybody creates",
            |r| _ = r.on_schema.everybody.insert("CREATE".into()),
            r#"revoke CREATE on schema "public" from everybody"#,
        ),
        (
            "login holds itself",
            |r| _ = r.on_database.login.insert("CREATE".into()),
            r#"revoke CREATE on database "mate" from "app""#,
        ),
    ];
    for (name, spoil, change) in table {
        let mut roles = good_postgres();
        spoil(&mut roles);
        assert_eq!(phrases(roles), [change], "{name}");
    }
    let mut roles = good_postgres();
    login(&mut roles, |login| {
        login.member_of.insert("rds_superuser".into(), Membership { admin: false, usable: true });
    });
    assert_eq!(phrases(roles), [r#"end the membership of "app" in "rds_superuser""#]);
}

/// An account that is as wanted: the plan for nothing, carried out.
fn good_account() -> MysqlAccount {
    let changes = plan(&ObservedRole::Mysql(None), &wanted());
    let privileges = changes
        .into_iter()
        .filter_map(|change| match change {
            RoleChange::Grant { on, privileges, .. } => Some((on, privileges)),
            _ => None,
        })
        .collect();
    MysqlAccount { password_opens: true, requires_tls: true, privileges, ..MysqlAccount::default() }
}

fn account_phrases(account: Option<MysqlAccount>) -> Vec<String> {
    plan(&ObservedRole::Mysql(account), &wanted()).iter().map(ToString::to_string).collect()
}

#[test]
fn an_account_that_is_as_wanted_is_left_alone() {
    assert_eq!(account_phrases(Some(good_account())), Vec::<String>::new());
}

#[test]
fn a_missing_account_is_made_with_rights_on_its_own_schema_only() {
    let changes = plan(&ObservedRole::Mysql(None), &wanted());
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!(changes[0], RoleChange::CreateLogin { role: "app".into() });
    let RoleChange::Grant { to, on, privileges } = &changes[1] else {
        panic!("{:?}", changes[1]);
    };
    assert_eq!((to, on), (&Grantee::Role("app".into()), &Scope::Database("mate".into())));
    for too_much in ["GRANT OPTION", "SUPER", "FILE", "PROCESS", "CREATE USER"] {
        assert!(!privileges.contains(too_much), "{too_much}");
    }
}

#[test]
fn each_difference_of_an_account_has_its_own_change() {
    type Spoil = fn(&mut MysqlAccount);
    let table: [(Spoil, &str); 7] = [
        (|a| a.requires_tls = false, r#"refuse "app" without TLS"#),
        (|a| a.locked = true, r#"let "app" log in again without an expiry"#),
        (|a| a.password_opens = false, r#"set the password of "app" from its secret"#),
        (|a| a.connection_limit = Some(1), r#"lift the limit of connections of "app""#),
        (
            |a| _ = a.privileges.insert(Scope::Server, words(&["FILE"])),
            r#"revoke FILE on the whole server from "app""#,
        ),
        (
            |a| _ = a.privileges.insert(Scope::Database("mat_".into()), words(&["SELECT"])),
            r#"revoke SELECT on database "mat_" from "app""#,
        ),
        (|a| _ = a.roles.insert("bosses".into()), r#"end the membership of "app" in "bosses""#),
    ];
    for (spoil, change) in table {
        let mut account = good_account();
        spoil(&mut account);
        assert_eq!(account_phrases(Some(account)), [change]);
    }
}

#[test]
fn accounts_of_the_same_name_on_other_hosts_are_not_touched() {
    let mut account = good_account();
    account.other_hosts.insert("10.0.0.%".into());
    assert_eq!(account_phrases(Some(account)), Vec::<String>::new());
}

fn attributes() -> impl Strategy<Value = BTreeSet<Attribute>> {
    proptest::collection::btree_set(
        proptest::sample::select(vec![
            Attribute::Superuser,
            Attribute::CreateDb,
            Attribute::CreateRole,
            Attribute::Replication,
            Attribute::BypassRls,
            Attribute::Inherit,
            Attribute::Login,
        ]),
        0..7,
    )
}

fn privileges() -> impl Strategy<Value = BTreeSet<String>> {
    proptest::collection::btree_set(
        proptest::sample::select(vec!["CONNECT", "CREATE", "TEMPORARY", "USAGE"])
            .prop_map(str::to_owned),
        0..5,
    )
}

proptest! {
    /// Carrying a plan's attributes and privileges out leads to a state whose plan has none of them
    /// left.
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_plan(
        login in attributes(), owner in attributes(),
        everybody in privileges(), owners in privileges(), logins in privileges(),
    ) {
        let mut roles = good_postgres();
        if let (Some(l), Some(o)) = (&mut roles.login, &mut roles.owner) {
            l.attributes = login;
            o.attributes = owner;
        }
        roles.on_database = DatabasePrivileges { everybody, owner: owners, login: logins };
        for change in plan(&ObservedRole::Postgres(Box::new(roles.clone())), &wanted()) {
            carry_out(&mut roles, change);
        }
        prop_assert_eq!(phrases(roles), Vec::<String>::new());
    }
}

fn carry_out(roles: &mut PostgresRoles, change: RoleChange) {
    match change {
        RoleChange::SetAttributes { role, give, take } => {
            let role = if role == "app" { roles.login.as_mut() } else { roles.owner.as_mut() };
            let attributes = &mut role.expect("both roles are there").attributes;
            attributes.extend(give);
            attributes.retain(|attribute| !take.contains(attribute));
        }
        RoleChange::Grant { privileges, .. } => roles.on_database.owner.extend(privileges),
        RoleChange::Revoke { from, privileges, .. } => {
            let held = match from {
                Grantee::Public => &mut roles.on_database.everybody,
                Grantee::Role(role) if role == "app" => &mut roles.on_database.login,
                Grantee::Role(_) => &mut roles.on_database.owner,
            };
            held.retain(|privilege| !privileges.contains(privilege));
        }
        other => panic!("not expected here: {other:?}"),
    }
}
