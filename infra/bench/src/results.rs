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
#[derive(Debug, Deserialize, PartialEq, Serialize)]
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

    /// Writes them to `path`. If they are a part only, they take the place of those of the same scenes, and
    /// the others of the same machine and day stay. What was there otherwise is kept beside it.
    pub fn keep(mut self, path: &Path, is_part: bool) -> Result<(), Failure> {
        if path.exists() {
            let before = Self::read(path)?;
            if is_part && before.machine == self.machine {
                self.comparisons = joined(before.comparisons, self.comparisons);
            } else {
                fs::rename(path, path.with_extension("before.json"))?;
            }
        }
        let text = serde_json::to_string_pretty(&self).map_err(io::Error::other)?;
        Ok(fs::write(path, text + "\n")?)
    }
}

/// Those of `before` that were not found again, and those of `now`.
fn joined(mut before: Vec<Comparison>, now: Vec<Comparison>) -> Vec<Comparison> {
    before.retain(|old| !now.iter().any(|new| new.mode == old.mode && new.scene == old.scene));
    before.extend(now);
    before
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
    use crate::mode::Mode;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn a_machine_is_told_by_its_processor_and_a_run_by_its_day() {
        let processors = "processor\t: 0\nmodel name\t: AMD EPYC\nprocessor\t: 1\n";
        assert_eq!(model(processors), Some("AMD EPYC"));
        assert_eq!(day(UNIX_EPOCH + Duration::from_hours(24 * 31)), "01 Feb 1970");
    }

    fn results(date: &str, scenes: &[(Mode, &str)]) -> Results {
        let word = String::new;
        let machine = Machine { processor: word(), cores: 2, rustc: word(), date: date.to_owned() };
        let found = scenes.iter().map(|(mode, scene)| Comparison {
            mode: *mode,
            scene: (*scene).to_owned(),
            rows: vec![],
        });
        Results { machine, comparisons: found.collect() }
    }

    #[test]
    fn a_part_takes_the_place_of_the_same_scenes_of_the_day_and_nothing_is_lost() {
        let folder = std::env::temp_dir().join(format!("bench-results-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("results.json");
        let scenes = |path: &Path| {
            let found = Results::read(path).unwrap().comparisons.into_iter();
            found.map(|found| (found.mode, found.scene)).collect::<Vec<_>>()
        };
        let whole = [(Mode::Warm, "one"), (Mode::Size, "one"), (Mode::Size, "two")];
        results("Monday", &whole).keep(&path, false).unwrap();
        results("Monday", &[(Mode::Size, "one")]).keep(&path, true).unwrap();
        let one = |mode| (mode, "one".to_owned());
        let joined = [one(Mode::Warm), (Mode::Size, "two".to_owned()), one(Mode::Size)];
        assert_eq!(scenes(&path), joined);
        results("Tuesday", &[(Mode::Size, "one")]).keep(&path, true).unwrap();
        assert_eq!(scenes(&path), [one(Mode::Size)]);
        assert_eq!(scenes(&folder.join("results.before.json")), joined);
        results("Tuesday", &[(Mode::Warm, "one")]).keep(&path, false).unwrap();
        assert_eq!(scenes(&path), [one(Mode::Warm)]);
        fs::remove_dir_all(folder).unwrap();
    }
}
