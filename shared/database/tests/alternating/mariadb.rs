//! Two accounts of a real MariaDB that take turns.

use crate::pair::{BUDGET, FIRST, Pair};
use database::testing::{Cut, CuttingProxy, MariadbServer};
use database::{
    Account, Opens, RoleChange, RoleError, connect, ensure_alternate_user, lock_login, opens,
    session,
};

type Bench = Pair<MariadbServer>;

impl Bench {
    /// An account as a person makes it, with everything that an account can have, for some hosts
    /// only.
    fn made_by_hand() -> Self {
        let bench = Self { host: "127.0.%", ..Self::new() };
        let password = FIRST.replace('\\', r"\\").replace('\'', "''");
        bench.server.sql(&format!(
            r"CREATE TABLE orders (id int, name text, note text); CREATE TABLE invoices (id int);
             CREATE PROCEDURE close_day() SELECT 1; CREATE FUNCTION answer() RETURNS int RETURN 42;
             CREATE ROLE readers; GRANT readers TO caretaker_master@'%' WITH ADMIN OPTION;
             CREATE ROLE writers; GRANT writers TO caretaker_master@'%' WITH ADMIN OPTION;
             GRANT SELECT ON invoices TO readers;
             CREATE USER sarc_app@'127.0.%' IDENTIFIED BY '{password}' REQUIRE SSL
                 WITH MAX_USER_CONNECTIONS 9 MAX_QUERIES_PER_HOUR 100000 MAX_STATEMENT_TIME 20;
             GRANT PROCESS ON *.* TO sarc_app@'127.0.%';
             GRANT CREATE, CREATE TEMPORARY TABLES, DROP ON `mate\_demo`.* TO sarc_app@'127.0.%' WITH GRANT OPTION;
             GRANT INSERT, SELECT (id, name), UPDATE (name) ON orders TO sarc_app@'127.0.%';
             GRANT EXECUTE ON PROCEDURE close_day TO sarc_app@'127.0.%' WITH GRANT OPTION;
             GRANT EXECUTE, ALTER ROUTINE ON FUNCTION answer TO sarc_app@'127.0.%';
             GRANT readers TO sarc_app@'127.0.%';
             GRANT writers TO sarc_app@'127.0.%' WITH ADMIN OPTION;"
        ));
        bench
    }

    /// Everything that the server says of both accounts but their names and their passwords.
    fn all_about_both(&self) -> [String; 2] {
        let accounts = [&self.app, &self.clone].map(|login| login.username.replace('`', "``"));
        let show = |name: &String| {
            let account = format!("`{name}`@'{}'", self.host);
            format!("SHOW GRANTS FOR {account}; SHOW CREATE USER {account}")
        };
        let asked = accounts.each_ref().map(show).join("; SELECT 'and the other'; ");
        let seen = self.server.sql(&asked);
        let (app, clone) = seen.split_once("and the other\n").unwrap();
        let nameless = |text: &str, name: &String| {
            let it = text.replace(&format!("`{name}`@"), "it@");
            let words = it.split(' ').filter(|word| !word.starts_with("'*"));
            let text = words.collect::<Vec<_>>().join(" ");
            // The order of columns and privileges is that in which they were granted.
            let in_order = |line: &str| {
                let letters = |letter| matches!(letter, ',' | '(' | ')');
                let mut words: Vec<&str> =
                    line.split(' ').map(|word| word.trim_matches(letters)).collect();
                words.sort_unstable();
                words.join(" ")
            };
            let mut lines: Vec<String> = text.trim().lines().map(in_order).collect();
            lines.sort_unstable();
            lines.join("\n")
        };
        [nameless(app, &accounts[0]), nameless(clone, &accounts[1])]
    }

    fn both_are_the_same(&self) {
        let [app, clone] = self.all_about_both();
        assert_eq!(app, clone);
    }

