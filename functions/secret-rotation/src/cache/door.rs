//! A cache's door: one verified TLS connection, at which one value after the other can be tried.
//!
//! Why this exists: a rotation asks a cache only one thing, whether a value opens it. `AUTH` is
//! sent by hand instead of by the client's own login, for two reasons: the client calls every
//! refusal a failed authentication, even that of a server which is still loading; and a connection
//! whose `AUTH` was refused can be asked again, so that three values cost one connection.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, RedisError,
    ServerErrorKind, TlsCertificates,
};
use rustls::CertificateError;
use secrecy::{ExposeSecret as _, SecretString};

use super::trust::CacheTrust;
use crate::error::Error;
use crate::refusal::{FailureKind, Refusal};

/// How long a cache may take to answer a command: it answers in a millisecond, and a node that is
/// short of CPU in a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Where a cache listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its host name: the certificate must be for this name.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What a value did at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It opens the cache.
    Opens,
    /// The cache refuses it.
    Refused,
}

/// What stood in the way of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorErrorKind {
    /// The cache could not be reached, or did not answer in time.
    Network,
    /// Its certificate is not to be trusted, or it speaks no TLS.
    Tls,
    /// It answered, and not as a cache that is ready does.
    Server,
    /// The authority to trust could not be read.
    Configuration,
}

impl DoorErrorKind {
    /// What a person can do about it.
    const fn remedy(self) -> &'static str {
        match self {
            Self::Network => {
                "check that the cache's security group admits this function's and that the \
                 replication group is available"
            }
            Self::Tls => {
                "check that the host is the name in the cache's certificate and that the trusted \
                 authority is the one that signed it; no connection is made without verified TLS"
            }
            Self::Server => "wait until the cache is ready, or see its engine log",
            Self::Configuration => "correct the function's environment variable and deploy again",
        }
    }
}

/// A question that could not be asked. Never holds a value that was tried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not ask the cache at {endpoint}: {cause}; {}", kind.remedy())]
pub struct DoorError {
    /// What stood in the way.
    pub kind: DoorErrorKind,
    /// Which cache.
    pub endpoint: Box<Endpoint>,
    /// What happened, in the words of the system, the TLS library or the server.
    pub cause: String,
}

impl DoorError {
    /// Whether the same question may be answered later without anybody changing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind, DoorErrorKind::Network | DoorErrorKind::Server)
    }
}

impl From<DoorError> for Error {
    fn from(error: DoorError) -> Self {
        let kind = match error.kind {
            DoorErrorKind::Network => FailureKind::Network,
            DoorErrorKind::Tls => FailureKind::Tls,
            DoorErrorKind::Server => FailureKind::Other,
            DoorErrorKind::Configuration => FailureKind::Configuration,
        };
        let refusal = Refusal {
            kind,
            reason: format!("could not ask the cache at {}: {}", error.endpoint, error.cause),
            remedy: error.kind.remedy().to_owned(),
            transient: error.is_transient(),
        };
        refusal.into()
    }
}

/// A connection to a cache at which nobody has logged in yet.
pub struct Door {
    connection: MultiplexedConnection,
    endpoint: Endpoint,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl Door {
    /// Connects over TLS to a certificate for this very host, within `budget`.
    ///
    /// # Errors
    /// [`DoorError`]: network and TLS are told apart. There is no way without TLS.
    pub async fn reach(
        endpoint: &Endpoint,
        trust: &CacheTrust,
        budget: Duration,
    ) -> Result<Self, DoorError> {
        let fault =
            |kind, cause: String| DoorError { kind, endpoint: Box::new(endpoint.clone()), cause };
        let root_cert = trust.pem().map_err(|cause| fault(DoorErrorKind::Configuration, cause))?;
        // The first one wins, and it is always this one: without it rustls would panic where two
        // providers are linked.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = ConnectionAddr::TcpTls {
            host: endpoint.host.clone(),
            port: endpoint.port,
            insecure: false,
            tls_params: None,
        }
        .into_connection_info()
        .map(|info| {
            let settings = info.redis_settings().clone().set_skip_set_lib_name();
            info.set_redis_settings(settings)
        })
        .and_then(|info| {
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
        })
        .map_err(|error| fault(DoorErrorKind::Configuration, error.to_string()))?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(budget))
            .set_response_timeout(Some(ANSWER_WITHIN));
        let connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| describe(endpoint, &error))?;
        Ok(Self { connection, endpoint: endpoint.clone() })
    }

    /// Whether this value opens the cache, for this user or, without one, as its token.
    ///
    /// # Errors
    /// [`DoorError`] when the cache gave no answer to that question.
    pub async fn try_value(
        &mut self,
        user: Option<&str>,
        value: &SecretString,
    ) -> Result<Answer, DoorError> {
        let mut login = redis::cmd("AUTH");
        if let Some(user) = user {
            login.arg(user);
        }
        login.arg(value.expose_secret());
        match login.query_async::<()>(&mut self.connection).await {
            Ok(()) => {}
            Err(error) if is_refusal(&error) => return Ok(Answer::Refused),
            Err(error) => return Err(describe(&self.endpoint, &error)),
        }
        match redis::cmd("PING").query_async::<()>(&mut self.connection).await {
            // A user may have been denied `PING`; that it is known as who it is, is enough.
            Err(error) if error.kind() != ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Err(describe(&self.endpoint, &error))
            }
            _ => Ok(Answer::Opens),
        }
    }
}

/// `WRONGPASS` (Redis 6 and newer, Valkey), or the words of a server older than that. A user that
/// is switched off is refused with the same code.
fn is_refusal(error: &RedisError) -> bool {
    error.code() == Some("WRONGPASS")
        || error.detail().is_some_and(|words| words.contains("invalid password"))
}

fn describe(endpoint: &Endpoint, error: &RedisError) -> DoorError {
    let (kind, cause) = match tls_error(error) {
        Some(tls) => (DoorErrorKind::Tls, tls_words(tls)),
        None if error.is_timeout() => (DoorErrorKind::Network, "no answer in time".to_owned()),
        None if error.is_connection_refusal() => {
            (DoorErrorKind::Network, "nobody listens there (connection refused)".to_owned())
        }
        None if error.is_io_error() => (DoorErrorKind::Network, error.to_string()),
        // The server's own words: they name a state, never what was sent.
        None => (DoorErrorKind::Server, error.to_string()),
    };
    DoorError { kind, endpoint: Box::new(endpoint.clone()), cause }
}

/// The handshake runs inside an `io` operation, so its verdict arrives as an `io::Error` around it,
/// which the client keeps behind a counter.
fn tls_error(error: &RedisError) -> Option<&rustls::Error> {
    let kept = error.source()?.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
    kept.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
}

fn tls_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate is signed by no trusted authority".to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!("its certificate is for another host ({error})"),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => format!("its certificate has expired ({error})"),
        other => format!("the TLS handshake failed: {other}"),
    }
}
