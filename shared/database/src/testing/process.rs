//! Why this exists: a server of a test runs as an unprivileged user (PostgreSQL refuses root), from
//! a copied template, and never outlives its test.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to answer: seconds on a busy machine, and a test must end.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a server may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A file system in memory, as Linux has it. A server begins with a thousand small files, and making
/// them costs a disk more time than most tests take.
const MEMORY: &str = "/dev/shm";

/// How much of it must be free: a container often has 64 MB, and several servers run at once with
/// some 50 MB each.
const MEMORY_FREE_MIN_MB: u64 = 1024;

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// The user that a server runs as: an unprivileged one where the test is root, else whoever runs
/// the test.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerUser {
    /// User and group to change to, where that is needed.
    switch_to: Option<(u32, u32)>,
}

impl ServerUser {
    /// Looks the account up that Debian's packages make (`postgres`, `mysql`).
    pub(super) fn named(name: &str) -> Self {
        if output("id", &["-u"]) != "0" {
            return Self { switch_to: None };
        }
        let number = |option| output("id", &[option, name]).parse().ok();
        match (number("-u"), number("-g")) {
            (Some(user), Some(group)) => Self { switch_to: Some((user, group)) },
            _ => panic!("there is no user {name:?} to run the server as: run `make setup`"),
        }
    }

    /// A command that runs as this user, and dies with the thread that starts it.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if let Some((user, group)) = self.switch_to {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
            command.arg("--clear-groups");
        }
        command.arg(program).stdin(Stdio::null());
        command
    }

    /// Gives a file or folder to this user, for itself alone.
    pub(super) fn own(self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .expect("permissions of a file just made can be set");
        if let Some((user, group)) = self.switch_to {
            chown(path, Some(user), Some(group)).expect("root can give its file away");
        }
    }

    /// Writes a file that only this user can read.
    pub(super) fn write(self, path: &Path, content: &str) {
        fs::write(path, content).expect("a file of the test can be written");
        self.own(path, 0o600);
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |error| panic!("cannot run {program:?}: {error}; run `make setup`"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The folder of a server program: the newest among `folders`.
pub(super) fn program(product: &str, name: &str, folders: &[PathBuf]) -> PathBuf {
    let found = folders.iter().rev().map(|folder| folder.join(name)).find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!("{product} is not installed (no {name:?} in {folders:?}): run `make setup`")
    })
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    std::net::TcpListener::bind((super::HOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("the loopback address has a free port")
        .port()
}

/// Where servers' folders are: in memory where that has room, unless `TMPDIR` names a place; else in
/// the machine's temporary folder. A home or a checkout may be closed to the server's user.
static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from(MEMORY);
    let wanted = std::env::var_os("TMPDIR").is_none() && memory.is_dir();
    if wanted && free_mb(MEMORY) >= MEMORY_FREE_MIN_MB { memory } else { std::env::temp_dir() }
});

/// What is free in a file system, in MB.
fn free_mb(path: &str) -> u64 {
    let free = output("df", &["--output=avail", "--block-size=1M", path]);
    free.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

/// A folder for a server, filled from a template that `make` makes when it is first needed.
pub(super) fn folder_from_template(
    user: ServerUser,
    template: &str,
    make: impl FnOnce(&Path),
) -> TempDir {
    let template = ROOT.join(template);
    if !template.exists() {
        let building = temporary_folder();
        user.own(building.path(), 0o700);
        make(building.path());
        // Whoever comes first provides it; a second one finds the place taken and drops its own.
        let _ = fs::rename(building.path(), &template);
    }
    let folder = temporary_folder();
    let copied = Command::new("cp")
        .args(["-a", "--reflink=auto", "-T"])
        .args([&template, folder.path()])
        .status();
    assert!(copied.is_ok_and(|status| status.success()), "{} cannot be copied", template.display());
    folder
}

fn temporary_folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("caretaker-test-")
        .tempdir_in(ROOT.as_path())
        .expect("the temporary folder is writable")
}

/// Runs a command to its end and answers with its output, or with its errors when it fails.
pub(super) fn attempt(command: &mut Command) -> Result<String, String> {
    match command.output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        }
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => panic!("{command:?} cannot be run: {error}; run `make setup`"),
    }
}

/// Runs a command to its end and answers with its output, or panics with its errors when it fails.
#[track_caller]
pub(super) fn run(command: &mut Command) -> String {
    match command.output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
        }
        Ok(output) => panic!(
            "{command:?} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => panic!("{command:?} cannot be run: {error}; run `make setup`"),
    }
}

/// A running server; stopped when dropped.
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts a server and waits until its log says that it is ready.
    pub(super) fn start(command: &mut Command, log: &Path, ready: &str) -> Self {
        let file = fs::File::create(log).expect("the server's log can be written");
        let errors = file.try_clone().expect("a file handle can be copied");
        let child = command.stdout(file).stderr(errors).spawn();
        let child = child
            .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}; run `make setup`"));
        let mut process = Self { child };
        let deadline = Instant::now() + START_TIMEOUT;
        while !read(log).contains(ready) {
            let ended = process.child.try_wait().expect("a child can be asked for its state");
            assert!(ended.is_none(), "the server ended ({ended:?}):\n{}", read(log));
            assert!(Instant::now() < deadline, "the server is not ready:\n{}", read(log));
            sleep(POLL);
        }
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // QUIT and not KILL: an immediate shutdown that still gives shared memory back.
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let deadline = Instant::now() + STOP_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text file as far as it is written; nothing while it does not exist.
pub(super) fn read(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