    fn neither_changes_the_others_password(&self) {
        for (who, whose) in [(&self.app, &self.clone), (&self.clone, &self.app)] {
            let whose = format!("`{}`@'{}'", whose.username.replace('`', "``"), self.host);
            self.fails(who, &format!("SET PASSWORD FOR {whose} = PASSWORD('mine')"));
            self.fails(who, &format!("ALTER USER {whose} IDENTIFIED BY 'mine'"));
        }
    }
}

#[tokio::test]
async fn both_accounts_use_what_the_other_made_and_neither_changes_the_others_password() {
    let mut bench = Bench::onboarded().await;
    for _ in 0..2 {
        bench.ensure().await;
        for (maker, user) in [(&bench.app, &bench.clone), (&bench.clone, &bench.app)] {
            bench.works(maker, "CREATE TABLE made (id int)");
            bench.works(
                user,
                "INSERT INTO made VALUES (1); ALTER TABLE made ADD more int; DROP TABLE made",
            );
        }
        bench.both_are_the_same();
        bench.neither_changes_the_others_password();
        bench = bench.turned();
    }
}

#[tokio::test]
async fn a_second_pass_only_sets_the_password() {
    let bench = Bench::onboarded().await;
    let changes = bench.ensure().await;
    let role = || "sarc_app_clone".to_owned();
    assert!(changes.contains(&RoleChange::CreateLogin { role: role() }), "{changes:?}");
    assert_eq!(changes.last(), Some(&RoleChange::Reactivate { role: role() }), "unlocked last");
    assert_eq!(bench.ensure().await, [RoleChange::SetPassword { role: role() }]);
}

