//! Two costs that come back unnoticed with an update, and are larger than all the rest of a start.
//!
//! Neither bound depends on what else a start costs, and none moves with the baseline.

use crate::callgrind;
use crate::comparison::{Comparison, Row};
use crate::statistics::Figure;
use crate::variant::{LATCHKEY, READING_FLOOR, TOO_MANY_ROOTS};

/// What sings: each sentence says what is wrong.
pub fn songs(comparisons: &[Comparison]) -> Vec<String> {
    let over_tls = comparisons.iter().filter(|comparison| comparison.scene == callgrind::OVER_TLS);
    over_tls.flat_map(|comparison| notes(&comparison.rows)).collect()
}

fn notes(rows: &[Row]) -> Vec<String> {
    // The least: what a slow machine repeats does not count.
    let cold = |name| {
        let row = rows.iter().find(|row| row.variant == name)?;
        row.figures.get(callgrind::COLD).map(|Figure { low, .. }| *low)
    };
    let (Some(floor), Some(ours), Some(with_roots)) =
        (cold(READING_FLOOR), cold(LATCHKEY), cold(TOO_MANY_ROOTS))
    else {
        return vec!["the canary saw no cold start".to_owned()];
    };
    let (millions, roots) = ((ours - floor) / 1e6, (with_roots - ours) / 1e6);
    let jitter = (millions > JITTER).then(|| {
        format!(
            "a cold start counts {millions:.0} million instructions more than the floor that reads \
             the same: CPU jitter entropy is back"
        )
    });
    let trust_store = (roots > TRUST_STORE).then(|| {
        format!(
            "a cold start counts {roots:.0} million instructions more where the operating system \
             believes more roots: its trust store is read again"
        )
    });
    jitter.into_iter().chain(trust_store).collect()
}

/// Millions. CPU jitter entropy is 400 at the first random number.
const JITTER: f64 = 100.0;
/// Millions. To read the many roots is 75, and whoever does not read them pays nothing.
const TRUST_STORE: f64 = 20.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::Mode;

    fn cold(floor: f64, ours: f64, with_roots: f64) -> Vec<Comparison> {
        let row = |variant: &str, millions: f64| {
            let count = millions * 1e6;
            let figure = Figure { median: count, low: count, high: count };
            Row {
                variant: variant.to_owned(),
                figures: [(callgrind::COLD.to_owned(), figure)].into(),
            }
        };
        let rows =
            vec![row(READING_FLOOR, floor), row(LATCHKEY, ours), row(TOO_MANY_ROOTS, with_roots)];
        vec![Comparison { mode: Mode::Callgrind, scene: callgrind::OVER_TLS.to_owned(), rows }]
    }

    #[test]
    fn it_sings_of_jitter_entropy_and_of_a_trust_store_and_of_nothing_else() {
        assert!(songs(&cold(8.0, 60.0, 62.0)).is_empty());
        let jitter = songs(&cold(8.0, 430.0, 431.0));
        assert!(matches!(&*jitter, [song] if song.contains("jitter entropy")), "{jitter:?}");
        let roots = songs(&cold(8.0, 20.0, 90.0));
        assert!(matches!(&*roots, [song] if song.contains("trust store")), "{roots:?}");
    }

    #[test]
    fn a_start_that_was_not_counted_is_no_good_news() {
        let mut comparisons = cold(8.0, 20.0, 20.0);
        comparisons[0].rows.pop();
        assert_eq!(songs(&comparisons).len(), 1);
    }
}
