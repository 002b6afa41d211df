//! The second part: a secret is rotated under an application that uses it all the time.

use std::collections::BTreeSet;
use std::time::Duration;

use database::verify_application_login;
use e2e::{Error, LogLine, Result, Suite, Writer, Written, version_with};
use tokio::time::{Instant, sleep};

use crate::show::Show;
use crate::{LOGIN_WITHIN, LOOK_EVERY, TENANT};

/// The function, as the manifest calls it.
const FUNCTION: &str = "secret-rotation";

/// What the secret is for.
const PURPOSE: &str = "database-app";

/// How long the rotation may take with its rollout: some ten seconds on two idle cores.
const SETTLED_WITHIN: Duration = Duration::from_mins(5);

/// Rotates the secret with which the tenant's application opens its database.
pub(crate) async fn show(suite: &Suite, show: &Show) -> Result<()> {
    let secret = suite.secret_name(TENANT, PURPOSE);
    let (old, trust) = suite.database(TENANT).await?;
    let writer = Writer::start(suite, &secret).await?;
    show.done(&format!(
        "a client looks up {secret} and writes all the time, as {:?}",
        old.username
    ));

    let asked = Instant::now();
    let since = jiff::Timestamp::now();
    let answer = suite.secrets.rotate_secret().secret_id(&secret).send().await?;
    let version = answer.version_id().ok_or("RotateSecret gave no version")?.to_owned();
    show.done("Secrets Manager is asked to rotate it");
    follow(suite, &secret, since, show).await?;
    let described = suite.describe(&secret).await?;
    if version_with(&described, "AWSCURRENT").as_ref() != Some(&version) {
        return Err(Error::from(format!("{secret} has another current version than {version}")));
    }
    show.done(&format!("it is rotated after {:.1} s", asked.elapsed().as_secs_f32()));

    let refused = verify_application_login(&old, &trust, LOGIN_WITHIN).await.err();
    let refused = refused.ok_or_else(|| format!("{:?} still opens the database", old.username))?;
    show.done("the old value opens the database no more");
    show.detail(&refused.to_string());
    tell(&writer.stop().await?, show)
}

/// Shows what the function logs about the secret, until nothing of the old value is left.
async fn follow(suite: &Suite, secret: &str, since: jiff::Timestamp, show: &Show) -> Result<()> {
    let end = Instant::now() + SETTLED_WITHIN;
    let mut shown = BTreeSet::new();
    while Instant::now() < end {
        for line in suite.log(FUNCTION, since).await? {
            if !line.is_about(secret) || !shown.insert(line.raw.clone()) {
                continue;
            }
            show_line(&line, secret, show);
            if line.message.starts_with(&format!("{secret}: settle")) {
                return Ok(());
            }
        }
        sleep(LOOK_EVERY).await;
    }
    Err(Error::from(format!(
        "{secret} was not rotated after {} minutes; `docs/operations.md` says where to look",
        SETTLED_WITHIN.as_secs() / 60
    )))
}

/// A step is a line with its outcome; a decision of the rollout is one that names the secret.
fn show_line(line: &LogLine, secret: &str, show: &Show) {
    if let (Some(step), Some(outcome)) = (&line.step, &line.outcome) {
        let mut parts = outcome.split("; ");
        show.done(&format!("{step}: {}", parts.next().unwrap_or_default()));
        parts.for_each(|part| show.detail(part));
    } else if let Some(decision) = line.message.strip_prefix(&format!("{secret}: ")) {
        match decision.strip_prefix("wait: ") {
            Some(reason) => show.doing(&format!("wait: {reason}")),
            None => show.done(&format!("rollout: {decision}")),
        }
    }
}

fn tell(written: &Written, show: &Show) -> Result<()> {
    let users: Vec<String> = written.users.iter().map(|user| format!("{user:?}")).collect();
    let users = users.join(" and then as ");
    if written.rows != written.writes {
        let Written { writes, rows, .. } = written;
        return Err(Error::from(format!("of {writes} writes {rows} are in the database")));
    }
    match written.failures.first() {
        None => show.done(&format!(
            "meanwhile the client wrote {} times, as {users}; none failed, and all are there",
            written.writes
        )),
        // A product whose strategy is a single user gives up some moments for having only one.
        Some(first) => show.done(&format!(
            "meanwhile the client wrote {} times, as {users}; {} failed, the first one {first}",
            written.writes,
            written.failures.len()
        )),
    }
    Ok(())
}
