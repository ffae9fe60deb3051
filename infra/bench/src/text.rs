//! Results for a terminal: ratios to the first variant, and what one of them is in itself.

use crate::comparison::{Comparison, Row};
use std::fmt::Write;

/// A comparison as a table.
pub fn table(comparison: &Comparison) -> String {
    let mut out = format!("\n{}: {}\n", comparison.mode, comparison.scene);
    let Some(base) = comparison.rows.first() else { return out };
    let names: Vec<_> = base.figures.keys().collect();
    // Writing to a string does not fail.
    let _ = write!(out, "{:<20}", "");
    for name in &names {
        let _ = write!(out, "{name:>20}");
    }
    let _ = writeln!(out, "\n{}", absolute(base, &names));
    for row in &comparison.rows {
        let _ = write!(out, "{:<20}", row.variant);
        for name in &names {
            let cell = row.ratio(base, name).map_or("-".to_owned(), |ratio| {
                let figure = &row.figures[*name];
                let spread = (figure.high - figure.low) / figure.median * 50.0;
                format!("{ratio:.3} \u{b1}{spread:.0}%")
            });
            let _ = write!(out, "{cell:>20}");
        }
        out.push('\n');
    }
    out
}

fn absolute(base: &Row, names: &[&String]) -> String {
    let cells = names.iter().map(|name| format!("{:>20.1}", base.figures[*name].median));
    format!("{:<20}{}", format!("({} itself)", base.variant), cells.collect::<String>())
}
