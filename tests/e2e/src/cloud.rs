//! A local cloud as a process: started on a free port in a state folder of its own, and gone
//! when the value is dropped or this process dies.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

use crate::{Error, Result};

/// How long a cloud may take to be ready: some three seconds on two idle cores.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The project's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A running local cloud.
#[derive(Debug)]
pub struct Cloud {
    process: Child,
    state: PathBuf,
    /// Held so that it vanishes with the cloud.
    folder: Option<TempDir>,
}

/// Where a cloud is, from its `localcloud.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct About {
    /// Where all services answer.
    pub endpoint: String,
    /// The region it plays.
    pub region: String,
    /// Who may do everything.
    pub admin: Admin,
    /// Whose certificates databases and caches have.
    pub ca_bundle: PathBuf,
}

/// The administrator's access key.
#[derive(Debug, Clone, Deserialize)]
pub struct Admin {
    /// Its id.
    pub access_key_id: String,
    /// Its secret, worth nothing beyond this machine.
    pub secret_access_key: String,
}

impl Cloud {
    /// Starts a cloud in a folder that vanishes with it.
    ///
    /// # Errors
    /// When it does not come up; the message has the end of its log.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("caretaker-").tempdir()?;
        let mut cloud = Self::start_in(folder.path())?;
        cloud.folder = Some(folder);
        Ok(cloud)
    }

    /// Starts a cloud in this folder, which stays.
    ///
    /// # Errors
    /// When it does not come up; the message has the end of its log.
    pub fn start_in(state: &Path) -> Result<Self> {
        let ready = state.join("localcloud.json");
        if ready.exists() {
            std::fs::remove_file(&ready)?;
        }
        let mut process = python()
            .args(["-m", "localcloud", "up", "--state"])
            .arg(state)
            // However this process ends, the cloud ends with it.
            .args(["--watch", &std::process::id().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("could not start the local cloud: {error}; run `make setup`")
            })?;
        let started = Instant::now();
        while !ready.exists() {
            if let Some(status) = process.try_wait()? {
                let words = process.stderr.take().map(std::io::read_to_string).transpose()?;
                let words = words.unwrap_or_default();
                return Err(format!("the local cloud ended with {status}: {words}").into());
            }
            if started.elapsed() > READY_WITHIN {
                process.kill()?;
                return Err(format!(
                    "the local cloud was not ready after {} s; its log is {}",
                    READY_WITHIN.as_secs(),
                    state.join("localcloud.log").display()
                )
                .into());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(Self { process, state: state.to_owned(), folder: None })
    }

    /// Its state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Deploys the suite with this catalogue; `settings` go over the manifest, such as
    /// `queue.max_receive_count=2`.
    ///
    /// # Errors
    /// When a step is refused; the message says which.
    pub fn deploy(&self, catalogue: &Path, environment: &str, settings: &[&str]) -> Result<()> {
        let mut command = python();
        command.args(["-m", "localcloud", "deploy", "--environment", environment, "--state"]);
        command.arg(&self.state).arg("--catalogue").arg(catalogue);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let output = command.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the suite could not be deployed: {words}").into());
        }
        Ok(())
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // Asked politely, it stops its databases in order; `--watch` is there for the rest.
        let asked = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        if asked.is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// Where the suite is, from its `deployment.json`.
#[derive(Debug, Clone, Deserialize)]
pub struct Deployment {
    /// The product it serves.
    pub product: String,
    /// The environment it serves.
    pub environment: String,
    /// Its table.
    pub table: String,
    /// Under which tenants have their host names.
    pub domain: String,
    /// The tenants' ECS cluster.
    pub cluster: String,
    /// Where the tenants' load balancer answers.
    pub load_balancer_url: String,
    /// The suite's topics by name: `alarms`, `notifications`, `alert-mail`.
    pub topics: std::collections::BTreeMap<String, String>,
    /// Queues that hear what is published: `events`, `notifications`, `alarms`.
    pub inboxes: std::collections::BTreeMap<String, String>,
    /// The functions by name.
    pub functions: std::collections::BTreeMap<String, Function>,
}

/// Where a function is.
#[derive(Debug, Clone, Deserialize)]
pub struct Function {
    /// Its name on AWS.
    #[serde(rename = "function_name")]
    pub name: String,
    /// The role it runs with.
    pub role_arn: String,
    /// Its queue.
    pub queue_url: String,
    /// Where that queue's dead letters lie.
    pub dead_letter_queue_url: String,
    /// Where its logs are.
    pub log_group: String,
    /// Its wiring.
    pub environment: std::collections::BTreeMap<String, String>,
}

impl Deployment {
    /// The function of this name.
    ///
    /// # Errors
    /// When it is not deployed.
    pub fn function(&self, name: &str) -> Result<&Function> {
        self.functions.get(name).ok_or_else(|| Error::from(format!("{name} is not deployed")))
    }
}

/// The local cloud's own Python, which `make setup` installs, in the project's folder.
pub fn python() -> Command {
    let installed = || root().join(".venv/bin/python").into_os_string();
    let python: OsString = std::env::var_os("CARETAKER_PYTHON").unwrap_or_else(installed);
    let mut command = Command::new(python);
    command.env("PYTHONPATH", root().join("tests/localcloud")).current_dir(root());
    command
}
