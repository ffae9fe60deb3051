//! The middle of several figures and how far they lie apart.

use serde::{Deserialize, Serialize};

/// A median and the quartiles around it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Figure {
    /// The median.
    pub median: f64,
    /// A quarter lies below.
    pub low: f64,
    /// A quarter lies above.
    pub high: f64,
}

impl Figure {
    /// Of what was measured; `None` if nothing was.
    pub fn of(mut measured: Vec<f64>) -> Option<Self> {
        measured.sort_by(f64::total_cmp);
        let at = |part: usize| measured.get((measured.len().checked_sub(1)?) * part / 4).copied();
        Some(Self { low: at(1)?, median: at(2)?, high: at(3)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_not_moved_by_one_that_lies_far_away() {
        let figure = Figure::of(vec![3.0, 1.0, 2.0, 900.0, 4.0]).unwrap();
        assert_eq!(figure, Figure { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(Figure::of(vec![]), None);
    }
}
