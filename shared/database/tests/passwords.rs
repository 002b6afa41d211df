//! Passwords of real servers, set by the user itself and by the master, and never sent.
#![expect(clippy::unwrap_used, reason = "helpers of tests may end them")]

use database::testing::{MariadbServer, PostgresServer};
use database::{
    Account, Connection, Opens, Retain, RoleError, StatementErrorKind, Target, Trust, connect,
    discard_old_password, opens, sends_own_password, set_password_with,
};
use secrecy::SecretString;
use std::time::Duration;

const BUDGET: Duration = Duration::from_secs(30);

/// With the letters that SQL, URLs and `format` trip over.
const OLD: &str = r#"s3cret-old'"\%I$1-ä"#;
const NEW: &str = r#"s3cret-new'"\%I$1-ä"#;
const NEWEST: &str = r#"s3cret-newest'"\%I$1-ä"#;

fn secret(text: &str) -> SecretString {
    text.to_owned().into()
}

async fn open(target: &Target, trust: &Trust) -> Connection {
    connect(target, trust, BUDGET).await.unwrap()
}

async fn is_open(target: &Target, trust: &Trust) -> bool {
    match opens(target, trust, BUDGET).await.unwrap() {
        Opens::Yes(connection) => {
            connection.close().await;
            true
        }
        Opens::Refused(_) => false,
    }
}

/// Sets a password over this login's connection.
async fn set(
    over: &Target,
    trust: &Trust,
    account: &Account,
    password: &str,
) -> Result<(), RoleError> {
    let mut connection = open(over, trust).await;
    assert!(!sends_own_password(&connection, account), "only MySQL proper is told a password");
    let set = set_password_with(&mut connection, account, &secret(password), Retain::WherePossible)
        .await?;
    assert!(!set.old_retained, "only MySQL proper can retain one");
    assert!(!discard_old_password(&mut connection, account).await?);
    connection.close().await;
    Ok(())
}

#[tokio::test]
async fn a_postgres_user_and_its_master_set_its_password_and_the_log_does_not_hold_it() {
    let server = PostgresServer::start();
    let trust = server.trust();
    server.sql("SET log_statement = 'none'; CREATE ROLE app_owner; CREATE ROLE app LOGIN IN ROLE app_owner");
    let app = |password| server.login("app", password);
    let account = Account::named("app");
    set(&server.master(), &trust, &account, OLD).await.unwrap();
    assert!(is_open(&app(OLD), &trust).await);
    // It becomes its owner at login, and could then not change its own password.
    server.sql("ALTER ROLE app SET role = app_owner");
    set(&app(OLD), &trust, &account, NEW).await.unwrap();
    assert!(is_open(&app(NEW), &trust).await && !is_open(&app(OLD), &trust).await);
    set(&server.master(), &trust, &account, NEWEST).await.unwrap();
    assert!(is_open(&app(NEWEST), &trust).await && !is_open(&app(NEW), &trust).await);
    let log = server.log();
    assert!(log.contains("ALTER ROLE app PASSWORD 'SCRAM-SHA-256$4096:"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_postgres_password_is_told_apart() {
    let server = PostgresServer::start();
    let trust = server.trust();
    server.sql(&format!(
        "CREATE ROLE app LOGIN PASSWORD $p${OLD}$p$; CREATE ROLE other LOGIN; \
         ALTER ROLE caretaker_master SET session_preload_libraries = 'passwordcheck'"
    ));
    let master = server.master();
    let missing = set(&master, &trust, &Account::named("nobody"), NEW).await.unwrap_err();
    assert!(
        matches!(&missing, RoleError::NoSuchUser { user, .. } if user.contains("nobody")),
        "{missing}"
    );
    let kind = |error: RoleError| match error {
        RoleError::Statement(error) => error.kind,
        other => panic!("{other}"),
    };
    let refused = set(&master, &trust, &Account::named("app"), "app").await.unwrap_err();
    assert!(refused.to_string().contains("password must not"), "{refused}");
    assert_eq!(kind(refused), StatementErrorKind::Policy);
    let foreign = set(&server.login("app", OLD), &trust, &Account::named("other"), NEW).await;
    assert_eq!(kind(foreign.unwrap_err()), StatementErrorKind::Permission);
    assert!(is_open(&server.login("app", OLD), &trust).await, "nothing has changed");
}

#[tokio::test]
async fn a_mariadb_account_and_its_master_set_its_password_and_the_log_does_not_hold_it() {
    let server = MariadbServer::start();
    let trust = server.trust();
    server.sql("CREATE USER app@'127.0.%'; GRANT SELECT ON mate_demo.* TO app@'127.0.%'");
    let app = |password| server.login("app", password);
    let account = Account::named("app");
    set(&server.master(), &trust, &account, OLD).await.unwrap();
    assert!(is_open(&app(OLD), &trust).await);
    set(&app(OLD), &trust, &account, NEW).await.unwrap();
    assert!(is_open(&app(NEW), &trust).await && !is_open(&app(OLD), &trust).await);
    set(&app(NEW), &trust, &account.clone().at("127.0.%"), OLD).await.unwrap();
    set(&server.master(), &trust, &account.at("127.0.%"), NEWEST).await.unwrap();
    assert!(is_open(&app(NEWEST), &trust).await && !is_open(&app(OLD), &trust).await);
    let log = server.log();
    assert!(log.contains("ALTER USER 'app'@'127.0.%' IDENTIFIED VIA"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_mariadb_password_is_told_apart() {
    let server = MariadbServer::start();
    let trust = server.trust();
    server.sql(
        "CREATE USER app@'127.0.%' IDENTIFIED BY 'first'; GRANT SELECT ON mate_demo.* TO app@'127.0.%'; \
         CREATE USER twice@'%' IDENTIFIED BY 'first'; CREATE USER twice@'10.%' IDENTIFIED BY 'first'; \
         INSTALL SONAME 'simple_password_check'; SET GLOBAL strict_password_validation = OFF",
    );
    let (master, app) = (server.master(), server.login("app", "first"));
    let missing = Account::named("app").at("10.%");
    let error = set(&master, &trust, &missing, NEW).await.unwrap_err();
    assert!(matches!(error, RoleError::NoSuchUser { .. }), "{error}");
    let error = set(&master, &trust, &Account::named("twice"), NEW).await.unwrap_err();
    assert!(matches!(error, RoleError::Spec(_)), "{error}");
    let error = set(&app, &trust, &Account::named("app").at("%"), NEW).await.unwrap_err();
    assert!(error.to_string().contains("app@127.0.%"), "{error}");
    let kind = |error: RoleError| match error {
        RoleError::Statement(error) => error.kind,
        other => panic!("{other}"),
    };
    let foreign = set(&app, &trust, &Account::named("twice").at("%"), NEW).await.unwrap_err();
    assert_eq!(kind(foreign), StatementErrorKind::Permission);
    // A hash tells no policy anything. A server that insists on one refuses every hash, and says so.
    set(&app, &trust, &Account::named("app"), NEW).await.unwrap();
    server.sql("SET GLOBAL strict_password_validation = ON");
    let error = set(&master, &trust, &Account::named("app"), OLD).await.unwrap_err();
    assert!(error.to_string().contains("strict-password-validation"), "{error}");
    assert!(is_open(&server.login("app", NEW), &trust).await, "nothing has changed");
}
