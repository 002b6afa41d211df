//! The application's roles on a real PostgreSQL whose master, as on RDS, is no superuser.
#![expect(clippy::unwrap_used, reason = "helpers of tests may end them")]

use database::testing::{DATABASE, PostgresServer};
use database::{
    ConnectErrorKind, Connection, ExtensionOutcome, RoleChange, RoleError, RoleSpec,
    StatementErrorKind, Target, connect, ensure_application_role, ensure_extensions,
    mend_application_role, set_password, verify_application_login,
};
use std::time::Duration;

const BUDGET: Duration = Duration::from_secs(30);

/// With the letters that SQL, URLs and `format` trip over.
const PASSWORD: &str = r#"s3cret'"\%I$1-ä"#;

/// A server and the application's wish on it.
struct Bench {
    server: PostgresServer,
    application: Target,
    spec: RoleSpec,
}

impl Bench {
    fn new() -> Self {
        let server = PostgresServer::start();
        let application = server.login("mate_app", PASSWORD);
        let spec = RoleSpec::for_login(&application).unwrap();
        Self { server, application, spec }
    }

    async fn connection(&self, target: &Target) -> Connection {
        connect(target, &self.server.trust(), BUDGET).await.unwrap()
    }

    async fn ensure_as(&self, master: &Target) -> Result<Vec<RoleChange>, RoleError> {
        let mut connection = self.connection(master).await;
        let trust = self.server.trust();
        let result =
            ensure_application_role(&mut connection, &self.spec, &self.application, &trust).await;
        connection.close().await;
        result
    }

    async fn ensure(&self) -> Vec<RoleChange> {
        self.ensure_as(&self.server.master()).await.unwrap()
    }

    async fn works(&self) {
        let trust = self.server.trust();
        verify_application_login(&self.application, &trust, BUDGET).await.unwrap();
    }
}

