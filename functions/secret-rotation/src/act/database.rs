//! What is done in a tenant's database: a password set, the other user made, a session checked.

use std::time::Instant;

use database::{
    Account, AlternateSpec, Privilege, Retain, RoleError, RoleSpec, StatementErrorKind, Target,
    check_privileges, ensure_alternate_user, make_login, mend_application_role, session,
    set_password_with,
};

use super::{Acted, not_open};
use crate::binding::alternate;
use crate::decide::Who;
use crate::error::Error;
use crate::refusal::{FailureKind, Refusal};
use crate::step::Stepping;

impl Stepping<'_> {
    /// Sets the pending password over the connection that was opened for `who`.
    ///
    /// What a user may, it may before and after, unless the master mends it: were that too little,
    /// the version would never become current, with a password that the server has already. So it
    /// is looked at first, over a connection of the user's own.
    pub(super) async fn set_over(&mut self, who: Who) -> Result<Acted, Error> {
        let pending = self.pending_target()?;
        let own = if who == Who::Master { Who::Current } else { who };
        if who != Who::Master || (self.asks_user() && self.doors.connection(own).is_some()) {
            let missing = self.missing(own, &pending).await?;
            if !missing.is_empty() {
                return Err(lacking(own, &pending, &missing).into());
            }
        }
        let connection = self.doors.connection(who).ok_or_else(|| not_open(who))?;
        let account = Account::named(&pending.username);
        let began = Instant::now();
        let set =
            set_password_with(connection, &account, &pending.password, Retain::WherePossible).await;
        self.doors.spent(began);
        match set {
            Ok(set) => {
                let user = &pending.username;
                let retained =
                    if set.old_retained { "; the old one is good for the rollout" } else { "" };
                let words = format!(
                    "the password of {user:?} was set over the connection of {who}{retained}"
                );
                if who == Who::Master && self.is_applications(user) {
                    return self.mend_user(&pending, words).await;
                }
                Ok(Acted::Done(words))
            }
            Err(RoleError::NoSuchUser { .. }) if who == Who::Master => {
                let words = format!("the user {:?} was missing", pending.username);
                if self.is_applications(&pending.username) {
                    return self.mend_user(&pending, words).await;
                }
                self.make_user(&pending, words).await
            }
            Err(error) => refused(&error),
        }
    }

    /// Has the master make a user that is missing and not the application's. What it may is nowhere
    /// written down: the next step says what the catalogue finds missing.
    async fn make_user(&mut self, pending: &Target, words: String) -> Result<Acted, Error> {
        let connection = self.doors.connection(Who::Master).ok_or_else(|| not_open(Who::Master))?;
        let began = Instant::now();
        let made = make_login(connection, &pending.username, &pending.password).await;
        self.doors.spent(began);
        match made {
            Ok(change) => Ok(Acted::Done(format!("{words}; {change}, and without any right"))),
            Err(error) => refused(&error),
        }
    }

    /// Has the master make the application's user where it is missing, and give it its rights.
    async fn mend_user(&mut self, pending: &Target, words: String) -> Result<Acted, Error> {
        let spec = RoleSpec::for_login(pending).map_err(|error| Refusal::from(&error))?;
        let spec = spec.owned_by(self.case.tenant.tenant.names().database_owner());
        let connection = self.doors.connection(Who::Master).ok_or_else(|| not_open(Who::Master))?;
        let began = Instant::now();
        let mended = mend_application_role(connection, &spec, &pending.password).await;
        self.doors.spent(began);
        match mended {
            Ok(changes) => {
                Ok(Acted::Done(format!("{words}; {}", in_words(&changes, &pending.username))))
            }
            Err(error) => refused(&error),
        }
    }

    /// Whether the user is asked what it may before the master sets its password: where the
    /// catalogue names what it must, and the master does not mend it.
    pub(crate) fn asks_user(&self) -> bool {
        let Ok(current) = self.current_target() else { return false };
        let names_some = self.privileges(&current).is_ok_and(|wanted| !wanted.is_empty());
        current.database.is_some() && names_some && !self.is_applications(&current.username)
    }

    /// Whether it is the user that onboarding made for the application, or its other half.
    fn is_applications(&self, username: &str) -> bool {
        let names = self.case.tenant.tenant.names();
        [names.database_user(), names.database_user_clone()].iter().any(|it| it == username)
    }

    /// Has the master make or mend the other of two users, with the pending password.
    pub(super) async fn ensure_alternate(&mut self) -> Result<Acted, Error> {
        let pending = self.pending_target()?;
        let current = self.current_target()?;
        let mut spec = AlternateSpec::new(&current.username, &pending.username);
        spec.database.clone_from(&pending.database);
        if self.is_applications(&current.username) {
            spec = spec.owned_by(self.case.tenant.tenant.names().database_owner());
        }
        let began = Instant::now();
        if current.engine.speaks_mysql() {
            // Of several accounts of that name, the one that applications come in by.
            let own = self.doors.connection(Who::Current).ok_or_else(|| not_open(Who::Current))?;
            spec.host = session(own).await.map_err(|error| Refusal::from(&error))?.account_host;
        }
        let master = self.doors.connection(Who::Master).ok_or_else(|| not_open(Who::Master))?;
        let ensured = ensure_alternate_user(master, &spec, &pending.password).await;
        self.doors.spent(began);
        match ensured {
            Ok(changes) => Ok(Acted::Done(in_words(&changes, &pending.username))),
            Err(error) => refused(&error),
        }
    }

    /// Checks that a session is the user's and in its database, and that the user may do there what
    /// the catalogue says it must.
    pub(super) async fn check(&mut self, who: Who) -> Result<String, Error> {
        let target =
            if who == Who::Current { self.current_target() } else { self.pending_target() }?;
        let began = Instant::now();
        let connection = self.doors.connection(who).ok_or_else(|| not_open(who))?;
        let seen = session(connection).await.map_err(|error| Refusal::from(&error))?;
        let mut faults = Vec::new();
        if seen.session_user != target.username {
            faults.push(format!("the session is of {:?}", seen.session_user));
        }
        if let Some(database) = target.database.as_ref().filter(|it| **it != seen.database) {
            faults.push(format!("it is in {:?} instead of {database:?}", seen.database));
        }
        self.doors.spent(began);
        if faults.is_empty() {
            faults.extend(self.missing(who, &target).await?);
        }
        if faults.is_empty() {
            return Ok(format!("{who} opens the database as {:?} and may work", target.username));
        }
        Err(lacking(who, &target, &faults).into())
    }

    /// Which of the privileges that the catalogue names the user of this connection does not have.
    async fn missing(&mut self, who: Who, target: &Target) -> Result<Vec<String>, Error> {
        let wanted = self.privileges(target)?;
        if target.database.is_none() || wanted.is_empty() {
            return Ok(Vec::new());
        }
        let connection = self.doors.connection(who).ok_or_else(|| not_open(who))?;
        let began = Instant::now();
        let missing = check_privileges(connection, &wanted).await;
        self.doors.spent(began);
        Ok(missing.map_err(|error| Refusal::from(&error))?)
    }

    /// What the catalogue names for a user; nothing for the master, who is not its business.
    fn privileges(&self, target: &Target) -> Result<Vec<Privilege>, Error> {
        let rotation = &self.case.settings.rotation;
        let user = &target.username;
        let wanted = if self.is_applications(user) {
            &rotation.privileges
        } else {
            let own = rotation.users.get(user).or_else(|| rotation.users.get(&alternate(user)));
            let Some(own) = own else { return Ok(Vec::new()) };
            &own.privileges
        };
        let parsed = wanted.iter().map(|privilege| privilege.as_str().parse());
        parsed
            .collect::<Result<_, database::UnknownPrivilege>>()
            .map_err(|error| Error::Unfit(format!("rotation.privileges: {error}")))
    }
}

