//! What stands in the way of a connection is told apart, in words, and never with a password.
//! Real servers, and sockets that behave as no server should.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "helpers of tests may end them")]

use database::testing::{Certificate, DATABASE, MariadbServer, PostgresServer};
use database::{
    ConnectError, ConnectErrorKind, Encryption, Engine, Opens, Target, Trust, connect, opens,
    session, verify_application_login,
};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Enough for any server that answers at all.
const BUDGET: Duration = Duration::from_secs(30);

const PASSWORD: &str = "never-to-be-shown-5d1e";

fn target(engine: Engine, host: &str, port: u16) -> Target {
    Target {
        engine,
        host: host.into(),
        port,
        database: Some("mate".into()),
        username: "mate_app".into(),
        password: PASSWORD.to_owned().into(),
        ssl: None,
        encryption: Encryption::Verified,
    }
}

async fn refused(target: &Target, trust: &Trust) -> ConnectError {
    let error = connect(target, trust, BUDGET).await.expect_err("no connection was expected");
    for part in [target.host.as_str(), &target.port.to_string(), &target.username] {
        assert!(error.to_string().contains(part), "{part:?} is missing: {error}");
    }
    assert!(!format!("{error} {error:?}").contains(PASSWORD), "the password is shown");
    error
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for engine in [Engine::Postgres, Engine::Mysql] {
        let error = refused(&target(engine, "127.0.0.1", port), &Trust::RdsBundle).await;
        assert_eq!(error.kind, ConnectErrorKind::Unreachable, "{error}");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_unreachable() {
    let target = target(Engine::Postgres, "no-such-database.invalid", 5432);
    let error = refused(&target, &Trust::RdsBundle).await;
    assert_eq!(error.kind, ConnectErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_costs_one_budget_and_no_more() {
    // The backlog accepts the connection; nobody ever reads from it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    for engine in [Engine::Postgres, Engine::Mariadb] {
        let budget = Duration::from_millis(200);
        let target = target(engine, "127.0.0.1", port);
        let error = connect(&target, &Trust::RdsBundle, budget).await.unwrap_err();
        assert_eq!(error.kind, ConnectErrorKind::Timeout, "{error}");
        assert!(error.to_string().contains("200 ms"), "{error}");
        assert!(error.to_string().contains("security group"), "{error}");
    }
}

/// What secret and caller may say without agreeing on plain text.
const WITHOUT_AGREEMENT: [(Option<bool>, Encryption); 4] = [
    (None, Encryption::Verified),
    (None, Encryption::PlaintextPermitted),
    (Some(true), Encryption::PlaintextPermitted),
    (Some(false), Encryption::Verified),
];

#[tokio::test]
async fn a_postgres_without_tls_is_told_nothing() {
    for (ssl, encryption) in WITHOUT_AGREEMENT {
        postgres_without_tls_is_told_nothing(ssl, encryption).await;
    }
}

async fn postgres_without_tls_is_told_nothing(ssl: Option<bool>, encryption: Encryption) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        // SSLRequest is 8 bytes long, and `N` says that there is no TLS.
        let mut request = [0; 8];
        socket.read_exact(&mut request).await.unwrap();
        socket.write_all(b"N").await.unwrap();
        let mut more = Vec::new();
        let _ = socket.read_to_end(&mut more).await;
        more
    });
    let target = Target { ssl, encryption, ..target(Engine::Postgres, "127.0.0.1", port) };
    let error = refused(&target, &Trust::RdsBundle).await;
    assert_eq!(error.kind, ConnectErrorKind::Tls, "{error}");
    assert_eq!(server.await.unwrap(), b"", "something was sent in plain text");
}

#[tokio::test]
async fn a_mysql_without_tls_is_told_nothing() {
    for (ssl, encryption) in WITHOUT_AGREEMENT {
        mysql_without_tls_is_told_nothing(ssl, encryption).await;
    }
}