#[tokio::test]
async fn a_role_is_made_that_the_application_can_work_with() {
    let bench = Bench::new();
    let changes = bench.ensure().await;
    assert!(changes.contains(&RoleChange::CreateLogin { role: "mate_app".into() }), "{changes:?}");
    let trust = bench.server.trust();
    let seen = verify_application_login(&bench.application, &trust, BUDGET).await.unwrap();
    assert_eq!(seen.session_user, "mate_app");
    assert_eq!(seen.current_user, "mate_app_owner");
    assert_eq!(seen.database, DATABASE);
    assert_eq!(seen.table_owner.as_deref(), Some("mate_app_owner"));
    assert_eq!(seen.tls.as_deref(), Some("TLSv1.3"));
    assert_eq!(bench.server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

#[tokio::test]
async fn the_second_pass_changes_nothing() {
    let bench = Bench::new();
    assert!(!bench.ensure().await.is_empty());
    let stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'mate_app'";
    let before = bench.server.sql(stored);
    assert!(before.starts_with("SCRAM-SHA-256$4096:"), "{before}");
    assert_eq!(bench.ensure().await, []);
    assert_eq!(bench.server.sql(stored), before, "a password that opens is left alone");
}

#[tokio::test]
async fn the_password_is_nowhere_in_the_servers_log() {
    let bench = Bench::new();
    bench.ensure().await;
    let mut master = bench.connection(&bench.server.master()).await;
    set_password(&mut master, "mate_app", &"another-s3cret".to_owned().into()).await.unwrap();
    master.close().await;
    let log = bench.server.log();
    assert!(log.contains("CREATE ROLE mate_app"), "the log does not show statements:\n{log}");
    assert!(log.contains("ALTER ROLE mate_app PASSWORD 'SCRAM-SHA-256$"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn the_role_may_do_nothing_beyond_its_own_database() {
    let bench = Bench::new();
    bench.ensure().await;
    let flags = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin \
                 FROM pg_roles WHERE rolname LIKE 'mate_app%' ORDER BY rolname";
    assert_eq!(bench.server.sql(flags), "f|f|f|f|f|t\nf|f|f|f|f|f");
    let may = |what: &str| bench.server.sql(&format!("SELECT {what}"));
    assert_eq!(may("has_database_privilege('mate_app', 'mate_demo', 'CREATE')"), "f");
    assert_eq!(may("has_database_privilege('mate_app', 'mate_demo', 'CONNECT, TEMP')"), "t");
    assert_eq!(may("has_schema_privilege('mate_app', 'public', 'CREATE')"), "t");
    // Everybody else stays outside.
    bench.server.sql("CREATE ROLE stranger LOGIN PASSWORD 'x'");
    let stranger = bench.server.login("stranger", "x");
    let error = connect(&stranger, &bench.server.trust(), BUDGET).await.unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Permission, "{error}");
}

#[tokio::test]
async fn a_second_login_beside_the_first_works_on_the_same_objects() {
    let bench = Bench::new();
    bench.ensure().await;
    bench.server.sql(
        "SET SESSION AUTHORIZATION mate_app; SET ROLE mate_app_owner; CREATE TABLE orders (id int);",
    );
    let mut twin = Bench { application: bench.server.login("mate_app_clone", "twin"), ..bench };
    twin.spec = RoleSpec::for_login(&twin.application).unwrap().owned_by("mate_app_owner");
    twin.ensure().await;
    twin.works().await;
    twin.server.sql(
        "SET SESSION AUTHORIZATION mate_app_clone; SET ROLE mate_app_owner; \
         ALTER TABLE orders ADD name text; DROP TABLE orders;",
    );
}

/// What somebody may have changed by hand, and what mends it.
const DRIFT: &[(&str, &str)] = &[
    (
        "REVOKE mate_app_owner FROM mate_app; DROP OWNED BY mate_app_owner; DROP ROLE mate_app_owner",
        "create the owner",
    ),
    ("ALTER ROLE mate_app CREATEDB", "make \"mate_app\" NOCREATEDB"),
    ("ALTER ROLE mate_app CREATEROLE", "make \"mate_app\" NOCREATEROLE"),
    ("ALTER ROLE mate_app NOINHERIT", "make \"mate_app\" INHERIT"),
    ("ALTER ROLE mate_app NOLOGIN", "make \"mate_app\" LOGIN"),
    ("ALTER ROLE mate_app_owner LOGIN", "make \"mate_app_owner\" NOLOGIN"),
    ("ALTER ROLE mate_app CONNECTION LIMIT 3", "lift the limit of connections of \"mate_app\""),
    ("ALTER ROLE mate_app VALID UNTIL '2020-01-01'", "let \"mate_app\" log in again"),
    ("ALTER ROLE mate_app PASSWORD 'other'", "set the password of \"mate_app\""),
    ("ALTER ROLE mate_app RESET role", "let \"mate_app\" become \"mate_app_owner\""),
    (
        "ALTER ROLE mate_app IN DATABASE mate_demo SET role = 'mate_app'",
        "let \"mate_app\" become \"mate_app_owner\"",
    ),
    ("GRANT rds_superuser TO mate_app", "end the membership of \"mate_app\" in \"rds_superuser\""),
    ("GRANT rds_superuser TO mate_app_owner", "end the membership of \"mate_app_owner\""),
    ("REVOKE mate_app_owner FROM mate_app", "make \"mate_app\" a member of \"mate_app_owner\""),
    ("GRANT mate_app_owner TO mate_app WITH ADMIN OPTION", "take the right of \"mate_app\""),
    ("GRANT CONNECT ON DATABASE mate_demo TO PUBLIC", "revoke CONNECT on database \"mate_demo\""),
    ("GRANT CREATE ON DATABASE mate_demo TO mate_app", "revoke CREATE on database \"mate_demo\""),
    ("REVOKE CONNECT ON DATABASE mate_demo FROM mate_app_owner", "grant CONNECT on database"),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "revoke CREATE on schema \"public\""),
    ("REVOKE CREATE ON SCHEMA public FROM mate_app_owner", "grant CREATE on schema \"public\""),
    (
        "GRANT CREATE ON SCHEMA public TO mate_app; SET ROLE mate_app; CREATE TABLE mine (id int)",
        "hand the objects of \"mate_app\" over to \"mate_app_owner\"",
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
    let owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'mine'";
    assert_eq!(bench.server.sql(owner), "mate_app_owner");
    let lent = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member \
                JOIN pg_roles g ON g.oid = m.roleid \
                WHERE r.rolname = 'caretaker_master' AND g.rolname LIKE 'mate_app%'";
    assert_eq!(bench.server.sql(lent), "0", "the master gives back what it lent itself");
}

#[tokio::test]
async fn a_role_is_mended_and_its_password_left_alone_and_a_missing_one_is_made() {
    let bench = Bench::new();
    let mut master = bench.connection(&bench.server.master()).await;
    let mut mend = async |password: &str| {
        let password = password.to_owned().into();
        mend_application_role(&mut master, &bench.spec, &password).await.unwrap()
    };
    assert!(mend(PASSWORD).await.contains(&RoleChange::CreateLogin { role: "mate_app".into() }));
    bench.works().await;
    bench.server.sql("ALTER ROLE mate_app CREATEDB");
    let changes = mend("another").await;
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(mend("another").await, []);
    bench.works().await;
}

#[tokio::test]
async fn a_limit_of_connections_is_set_and_lifted() {
    let mut bench = Bench::new();
    bench.spec = bench.spec.limited_to(7);
    bench.ensure().await;
    let limit = "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'mate_app'";
    assert_eq!(bench.server.sql(limit), "7");
    bench.spec.connection_limit = None;
    assert_eq!(bench.ensure().await.len(), 1);
    assert_eq!(bench.server.sql(limit), "-1");
}

#[tokio::test]
async fn a_superuser_is_only_mended_by_a_superuser_and_nothing_is_half_done() {
    let bench = Bench::new();
    bench.ensure().await;
    bench
        .server
        .sql("ALTER ROLE mate_app SUPERUSER CONNECTION LIMIT 5; ALTER ROLE mate_app RESET role");
    let Err(RoleError::Statement(error)) = bench.ensure_as(&bench.server.master()).await else {
        panic!("the master cannot mend a superuser");
    };
    assert_eq!(error.kind, StatementErrorKind::Permission, "{error}");
    assert!(error.to_string().contains("NOSUPERUSER"), "{error}");
    let changes = bench.ensure_as(&bench.server.superuser()).await.unwrap();
    assert_eq!(changes.len(), 3, "the failed attempt left everything as it was: {changes:?}");
    assert_eq!(bench.ensure().await, []);
}

#[tokio::test]
async fn what_the_server_only_warns_about_is_not_called_done() {
    let mut bench = Bench::new();
    bench.server.sql("CREATE DATABASE foreign_db");
    bench.application = bench.application.in_database("foreign_db");
    bench.spec = RoleSpec::for_login(&bench.application).unwrap();
    let master = bench.server.master().in_database("foreign_db");
    let error = bench.ensure_as(&master).await.unwrap_err();
    // The master does not own this database: its GRANTs end in an error or a mere warning, as the
    // server likes.
    let text = error.to_string();
    assert!(!error.is_transient(), "{text}");
    assert!(text.contains("foreign_db") && !text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn the_master_must_be_in_the_applications_database() {
    let bench = Bench::new();
    let error = bench.ensure_as(&bench.server.master().in_database("postgres")).await.unwrap_err();
    assert!(matches!(error, RoleError::WrongDatabase { .. }), "{error}");
    assert!(error.to_string().contains("\"mate_demo\""), "{error}");
}

#[tokio::test]
async fn names_that_would_break_a_handmade_statement_are_only_names() {
    let server = PostgresServer::start();
    let names = [
        r#"we"ird"#,
        "it's",
        r"back\slash",
        "100%I %s %L",
        "x; DROP ROLE caretaker_master; --",
        "Ünïcödé ☃",
        "$1 {0} ?",
        "select",
        " spaces ",
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
        assert_eq!(seen.current_user, format!("{name}_owner"));
    }
    let owners = "SELECT count(*) FROM pg_roles \
                  WHERE rolname LIKE '%\\_owner' AND rolname <> 'pg_database_owner'";
    assert_eq!(server.sql(owners), names.len().to_string());
}

#[tokio::test]
async fn a_role_changes_its_own_password_although_it_became_its_owner() {
    let bench = Bench::new();
    bench.ensure().await;
    let mut own = bench.connection(&bench.application).await;
    set_password(&mut own, "mate_app", &"next-s3cret".to_owned().into()).await.unwrap();
    own.close().await;
    let trust = bench.server.trust();
    let next = bench.server.login("mate_app", "next-s3cret");
    verify_application_login(&next, &trust, BUDGET).await.unwrap();
    let error = connect(&bench.application, &trust, BUDGET).await.unwrap_err();
    assert_eq!(error.kind, ConnectErrorKind::Authentication, "{error}");
    assert!(!bench.server.log().contains("s3cret"));
}

#[tokio::test]
async fn extensions_are_created_where_the_master_may() {
    let bench = Bench::new();
    let mut master = bench.connection(&bench.server.master()).await;
    let asked = ["pg_trgm", "pg_stat_statements", "no\"such", "plpgsql"].map(str::to_owned);
    let outcomes = ensure_extensions(&mut master, &asked).await.unwrap();
    let name = |at: usize| asked[at].clone();
    assert_eq!(outcomes[0], ExtensionOutcome::Created { name: name(0) });
    // Not trusted in PostgreSQL itself; on RDS `rds_superuser` may create it.
    assert!(matches!(outcomes[1], ExtensionOutcome::Forbidden { .. }), "{}", outcomes[1]);
    assert_eq!(outcomes[2], ExtensionOutcome::Unavailable { name: name(2) });
    assert_eq!(outcomes[3], ExtensionOutcome::Present { name: name(3) });
    let again = ensure_extensions(&mut master, &asked[..1]).await.unwrap();
    assert_eq!(again, [ExtensionOutcome::Present { name: name(0) }]);
    master.close().await;
}

#[tokio::test]
async fn an_application_that_may_not_create_tables_is_told_apart_from_one_that_cannot_log_in() {
    let bench = Bench::new();
    bench.ensure().await;
    bench.server.sql("REVOKE CREATE ON SCHEMA public FROM mate_app_owner");
    let trust = bench.server.trust();
    let error = verify_application_login(&bench.application, &trust, BUDGET).await.unwrap_err();
    assert!(error.to_string().contains("permission denied for schema public"), "{error}");
}
