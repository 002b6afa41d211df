//! Why this exists: whoever has just set a role's password knows that it opens the database, and
//! wants the rest of the role to be right too, without trying the password once more. And a user of
//! which nothing is known but its name can be made again, but not guessed what it may.

use super::spec::name_faults;
use super::{ObservedRole, RoleChange, RoleError, RoleSpec, account, mysql, plan, postgres};
use crate::connection::{Connection, Dialect};
use secrecy::SecretString;

/// Brings the application's role into the wanted state as
/// [`ensure_application_role`](super::ensure_application_role) does, but leaves the password of a
/// role that exists as it is, and tries none: `password` is for a role that has to be made.
///
/// It is for the application's own role and for no other: what another user may less, it would get,
/// and what it may more, it would lose. An account of MySQL or MariaDB for certain hosts only was not
/// made here and is left as it is.
///
/// # Errors
/// As [`ensure_application_role`](super::ensure_application_role), but for those of the
/// application's login.
pub async fn mend_application_role(
    master: &mut Connection,
    wanted: &RoleSpec,
    password: &SecretString,
) -> Result<Vec<RoleChange>, RoleError> {
    wanted.check(master.engine(), &master.place().username)?;
    if is_for_certain_hosts(master, wanted).await? {
        return Ok(Vec::new());
    }
    let changes = plan(&observe(master, wanted).await?, wanted);
    if changes.is_empty() {
        return Ok(changes);
    }
    match master.dialect() {
        Dialect::Postgres(mut server) => postgres::act(&mut server, &changes, password).await?,
        Dialect::Mysql(mut server) => mysql::act(&mut server, &changes, password).await?,
    }
    let left = plan(&observe(master, wanted).await?, wanted);
    if left.is_empty() {
        Ok(changes)
    } else {
        Err(RoleError::Unfinished { place: Box::new(master.place().clone()), left })
    }
}

/// Makes a user that does not exist, with this password and without any right: what it may is for
/// whoever knows what it is for to say. On MySQL and MariaDB it is for all hosts and must use TLS.
///
/// # Errors
/// [`RoleError::Spec`] for a name that no server would take or that is the master's own,
/// [`RoleError::Statement`] when the server refuses, also because the user exists.
pub async fn make_login(
    master: &mut Connection,
    user: &str,
    password: &SecretString,
) -> Result<RoleChange, RoleError> {
    let mut faults = name_faults(master.engine(), "user", user);
    if master.place().username == user {
        faults.push(format!("the user {user:?} is the master that is to make it"));
    }
    if !faults.is_empty() {
        return Err(RoleError::Spec(faults));
    }
    let made = [RoleChange::CreateLogin { role: user.to_owned() }];
    match master.dialect() {
        Dialect::Postgres(mut server) => postgres::act(&mut server, &made, password).await?,
        Dialect::Mysql(mut server) => mysql::act(&mut server, &made, password).await?,
    }
    let [made] = made;
    Ok(made)
}

async fn is_for_certain_hosts(
    master: &mut Connection,
    wanted: &RoleSpec,
) -> Result<bool, RoleError> {
    match master.dialect() {
        Dialect::Postgres(_) => Ok(false),
        Dialect::Mysql(mut server) => {
            let hosts = account::hosts(&mut server, &wanted.role).await?;
            Ok(!hosts.is_empty() && !hosts.contains(mysql::ANY_HOST))
        }
    }
}

/// Everything but whether a password opens the database: that is taken for granted.
async fn observe(master: &mut Connection, wanted: &RoleSpec) -> Result<ObservedRole, RoleError> {
    Ok(match master.dialect() {
        Dialect::Postgres(mut server) => {
            let mut roles = postgres::observe(&mut server, wanted).await?;
            if let Some(login) = &mut roles.login {
                login.password_opens = true;
            }
            ObservedRole::Postgres(Box::new(roles))
        }
        Dialect::Mysql(mut server) => {
            let mut account = mysql::observe(&mut server, wanted).await?;
            if let Some(account) = &mut account {
                account.password_opens = true;
            }
            ObservedRole::Mysql(account)
        }
    })
}
