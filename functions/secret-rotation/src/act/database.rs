//! What is done in a tenant's database: a password set, the other user made, a session checked.

use std::time::Instant;

use database::{
    Account, AlternateSpec, Privilege, Retain, RoleError, RoleSpec, StatementErrorKind, Target,
    check_privileges, ensure_alternate_user, ensure_application_role, session, set_password_with,
};

use super::{Acted, not_open};
use crate::binding::alternate;
use crate::decide::Who;
use crate::error::Error;
use crate::refusal::{FailureKind, Refusal};
use crate::step::Stepping;

impl Stepping<'_> {
    /// Sets the pending password over the connection that was opened for `who`.
    pub(super) async fn set_over(&mut self, who: Who) -> Result<Acted, Error> {
        let pending = self.pending_target()?;
        let connection = self.doors.connection(who).ok_or_else(|| not_open(who))?;
        let account = Account::named(&pending.username);
        let began = Instant::now();
        let set =
            set_password_with(connection, &account, &pending.password, Retain::WherePossible).await;
        self.doors.spent(began);
        match set {
            Ok(set) => Ok(Acted::Done(format!(
                "the password of {:?} was set over the connection of {who}{}",
                pending.username,
                if set.old_retained {
                    "; the old one is good until the rollout is over"
                } else {
                    ""
                }
            ))),
            Err(RoleError::NoSuchUser { .. }) if who == Who::Master => {
                self.make_user(&pending).await
            }
            Err(error) => refused(&error),
        }
    }

    /// Has the master make the user that its secret names and that is not there.
    async fn make_user(&mut self, pending: &Target) -> Result<Acted, Error> {
        let spec = RoleSpec::for_login(pending).map_err(|error| Refusal::from(&error))?;
        let names = self.case.tenant.tenant.names();
        let spec = if pending.username == names.database_user() {
            spec.owned_by(names.database_owner())
        } else {
            spec
        };
        let trust = &self.function.trust;
        let connection = self.doors.connection(Who::Master).ok_or_else(|| not_open(Who::Master))?;
        let began = Instant::now();
        let made = ensure_application_role(connection, &spec, pending, trust).await;
        self.doors.spent(began);
        match made {
            Ok(changes) => Ok(Acted::Done(in_words(&changes, &pending.username))),
            Err(error) => refused(&error),
        }
    }

    /// Has the master make or mend the other of two users, with the pending password.
    pub(super) async fn ensure_alternate(&mut self) -> Result<Acted, Error> {
        let pending = self.pending_target()?;
        let current = self.current_target()?;
        let mut spec = AlternateSpec::new(&current.username, &pending.username);
        spec.database.clone_from(&pending.database);
        let names = self.case.tenant.tenant.names();
        if [names.database_user(), names.database_user_clone()].contains(&current.username) {
            spec = spec.owned_by(names.database_owner());
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
        let wanted = self.privileges(&target)?;
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
        if faults.is_empty() && target.database.is_some() {
            let missing = check_privileges(connection, &wanted).await;
            faults.extend(missing.map_err(|error| Refusal::from(&error))?);
        }
        self.doors.spent(began);
        if faults.is_empty() {
            return Ok(format!("{who} opens the database as {:?} and may work", target.username));
        }
        Err(Refusal::new(
            FailureKind::Permission,
            format!("{who} opens {}, but: {}", target.place(), faults.join("; ")),
            "grant what is missing, or correct rotation.privileges in the catalogue, and rotate \
             again",
        )
        .into())
    }

    /// What the catalogue names for a user; nothing for the master, who is not its business.
    fn privileges(&self, target: &Target) -> Result<Vec<Privilege>, Error> {
        let names = self.case.tenant.tenant.names();
        let rotation = &self.case.settings.rotation;
        let user = &target.username;
        let wanted = if [names.database_user(), names.database_user_clone()].contains(user) {
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
