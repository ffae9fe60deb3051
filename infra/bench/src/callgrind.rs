//! Instructions, by valgrind's callgrind: they repeat where times do not.
//!
//! A count is the difference of two runs that differ in the number of events, so that what both do
//! cancels out. The emulated processor has no instructions for SHA, AES-512 or wide multiplication,
//! so cryptography counts for more than it costs.

use crate::Failure;
use crate::comparison::{Comparison, Row};
use crate::mode::Mode;
use crate::process::Process;
use crate::scene::Scene;
use crate::statistics::Figure;
use crate::variant::Variant;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Whether valgrind is there.
pub(crate) fn is_there() -> bool {
    let mut version = Command::new("valgrind");
    let version = version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Counts the instructions of `variants`: from the start to the first request for an event, from there to the
/// first answer, both together, and one warm call.
pub(crate) fn count(
    name: &str,
    scene: &Scene,
    variants: &[Variant],
    folder: &Path,
) -> Result<Comparison, Failure> {
    let mut rows = Vec::with_capacity(variants.len());
    for variant in variants {
        let counted = |events| {
            let file = format!("callgrind {name} {} {events}", variant.name).replace(' ', "-");
            instructions(scene, variant, events, &folder.join(file))
        };
        let (init, first) = (counted(0)?, counted(1)?);
        let (some, more) = (counted(1 + LEAD)?, counted(1 + LEAD + CALLS)?);
        let calls = f64::from(u32::try_from(CALLS).unwrap_or(u32::MAX));
        let found =
            [(INIT, init), (FIRST, first - init), (COLD, first), (WARM, (more - some) / calls)];
        let figure = |count| Figure { median: count, low: count, high: count };
        let figures = found.map(|(name, count)| (name.to_owned(), figure(count)));
        rows.push(Row { variant: variant.name.to_owned(), figures: BTreeMap::from(figures) });
    }
    Ok(Comparison { mode: Mode::Callgrind, scene: name.to_owned(), rows })
}

fn instructions(
    scene: &Scene,
    variant: &Variant,
    events: usize,
    out: &Path,
) -> Result<f64, Failure> {
    let log = out.with_extension("log");
    let mut process = Process::start(&variant.counted(out), scene.cloud, log, PATIENCE)?;
    process.ready()?;
    for _ in 0..events {
        scene.call(&mut process, variant)?;
        process.ready()?;
    }
    // Valgrind runs threads one at a time; one that is not done when the process is stopped would be
    // counted in one run and not in the other.
    std::thread::sleep(REST);
    process.end()?;
    let report = fs::read_to_string(out)?;
    let count = report.lines().find_map(|line| line.strip_prefix("summary: ")?.trim().parse().ok());
    count.ok_or(Failure::Tool { tool: "callgrind", what: "there is no summary".to_owned() })
}

const LEAD: usize = 3;
const CALLS: usize = 10;
const REST: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_mins(5);
/// The scenes' names.
pub(crate) const OVER_TLS: &str = "instructions over TLS";
pub(crate) const OVER_HTTP: &str = "instructions over HTTP";
pub(crate) const PASS: &str = "instructions of a pass";
/// The figures' names.
pub(crate) const INIT: &str = "init instructions";
pub(crate) const FIRST: &str = "first instructions";
pub(crate) const COLD: &str = "cold instructions";
pub(crate) const WARM: &str = "warm instructions";
