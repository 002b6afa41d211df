//! The most memory that the function's processes have had resident, read from the kernel while
//! they live: an environment that is no longer needed is ended, and its figure with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use e2e::{Result, Suite};
use serde::Serialize;

/// How often it is looked. The kernel keeps the peak itself, so only what a process did in its
/// last moments is missed.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What every function's program is called.
const PROGRAM: &str = "bootstrap";

/// The variable in which Lambda tells a process which function it is.
const NAME_VARIABLE: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// The function's processes that were seen.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    /// How many there were: environments, in Lambda's words.
    pub(crate) processes: usize,
    /// The largest of their peaks (`VmHWM`), in MiB.
    pub(crate) peak_rss_mib: f64,
}

/// Watches the processes of one function.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeMap<u32, u64>>,
}

impl Watch {
    /// Watches the function of this name on the suite's cloud, and no other cloud's.
    pub(crate) fn over(suite: &Suite, function: &str) -> Result<Self> {
        let state = suite.state.canonicalize()?;
        let name = &suite.deployment.function(function)?.name;
        let name = format!("{NAME_VARIABLE}={name}").into_bytes();
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut peaks = BTreeMap::new();
            loop {
                let last = ended.load(Ordering::Relaxed);
                look(&state, &name, &mut peaks);
                if last {
                    return peaks;
                }
                std::thread::sleep(LOOK_EVERY);
            }
        });
        Ok(Self { stop, thread })
    }

    /// Looks a last time and says what was seen.
    pub(crate) fn ended(self) -> Result<Memory> {
        self.stop.store(true, Ordering::Relaxed);
        let peaks = self.thread.join().map_err(|_| "the thread that reads memory panicked")?;
        let most = peaks.values().max().ok_or("not one process of the function was seen")?;
        let peak_rss_mib = f64::from(u32::try_from(*most)?) / 1024.0;
        Ok(Memory { processes: peaks.len(), peak_rss_mib })
    }
}

/// Notes the peak so far, in KiB, of every process of the function, by process id. `name` is how
/// its environment names the function.
fn look(state: &Path, name: &[u8], peaks: &mut BTreeMap<u32, u64>) {
    let Ok(processes) = fs::read_dir("/proc") else { return };
    for process in processes.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that has ended meanwhile has been looked at before.
        if let Some(peak) = peak_of_function(&process.path(), state, name) {
            peaks.insert(id, peak);
        }
    }
}

fn peak_of_function(process: &Path, state: &Path, name: &[u8]) -> Option<u64> {
    let program: PathBuf = fs::read_link(process.join("exe")).ok()?;
    if !program.starts_with(state) || program.file_name()? != PROGRAM {
        return None;
    }
    let environment = fs::read(process.join("environ")).ok()?;
    if !environment.split(|byte| *byte == 0).any(|variable| variable == name) {
        return None;
    }
    let status = fs::read_to_string(process.join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().strip_suffix("kB")?.trim().parse().ok()
}
