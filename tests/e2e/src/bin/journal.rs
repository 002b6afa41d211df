//! Prints a tenant's journal from a local cloud that runs: `journal TENANT [STATE]`.

use std::path::PathBuf;
use std::process::ExitCode;

use e2e::{Result, Suite};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(tenant) = arguments.next() else {
        eprintln!("usage: tools/journal TENANT [STATE]");
        return ExitCode::from(2);
    };
    let state = arguments.next().map_or_else(|| e2e::root().join(".localcloud"), PathBuf::from);
    match print(&tenant, &state).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("journal: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn print(tenant: &str, state: &std::path::Path) -> Result<()> {
    let suite = Suite::attach(state).await?;
    match suite.record(tenant).await? {
        Some(record) => {
            println!("{} is {}, attempt {}", record.key(), record.status, record.attempt);
            if let Some(failure) = &record.failure {
                println!("it failed in step {failure}");
            }
        }
        None => println!("no tenant {tenant} is recorded"),
    }
    for line in suite.journal(tenant).await? {
        println!("{line}");
    }
    Ok(())
}
