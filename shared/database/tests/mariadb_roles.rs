//! The application's account on a real MariaDB whose master, as on RDS, has neither SUPER nor FILE.
#![expect(clippy::unwrap_used, reason = "helpers of tests may end them")]

use database::testing::{DATABASE, MariadbServer};
use database::{
    ConnectErrorKind, ExtensionOutcome, RoleChange, RoleSpec, Target, connect,
    ensure_application_role, ensure_extensions, mend_application_role, set_password,
    verify_application_login,
};
use std::time::Duration;

const BUDGET: Duration = Duration::from_secs(30);

/// With the letters that SQL, URLs and `format` trip over.
const PASSWORD: &str = r#"s3cret'"\%I$1-ä"#;

/// A server and the application's wish on it.
struct Bench {
    server: MariadbServer,
    application: Target,
    spec: RoleSpec,
}

impl Bench {
    fn new() -> Self {
        let server = MariadbServer::start();
        let application = server.login("sarc_app", PASSWORD);
        let spec = RoleSpec::for_login(&application).unwrap();
        Self { server, application, spec }
    }

    async fn ensure(&self) -> Vec<RoleChange> {
        let trust = self.server.trust();
        let mut master = connect(&self.server.master(), &trust, BUDGET).await.unwrap();
        let changes =
            ensure_application_role(&mut master, &self.spec, &self.application, &trust).await;
        master.close().await;
        changes.unwrap()
    }

    async fn works(&self) {
        let trust = self.server.trust();
        verify_application_login(&self.application, &trust, BUDGET).await.unwrap();
    }
}

#[tokio::test]
async fn an_account_is_made_that_the_application_can_work_with() {
    let bench = Bench::new();
    let changes = bench.ensure().await;
    assert!(changes.contains(&RoleChange::CreateLogin { role: "sarc_app".into() }), "{changes:?}");
    let trust = bench.server.trust();
    let seen = verify_application_login(&bench.application, &trust, BUDGET).await.unwrap();
    assert_eq!(seen.session_user, "sarc_app");
    assert_eq!(seen.current_user, "sarc_app@%");
    assert_eq!(seen.database, DATABASE);
    assert!(seen.tls.as_deref().is_some_and(|tls| tls.starts_with("TLSv1.")), "{seen:?}");
    assert_eq!(bench.server.sql("SHOW TABLES"), "");
}

#[tokio::test]
async fn the_second_pass_changes_nothing() {
    let bench = Bench::new();
    assert!(!bench.ensure().await.is_empty());
    assert_eq!(bench.ensure().await, []);
}