fn lacking(who: Who, target: &Target, faults: &[String]) -> Refusal {
    Refusal::new(
        FailureKind::Permission,
        format!("{who} opens {}, but: {}", target.place(), faults.join("; ")),
        "grant what is missing, or correct rotation.privileges in the catalogue, and rotate again",
    )
}

/// A change of a role that failed: a value that the server would not have is told apart.
fn refused(error: &RoleError) -> Result<Acted, Error> {
    if let RoleError::Statement(statement) = error
        && statement.kind == StatementErrorKind::Policy
    {
        return Ok(Acted::ValueRefused(error.to_string()));
    }
    Err(Refusal::from(error).into())
}

fn in_words(changes: &[database::RoleChange], username: &str) -> String {
    if changes.is_empty() {
        return format!("the user {username:?} is as it should be");
    }
    let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
    changes.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::FailureKind;
    use database::{Engine, Place, StatementError};

    fn failed(kind: StatementErrorKind) -> RoleError {
        RoleError::Statement(StatementError {
            kind,
            doing: "set the password of \"app\"".to_owned(),
            place: Box::new(Place {
                engine: Engine::Mysql,
                host: "h".to_owned(),
                port: 3306,
                database: None,
                username: "app".to_owned(),
            }),
            cause: "your password does not satisfy the policy".to_owned(),
            code: Some("1819".to_owned()),
        })
    }

    #[test]
    fn a_value_that_the_server_would_not_have_is_not_a_failure_yet() {
        let acted = refused(&failed(StatementErrorKind::Policy)).unwrap();
        assert!(matches!(acted, Acted::ValueRefused(words) if words.contains("the policy")));
    }

    #[test]
    fn any_other_failure_is_one_and_keeps_its_kind() {
        for (kind, expected) in [
            (StatementErrorKind::Permission, FailureKind::Permission),
            (StatementErrorKind::Timeout, FailureKind::Limit),
            (StatementErrorKind::Conflict, FailureKind::Limit),
            (StatementErrorKind::ConnectionLost, FailureKind::Network),
            (StatementErrorKind::Other, FailureKind::Other),
        ] {
            let error = refused(&failed(kind)).unwrap_err();
            assert_eq!(error.told().kind, expected);
        }
    }
}
