//! Two users of a real PostgreSQL that take turns.

use crate::pair::{BUDGET, FIRST, Pair};
use database::testing::{Cut, CuttingProxy, DATABASE, PostgresServer};
use database::{
    Account, Opens, Privilege, RoleChange, RoleError, Target, check_privileges, connect,
    ensure_alternate_user, lock_login, opens, session,
};

type Bench = Pair<PostgresServer>;

impl Bench {
    /// A user as a person makes it, and its clone as AWS's rotation template makes it: a member of
    /// the first. Both have made something, and something was granted to the first.
    fn made_by_hand() -> Self {
        let bench = Self::new();
        bench.server.sql(&format!(
            "CREATE ROLE mate_app LOGIN CONNECTION LIMIT 9 PASSWORD $p${FIRST}$p$;
             CREATE ROLE mate_app_clone LOGIN PASSWORD $p$older$p$;
             GRANT mate_app TO mate_app_clone;
             CREATE ROLE readers NOLOGIN;
             CREATE ROLE migrator NOLOGIN;
             CREATE ROLE auditor LOGIN PASSWORD 'auditor';
             GRANT readers TO mate_app;
             GRANT CREATE ON SCHEMA public TO mate_app, mate_app_clone, migrator;
             CREATE SCHEMA stock AUTHORIZATION mate_app;
             ALTER ROLE mate_app SET search_path = public, stock;
             ALTER ROLE mate_app IN DATABASE {DATABASE} SET application_name = 'it''s mate';
             CREATE TABLE shared (id int, name text);
             ALTER TABLE shared OWNER TO migrator;
             CREATE TABLE catalogue (id int);
             ALTER TABLE catalogue OWNER TO migrator;
             GRANT SELECT ON catalogue TO readers;
             CREATE FUNCTION answer(int, text) RETURNS int LANGUAGE sql AS 'SELECT 42';
             ALTER FUNCTION answer OWNER TO migrator;
             REVOKE EXECUTE ON FUNCTION answer FROM PUBLIC;
             SET ROLE migrator;
             GRANT INSERT, UPDATE (\"name\"), SELECT ON shared TO mate_app;
             GRANT EXECUTE ON FUNCTION answer TO mate_app;
             ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO mate_app;
             SET ROLE mate_app;
             CREATE TABLE public.orders (id serial, name text);
             ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO auditor;
             SET ROLE mate_app_clone;
             CREATE TABLE public.invoices (id int);
             RESET ROLE;"
        ));
        bench
    }

    /// Each creates a table, and the other does with it whatever can be done.
    fn each_uses_what_the_other_made(&self) {
        for (maker, user, table) in
            [(&self.app, &self.clone, "by_current"), (&self.clone, &self.app, "by_alternate")]
        {
            self.works(maker, &format!("CREATE TABLE public.{table} (id serial, name text)"));
            self.works(
                user,
                &format!(
                    "INSERT INTO public.{table} (name) VALUES ('x'); ALTER TABLE public.{table} ADD more int; \
                     CREATE INDEX ON public.{table} (name); TRUNCATE public.{table}; DROP TABLE public.{table}"
                ),
            );
        }
    }

    fn neither_changes_the_others_password(&self) {
        for (who, whose) in [(&self.app, &self.clone), (&self.clone, &self.app)] {
            let whose = format!("\"{}\"", whose.username.replace('"', "\"\""));
            for way in ["", "SET ROLE NONE; "] {
                let statements = format!("{way}ALTER ROLE {whose} PASSWORD 'mine'");
                self.fails(who, &statements);
            }
            self.fails(who, &format!("SET ROLE {whose}"));
        }
    }
}

#[tokio::test]
async fn both_users_use_what_the_other_made_and_neither_changes_the_others_password() {
    let bench = Bench::onboarded().await;
    bench.works(&bench.app, "CREATE TABLE orders (id int)");
    bench.ensure().await;
    bench.works(&bench.clone, "ALTER TABLE orders ADD name text");
    bench.each_uses_what_the_other_made();
    bench.neither_changes_the_others_password();
    let bench = bench.turned();
    bench.ensure().await;
    bench.each_uses_what_the_other_made();
    bench.neither_changes_the_others_password();
}

#[tokio::test]
async fn a_second_pass_only_sets_the_password() {
    let bench = Bench::onboarded().await;
    let changes = bench.ensure().await;
    let role = || "mate_app_clone".to_owned();
    assert!(changes.contains(&RoleChange::CreateLogin { role: role() }), "{changes:?}");
    assert_eq!(bench.ensure().await, [RoleChange::SetPassword { role: role() }]);
}

#[tokio::test]
async fn no_password_is_in_the_servers_log() {
    let bench = Bench::onboarded().await;
    bench.ensure().await;
    let bench = bench.turned();
    bench.ensure().await;
    let log = bench.server.log();
    assert!(log.contains("CREATE ROLE mate_app_clone"), "the log does not show statements");
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn what_a_user_made_by_hand_has_and_may_becomes_the_owners_once() {
    let bench = Bench::made_by_hand();
    // An application that is at work meanwhile does not notice.
    let mut at_work = connect(&bench.app, &bench.server.trust(), BUDGET).await.unwrap();
    bench.ensure().await;
    let tables = [Privilege::Select, Privilege::Insert, Privilege::Create];
    let missing = check_privileges(&mut at_work, &tables).await.unwrap();
    assert_eq!(missing, [r#"INSERT on table "catalogue""#]);
    at_work.close().await;
    for login in [&bench.app, &bench.clone] {
        bench.works(
            login,
            "INSERT INTO shared VALUES (1, 'x'); UPDATE shared SET name = 'y'; SELECT answer(1, 'x'); \
             SELECT * FROM catalogue; INSERT INTO orders (name) VALUES ('z'); SELECT * FROM invoices; \
             CREATE TABLE stock.mine (id int); DROP TABLE stock.mine",
        );
        bench.fails(login, "DELETE FROM shared");
        bench.fails(login, "UPDATE shared SET id = 1");
        let seen = bench.server.sql_as(login, "SHOW search_path").unwrap();
        assert_eq!(seen, "public, stock");
    }
    bench.each_uses_what_the_other_made();
    bench.neither_changes_the_others_password();
    let limits =
        "SELECT DISTINCT rolconnlimit FROM pg_roles WHERE rolname LIKE 'mate_app%' AND rolcanlogin";
    assert_eq!(bench.server.sql(limits), "9");
    let owners =
        "SELECT DISTINCT tableowner FROM pg_tables WHERE tablename IN ('orders', 'invoices')";
    assert_eq!(bench.server.sql(owners), "mate_app_owner");
    let lent = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member \
                WHERE r.rolname = 'caretaker_master' AND m.roleid::regrole::text <> 'rds_superuser'";
    assert_eq!(bench.server.sql(lent), "0", "the master gives back what it lent itself");
    assert_eq!(bench.ensure().await.len(), 1, "it is done once");
    let bench = bench.turned();
    assert_eq!(bench.ensure().await.len(), 1, "and it is done for both");
}

#[tokio::test]
async fn what_others_create_later_is_for_both_and_what_both_create_is_for_others() {
    let bench = Bench::made_by_hand();
    bench.ensure().await;
    bench.server.sql("SET ROLE migrator; CREATE TABLE later AS SELECT 1 AS id");
    bench.works(&bench.app, "SELECT * FROM later");
    bench.works(&bench.clone, "SELECT * FROM later; CREATE TABLE new_orders (id int)");
    bench.server.sql("GRANT CONNECT ON DATABASE mate_demo TO auditor");
    bench.works(&bench.server.login("auditor", "auditor"), "SELECT * FROM new_orders");
}

#[tokio::test]
async fn when_the_clone_of_a_template_is_the_current_user_nothing_is_lost_either() {
    let bench = Bench::made_by_hand().turned();
    bench.ensure().await;
    let bench = Bench { app: Target { password: "older".to_owned().into(), ..bench.app }, ..bench };
    for login in [&bench.app, &bench.clone] {
        bench.works(
            login,
            "INSERT INTO shared VALUES (1, 'x'); SELECT * FROM catalogue, orders, invoices",
        );
    }
    bench.each_uses_what_the_other_made();
    bench.neither_changes_the_others_password();
}

#[tokio::test]
async fn what_the_current_user_loses_the_alternate_user_loses() {
    let bench = Bench::made_by_hand();
    bench.ensure().await;
    // Taken from the two.
    bench.server.sql("SET ROLE migrator; REVOKE INSERT ON shared FROM mate_app_owner");
    // Given to the alternate alone.
    bench.server.sql(
        "GRANT DELETE ON shared TO mate_app_clone; GRANT pg_read_all_data TO mate_app_clone; \
         GRANT TRUNCATE ON catalogue TO mate_app_clone; GRANT mate_app TO mate_app_clone; \
         ALTER ROLE mate_app_clone CREATEDB VALID UNTIL '2020-01-01'; \
         ALTER ROLE mate_app_clone SET work_mem = '1MB'; ALTER ROLE mate_app RESET search_path",
    );
    bench.ensure().await;
    for login in [&bench.app, &bench.clone] {
        for statements in
            ["INSERT INTO shared VALUES (1, 'x')", "DELETE FROM shared", "TRUNCATE catalogue"]
        {
            bench.fails(login, statements);
        }
        bench.works(login, "SELECT * FROM shared");
    }
    let flags = "SELECT rolcreatedb, rolvaliduntil FROM pg_roles WHERE rolname = 'mate_app_clone'";
    assert_eq!(bench.server.sql(flags), "f|infinity");
    let members =
        "SELECT roleid::regrole FROM pg_auth_members WHERE member = 'mate_app_clone'::regrole";
    assert_eq!(bench.server.sql(members), "mate_app_owner");
    assert_eq!(bench.server.sql_as(&bench.clone, "SHOW work_mem").unwrap(), "4MB");
    assert_eq!(bench.server.sql_as(&bench.clone, "SHOW search_path").unwrap(), "\"$user\", public");
}

#[tokio::test]
async fn what_is_granted_to_the_current_user_reaches_the_other_at_the_next_rotation() {
    let bench = Bench::onboarded().await;
    bench.ensure().await;
    bench.server.sql(
        "CREATE TABLE extra (id int); GRANT SELECT ON extra TO mate_app WITH GRANT OPTION; \
         ALTER TABLE extra OWNER TO caretaker_master; GRANT pg_read_all_settings TO mate_app",
    );
    bench.ensure().await;
    for login in [&bench.app, &bench.clone] {
        bench.works(login, "SELECT * FROM extra; GRANT SELECT ON extra TO rds_superuser");
    }
    let direct = "SELECT count(*) FROM pg_class, aclexplode(relacl) a WHERE relname = 'extra' \
                  AND a.grantee IN ('mate_app'::regrole, 'mate_app_clone'::regrole)";
    assert_eq!(bench.server.sql(direct), "0");
}

#[tokio::test]
async fn a_locked_user_cannot_come_in_until_its_next_turn() {
    let bench = Bench::onboarded().await;
    bench.ensure().await;
    let trust = bench.server.trust();
    let mut at_work = connect(&bench.clone, &trust, BUDGET).await.unwrap();
    let mut master = bench.master().await;
    let clone = Account::named("mate_app_clone");
    assert!(lock_login(&mut master, &clone).await.unwrap());
    assert!(!lock_login(&mut master, &clone).await.unwrap(), "it is locked already");
    assert!(!lock_login(&mut master, &Account::named("nobody")).await.unwrap());
    let itself = lock_login(&mut master, &Account::named("caretaker_master")).await.unwrap_err();
    assert!(matches!(itself, RoleError::Spec(_)), "{itself}");
    master.close().await;
    assert!(matches!(opens(&bench.clone, &trust, BUDGET).await.unwrap(), Opens::Refused(_)));
    assert_eq!(session(&mut at_work).await.unwrap().session_user, "mate_app_clone");
    at_work.close().await;
    bench.ensure().await;
    assert!(matches!(opens(&bench.clone, &trust, BUDGET).await.unwrap(), Opens::Yes(_)));
}

#[tokio::test]
async fn what_an_old_session_still_made_in_its_own_name_is_handed_over_when_it_is_locked_out() {
    let bench = Bench::made_by_hand();
    bench.ensure().await;
    bench.server.sql("SET SESSION AUTHORIZATION mate_app; CREATE TABLE public.late (id int)");
    bench.fails(&bench.clone, "SELECT * FROM late");
    let mut master = bench.master().await;
    assert!(lock_login(&mut master, &Account::named("mate_app")).await.unwrap());
    assert!(!lock_login(&mut master, &Account::named("mate_app")).await.unwrap());
    master.close().await;
    bench.works(&bench.clone, "SELECT * FROM late; DROP TABLE late");
}

#[tokio::test]
async fn names_that_would_break_a_handmade_statement_are_only_names() {
    for name in [r#"we"ird"#, "it's", "100%I %s %L", "x; DROP ROLE y; --", "Ünïcödé ☃", "select"]
    {
        let mut bench = Bench::new();
        bench.app.username = name.to_owned();
        bench.clone.username = format!("{name}_clone");
        let quoted = name.replace('"', "\"\"");
        bench.server.sql(&format!(
            "CREATE ROLE \"{quoted}\" LOGIN PASSWORD $p${FIRST}$p$; CREATE SCHEMA \"{quoted}\"; \
             CREATE TABLE \"{quoted}\".\"{quoted}\" (\"{quoted}\" int); \
             CREATE FUNCTION \"{quoted}\".\"{quoted}\"(\"{quoted}\" int) RETURNS int LANGUAGE sql AS 'SELECT 1'; \
             ALTER SCHEMA \"{quoted}\" OWNER TO caretaker_master; \
             ALTER TABLE \"{quoted}\".\"{quoted}\" OWNER TO caretaker_master; \
             ALTER FUNCTION \"{quoted}\".\"{quoted}\" OWNER TO caretaker_master; \
             GRANT CREATE ON SCHEMA public TO \"{quoted}\"; \
             GRANT USAGE ON SCHEMA \"{quoted}\" TO \"{quoted}\"; \
             GRANT SELECT (\"{quoted}\"), INSERT ON \"{quoted}\".\"{quoted}\" TO \"{quoted}\"; \
             GRANT EXECUTE ON FUNCTION \"{quoted}\".\"{quoted}\" TO \"{quoted}\";"
        ));
        bench.ensure().await;
        assert_eq!(bench.ensure().await.len(), 1, "{name}");
        let query = format!("SELECT \"{quoted}\" FROM \"{quoted}\".\"{quoted}\"");
        bench.works(&bench.clone, &query);
        bench.each_uses_what_the_other_made();
        bench.neither_changes_the_others_password();
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_anywhere_leaves_all_as_it_was_or_as_it_should_be() {
    for cut in [Cut::BeforeRequest, Cut::BeforeReply] {
        let mut bench = Bench::made_by_hand();
        let proxy = CuttingProxy::before(&bench.server.master());
        let through = proxy.through(&bench.server.master());
        let trust = bench.server.trust();
        for exchange in 1.. {
            // Each time another password, so that an earlier success is not taken for this one's.
            bench.clone.password = format!("s3cret-{exchange}").into();
            proxy.cut_at(exchange, cut);
            if let Ok(mut master) = connect(&through, &trust, BUDGET).await {
                let result =
                    ensure_alternate_user(&mut master, &bench.spec(), &bench.clone.password).await;
                assert_eq!(result.is_err(), proxy.has_cut(), "{result:?}");
                drop(master);
            }
            bench.works(&bench.app, "INSERT INTO shared VALUES (1, 'x'); SELECT * FROM orders");
            if !proxy.has_cut() {
                assert!(exchange > 20, "only {exchange} exchanges were cut");
                break;
            }
            if exchange % 8 == 0 {
                bench.ensure().await;
                bench.works(
                    &bench.clone,
                    "INSERT INTO shared VALUES (1, 'x'); SELECT * FROM orders",
                );
                bench.server.sql(
                    "REVOKE mate_app_owner FROM mate_app_clone; ALTER ROLE mate_app_clone RESET role; \
                     GRANT SELECT ON catalogue TO mate_app",
                );
            }
        }
        bench.each_uses_what_the_other_made();
        bench.neither_changes_the_others_password();
        assert_eq!(bench.ensure().await.len(), 1);
    }
}

#[tokio::test]
async fn a_wish_that_cannot_be_is_refused_with_everything_that_is_wrong() {
    let bench = Bench::onboarded().await;
    bench.server.sql(
        "ALTER ROLE mate_app SUPERUSER CREATEROLE; GRANT caretaker_master TO mate_app; \
         CREATE DATABASE another OWNER mate_app",
    );
    let Err(RoleError::Spec(faults)) = bench.try_ensure().await else {
        panic!("two users of which one may do anything are not refused");
    };
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("CREATEROLE")), "{faults:?}");
}

#[tokio::test]
async fn a_user_that_works_in_several_databases_is_refused() {
    let bench = Bench::made_by_hand();
    bench.server.sql("CREATE DATABASE another OWNER caretaker_master");
    let another = bench.server.superuser().in_database("another");
    bench.server.sql_as(&another, "CREATE SCHEMA theirs AUTHORIZATION mate_app").unwrap();
    let error = bench.try_ensure().await.unwrap_err();
    assert!(error.to_string().contains("\"another\""), "{error}");
    assert!(bench.server.sql("SELECT 1 FROM pg_roles WHERE rolname = 'mate_app_owner'").is_empty());
}

#[tokio::test]
async fn a_missing_user_and_a_wrong_database_are_told() {
    let bench = Bench::new();
    let error = bench.try_ensure().await.unwrap_err();
    assert!(matches!(error, RoleError::NoSuchUser { .. }), "{error}");
    assert!(error.to_string().contains("\"mate_app\""), "{error}");
    let elsewhere = bench.server.master().in_database("postgres");
    let mut master = connect(&elsewhere, &bench.server.trust(), BUDGET).await.unwrap();
    let error = ensure_alternate_user(&mut master, &bench.spec(), &bench.clone.password).await;
    assert!(matches!(error, Err(RoleError::WrongDatabase { .. })), "{error:?}");
}
