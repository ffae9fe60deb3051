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
    /// Of what was measured; `None` if nothing was. What lies between two of them is their weighted mean.
    pub fn of(mut measured: Vec<f64>) -> Option<Self> {
        measured.sort_by(f64::total_cmp);
        let last = measured.len().checked_sub(1)?;
        let at = |quarter: usize| {
            let (before, rest) = (last * quarter / 4, last * quarter % 4);
            let [from, to] = [before, last.min(before + 1)].map(|index| measured[index]);
            from + (to - from) * QUARTERS[rest]
        };
        Some(Self { low: at(1), median: at(2), high: at(3) })
    }
}

const QUARTERS: [f64; 4] = [0.0, 0.25, 0.5, 0.75];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_not_moved_by_one_that_lies_far_away() {
        let figure = Figure::of(vec![3.0, 1.0, 2.0, 900.0, 4.0]).unwrap();
        assert_eq!(figure, Figure { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(Figure::of(vec![]), None);
    }

    #[test]
    fn of_an_even_number_the_middle_lies_between_two() {
        let figure = Figure::of(vec![8.0, 1.0, 2.0, 4.0]).unwrap();
        assert_eq!(figure, Figure { low: 1.75, median: 3.0, high: 5.0 });
        assert_eq!(Figure::of(vec![7.0]), Some(Figure { low: 7.0, median: 7.0, high: 7.0 }));
        let eight = Figure::of((1..=8).map(f64::from).collect()).unwrap();
        assert_eq!(eight, Figure { low: 2.75, median: 4.5, high: 6.25 });
    }
}
