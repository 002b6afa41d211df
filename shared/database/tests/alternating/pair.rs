//! A server with two logins, of which the first is the current one: what is done with them on
//! either kind of server.

use database::testing::{DATABASE, MariadbServer, PostgresServer};
use database::{
    AlternateSpec, Connection, RoleChange, RoleError, RoleSpec, Target, Trust, connect,
    ensure_alternate_user, ensure_application_role,
};
use std::time::Duration;

/// How long a login may take on a busy machine.
pub(crate) const BUDGET: Duration = Duration::from_secs(30);

/// With the letters that SQL, URLs and `format` trip over.
pub(crate) const FIRST: &str = r#"s3cret-1'"\%I$1-ä"#;
const SECOND: &str = r#"s3cret-2'"\%I$1-ä"#;

/// A real server, as far as a pair needs it.
pub(crate) trait Server: Sized {
    /// The user that applications begin with.
    const USER: &'static str;

    fn begun() -> Self;
    fn login(&self, username: &str, password: &str) -> Target;
    fn master(&self) -> Target;
    fn trust(&self) -> Trust;
    fn sql_as(&self, login: &Target, statements: &str) -> Result<String, String>;
}

macro_rules! server {
    ($kind:ty, $user:literal) => {
        impl Server for $kind {
            const USER: &'static str = $user;

            fn begun() -> Self {
                Self::start()
            }
            fn login(&self, username: &str, password: &str) -> Target {
                Self::login(self, username, password)
            }
            fn master(&self) -> Target {
                Self::master(self)
            }
            fn trust(&self) -> Trust {
                Self::trust(self)
            }
            fn sql_as(&self, login: &Target, statements: &str) -> Result<String, String> {
                Self::sql_as(self, login, statements)
            }
        }
    };
}

server!(PostgresServer, "mate_app");
server!(MariadbServer, "sarc_app");

/// A server with two logins, of which the first is the current one.
pub(crate) struct Pair<S> {
    pub(crate) server: S,
    pub(crate) app: Target,
    pub(crate) clone: Target,
    /// The host part of both accounts, on a server whose accounts have one.
    pub(crate) host: &'static str,
}

impl<S: Server> Pair<S> {
    /// A server on which neither has been made.
    pub(crate) fn new() -> Self {
        let server = S::begun();
        let app = server.login(S::USER, FIRST);
        let clone = server.login(&format!("{}_clone", S::USER), SECOND);
        Self { server, app, clone, host: "%" }
    }

    /// The first is there, as onboarding makes it.
    pub(crate) async fn onboarded() -> Self {
        let pair = Self::new();
        let spec = RoleSpec::for_login(&pair.app).unwrap();
        let mut master = pair.master().await;
        ensure_application_role(&mut master, &spec, &pair.app, &pair.server.trust()).await.unwrap();
        master.close().await;
        pair
    }

    pub(crate) fn spec(&self) -> AlternateSpec {
        AlternateSpec::new(&self.app.username, &self.clone.username).in_database(DATABASE)
    }

    pub(crate) async fn master(&self) -> Connection {
        connect(&self.server.master(), &self.server.trust(), BUDGET).await.unwrap()
    }

    pub(crate) async fn try_ensure(&self) -> Result<Vec<RoleChange>, RoleError> {
        let mut master = self.master().await;
        let result = ensure_alternate_user(&mut master, &self.spec(), &self.clone.password).await;
        master.close().await;
        result
    }

    pub(crate) async fn ensure(&self) -> Vec<RoleChange> {
        self.try_ensure().await.unwrap()
    }

    /// What the next rotation is about.
    pub(crate) fn turned(self) -> Self {
        Self { app: self.clone, clone: self.app, ..self }
    }

    pub(crate) fn works(&self, login: &Target, statements: &str) {
        let result = self.server.sql_as(login, statements);
        assert!(result.is_ok(), "{} cannot {statements}: {result:?}", login.username);
    }

    /// The server denies it, as it does for want of a right.
    pub(crate) fn fails(&self, login: &Target, statements: &str) {
        let error = self.server.sql_as(login, statements).unwrap_err();
        assert!(error.contains("denied"), "{statements}: {error}");
    }
}
