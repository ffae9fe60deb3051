//! The table of ratios in a document, between two marks, written and not typed.

use crate::comparison::{COLD_CPU, Comparison, FIRST_BY_WARM, PEAK, WARM_CPU, WARM_WALL};
use crate::mode::Mode;
use crate::{Failure, callgrind};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Writes the table of `comparisons` into the document at `path`.
pub fn write(path: &Path, comparisons: &[Comparison]) -> Result<(), Failure> {
    let text = fs::read_to_string(path)?;
    let missing = || Failure::Tool { tool: "report", what: format!("{BEGIN} or {END} is missing") };
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(fs::write(path, format!("{before}{BEGIN}\n{}{END}{after}", table(comparisons)))?)
}

/// One line for each figure of interest; each cell is a ratio to the first variant of its scene.
pub fn table(comparisons: &[Comparison]) -> String {
    let lines: Vec<_> = LINES
        .iter()
        .filter_map(|(label, mode, scene, figure)| {
            let found = comparisons.iter().find(|c| c.mode == *mode && c.scene == *scene)?;
            Some((label, found, figure))
        })
        .collect();
    let mut names: Vec<&str> = vec![];
    for (_, comparison, _) in &lines {
        for row in &comparison.rows {
            if !names.contains(&row.variant.as_str()) {
                names.push(&row.variant);
            }
        }
    }
    let mut out =
        format!("| |{}|\n|---|{}|\n", names.join("|"), vec!["--:"; names.len()].join("|"));
    for (label, comparison, figure) in lines {
        let cell = |name: &&str| {
            let row = comparison.rows.iter().find(|row| row.variant == **name);
            let ratio =
                row.zip(comparison.rows.first()).and_then(|(row, base)| row.ratio(base, figure));
            ratio.map_or(String::new(), |ratio| format!("{ratio:.2}"))
        };
        // Writing to a string does not fail.
        let _ = writeln!(out, "|{label}|{}|", names.iter().map(cell).collect::<Vec<_>>().join("|"));
    }
    out
}

const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";
const LINES: [(&str, Mode, &str, &str); 9] = [
    ("Cold start and first call over TLS: processor time", Mode::Cold, "over TLS", COLD_CPU),
    ("The same: instructions", Mode::Callgrind, callgrind::OVER_TLS, callgrind::COLD),
    ("First call by warm call: time", Mode::Cold, "over TLS", FIRST_BY_WARM),
    ("Warm call with one read: processor time", Mode::Warm, "one read", WARM_CPU),
    ("The same: instructions", Mode::Callgrind, callgrind::OVER_HTTP, callgrind::WARM),
    ("Warm call, a table that takes 3 ms: time", Mode::Delay, "a table of 3 ms", WARM_WALL),
    (
        "A message without a token, by a bare runtime: processor time",
        Mode::Pass,
        "tools/list",
        WARM_CPU,
    ),
    ("The same: instructions", Mode::Callgrind, callgrind::PASS, callgrind::WARM),
    ("Most memory held", Mode::Cold, "over TLS", PEAK),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Row;
    use crate::statistics::Figure;

    #[test]
    fn a_cell_is_a_ratio_to_the_first_variant_and_what_was_not_measured_is_empty() {
        let row = |variant: &str, median| Row {
            variant: variant.to_owned(),
            figures: [(WARM_CPU.to_owned(), Figure { median, low: median, high: median })].into(),
        };
        let warm = |scene: &str, mode, rows| Comparison { mode, scene: scene.to_owned(), rows };
        let found = [
            warm("one read", Mode::Warm, vec![row("floor", 80.0), row("latchkey", 100.0)]),
            warm("tools/list", Mode::Pass, vec![row("echo", 20.0), row("latchkey", 22.0)]),
        ];
        let table = table(&found);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "| |floor|latchkey|echo|");
        assert!(lines[2].ends_with("|1.00|1.25||"), "{}", lines[2]);
        assert!(lines[3].ends_with("||1.10|1.00|"), "{}", lines[3]);
        assert_eq!(lines.len(), 4);
    }
}
