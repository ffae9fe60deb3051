//! The counts that were agreed on, and whether those of a run are still as low.
//!
//! What a start counts is kept as what it counts beyond the floor of the same run: the floor is little more
//! than what the platform does for any program, so that a ratio would move with every new libc. Calls are
//! kept as ratios. Of several processes the one that counted least is taken: a machine in trouble has
//! work done again, and never less.

use crate::callgrind::{COLD, INIT};
use crate::comparison::{Comparison, Row};
use crate::modes::Measured;
use crate::process::bare;
use crate::variant::LATCHKEY;
use crate::{Failure, canary};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Our counts by scene and figure, and where they were made.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Baseline {
    /// The image that they hold for.
    pub on: String,
    counts: BTreeMap<String, f64>,
}

impl Baseline {
    /// Our counts beside the first variant of each scene.
    pub fn of(comparisons: &[Comparison]) -> Self {
        let mut counts = BTreeMap::new();
        for Comparison { mode, scene, rows } in comparisons {
            let Some((base, others)) = rows.split_first() else { continue };
            let Some(ours) = others.iter().find(|row| row.variant == LATCHKEY) else { continue };
            for name in mode.figures() {
                let low = |row: &Row| Some(row.figures.get(*name)?.low);
                let (Some(ours), Some(of)) = (low(ours), low(base)) else { continue };
                let (unit, count) = match *name {
                    COLD | INIT => ("millions beyond", (ours - of) / 1e6),
                    _ => ("times", ours / of),
                };
                let key = format!("{scene}: {name}, {unit} {}", base.variant);
                counts.insert(key, (count * 1000.0).round() / 1000.0);
            }
        }
        Self { on: here(), counts }
    }

    /// Agrees on what was counted now, and writes it to `path`; not if some of it is missing or wrong.
    pub fn renew(path: &Path, measured: &Measured) -> Result<(), Failure> {
        let against = measured.left_out.iter().cloned().chain(canary::songs(&measured.comparisons));
        let against: Vec<_> = against.collect();
        if !against.is_empty() {
            return Err(Failure::Tool { tool: "--renew", what: against.join("\n") });
        }
        Self::of(&measured.comparisons).write(path)
    }

    /// Reads one that was written.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::Tool { tool: "baseline", what: error.to_string() })
    }

    /// Writes it, one count a line.
    fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        Ok(fs::write(path, text + "\n")?)
    }

    /// What in `now` is worse than here by more than the margin, is gone, or was never agreed on.
    pub fn exceeded(&self, now: &Self) -> Vec<String> {
        let worse = self.counts.iter().filter_map(|(key, agreed)| match now.counts.get(key) {
            None => Some(format!("{key}: it was not measured")),
            Some(found) if *found > agreed * (1.0 + margin(key)) => {
                Some(format!("{key}: {found:.3}, agreed {agreed:.3}"))
            }
            Some(_) => None,
        });
        let new = now.counts.keys().filter(|key| !self.counts.contains_key(*key));
        worse.chain(new.map(|key| format!("{key}: it was not agreed on"))).collect()
    }
}

/// The image that this is: both the libc and valgrind come with it.
fn here() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let valgrind = bare("valgrind").arg("--version").output();
    let valgrind = valgrind.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
    format!("{}, {}", name.unwrap_or("?").trim_matches('"'), valgrind.unwrap_or_default())
}

/// Counts repeat to a tenth of a percent on one machine, and to a few percent on another, whose libraries
/// choose other code. Of a start over TLS two counts were seen on a busy machine, a quarter apart.
fn margin(key: &str) -> f64 {
    if key.contains("cold") || key.contains("init") { 0.4 } else { 0.06 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callgrind::WARM;
    use crate::mode::Mode;
    use crate::statistics::Figure;

    fn row(variant: &str, low: f64, median: f64) -> Row {
        let figure = Figure { low, median, high: median };
        let figures = [COLD, WARM].map(|name| (name.to_owned(), figure));
        Row { variant: variant.to_owned(), figures: figures.into() }
    }

    fn counted(floor: f64, ours: f64) -> [Comparison; 1] {
        let rows =
            vec![row("floor", floor, floor), row(LATCHKEY, ours, 9e9), row("echo", 1.0, 1.0)];
        [Comparison { mode: Mode::Callgrind, scene: "over TLS".to_owned(), rows }]
    }

    #[test]
    fn what_a_machine_in_trouble_has_done_again_does_not_count() {
        let expected = [
            (format!("over TLS: {COLD}, millions beyond floor"), 6.1),
            (format!("over TLS: {WARM}, times floor"), 13.2),
        ];
        assert_eq!(Baseline::of(&counted(5e5, 6.6e6)).counts, BTreeMap::from(expected));
    }

    #[test]
    fn what_the_platform_adds_to_every_start_moves_no_count_of_a_start() {
        let start = |floor, ours| {
            let counts = Baseline::of(&counted(floor, ours)).counts;
            counts[&format!("over TLS: {COLD}, millions beyond floor")]
        };
        assert_eq!(start(5.3e5, 6.6e6).to_bits(), start(9.3e5, 7e6).to_bits());
    }

    fn baseline(ratio: f64) -> Baseline {
        let counts = BTreeMap::from([("over TLS: warm".to_owned(), ratio)]);
        Baseline { on: String::new(), counts }
    }

    #[test]
    fn a_count_beyond_the_margin_is_named_and_one_within_is_not() {
        let agreed = baseline(2.0);
        assert!(agreed.exceeded(&baseline(2.1)).is_empty());
        assert!(agreed.exceeded(&baseline(0.5)).is_empty());
        let worse = agreed.exceeded(&baseline(2.13));
        assert_eq!(worse, ["over TLS: warm: 2.130, agreed 2.000"]);
    }

    #[test]
    fn a_count_that_is_no_longer_made_or_was_never_agreed_on_is_named() {
        let gone = baseline(2.0).exceeded(&Baseline::default());
        assert_eq!(gone, ["over TLS: warm: it was not measured"]);
        let new = Baseline::default().exceeded(&baseline(2.0));
        assert_eq!(new, ["over TLS: warm: it was not agreed on"]);
    }

    #[test]
    fn nothing_is_agreed_on_where_something_is_missing_or_wrong() {
        let path = std::env::temp_dir().join(format!("baseline-{}.json", std::process::id()));
        // The canary saw nothing.
        let comparisons = counted(5e5, 6.6e6).to_vec();
        let measured = Measured { comparisons, left_out: vec!["callgrind: no".to_owned()] };
        let refused = Baseline::renew(&path, &measured).unwrap_err().to_string();
        assert!(refused.contains("callgrind: no") && refused.contains("canary"), "{refused}");
        assert!(!path.exists());
    }
}
