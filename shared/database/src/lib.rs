//! A tenant's database over verified TLS: connecting, and the roles in it.
//!
//! Why this exists: onboarding makes the application's own role, rotation changes its password or
//! makes a second one that takes turns with it, and the migration runner and the backup verification
//! log in. All of them need the same three promises:
//!
//! - a connection is encrypted and the server's certificate verified, unless secret and caller both
//!   ask for plain text ([`Encryption`]); nothing falls back, either way;
//! - when no connection comes about, the error says whether it was the network, TLS, the password
//!   or a permission ([`ConnectErrorKind`]), and what to do next;
//! - no password stands in a statement that a server logs: it is sent verifiers that were computed
//!   here ([`set_password_with`] tells of the one exception, MySQL's).
//!
//! Names are quoted by the server (`format('%I')`, `QUOTE()`), from bound parameters, never by
//! formatting strings here.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use database::{DatabaseSecret, RoleSpec, Trust};
//! use database::{connect, ensure_application_role, verify_application_login};
//! use std::time::Duration;
//!
//! let trust = Trust::RdsBundle;
//! let application = DatabaseSecret::parse("…")?.target();
//! let master = DatabaseSecret::parse("…")?.target().in_database("mate");
//!
//! let mut connection = connect(&master, &trust, Duration::from_secs(5)).await?;
//! let spec = RoleSpec::for_login(&application)?;
//! for change in ensure_application_role(&mut connection, &spec, &application, &trust).await? {
//!     println!("{change}");
//! }
//! connection.close().await;
//! let seen = verify_application_login(&application, &trust, Duration::from_secs(5)).await?;
//! println!("{seen}");
//! # Ok(())
//! # }
//! ```

mod connect;
mod connection;
mod engine;
mod extensions;
mod login;
mod privileges;
mod roles;
mod secret;
mod session;
mod target;
#[cfg(feature = "testing")]
pub mod testing;
mod trust;
mod verifier;

pub use connect::{ConnectError, ConnectErrorKind, Opens, connect, opens};
pub use connection::{Connection, STATEMENT_TIMEOUT, StatementError, StatementErrorKind};
pub use engine::{Engine, UnknownEngine};
pub use extensions::{ExtensionOutcome, ensure_extensions};
pub use login::{LoginError, LoginReport, verify_application_login};
pub use privileges::{Privilege, UnknownPrivilege, check_privileges};
pub use roles::{
    Account, AlternateSpec, Attribute, DatabasePrivileges, Grantee, Membership, MysqlAccount,
    Object, ObservedRole, PasswordSet, PostgresRole, PostgresRoles, ResourceLimits, Retain,
    RoleChange, RoleError, RoleSpec, Scope, SettingValue, TlsRequirement, discard_old_password,
    ensure_alternate_user, ensure_application_role, lock_login, make_login, mend_application_role,
    observe_application_role, plan, sends_own_password, set_password, set_password_with,
};
pub use secret::{Credentials, DatabaseSecret, SecretError};
pub use session::{Session, session};
pub use target::{Encryption, Place, Target};
pub use trust::{Trust, TrustError};
