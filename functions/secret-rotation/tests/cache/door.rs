//! The door: what each value does, and what each way of being wrong is called.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use database::testing::{Authority, Certificate, HOST};
use secrecy::SecretString;
use secret_rotation::cache::{Answer, CacheTrust, Door, DoorError, DoorErrorKind, Endpoint};

use crate::server::{Server, free_port};

const TOKEN: &str = "token-of-demo-0123456789";
const BUDGET: Duration = Duration::from_secs(10);

fn secret(value: &str) -> SecretString {
    SecretString::from(value)
}

async fn refused(server: &Server, trust: &CacheTrust) -> DoorError {
    Door::reach(&server.endpoint(), trust, BUDGET).await.unwrap_err()
}

#[tokio::test]
async fn one_connection_tries_one_value_after_the_other() {
    let server = Server::accepting(&[TOKEN]);
    let before = server.connections();
    let mut door = Door::reach(&server.endpoint(), &server.trust(), BUDGET).await.unwrap();
    for (value, answer) in [
        ("another-token-0123456789", Answer::Refused),
        (TOKEN, Answer::Opens),
        ("another-token-0123456789", Answer::Refused),
    ] {
        assert_eq!(door.try_value(None, &secret(value)).await, Ok(answer), "{value}");
    }
    assert_eq!(server.connections() - before, 2, "one of ours, and the first count's own");
}

#[tokio::test]
async fn both_values_open_while_two_are_accepted() {
    let server = Server::accepting(&[TOKEN, "another-token-0123456789"]);
    let mut door = Door::reach(&server.endpoint(), &server.trust(), BUDGET).await.unwrap();
    for value in [TOKEN, "another-token-0123456789"] {
        assert_eq!(door.try_value(None, &secret(value)).await, Ok(Answer::Opens), "{value}");
    }
}

#[tokio::test]
async fn a_user_logs_in_by_its_name_even_where_it_may_not_ping() {
    let server = Server::accepting(&[TOKEN]);
    server.administer(&["ACL", "SETUSER", "app", "on", ">password-of-app-0123", "~app:*", "+get"]);
    let mut door = Door::reach(&server.endpoint(), &server.trust(), BUDGET).await.unwrap();
    let (right, wrong) = (secret("password-of-app-0123"), secret(TOKEN));
    assert_eq!(door.try_value(Some("app"), &right).await, Ok(Answer::Opens));
    assert_eq!(door.try_value(Some("app"), &wrong).await, Ok(Answer::Refused));
    assert_eq!(door.try_value(Some("nobody"), &right).await, Ok(Answer::Refused));
    server.administer(&["ACL", "SETUSER", "app", "off"]);
    assert_eq!(door.try_value(Some("app"), &right).await, Ok(Answer::Refused));
}

#[tokio::test]
async fn a_certificate_that_is_not_to_be_trusted_is_a_matter_of_tls() {
    for (kind, words) in
        [(Certificate::ForAnotherHost, "for another host"), (Certificate::Expired, "has expired")]
    {
        let server = Server::with_certificate(kind, &[TOKEN]);
        let error = refused(&server, &server.trust()).await;
        assert_eq!(error.kind, DoorErrorKind::Tls, "{error}");
        assert!(error.cause.contains(words), "{error}");
        assert!(!error.is_transient());
    }
    let server = Server::accepting(&[TOKEN]);
    let strangers = tempfile::tempdir().unwrap();
    let stranger = Authority::in_folder(strangers.path());
    let another = CacheTrust::PemFile(stranger.file().to_owned());
    // An authority of the same name with another key, and none that has ever heard of it.
    for (trust, words) in
        [(another, "certificate"), (CacheTrust::PublicRoots, "no trusted authority")]
    {
        let error = refused(&server, &trust).await;
        assert_eq!(error.kind, DoorErrorKind::Tls, "{error}");
        assert!(error.cause.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_cache_that_speaks_no_tls_is_not_spoken_to() {
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let endpoint = Endpoint { host: HOST.into(), port: listener.local_addr().unwrap().port() };
    let heard = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 2048];
        let read = stream.read(&mut bytes).unwrap();
        stream.write_all(b"-ERR unknown command\r\n").unwrap();
        bytes[..read].to_vec()
    });
    let error = Door::reach(&endpoint, &CacheTrust::PublicRoots, BUDGET).await.unwrap_err();
    assert_eq!(error.kind, DoorErrorKind::Tls, "{error}");
    // A handshake record, and nothing in the clear.
    assert_eq!(heard.join().unwrap()[0], 0x16);
}

#[tokio::test]
async fn what_cannot_be_reached_is_a_matter_of_the_network_and_costs_one_budget() {
    let nobody = Endpoint { host: HOST.to_owned(), port: free_port() };
    let error = Door::reach(&nobody, &CacheTrust::PublicRoots, BUDGET).await.unwrap_err();
    assert_eq!(error.kind, DoorErrorKind::Network, "{error}");
    assert!(error.cause.contains("nobody listens"), "{error}");
    assert!(error.is_transient());

    // It takes the connection and never answers: what a security group does to packets.
    let silent = TcpListener::bind((HOST, 0)).unwrap();
    let endpoint = Endpoint { host: HOST.into(), port: silent.local_addr().unwrap().port() };
    let budget = Duration::from_millis(300);
    let begun = Instant::now();
    let error = Door::reach(&endpoint, &CacheTrust::PublicRoots, budget).await.unwrap_err();
    assert_eq!(error.kind, DoorErrorKind::Network, "{error}");
    assert!(error.cause.contains("in time"), "{error}");
    assert!(begun.elapsed() < 5 * budget, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_a_matter_of_configuration() {
    let server = Server::accepting(&[TOKEN]);
    let error = refused(&server, &CacheTrust::PemFile("/nowhere/ca.pem".into())).await;
    assert_eq!(error.kind, DoorErrorKind::Configuration, "{error}");
    assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
}

#[tokio::test]
async fn nothing_that_was_tried_is_in_the_servers_log() {
    let server = Server::accepting(&[TOKEN]);
    let mut door = Door::reach(&server.endpoint(), &server.trust(), BUDGET).await.unwrap();
    for value in ["another-token-0123456789", TOKEN] {
        door.try_value(None, &secret(value)).await.unwrap();
    }
    let log = server.log();
    assert!(log.contains("Accepted"), "the log is too quiet to show anything:\n{log}");
    for value in ["another-token-0123456789", TOKEN] {
        assert!(!log.contains(value), "{log}");
        assert!(!format!("{door:?}").contains(value));
    }
}
