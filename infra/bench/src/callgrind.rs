//! Instructions, by valgrind's callgrind: they repeat where times do not.
//!
//! One process is counted from its start: the counts are taken out, and begin anew, when it first asks
//! for an event, after its first answer, and around a number of warm calls. The emulated processor has no
//! instructions for SHA-2 or wide multiplication, so cryptography counts for more than it costs.

use crate::Failure;
use crate::comparison::{Comparison, Figures, Row};
use crate::mode::Mode;
use crate::process::{Process, bare};
use crate::processors::Place;
use crate::scene::Scene;
use crate::variant::Variant;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, io, thread};

/// Whether valgrind is there.
pub(crate) fn is_there() -> bool {
    let mut version = bare("valgrind");
    let version = version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Counts the instructions of `variants`, each in several processes: from the start to the first request for
/// an event, from there to the first answer, both together, and one warm call.
pub(crate) fn count(
    name: &str,
    scene: &Scene,
    variants: &[Variant],
    folder: &Path,
) -> Result<Comparison, Failure> {
    eprintln!("{name}");
    let mut rows = Vec::with_capacity(variants.len());
    for variant in variants {
        let file = folder.join(format!("callgrind {name} {}", variant.name).replace(' ', "-"));
        let counted: Result<Vec<_>, _> =
            (0..PROCESSES).map(|_| figures(scene, variant, &file)).collect();
        rows.push(Row::of(variant.name, &counted?));
    }
    Ok(Comparison { mode: Mode::Callgrind, scene: name.to_owned(), rows })
}

/// Counts the instructions of one process, which writes to `out`.
///
/// A process that is fifty times slower than usual runs into its own time limits when the machine is
/// busy. Then it has not answered, and is counted anew.
pub(crate) fn figures(scene: &Scene, variant: &Variant, out: &Path) -> Result<Figures, Failure> {
    let mut counted = process(scene, variant, out);
    for _ in 1..TRIES {
        if !matches!(counted, Err(Failure::Variant { .. })) {
            break;
        }
        counted = process(scene, variant, out);
    }
    counted
}

fn process(scene: &Scene, variant: &Variant, out: &Path) -> Result<Figures, Failure> {
    let log = out.with_extension("log");
    let mut process =
        Process::start(&variant.counted(out), Place::Alone, scene.cloud, log, PATIENCE)?;
    let mut counts = Counts { out: out.to_owned(), taken: 0 };
    process.ready()?;
    let init = counts.take(&process)?;
    let mut calls = scene.calls.iter().cycle();
    let mut make = |number| {
        for call in calls.by_ref().take(number) {
            call.make(&mut process, variant)?;
        }
        counts.take(&process)
    };
    let first = make(1)?;
    // Not quite warm: what is done once is done by now.
    make(LEAD)?;
    let warm = make(COUNTED as usize)? / f64::from(COUNTED);
    Ok(Figures::from([(COLD, init + first), (INIT, init), (FIRST, first), (WARM, warm)]))
}

/// The counts of one process, taken out one after the other.
struct Counts {
    out: PathBuf,
    taken: u32,
}

impl Counts {
    fn take(&mut self, process: &Process) -> Result<f64, Failure> {
        // Valgrind runs threads one at a time: the others are let come to rest.
        thread::sleep(REST);
        self.taken += 1;
        let mut path = self.out.clone().into_os_string();
        path.push(format!(".{}", self.taken));
        // An earlier process had the same file.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let status = dump(process.id()).status()?;
        let report = fs::read_to_string(path).unwrap_or_default();
        let total = total(&report, process.id()).filter(|_| status.success());
        total.ok_or_else(|| process.failure(&format!("was not counted: {CONTROL}: {status}")))
    }
}

/// What makes valgrind write down the counts of `process`. It finds the process by a name that both
/// make of the user's, the machine's and the temporary folder's, so it has as bare an environment.
fn dump(process: u32) -> Command {
    let mut dump = bare("timeout");
    dump.args([LIMIT, CONTROL, "--dump", &process.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    dump
}

/// The sum of a report, if it is that of `process`.
fn total(report: &str, process: u32) -> Option<f64> {
    let of = report.lines().find_map(|line| line.strip_prefix("pid: "))?;
    let total = report.lines().rev().find_map(|line| line.strip_prefix("totals: "))?;
    if of.trim().parse() == Ok(process) { total.trim().parse().ok() } else { None }
}

const CONTROL: &str = "callgrind_control";
/// Seconds.
const LIMIT: &str = "60";
const PROCESSES: usize = 3;
const TRIES: usize = 5;
const LEAD: usize = 3;
const COUNTED: u32 = 10;
/// How many calls are made in all: so many callers are needed if each is to be another's.
pub(crate) const CALLS: usize = 1 + LEAD + COUNTED as usize;
const REST: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_mins(5);
/// The scenes' names.
pub(crate) const OVER_TLS: &str = "instructions over TLS";
pub(crate) const OVER_HTTP: &str = "instructions over HTTP";
/// One caller only.
pub(crate) const FROM_MEMORY: &str = "instructions from memory";
pub(crate) const PASS: &str = "instructions of a pass";
/// The figures' names.
pub(crate) const INIT: &str = "init instructions";
pub(crate) const FIRST: &str = "first instructions";
pub(crate) const COLD: &str = "cold instructions";
pub(crate) const WARM: &str = "warm instructions";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_another_process_are_none_of_this_one() {
        let report = "# callgrind format\npid: 7548\npart: 1\n\n0 12\n\ntotals: 6518457\n";
        assert_eq!(total(report, 7548), Some(6_518_457.0));
        assert_eq!(total(report, 754), None);
        assert_eq!(total(report.split_once("totals").unwrap().0, 7548), None);
    }
}
