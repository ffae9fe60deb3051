//! What a run leaves behind: its figures, and where they were measured.

use crate::Failure;
use crate::comparison::Comparison;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::SystemTime;

/// A run, as it is kept.
#[derive(Debug, Deserialize, Serialize)]
pub struct Results {
    /// Where and when it was.
    pub machine: Machine,
    /// What was found.
    pub comparisons: Vec<Comparison>,
}

/// Where and when a run was.
#[derive(Debug, Deserialize, Serialize)]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// How many of them, or of their threads, there are.
    pub cores: usize,
    /// The compiler's version.
    pub rustc: String,
    /// The day.
    pub date: String,
}

impl Results {
    /// Reads those of the last run.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)?;
        Ok(serde_json::from_str(&text).map_err(io::Error::other)?)
    }

    /// Writes them.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        Ok(fs::write(path, text + "\n")?)
    }
}

impl Machine {
    /// This one, now.
    pub fn here(now: SystemTime) -> Result<Self, Failure> {
        let compiler = Command::new("rustc").arg("--version").output()?;
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        Ok(Self {
            processor: model(&processors).unwrap_or("a processor without a name").to_owned(),
            cores: thread::available_parallelism().map_or(1, NonZero::get),
            rustc: String::from_utf8_lossy(&compiler.stdout).trim().to_owned(),
            date: day(now),
        })
    }
}

fn model(processors: &str) -> Option<&str> {
    let line = processors.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

fn day(moment: SystemTime) -> String {
    let date = httpdate::fmt_http_date(moment);
    date.split(' ').skip(1).take(3).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_machine_is_told_by_its_processor_and_a_run_by_its_day() {
        let processors = "processor\t: 0\nmodel name\t: AMD EPYC\nprocessor\t: 1\n";
        assert_eq!(model(processors), Some("AMD EPYC"));
        assert_eq!(day(UNIX_EPOCH + Duration::from_hours(24 * 31)), "01 Feb 1970");
    }
}
