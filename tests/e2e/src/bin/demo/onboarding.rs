//! The first part: a request becomes a running application, and the tenant's journal says how.

use std::time::Duration;

use database::verify_application_login;
use e2e::{Error, Result, Suite};
use store::{Status, TenantRecord};
use tokio::time::{Instant, sleep};

use crate::show::Show;
use crate::{LOGIN_WITHIN, LOOK_EVERY, TENANT, TIER};

/// How long the tenant may take: some ten seconds on two idle cores.
const ACTIVE_WITHIN: Duration = Duration::from_mins(5);

/// Asks for the tenant, waits for it, and looks at it from outside.
pub(crate) async fn show(suite: &Suite, health_path: &str, show: &Show) -> Result<()> {
    suite.ask_for(TENANT, TIER.as_str()).await?;
    show.done(&format!("a request for tenant {TENANT}, tier {TIER}, is on the queue"));
    let asked = Instant::now();
    let record = follow(suite, show).await?;
    let took = asked.elapsed().as_secs_f32();
    if record.status != Status::Active {
        let failure = record.failure.map_or_else(String::new, |failure| failure.to_string());
        return Err(Error::from(format!("{TENANT} is {}: {failure}", record.status)));
    }
    show.done(&format!("{TENANT} is active after {took:.1} s"));
    prove(suite, health_path, show).await
}

/// Shows the tenant's journal as it grows, until the tenant is there or has failed.
async fn follow(suite: &Suite, show: &Show) -> Result<TenantRecord> {
    let end = Instant::now() + ACTIVE_WITHIN;
    let mut shown = 0;
    show.doing("wait for the function to take the request");
    while Instant::now() < end {
        let journal = suite.journal(TENANT).await?;
        for line in journal.iter().skip(shown) {
            show.journal(line);
        }
        shown = journal.len();
        if let Some(record) = suite.record(TENANT).await?
            && !record.is_unfinished()
        {
            return Ok(record);
        }
        sleep(LOOK_EVERY).await;
    }
    Err(Error::from(format!(
        "{TENANT} was not active after {} minutes; its journal is above, and the function's log \
         is in the local cloud's state folder",
        ACTIVE_WITHIN.as_secs() / 60
    )))
}

/// Opens the tenant's database with its own secret, and asks its application how it is.
async fn prove(suite: &Suite, health_path: &str, show: &Show) -> Result<()> {
    let (target, trust) = suite.database(TENANT).await?;
    let login = verify_application_login(&target, &trust, LOGIN_WITHIN).await?;
    show.done(&format!("its own secret opens its database over verified TLS: {login}"));
    let (status, body) = suite.get(TENANT, health_path)?;
    if status != 200 {
        return Err(Error::from(format!("{health_path} answered {status}: {body}")));
    }
    show.done(&format!("its application answers on {health_path}: {}", body.trim()));
    Ok(())
}
