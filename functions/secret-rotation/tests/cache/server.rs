//! A Redis that behaves like a node of ElastiCache: TLS, and tokens as rules of the default user.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use database::testing::{Authority, Certificate, HOST};
use redis::{Client, Connection, ConnectionAddr, IntoConnectionInfo as _, TlsCertificates};
use secret_rotation::cache::{CacheTrust, Endpoint};
use tempfile::TempDir;

const ADMIN: &str = "test-admin";
const ADMIN_PASSWORD: &str = "only-for-tests-8f3a";

/// How long a server may take to start, on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(30);

/// A running server; it ends with the test.
pub(crate) struct Server {
    child: Child,
    folder: TempDir,
    authority: Authority,
    port: u16,
}

impl Server {
    /// A server with a certificate as it should be, that accepts these tokens.
    pub(crate) fn accepting(tokens: &[&str]) -> Self {
        Self::with_certificate(Certificate::Valid, tokens)
    }

    /// The same with a certificate that may be wrong.
    pub(crate) fn with_certificate(kind: Certificate, tokens: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("caretaker-redis-").tempdir().unwrap();
        let authority = Authority::in_folder(folder.path());
        let (certificate, key) = authority.issue(kind);
        std::fs::write(folder.path().join("server.crt"), certificate).unwrap();
        std::fs::write(folder.path().join("server.key"), key).unwrap();
        let port = free_port();
        let path = folder.path().display();
        let configuration = format!(
            "bind {HOST}\nport 0\ntls-port {port}\ntls-cert-file {path}/server.crt\n\
             tls-key-file {path}/server.key\ntls-ca-cert-file {}\ntls-auth-clients no\n\
             dir {path}\nsave \"\"\nloglevel debug\nlogfile {path}/server.log\n\
             user {ADMIN} on >{ADMIN_PASSWORD} ~* &* +@all\nuser default on {} ~* &* +@all\n",
            authority.file().display(),
            rules(tokens),
        );
        let file = folder.path().join("redis.conf");
        std::fs::write(&file, configuration).unwrap();
        // It dies with the thread that starts it, even where the test is killed.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "redis-server"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("redis-server cannot be run: {error}; `make setup`"));
        let mut server = Self { child, folder, authority, port };
        if kind == Certificate::Valid {
            server.wait_until_ready();
        } else {
            server.wait_for_log("Ready to accept connections");
        }
        server
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START_WITHIN;
        while self.try_admin().is_none() {
            assert!(Instant::now() < deadline, "Redis is not ready:\n{}", self.log());
            sleep(Duration::from_millis(10));
        }
    }

    fn wait_for_log(&mut self, words: &str) {
        let deadline = Instant::now() + START_WITHIN;
        while !self.log().contains(words) {
            assert!(Instant::now() < deadline, "Redis is not ready:\n{}", self.log());
            sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { host: HOST.to_owned(), port: self.port }
    }

    pub(crate) fn trust(&self) -> CacheTrust {
        CacheTrust::PemFile(self.authority.file().to_owned())
    }

    /// Everything that the server wrote, at its chattiest.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// What an administrator does.
    pub(crate) fn administer(&self, command: &[&str]) -> String {
        let mut redis = redis::cmd(command[0]);
        redis.arg(&command[1..]);
        let value: redis::Value = redis.query(&mut self.try_admin().unwrap()).unwrap();
        match value {
            redis::Value::BulkString(bytes) => String::from_utf8(bytes).unwrap(),
            redis::Value::VerbatimString { text, .. } => text,
            other => format!("{other:?}"),
        }
    }

    /// Accepts these tokens and no others from now on; connections that stand are left alone.
    pub(crate) fn set_tokens(&self, tokens: &[String]) {
        let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        self.set_user("default", &tokens);
    }

    /// Accepts these passwords of a user and no others from now on.
    pub(crate) fn set_user(&self, user: &str, passwords: &[&str]) {
        let rules = format!("on resetpass {} ~* &* +@all", rules(passwords));
        let mut command = vec!["ACL", "SETUSER", user];
        command.extend(rules.split(' '));
        self.administer(&command);
    }

    /// How many connections were ever made, this question's own not counted.
    pub(crate) fn connections(&self) -> u32 {
        let stats = self.administer(&["INFO", "stats"]);
        let line = stats.lines().find_map(|it| it.strip_prefix("total_connections_received:"));
        line.unwrap().trim().parse::<u32>().unwrap() - 1
    }

    fn try_admin(&self) -> Option<Connection> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let address = ConnectionAddr::TcpTls {
            host: HOST.to_owned(),
            port: self.port,
            insecure: false,
            tls_params: None,
        };
        let info = address.into_connection_info().unwrap();
        let settings = info.redis_settings().clone().set_username(ADMIN);
        let info = info.set_redis_settings(settings.set_password(ADMIN_PASSWORD));
        let root_cert = Some(std::fs::read(self.authority.file()).unwrap());
        let certificates = TlsCertificates { client_tls: None, root_cert };
        Client::build_with_tls(info, certificates).unwrap().get_connection().ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rules(tokens: &[&str]) -> String {
    let rules: Vec<String> = tokens.iter().map(|token| format!(">{token}")).collect();
    rules.join(" ")
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap().port()
}