#[tokio::test]
async fn the_password_is_nowhere_in_the_servers_log() {
    let bench = Bench::new();
    bench.ensure().await;
    let trust = bench.server.trust();
    let next = "another-s3cret".to_owned().into();
    let mut master = connect(&bench.server.master(), &trust, BUDGET).await.unwrap();
    set_password(&mut master, "sarc_app", &next).await.unwrap();
    master.close().await;
    verify_application_login(&bench.server.login("sarc_app", "another-s3cret"), &trust, BUDGET)
        .await
        .unwrap();
    let log = bench.server.log();
    assert!(log.contains("CREATE USER 'sarc_app'@'%'"), "the log does not show statements:\n{log}");
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn the_account_is_for_one_schema_only_and_its_name_is_no_pattern() {
    let bench = Bench::new();
    bench.ensure().await;
    // `mate_demo` as a pattern would hold for this schema too.
    bench.server.sql("CREATE DATABASE mateXdemo");
    let grants = bench.server.sql("SHOW GRANTS FOR sarc_app@'%'");
    assert!(grants.contains(r"`mate\_demo`"), "{grants}");
    assert!(grants.contains("REQUIRE SSL"), "{grants}");
    assert!(!grants.contains("GRANT OPTION"), "{grants}");
    for schema in ["mateXdemo", "mysql"] {
        let target = bench.application.clone().in_database(schema);
        let error = connect(&target, &bench.server.trust(), BUDGET).await.unwrap_err();
        assert_eq!(error.kind, ConnectErrorKind::Permission, "{error}");
    }
}

/// What somebody may have changed by hand, and what mends it.
const DRIFT: &[(&str, &str)] = &[
    ("ALTER USER sarc_app@'%' REQUIRE NONE", "refuse \"sarc_app\" without TLS"),
    ("ALTER USER sarc_app@'%' ACCOUNT LOCK", "let \"sarc_app\" log in again"),
    ("ALTER USER sarc_app@'%' PASSWORD EXPIRE", "let \"sarc_app\" log in again"),
    ("ALTER USER sarc_app@'%' IDENTIFIED BY 'other'", "set the password of \"sarc_app\""),
    ("ALTER USER sarc_app@'%' IDENTIFIED VIA unix_socket", "set the password of \"sarc_app\""),
    ("ALTER USER sarc_app@'%' WITH MAX_USER_CONNECTIONS 4", "lift the limit of connections"),
    ("GRANT PROCESS, RELOAD ON *.* TO sarc_app@'%'", "revoke PROCESS, RELOAD on the whole server"),
    ("GRANT SELECT ON mysql.* TO sarc_app@'%'", "revoke SELECT on database \"mysql\""),
    (r"GRANT SELECT ON `mate_demo`.* TO sarc_app@'%'", "revoke SELECT on database \"mate_demo\""),
    (
        r"GRANT USAGE ON `mate\_demo`.* TO sarc_app@'%' WITH GRANT OPTION",
        "revoke GRANT OPTION on database",
    ),
    (r"REVOKE DROP ON `mate\_demo`.* FROM sarc_app@'%'", "grant DROP on database"),
    ("GRANT SELECT ON mysql.user TO sarc_app@'%'", "revoke SELECT on table \"mysql\".\"user\""),
    ("GRANT SELECT (Host) ON mysql.db TO sarc_app@'%'", "revoke SELECT on table \"mysql\".\"db\""),
    (
        "CREATE ROLE bosses; GRANT bosses TO caretaker_master@'%' WITH ADMIN OPTION; \
         GRANT bosses TO sarc_app@'%'",
        "end the membership of \"sarc_app\"",
    ),
];

#[tokio::test]
async fn whatever_was_changed_by_hand_is_mended() {
    let bench = Bench::new();
    bench.ensure().await;
    // That the role is as wanted afterwards is what `ensure` itself makes sure of.
    for (by_hand, mending) in DRIFT {
        bench.server.sql(by_hand);
        let changes = bench.ensure().await;
        assert!(
            changes.iter().any(|change| change.to_string().starts_with(mending)),
            "{by_hand}: {changes:?}"
        );
    }
    bench.works().await;
    assert_eq!(bench.ensure().await, []);
}

#[tokio::test]
async fn an_account_is_mended_but_not_one_for_certain_hosts_only() {
    let bench = Bench::new();
    let trust = bench.server.trust();
    let mut master = connect(&bench.server.master(), &trust, BUDGET).await.unwrap();
    let mut mend = async || {
        let password = &bench.application.password;
        mend_application_role(&mut master, &bench.spec, password).await.unwrap()
    };
    assert!(!mend().await.is_empty());
    bench.works().await;
    bench.server.sql("ALTER USER sarc_app@'%' REQUIRE NONE");
    assert_eq!(mend().await, [RoleChange::RequireTls { role: "sarc_app".into() }]);
    bench.server.sql("DROP USER sarc_app@'%'; CREATE USER sarc_app@'10.%'");
    assert_eq!(mend().await, []);
    assert_eq!(bench.server.sql("SELECT Host FROM mysql.user WHERE User = 'sarc_app'"), "10.%");
}

#[tokio::test]
async fn a_limit_of_connections_is_set() {
    let mut bench = Bench::new();
    bench.spec = bench.spec.limited_to(7);
    bench.ensure().await;
    let limit = "SELECT max_user_connections FROM mysql.user WHERE User = 'sarc_app'";
    assert_eq!(bench.server.sql(limit), "7");
    assert_eq!(bench.ensure().await, []);
}

#[tokio::test]
async fn names_that_would_break_a_handmade_statement_are_only_names() {
    let server = MariadbServer::start();
    let names = [
        "we`ird",
        r#"do"uble"#,
        "it's",
        r"back\slash",
        "100%I %s %L",
        "x'; DROP USER root@localhost; --",
        "Ünïcödé ☃",
        "$1 {0} ?",
        "select",
        "CASE",
        "case",
    ];
    for name in names {
        let mut master = connect(&server.master(), &server.trust(), BUDGET).await.unwrap();
        let target = server.login(name, PASSWORD);
        let spec = RoleSpec::for_login(&target).unwrap();
        ensure_application_role(&mut master, &spec, &target, &server.trust()).await.unwrap();
        let again = ensure_application_role(&mut master, &spec, &target, &server.trust()).await;
        assert_eq!(again.unwrap(), [], "{name}");
        master.close().await;
        let seen = verify_application_login(&target, &server.trust(), BUDGET).await.unwrap();
        assert_eq!(seen.session_user, name);
    }
}

#[tokio::test]
async fn a_schema_with_a_name_of_wildcards_gets_a_grant_of_its_own() {
    let server = MariadbServer::start();
    for schema in [r"a\b", "50%", "we`ird", "u_nder"] {
        let quoted = schema.replace('`', "``");
        server.sql(&format!("CREATE DATABASE `{quoted}`"));
        let target = server.login("app", PASSWORD).in_database(schema);
        let spec = RoleSpec::for_login(&target).unwrap();
        let mut master = connect(&server.master(), &server.trust(), BUDGET).await.unwrap();
        ensure_application_role(&mut master, &spec, &target, &server.trust()).await.unwrap();
        let again = ensure_application_role(&mut master, &spec, &target, &server.trust()).await;
        assert_eq!(again.unwrap(), [], "{schema}");
        master.close().await;
        let seen = verify_application_login(&target, &server.trust(), BUDGET).await.unwrap();
        assert_eq!(seen.database, schema);
    }
}

#[tokio::test]
async fn an_account_changes_its_own_password() {
    let bench = Bench::new();
    bench.ensure().await;
    let trust = bench.server.trust();
    let mut own = connect(&bench.application, &trust, BUDGET).await.unwrap();
    let next = "next-s3cret".to_owned().into();
    set_password(&mut own, "sarc_app", &next).await.unwrap();
    own.close().await;
    let target = bench.server.login("sarc_app", "next-s3cret");
    verify_application_login(&target, &trust, BUDGET).await.unwrap();
}

#[tokio::test]
async fn there_are_no_extensions() {
    let server = MariadbServer::start();
    let mut master = connect(&server.master(), &server.trust(), BUDGET).await.unwrap();
    let outcomes = ensure_extensions(&mut master, &["pg_trgm".to_owned()]).await.unwrap();
    assert_eq!(outcomes, [ExtensionOutcome::Unavailable { name: "pg_trgm".into() }]);
    master.close().await;
}