async fn mysql_without_tls_is_told_nothing(ssl: Option<bool>, encryption: Encryption) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        // A greeting of protocol 10 whose capabilities (0xf7ff less CLIENT_SSL, 0x0800) offer no
        // TLS.
        let mut greeting = vec![10];
        greeting.extend(b"8.0.36\0");
        greeting.extend([1, 0, 0, 0]);
        greeting.extend(b"12345678\0");
        greeting.extend([0xff, 0xf7, 45, 2, 0, 0xff, 0xdf, 21]);
        greeting.extend([0; 10]);
        greeting.extend(b"123456789012\0caching_sha2_password\0");
        let length = u8::try_from(greeting.len()).unwrap();
        socket.write_all(&[length, 0, 0, 0]).await.unwrap();
        socket.write_all(&greeting).await.unwrap();
        let mut more = Vec::new();
        let _ = socket.read_to_end(&mut more).await;
        more
    });
    let target = Target { ssl, encryption, ..target(Engine::Mysql, "127.0.0.1", port) };
    let error = refused(&target, &Trust::RdsBundle).await;
    assert_eq!(error.kind, ConnectErrorKind::Tls, "{error}");
    assert_eq!(server.await.unwrap(), b"", "something was sent in plain text");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let postgres = PostgresServer::start();
    let mariadb = MariadbServer::start();
    for target in [postgres.master(), mariadb.master()] {
        let error = refused(&target, &Trust::RdsBundle).await;
        assert_eq!(error.kind, ConnectErrorKind::Tls, "{error}");
        assert!(error.to_string().contains("signed by no trusted authority"), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_or_an_expired_one_is_refused() {
    for (certificate, words) in
        [(Certificate::ForAnotherHost, "another host"), (Certificate::Expired, "expired")]
    {
        let server = PostgresServer::start_with(certificate);
        let error = refused(&server.master(), &server.trust()).await;
        assert_eq!(error.kind, ConnectErrorKind::Tls, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    let server = MariadbServer::start_with(Certificate::ForAnotherHost);
    let error = refused(&server.master(), &server.trust()).await;
    assert_eq!(error.kind, ConnectErrorKind::Tls, "{error}");
}

#[tokio::test]
async fn an_authority_file_that_is_missing_is_no_reason_to_trust_anybody() {
    let server = PostgresServer::start();
    let error = refused(&server.master(), &Trust::PemFile("/nowhere/ca.pem".into())).await;
    assert_eq!(error.kind, ConnectErrorKind::Tls, "{error}");
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

#[tokio::test]
async fn the_refusals_of_a_postgres_are_told_apart() {
    let server = PostgresServer::start();
    server.sql(&format!(
        "CREATE ROLE limited LOGIN CONNECTION LIMIT 0 PASSWORD '{PASSWORD}'; \
         CREATE ROLE outsider LOGIN PASSWORD '{PASSWORD}'; \
         CREATE ROLE sleeper NOLOGIN PASSWORD '{PASSWORD}'; \
         CREATE DATABASE closed; REVOKE ALL ON DATABASE closed FROM PUBLIC;"
    ));
    let trust = server.trust();
    let login = |user: &str| server.login(user, PASSWORD);
    for (target, kind) in [
        (server.login("outsider", "wrong"), ConnectErrorKind::Authentication),
        (login("nobody"), ConnectErrorKind::Authentication),
        (login("sleeper"), ConnectErrorKind::Authentication),
        (login("outsider").in_database("no such"), ConnectErrorKind::NoSuchDatabase),
        (login("outsider").in_database("closed"), ConnectErrorKind::Permission),
        (login("limited"), ConnectErrorKind::TooManyConnections),
    ] {
        let error = refused(&target, &trust).await;
        assert_eq!(error.kind, kind, "{error}");
    }
    let connection = connect(&login("outsider"), &trust, BUDGET).await.unwrap();
    assert_eq!(connection.engine(), Engine::Postgres);
    connection.close().await;
}

#[tokio::test]
async fn the_refusals_of_a_mariadb_are_told_apart() {
    let server = MariadbServer::start();
    server.sql(&format!(
        "CREATE USER outsider@'%' IDENTIFIED BY '{PASSWORD}'; \
         CREATE USER locked@'%' IDENTIFIED BY '{PASSWORD}' ACCOUNT LOCK; \
         CREATE USER limited@'%' IDENTIFIED BY '{PASSWORD}' WITH MAX_CONNECTIONS_PER_HOUR 1; \
         GRANT ALL ON mate_demo.* TO limited@'%';"
    ));
    let trust = server.trust();
    let login = |user: &str| server.login(user, PASSWORD);
    connect(&login("limited"), &trust, BUDGET).await.unwrap().close().await;
    for (target, kind) in [
        (server.login("outsider", "wrong"), ConnectErrorKind::Authentication),
        (login("nobody"), ConnectErrorKind::Authentication),
        (login("locked"), ConnectErrorKind::Authentication),
        (server.master().in_database("no such"), ConnectErrorKind::NoSuchDatabase),
        (login("outsider"), ConnectErrorKind::Permission),
        (login("limited"), ConnectErrorKind::TooManyConnections),
    ] {
        let error = refused(&target, &trust).await;
        assert_eq!(error.kind, kind, "{error}");
    }
}

#[tokio::test]
async fn a_mariadb_is_recognised_whatever_its_secret_calls_it() {
    let server = MariadbServer::start();
    let mut target = server.master();
    target.engine = Engine::Mysql;
    let connection = connect(&target, &server.trust(), BUDGET).await.unwrap();
    assert_eq!(connection.engine(), Engine::Mariadb);
    assert!(connection.server_version().contains("MariaDB"), "{}", connection.server_version());
    connection.close().await;
}

#[tokio::test]
async fn plain_text_is_used_only_where_secret_and_caller_agree() {
    let postgres = PostgresServer::start();
    postgres.accept_plaintext();
    let mariadb = MariadbServer::start();
    mariadb.sql(&format!(
        "CREATE USER outsider@'%' IDENTIFIED BY '{PASSWORD}'; \
         GRANT CREATE, DROP ON mate_demo.* TO outsider@'%'"
    ));
    for (login, trust) in [
        (postgres.master(), postgres.trust()),
        (mariadb.login("outsider", PASSWORD), mariadb.trust()),
    ] {
        for (ssl, encryption) in WITHOUT_AGREEMENT {
            let login = Target { ssl, encryption, ..login.clone() };
            let seen = verify_application_login(&login, &trust, BUDGET).await.unwrap();
            assert!(!seen.plaintext && seen.tls.is_some(), "{ssl:?} {encryption:?}: {seen:?}");
        }
        let login = Target { ssl: Some(false), ..login };
        let login = login.with_encryption(Encryption::PlaintextPermitted);
        let seen = verify_application_login(&login, &trust, BUDGET).await.unwrap();
        assert!(seen.plaintext && seen.tls.is_none(), "{seen:?}");
        assert!(seen.to_string().contains("without TLS"), "{seen}");
    }
}

#[tokio::test]
async fn an_agreement_on_plain_text_that_the_server_does_not_join_is_no_reason_for_tls() {
    let postgres = PostgresServer::start();
    let mariadb = MariadbServer::start();
    for (login, trust, kind) in [
        (postgres.master(), postgres.trust(), ConnectErrorKind::Permission),
        // An account that requires TLS is simply denied.
        (mariadb.master(), mariadb.trust(), ConnectErrorKind::Authentication),
    ] {
        let login = Target { ssl: Some(false), ..login };
        let login = login.with_encryption(Encryption::PlaintextPermitted);
        let error = refused(&login, &trust).await;
        assert_eq!(error.kind, kind, "{error}");
    }
}

/// A login at some server, by user and password.
type Login<'a> = &'a dyn Fn(&str, &str) -> Target;

#[tokio::test]
async fn a_login_that_is_refused_is_told_from_one_that_could_not_be_tried() {
    let postgres = PostgresServer::start();
    postgres.sql(&format!(
        "CREATE ROLE known LOGIN PASSWORD '{PASSWORD}'; \
         CREATE ROLE sleeper NOLOGIN PASSWORD '{PASSWORD}'; \
         CREATE ROLE expired LOGIN PASSWORD '{PASSWORD}' VALID UNTIL '2020-01-01'; \
         CREATE DATABASE closed; REVOKE ALL ON DATABASE closed FROM PUBLIC"
    ));
    let mariadb = MariadbServer::start();
    mariadb.sql(&format!(
        "CREATE USER known@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON mate_demo.* TO known@'%'; \
         CREATE USER sleeper@'%' IDENTIFIED BY '{PASSWORD}' ACCOUNT LOCK; \
         CREATE USER expired@'%' IDENTIFIED BY '{PASSWORD}' PASSWORD EXPIRE; \
         GRANT ALL ON mate_demo.* TO expired@'%'; CREATE DATABASE closed"
    ));
    let logins: [(Login<'_>, Trust); 2] = [
        (&|user, password| postgres.login(user, password), postgres.trust()),
        (&|user, password| mariadb.login(user, password), mariadb.trust()),
    ];
    for (login, trust) in logins {
        for (user, password) in
            [("known", "wrong"), ("nobody", PASSWORD), ("sleeper", PASSWORD), ("expired", PASSWORD)]
        {
            let seen = opens(&login(user, password), &trust, BUDGET).await.unwrap();
            assert!(matches!(seen, Opens::Refused(_)), "{user}: {seen:?}");
        }
        let Opens::Yes(mut connection) =
            opens(&login("known", PASSWORD), &trust, BUDGET).await.unwrap()
        else {
            panic!("the password is right");
        };
        let seen = session(&mut connection).await.unwrap();
        assert_eq!((seen.session_user.as_str(), seen.database.as_str()), ("known", DATABASE));
        connection.close().await;
        let closed = login("known", PASSWORD).in_database("closed");
        let error = opens(&closed, &trust, BUDGET).await.unwrap_err();
        assert_eq!(error.kind, ConnectErrorKind::Permission, "{error}");
        let elsewhere = Target { port: 9, ..login("known", PASSWORD) };
        let error = opens(&elsewhere, &trust, BUDGET).await.unwrap_err();
        assert_eq!(error.kind, ConnectErrorKind::Unreachable, "{error}");
        let error = opens(&login("known", PASSWORD), &Trust::RdsBundle, BUDGET).await.unwrap_err();
        assert_eq!(error.kind, ConnectErrorKind::Tls, "{error}");
    }
}
