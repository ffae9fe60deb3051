//! Growth as pictures: SVG without fonts, scripts or bitmaps, the same for the same figures.

mod paint;
mod ticks;

use crate::Failure;
use crate::comparison::{COLD_CPU, Comparison, Row, WARM_CPU, WARM_WALL};
use crate::mode::Mode;
use crate::modes::growth::{AT, BY_DUE, BY_ROWS};
use crate::variant::{LATCHKEY, READING_FLOOR};
use paint::{Axis, Line, Picture};
use std::fs;
use std::path::Path;

/// Draws what grows with the size of an event, and all that [`Mode::Growth`] measures, into `folder`.
/// What was not measured is left as it is.
pub fn draw(folder: &Path, comparisons: &[Comparison]) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    for (file, picture) in pictures(comparisons) {
        if picture.lines.iter().any(|line| line.points.len() > 1) {
            picture
                .paint(&folder.join(file))
                .map_err(|error| Failure::Tool { tool: "plotters", what: error.to_string() })?;
        }
    }
    Ok(())
}

fn pictures(comparisons: &[Comparison]) -> Vec<(String, Picture)> {
    let mut pictures = vec![];
    for content in ["text", "base64", "rows"] {
        let picture = Picture {
            title: format!("A warm call by the size of its event ({content})"),
            across: Axis { label: "size of the event", unit: "KB" },
            up: Axis { label: "processor time", unit: "ms" },
            lines: lines(&sized(comparisons, content), &PEERS, CPU),
        };
        pictures.push((format!("size-{content}.svg"), picture));
    }
    let compared = [LATCHKEY, READING_FLOOR];
    for (scene, title, across, up, shown) in [
        ("targets", "A start and its first call, over TLS", "targets", "processor time", COLD),
        ("connections", "A warm call that reads", "connections in the table", "time", BOTH),
        ("callers", "Warm calls at the same time", "instances called at once", "time", BOTH),
    ] {
        let picture = Picture {
            title: title.to_owned(),
            across: Axis { label: across, unit: "" },
            up: Axis { label: up, unit: "ms" },
            lines: lines(&grown(comparisons, scene), &compared, shown),
        };
        pictures.push((format!("{scene}.svg"), picture));
    }
    let [by_rows, by_due] = [
        (BY_ROWS, "rows in the table\n(100 are due)"),
        (BY_DUE, "rows that are due\n(of 100 000)"),
    ]
    .map(|(scene, name)| {
        let found = lines(&grown(comparisons, scene), &["refresh"], CPU).into_iter();
        found.map(move |line| Line { name: name.to_owned(), ..line })
    });
    let sweep = Picture {
        title: "One sweep for what is due".to_owned(),
        across: Axis { label: "rows", unit: "" },
        up: Axis { label: "processor time", unit: "ms" },
        lines: by_rows.chain(by_due.map(|line| Line { hue: line.hue + 2, ..line })).collect(),
    };
    pictures.push(("sweep.svg".to_owned(), sweep));
    pictures
}

/// A variant at a size.
struct Point<'a> {
    variant: &'a str,
    x: f64,
    row: &'a Row,
}

/// What was compared at several sizes of an event: the scene's name holds the size.
fn sized<'a>(comparisons: &'a [Comparison], content: &str) -> Vec<Point<'a>> {
    let of = comparisons.iter().filter(|comparison| comparison.mode == Mode::Size);
    let of = of.filter_map(|comparison| {
        let size = comparison.scene.strip_prefix(content)?.strip_prefix(", ")?;
        Some((size.strip_suffix(" KB")?.parse().ok()?, &comparison.rows))
    });
    of.flat_map(|(x, rows)| rows.iter().map(move |row| Point { variant: &row.variant, x, row }))
        .collect()
}

/// What grew: the name of a row holds the size.
fn grown<'a>(comparisons: &'a [Comparison], scene: &str) -> Vec<Point<'a>> {
    let of = comparisons.iter().filter(|comparison| comparison.mode == Mode::Growth);
    let rows = of.filter(|comparison| comparison.scene == scene).flat_map(|c| &c.rows);
    rows.filter_map(|row| {
        let (variant, x) = row.variant.rsplit_once(AT)?;
        Some(Point { variant, x: x.parse().ok()?, row })
    })
    .collect()
}

/// The lines of `variants`, and of no others: one for each of the figures that are `shown`.
fn lines(points: &[Point], variants: &[&str], shown: &[Shown]) -> Vec<Line> {
    let mut lines = vec![];
    for (hue, variant) in variants.iter().enumerate() {
        for Shown { figure, suffix, is_dashed } in shown {
            let of = points.iter().filter(|point| point.variant == *variant);
            let mut found: Vec<_> = of
                .filter_map(|point| {
                    Some((point.x, point.row.figures.get(*figure)?.median / 1000.0))
                })
                .collect();
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            if !found.is_empty() {
                let name = format!("{variant}{suffix}");
                lines.push(Line { name, hue, is_dashed: *is_dashed, points: found });
            }
        }
    }
    lines
}

/// A figure, which is in microseconds, and how its line is told from others of the same variant.
struct Shown {
    figure: &'static str,
    suffix: &'static str,
    is_dashed: bool,
}

/// Those of whom a reader asks how they grow.
const PEERS: [&str; 4] = [LATCHKEY, "floor", "python", "node"];
const CPU: &[Shown] = &[Shown { figure: WARM_CPU, suffix: "", is_dashed: false }];
const COLD: &[Shown] = &[Shown { figure: COLD_CPU, suffix: "", is_dashed: false }];
const BOTH: &[Shown] = &[
    Shown { figure: WARM_CPU, suffix: ",\nprocessor", is_dashed: false },
    Shown { figure: WARM_WALL, suffix: ",\nwall clock", is_dashed: true },
];

#[cfg(test)]
mod tests;
