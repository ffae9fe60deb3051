//! The table of ratios in a document.

use crate::comparison::{
    COLD_CPU, COLD_WALL, FIRST_BY_WARM, FIRST_WALL, PEAK, WARM_CPU, WARM_WALL,
};
use crate::comparison::{Comparison, Row};
use crate::mode::Mode;
use crate::results::{Machine, Results};
use crate::variant::{LATCHKEY, READING_FLOOR};
use crate::{Failure, callgrind, marks, modes};
use std::fmt::Write;
use std::path::Path;

/// Writes the table of `results` into the document at `path`.
pub fn write(path: &Path, results: &Results) -> Result<(), Failure> {
    let Machine { processor, cores, rustc, date } = &results.machine;
    let text = format!(
        "{}\nMeasured on {date}: {processor}, {cores} cores, {rustc}.\n",
        table(&results.comparisons)
    );
    marks::write(path, "bench", &text)
}

/// One line for each figure of interest.
fn table(comparisons: &[Comparison]) -> String {
    let head = COLUMNS.map(|(_, title)| title).join("|");
    let mut out = format!("| |{head}|\n|---|{}|\n", ["--:"; COLUMNS.len()].join("|"));
    for line in LINES {
        let mut found = comparisons.iter();
        let found = found.find(|found| found.mode == line.mode && found.scene == line.scene);
        if let Some(found) = found {
            let cells = COLUMNS.map(|(name, _)| cell(line, found, name));
            if cells.iter().any(|cell| !cell.is_empty()) {
                // Writing to a string does not fail.
                let _ = writeln!(out, "|{}|{}|", line.label, cells.join("|"));
            }
        }
    }
    out
}

/// Empty if it was not measured.
fn cell(line: &Line, found: &Comparison, variant: &str) -> String {
    let base = found.rows.first();
    let row = found.rows.iter().find(|row| row.variant == variant);
    let of = |row: &Row| {
        if line.is_ratio { row.ratio(base?, line.figure) } else { row.median(line.figure) }
    };
    let Some(figure) = row.and_then(of) else { return String::new() };
    let text = match figure {
        0.0..10.0 => format!("{figure:.2}"),
        10.0..100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    };
    if variant == LATCHKEY { format!("**{text}**") } else { text }
}

struct Line {
    label: &'static str,
    mode: Mode,
    scene: &'static str,
    figure: &'static str,
    /// Whether it is divided by that of the first variant, or is a ratio in itself.
    is_ratio: bool,
}

const fn ratio(label: &'static str, mode: Mode, scene: &'static str, figure: &'static str) -> Line {
    Line { label, mode, scene, figure, is_ratio: true }
}

/// Variants, and how newcomers know them.
const COLUMNS: [(&str, &str); 8] = [
    ("floor", "floor"),
    (READING_FLOOR, "floor that reads"),
    ("echo", "bare runtime"),
    (LATCHKEY, "**Latchkey**"),
    ("unprepared", "without preparation"),
    ("stock", "with default settings"),
    ("python", "Python, boto3"),
    ("node", "Node.js, SDK v3"),
];
const TLS: &str = modes::OVER_TLS;
const LINES: &[Line] = &[
    ratio("Start and first call, over TLS: processor time", Mode::Cold, TLS, COLD_CPU),
    ratio("The same: instructions", Mode::Callgrind, callgrind::OVER_TLS, callgrind::COLD),
    ratio("The same: time", Mode::Cold, TLS, COLD_WALL),
    ratio(
        "The same, the first of an hour: processor time",
        Mode::Cold,
        modes::FIRST_OF_HOUR,
        COLD_CPU,
    ),
    Line {
        label: "First call, in warm calls of its own",
        mode: Mode::Cold,
        scene: TLS,
        figure: FIRST_BY_WARM,
        is_ratio: false,
    },
    ratio("Start and first call with 128 MB: time", Mode::Quota, "128 MB", COLD_WALL),
    ratio("First call with 128 MB: time", Mode::Quota, "128 MB", FIRST_WALL),
    ratio("Warm call with 128 MB: time", Mode::Quota, "128 MB", WARM_WALL),
    ratio("Warm call, one read: processor time", Mode::Warm, modes::READS, WARM_CPU),
    ratio("The same: instructions", Mode::Callgrind, callgrind::OVER_HTTP, callgrind::WARM),
    ratio(
        "Warm call, the caller's second: processor time",
        Mode::Warm,
        modes::FROM_MEMORY,
        WARM_CPU,
    ),
    ratio("The same: instructions", Mode::Callgrind, callgrind::FROM_MEMORY, callgrind::WARM),
    ratio("Warm call, a table that takes 3 ms: time", Mode::Delay, modes::SLOW_TABLE, WARM_WALL),
    ratio("Warm call of 6 MB of text: processor time", Mode::Size, "text, 6000 KB", WARM_CPU),
    ratio(
        "What 256 KB of text add to a warm call, against a tree: instructions",
        Mode::Body,
        modes::body::TEXT,
        callgrind::WARM,
    ),
    ratio(
        "The same of rows of small objects: instructions",
        Mode::Body,
        modes::body::ROWS,
        callgrind::WARM,
    ),
    ratio("Message without a token: processor time", Mode::Pass, modes::LIST, WARM_CPU),
    ratio("Renewal in line: processor time", Mode::Mixes, modes::REFRESH, WARM_CPU),
    ratio("Most memory held", Mode::Cold, TLS, PEAK),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Figure;
    use crate::variant::TREE;

    #[test]
    fn a_cell_is_a_ratio_to_the_first_variant_and_what_was_not_measured_is_empty() {
        let row = |variant: &str, name: &str, median| Row {
            variant: variant.to_owned(),
            figures: [(name.to_owned(), Figure { median, low: median, high: median })].into(),
        };
        let found = |scene: &str, mode, rows| Comparison { mode, scene: scene.to_owned(), rows };
        let comparisons = [
            found(
                modes::READS,
                Mode::Warm,
                vec![
                    row("floor", WARM_CPU, 80.0),
                    row(LATCHKEY, WARM_CPU, 100.0),
                    row("node", WARM_CPU, 9600.0),
                ],
            ),
            found(
                modes::LIST,
                Mode::Pass,
                vec![row("echo", WARM_CPU, 20.0), row(LATCHKEY, WARM_CPU, 22.0)],
            ),
            found(
                modes::OVER_TLS,
                Mode::Cold,
                vec![row("floor", FIRST_BY_WARM, 4.0), row(LATCHKEY, FIRST_BY_WARM, 2.0)],
            ),
            found(
                modes::body::TEXT,
                Mode::Body,
                vec![
                    row(TREE, callgrind::WARM, 1000.0),
                    row("floor", callgrind::WARM, 300.0),
                    row(LATCHKEY, callgrind::WARM, 250.0),
                ],
            ),
        ];
        let table = table(&comparisons);
        let lines: Vec<_> = table.lines().skip(2).collect();
        assert!(lines[0].ends_with("own|4.00|||**2.00**|||||"), "{}", lines[0]);
        assert!(lines[1].ends_with("time|1.00|||**1.25**||||120|"), "{}", lines[1]);
        assert!(lines[2].ends_with("tree: instructions|0.30|||**0.25**|||||"), "{}", lines[2]);
        assert!(lines[3].ends_with("time|||1.00|**1.10**|||||"), "{}", lines[3]);
        assert_eq!(lines.len(), 4);
    }
}
