//! The share of a processor that Lambda leaves a function of a given memory size, by a control group.

use crate::Failure;
use std::fs;
use std::path::{Path, PathBuf};

/// A function's memory in MB. 1769 MB are one processor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Quota(pub(crate) u32);

/// A control group that holds a process until it is dropped.
pub(crate) struct Held(PathBuf);

impl Quota {
    /// Whether this machine lets us make such a group.
    pub(crate) fn is_possible() -> bool {
        Self(128).group("possible").is_ok()
    }

    /// Limits the process from now on.
    pub(crate) fn hold(self, process: u32) -> Result<Held, Failure> {
        let held = self.group(&process.to_string())?;
        fs::write(held.0.join("cgroup.procs"), process.to_string())?;
        Ok(held)
    }

    fn group(self, name: &str) -> Result<Held, Failure> {
        let share = PERIOD * self.0 / PROCESSOR;
        let name = format!("latchkey-bench-{name}");
        let first = Path::new("/sys/fs/cgroup/cpu");
        if first.join("cpu.cfs_quota_us").exists() {
            let folder = first.join(name);
            fs::create_dir_all(&folder)?;
            let held = Held(folder);
            fs::write(held.0.join("cpu.cfs_period_us"), PERIOD.to_string())?;
            fs::write(held.0.join("cpu.cfs_quota_us"), share.to_string())?;
            Ok(held)
        } else {
            let folder = Path::new("/sys/fs/cgroup").join(name);
            fs::create_dir_all(&folder)?;
            let held = Held(folder);
            fs::write(held.0.join("cpu.max"), format!("{share} {PERIOD}"))?;
            Ok(held)
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // One that is left behind holds nobody.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Microseconds.
const PERIOD: u32 = 20_000;
const PROCESSOR: u32 = 1769;
