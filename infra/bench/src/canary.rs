//! Two costs that come back unnoticed with an update, and are larger than all the rest of a start.
//!
//! Neither bound depends on what else a start costs, and none moves with the baseline.

use crate::callgrind::{COLD, OVER_HTTP, OVER_TLS};
use crate::comparison::{Comparison, Row};
use crate::variant::{LATCHKEY, OWN_ROOTS, TOO_MANY_ROOTS};

/// What sings: each sentence says what is wrong.
pub fn songs(comparisons: &[Comparison]) -> Vec<String> {
    // The least: what a slow machine repeats does not count.
    let cold = |scene, variant| {
        let rows = comparisons.iter().filter(|found| found.scene == scene).flat_map(|c| &c.rows);
        let mut ours = rows.filter(|row: &&Row| row.variant == variant);
        Some(ours.next()?.figures.get(COLD)?.low / 1e6)
    };
    let (Some(ours), Some(believing), Some(over_http), Some(bundled)) = (
        cold(OVER_TLS, LATCHKEY),
        cold(OVER_TLS, TOO_MANY_ROOTS),
        cold(OVER_HTTP, LATCHKEY),
        cold(OVER_HTTP, OWN_ROOTS),
    ) else {
        return vec!["the canary saw no cold start".to_owned()];
    };
    let mut songs = vec![];
    if ours > JITTER {
        songs.push(format!(
            "a cold start counts {ours:.0} million instructions: CPU jitter entropy is back"
        ));
    }
    for (more, though) in [
        (believing - ours, "AWS_CA_BUNDLE names one"),
        (bundled - over_http, "ours are compiled in"),
    ] {
        if more > TRUST_STORE {
            songs.push(format!(
                "a cold start counts {more:.0} million instructions more where the operating system \
                 believes more roots, though {though}: its trust store is read again"
            ));
        }
    }
    songs
}

/// Millions, of a whole start: what it is compared with is built with the same settings, and may have what
/// it is to be without. CPU jitter entropy is 400 at the first random number, all the rest 15.
const JITTER: f64 = 100.0;
/// Millions. To read the many roots is 75, and whoever does not read them pays nothing.
const TRUST_STORE: f64 = 20.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::Mode;
    use crate::statistics::Figure;

    /// Millions over TLS and over HTTP, ours and with the roots.
    fn cold(over_tls: [f64; 2], over_http: [f64; 2]) -> Vec<Comparison> {
        let row = |variant: &str, millions: f64| {
            let count = millions * 1e6;
            let figure = Figure { median: count, low: count, high: count };
            Row { variant: variant.to_owned(), figures: [(COLD.to_owned(), figure)].into() }
        };
        let found = |scene: &str, [ours, other]: [f64; 2], name| Comparison {
            mode: Mode::Callgrind,
            scene: scene.to_owned(),
            rows: vec![row(LATCHKEY, ours), row(name, other)],
        };
        vec![found(OVER_TLS, over_tls, TOO_MANY_ROOTS), found(OVER_HTTP, over_http, OWN_ROOTS)]
    }

    #[test]
    fn it_sings_of_jitter_entropy_and_of_a_trust_store_and_of_nothing_else() {
        assert!(songs(&cold([60.0, 62.0], [50.0, 55.0])).is_empty());
        let jitter = songs(&cold([430.0, 431.0], [8.0, 8.0]));
        assert!(matches!(&*jitter, [song] if song.contains("jitter entropy")), "{jitter:?}");
        let bundle = songs(&cold([20.0, 90.0], [8.0, 8.0]));
        assert!(matches!(&*bundle, [song] if song.contains("AWS_CA_BUNDLE")), "{bundle:?}");
        let own = songs(&cold([20.0, 20.0], [8.0, 90.0]));
        assert!(matches!(&*own, [song] if song.contains("compiled in")), "{own:?}");
    }

    #[test]
    fn a_start_that_was_not_counted_is_no_good_news() {
        for scene in [0, 1] {
            let mut comparisons = cold([20.0, 20.0], [8.0, 8.0]);
            comparisons[scene].rows.pop();
            assert_eq!(songs(&comparisons).len(), 1);
        }
    }
}
