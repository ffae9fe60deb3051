//! The counts that were agreed on, and whether those of a run are still as low.
//!
//! What is kept are ratios to the floor of the same run: what another glibc or valgrind counts
//! differently, it does in both. Of several processes the one that counted least is taken: a machine
//! in trouble has work done again, and never less.

use crate::Failure;
use crate::comparison::Comparison;
use crate::variant::LATCHKEY;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Our ratios by scene and figure.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Baseline(BTreeMap<String, f64>);

impl Baseline {
    /// Our ratios to the first variant of each scene.
    pub fn of(comparisons: &[Comparison]) -> Self {
        let ratios = comparisons.iter().flat_map(|comparison| {
            let (base, others) = match comparison.rows.split_first() {
                Some((base, others)) => (Some(base), others),
                None => (None, &[][..]),
            };
            let ours = others.iter().filter(|row| row.variant == LATCHKEY);
            ours.flat_map(move |row| {
                let names = comparison.mode.figures().iter();
                names.filter_map(move |name| {
                    let ratio = row.figures.get(*name)?.low / base?.figures.get(*name)?.low;
                    let key = format!("{}: {name}", comparison.scene);
                    Some((key, (ratio * 1000.0).round() / 1000.0))
                })
            })
        });
        Self(ratios.collect())
    }

    /// Reads one that was written.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::Tool { tool: "baseline", what: error.to_string() })
    }

    /// Writes it, one ratio a line.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        Ok(fs::write(path, text + "\n")?)
    }

    /// What in `now` is worse than here by more than the margin, or is gone.
    pub fn exceeded(&self, now: &Self) -> Vec<String> {
        let worse = self.0.iter().filter_map(|(key, agreed)| match now.0.get(key) {
            None => Some(format!("{key}: it was not measured")),
            Some(found) if *found > agreed * (1.0 + MARGIN) => {
                Some(format!("{key}: {found:.3}, agreed {agreed:.3}"))
            }
            Some(_) => None,
        });
        worse.collect()
    }
}

/// Counts repeat to a tenth of a percent; a compiler's new version moves them by more than that.
const MARGIN: f64 = 0.03;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callgrind;
    use crate::comparison::Row;
    use crate::mode::Mode;
    use crate::statistics::Figure;

    fn row(variant: &str, low: f64, median: f64) -> Row {
        let figure = Figure { low, median, high: median };
        let figures = [(callgrind::COLD.to_owned(), figure)].into();
        Row { variant: variant.to_owned(), figures }
    }

    #[test]
    fn what_a_machine_in_trouble_has_done_again_does_not_count() {
        let rows = vec![row("floor", 10.0, 11.0), row(LATCHKEY, 15.0, 90.0), row("echo", 1.0, 1.0)];
        let scene = "over TLS".to_owned();
        let found = [Comparison { mode: Mode::Callgrind, scene, rows }];
        let expected = BTreeMap::from([(format!("over TLS: {}", callgrind::COLD), 1.5)]);
        assert_eq!(Baseline::of(&found), Baseline(expected));
    }

    fn baseline(ratio: f64) -> Baseline {
        Baseline(BTreeMap::from([("over TLS: cold".to_owned(), ratio)]))
    }

    #[test]
    fn a_count_beyond_the_margin_is_named_and_one_within_is_not() {
        let agreed = baseline(2.0);
        assert!(agreed.exceeded(&baseline(2.05)).is_empty());
        assert!(agreed.exceeded(&baseline(0.5)).is_empty());
        let worse = agreed.exceeded(&baseline(2.07));
        assert_eq!(worse, ["over TLS: cold: 2.070, agreed 2.000"]);
    }

    #[test]
    fn a_count_that_is_no_longer_made_is_named() {
        assert_eq!(baseline(2.0).exceeded(&Baseline::default()).len(), 1);
    }
}