#[tokio::test]
async fn no_password_is_in_the_servers_log() {
    let bench = Bench::onboarded().await;
    bench.ensure().await;
    let bench = bench.turned();
    bench.ensure().await;
    let log = bench.server.log();
    assert!(log.contains("CREATE USER 'sarc_app_clone'"), "the log does not show statements");
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn the_second_account_gets_exactly_what_the_first_one_has() {
    let bench = Bench::made_by_hand();
    bench.ensure().await;
    bench.both_are_the_same();
    let [_, seen] = bench.all_about_both();
    assert_eq!(seen.lines().count(), 8, "{seen}");
    bench.works(
        &bench.clone,
        "SELECT name FROM orders; CALL close_day(); SET ROLE readers; SELECT * FROM invoices",
    );
    bench.fails(&bench.clone, "SELECT note FROM orders");
    bench.neither_changes_the_others_password();
    assert_eq!(bench.ensure().await.len(), 1);
    assert_eq!(bench.turned().ensure().await.len(), 1);
}

#[tokio::test]
async fn a_demand_for_a_certain_client_certificate_is_made_of_both() {
    let bench = Bench::onboarded().await;
    for demand in [
        "X509",
        "ISSUER '/CN=it''s' AND SUBJECT '/CN=app'",
        "NONE",
        "CIPHER 'TLS_AES_256_GCM_SHA384'",
    ] {
        bench.server.sql(&format!("ALTER USER sarc_app@'%' REQUIRE {demand}"));
        bench.ensure().await;
        bench.both_are_the_same();
    }
}

/// What somebody may have changed by hand on either account.
const DRIFT: &[&str] = &[
    "GRANT SELECT ON mysql.* TO sarc_app_clone@'127.0.%'",
    "GRANT RELOAD ON *.* TO sarc_app_clone@'127.0.%' WITH GRANT OPTION",
    "GRANT SELECT (note) ON orders TO sarc_app_clone@'127.0.%'",
    "GRANT DELETE ON orders TO sarc_app_clone@'127.0.%' WITH GRANT OPTION",
    "GRANT ALTER ROUTINE ON PROCEDURE close_day TO sarc_app_clone@'127.0.%'",
    r"REVOKE GRANT OPTION ON `mate\_demo`.* FROM sarc_app@'127.0.%'",
    "REVOKE INSERT ON orders FROM sarc_app@'127.0.%'",
    "REVOKE UPDATE (name) ON orders FROM sarc_app@'127.0.%'",
    "REVOKE EXECUTE, GRANT OPTION ON PROCEDURE close_day FROM sarc_app@'127.0.%'",
    "REVOKE PROCESS ON *.* FROM sarc_app@'127.0.%'",
    r"REVOKE ALL PRIVILEGES ON `mate\_demo`.* FROM sarc_app@'127.0.%'",
    "REVOKE readers FROM sarc_app@'127.0.%'",
    "REVOKE ADMIN OPTION FOR writers FROM sarc_app@'127.0.%'",
    "GRANT readers TO sarc_app_clone@'127.0.%' WITH ADMIN OPTION",
    "ALTER USER sarc_app@'127.0.%' WITH MAX_USER_CONNECTIONS 0 MAX_UPDATES_PER_HOUR 5",
    "ALTER USER sarc_app_clone@'127.0.%' REQUIRE NONE",
    "ALTER USER sarc_app_clone@'127.0.%' ACCOUNT LOCK",
    "ALTER USER sarc_app_clone@'127.0.%' PASSWORD EXPIRE",
    "ALTER USER sarc_app_clone@'127.0.%' IDENTIFIED VIA unix_socket",
    "DROP USER sarc_app_clone@'127.0.%'",
];

#[tokio::test]
async fn what_the_current_account_loses_the_other_loses_and_what_only_the_other_has_is_taken() {
    let bench = Bench::made_by_hand();
    bench.ensure().await;
    for by_hand in DRIFT {
        bench.server.sql(by_hand);
        let changes = bench.ensure().await;
        assert!(!changes.is_empty(), "{by_hand}");
        bench.both_are_the_same();
        bench.works(&bench.clone, "SELECT 1");
    }
}

#[tokio::test]
async fn a_default_role_is_that_of_both() {
    let bench = Bench::made_by_hand();
    bench.server.sql("SET DEFAULT ROLE readers FOR sarc_app@'127.0.%'");
    bench.ensure().await;
    bench.both_are_the_same();
    bench.works(&bench.clone, "SELECT * FROM invoices");
    bench.server.sql("SET DEFAULT ROLE NONE FOR sarc_app@'127.0.%'");
    bench.ensure().await;
    bench.both_are_the_same();
}

#[tokio::test]
async fn a_locked_account_cannot_come_in_until_its_next_turn() {
    let bench = Bench::onboarded().await;
    bench.ensure().await;
    let trust = bench.server.trust();
    let mut at_work = connect(&bench.clone, &trust, BUDGET).await.unwrap();
    let mut master = bench.master().await;
    let clone = Account::named("sarc_app_clone");
    assert!(lock_login(&mut master, &clone).await.unwrap());
    assert!(!lock_login(&mut master, &clone).await.unwrap(), "it is locked already");
    assert!(!lock_login(&mut master, &Account::named("nobody")).await.unwrap());
    assert!(!lock_login(&mut master, &clone.at("10.%")).await.unwrap());
    master.close().await;
    assert!(matches!(opens(&bench.clone, &trust, BUDGET).await.unwrap(), Opens::Refused(_)));
    let seen = session(&mut at_work).await.unwrap();
    assert_eq!(seen.account_host.as_deref(), Some("%"));
    at_work.close().await;
    bench.ensure().await;
    assert!(matches!(opens(&bench.clone, &trust, BUDGET).await.unwrap(), Opens::Yes(_)));
}

#[tokio::test]
async fn which_of_several_accounts_is_meant_is_not_guessed() {
    let bench = Bench::made_by_hand();
    bench.server.sql("CREATE USER sarc_app@'10.%' IDENTIFIED BY 'other'");
    let Err(RoleError::Spec(faults)) = bench.try_ensure().await else {
        panic!("an account was chosen out of two");
    };
    assert!(faults[0].contains("10.%") && faults[0].contains("127.0.%"), "{faults:?}");
    let mut own = connect(&bench.app, &bench.server.trust(), BUDGET).await.unwrap();
    let host = session(&mut own).await.unwrap().account_host.unwrap();
    own.close().await;
    assert_eq!(host, "127.0.%");
    let mut master = bench.master().await;
    let spec = bench.spec().at_host(host);
    ensure_alternate_user(&mut master, &spec, &bench.clone.password).await.unwrap();
    master.close().await;
    bench.both_are_the_same();
}

#[tokio::test]
async fn names_that_would_break_a_handmade_statement_are_only_names() {
    for name in
        ["we`ird", r#"do"uble"#, r"back\slash", "100%I %s {role}", "Ünïcödé ☃", "select", "a@b"]
    {
        let mut bench = Bench::new();
        bench.app.username = name.to_owned();
        bench.clone.username = format!("{name}_clone");
        let quoted = name.replace('`', "``");
        bench.server.sql(&format!(
            "CREATE TABLE `{quoted}` (`{quoted}` int); CREATE PROCEDURE `{quoted}`() SELECT 1; \
             CREATE ROLE `r{quoted}`; GRANT `r{quoted}` TO caretaker_master@'%' WITH ADMIN OPTION; \
             CREATE USER `{quoted}`@'%'; GRANT `r{quoted}` TO `{quoted}`@'%'; \
             GRANT CREATE, DROP ON mate_demo.* TO `{quoted}`@'%'; \
             GRANT INSERT, SELECT (`{quoted}`) ON `{quoted}` TO `{quoted}`@'%'; \
             GRANT EXECUTE ON PROCEDURE `{quoted}` TO `{quoted}`@'%'"
        ));
        bench.ensure().await;
        bench.works(&bench.clone, &format!("SELECT `{quoted}` FROM `{quoted}`; CALL `{quoted}`()"));
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_anywhere_can_be_mended_by_the_next_one() {
    for cut in [Cut::BeforeRequest, Cut::BeforeReply] {
        let mut bench = Bench::made_by_hand();
        let proxy = CuttingProxy::before(&bench.server.master());
        let through = proxy.through(&bench.server.master());
        let trust = bench.server.trust();
        for exchange in 1.. {
            bench.server.sql("DROP USER IF EXISTS sarc_app_clone@'127.0.%'");
            bench.clone.password = format!("s3cret-{exchange}").into();
            proxy.cut_at(exchange, cut);
            if let Ok(mut master) = connect(&through, &trust, BUDGET).await {
                let result =
                    ensure_alternate_user(&mut master, &bench.spec(), &bench.clone.password).await;
                assert_eq!(result.is_err(), proxy.has_cut(), "{result:?}");
            }
            // Whoever comes in finds everything.
            if let Opens::Yes(connection) = opens(&bench.clone, &trust, BUDGET).await.unwrap() {
                connection.close().await;
                bench.both_are_the_same();
            }
            bench.ensure().await;
            bench.both_are_the_same();
            if !proxy.has_cut() {
                assert!(exchange > 20, "only {exchange} exchanges were cut");
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_account_that_could_change_the_others_password_is_refused() {
    let bench = Bench::onboarded().await;
    bench.server.sql(
        "GRANT CREATE USER, SUPER ON *.* TO sarc_app@'%'; GRANT PROXY ON root@localhost TO sarc_app@'%'",
    );
    let Err(RoleError::Spec(faults)) = bench.try_ensure().await else {
        panic!("two accounts of which one may do anything are not refused");
    };
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[tokio::test]
async fn a_missing_account_is_told() {
    let bench = Bench::new();
    let error = bench.try_ensure().await.unwrap_err();
    assert!(matches!(error, RoleError::NoSuchUser { .. }), "{error}");
    assert!(error.to_string().contains("\"sarc_app\""), "{error}");
}
