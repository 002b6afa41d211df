//! A real server of either kind, and what the tests ask of it.

use std::time::Duration;

use ::database::testing::{DATABASE, MariadbServer, PostgresServer};
use ::database::{
    Connection, Opens, RoleSpec, Target, Trust, connect, ensure_application_role, opens,
};

const WITHIN: Duration = Duration::from_secs(20);

pub(crate) enum Server {
    Postgres(PostgresServer),
    Mariadb(MariadbServer),
}

impl Server {
    pub(crate) fn engine(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Mariadb(_) => "mariadb",
        }
    }

    pub(crate) fn login(&self, user: &str, password: &str) -> Target {
        match self {
            Self::Postgres(server) => server.login(user, password),
            Self::Mariadb(server) => server.login(user, password),
        }
    }

    pub(crate) fn master(&self) -> Target {
        match self {
            Self::Postgres(server) => server.master(),
            Self::Mariadb(server) => server.master(),
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        match self {
            Self::Postgres(server) => server.trust(),
            Self::Mariadb(server) => server.trust(),
        }
    }

    pub(crate) fn log(&self) -> String {
        match self {
            Self::Postgres(server) => server.log(),
            Self::Mariadb(server) => server.log(),
        }
    }

    pub(crate) fn sql(&self, statements: &str) -> String {
        match self {
            Self::Postgres(server) => server.sql(statements),
            Self::Mariadb(server) => server.sql(statements),
        }
    }

    /// Runs SQL as somebody.
    pub(crate) fn sql_as(&self, login: &Target, statement: &str) {
        let done = match self {
            Self::Postgres(server) => server.sql_as(login, statement),
            Self::Mariadb(server) => server.sql_as(login, statement),
        };
        done.unwrap_or_else(|words| panic!("{statement:?} as {:?}: {words}", login.username));
    }

    /// Makes the application's user as onboarding does.
    pub(crate) async fn make_user(&self, user: &str, owner: &str, password: &str) {
        let application = self.login(user, password);
        let mut master = connect(&self.master(), &self.trust(), WITHIN).await.unwrap();
        let spec = RoleSpec::for_login(&application).unwrap().owned_by(owner);
        ensure_application_role(&mut master, &spec, &application, &self.trust()).await.unwrap();
        master.close().await;
    }

    /// Whether a login opens the database.
    pub(crate) async fn lets_in(&self, user: &str, password: &str) -> bool {
        match opens(&self.login(user, password), &self.trust(), WITHIN).await.unwrap() {
            Opens::Yes(connection) => {
                Connection::close(*connection).await;
                true
            }
            Opens::Refused(_) => false,
        }
    }
}

/// The database of every test server.
pub(crate) const NAME: &str = DATABASE;
