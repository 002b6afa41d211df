//! Real servers for tests: PostgreSQL and MariaDB with TLS, set up the way RDS sets them up.
//!
//! Why this exists: what a role may do, what a log shows and how a handshake fails is decided by
//! the server, and no stand-in knows it. A server starts in well under a second, because its files
//! are copied from a template that is made once per machine; it ends with the test, however the
//! test ends.
//!
//! What is true of RDS is true here: the master is no superuser, every connection must use TLS, and
//! every statement is logged, so that a test can look for a password in the log.
//!
//! Everything here panics with words when it cannot go on: it is for tests only.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test support: a server that cannot start ends the test, with words"
)]

mod authority;
mod cutting;
mod mariadb;
mod postgres;
mod process;

pub use authority::{Authority, Certificate};
pub use cutting::{Cut, CuttingProxy};
pub use mariadb::MariadbServer;
pub use postgres::PostgresServer;

/// The master user of every test server.
pub const MASTER: &str = "caretaker_master";

/// The application's database on every test server. Its underscore is a wildcard in MySQL's grants.
pub const DATABASE: &str = "mate_demo";

/// The host that the servers listen on and that their certificates are for.
pub const HOST: &str = "127.0.0.1";

/// The password of the servers' own superuser and of the master. Servers live in one test on a
/// loopback address.
const PASSWORD: &str = "only-for-tests-8f3a";
