//! Results for a terminal: ratios to the first variant, and what that one is in itself.

use crate::comparison::{Comparison, Row};
use crate::statistics::Figure;
use std::fmt::Write;

/// A comparison as a table. A spread is half of what lies between the quartiles.
pub fn table(comparison: &Comparison) -> String {
    let mut out = String::new();
    let Some(base) = comparison.rows.first() else { return out };
    let names = comparison.mode.figures().iter();
    let names: Vec<_> = names.filter(|name| base.figures.contains_key(**name)).collect();
    // Writing to a string does not fail.
    let _ = write!(out, "\n{:<24}", format!("{:?}: {}", comparison.mode, comparison.scene));
    for name in &names {
        let _ = write!(out, "{name:>20}");
    }
    let _ = write!(out, "\n{:<24}", format!("({} itself)", base.variant));
    for name in &names {
        let itself = base.figures.get(**name).map_or(0.0, |figure| figure.median);
        let _ = write!(out, "{itself:>20.1}");
    }
    for row in &comparison.rows {
        let _ = write!(out, "\n{:<24}", row.variant);
        for name in &names {
            let _ = write!(out, "{:>20}", cell(row, base, name));
        }
    }
    out.push('\n');
    out
}

fn cell(row: &Row, base: &Row, name: &str) -> String {
    let (Some(ratio), Some(figure)) = (row.ratio(base, name), row.figures.get(name)) else {
        return "-".to_owned();
    };
    let Figure { low, median, high } = figure;
    format!("{ratio:.3} \u{b1}{:.0}%", (high - low) / median * 50.0)
}
