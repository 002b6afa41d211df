//! What stands in the way of a connection is told apart, in words, and never with a password.
//! Real servers, and sockets that behave as no server should.
#![expect(clippy::expect_used, reason = "helpers of tests may end them")]

use database::testing::{Certificate, MariadbServer, PostgresServer};
use database::{ConnectError, ConnectErrorKind, Encryption, Engine, Target, Trust, connect};
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

#[tokio::test]
async fn a_postgres_without_tls_is_told_nothing() {
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
    let error = refused(&target(Engine::Postgres, "127.0.0.1", port), &Trust::RdsBundle).await;
    assert_eq!(error.kind, ConnectErrorKind::Tls, "{error}");
    assert_eq!(server.await.unwrap(), b"", "something was sent in plain text");
}

#[tokio::test]
async fn a_mysql_without_tls_is_told_nothing() {
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
    let error = refused(&target(Engine::Mysql, "127.0.0.1", port), &Trust::RdsBundle).await;
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
