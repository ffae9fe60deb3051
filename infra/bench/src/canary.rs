//! Two costs that come back unnoticed with an update, and are larger than all the rest of a start.

use crate::callgrind;
use crate::comparison::Comparison;
use crate::variant::{LATCHKEY, READING_FLOOR};

/// What sings: each sentence says what is wrong.
///
/// CPU jitter entropy is 400 million instructions at the first random number; the operating system's
/// trust store is 8 to 18 million. The floor reads the same things as the interceptor and has neither.
pub fn songs(comparisons: &[Comparison]) -> Vec<String> {
    let over_tls = comparisons.iter().filter(|comparison| comparison.scene == callgrind::OVER_TLS);
    over_tls.filter_map(song).collect()
}

fn song(comparison: &Comparison) -> Option<String> {
    let cold = |name| {
        let row = comparison.rows.iter().find(|row| row.variant == name)?;
        Some(row.figures.get(callgrind::COLD)?.median)
    };
    let more = cold(LATCHKEY)? - cold(READING_FLOOR)?;
    (more > MOST).then(|| {
        format!(
            "a cold start counts {:.1} million instructions more than the floor that reads the same: \
             jitter entropy or the trust store of the operating system is back",
            more / 1e6
        )
    })
}

const MOST: f64 = 12e6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Row;
    use crate::mode::Mode;
    use crate::statistics::Figure;

    fn cold(floor: f64, latchkey: f64) -> Vec<Comparison> {
        let row = |variant: &str, count| Row {
            variant: variant.to_owned(),
            figures: [(
                callgrind::COLD.to_owned(),
                Figure { median: count, low: count, high: count },
            )]
            .into(),
        };
        let rows = vec![row(READING_FLOOR, floor), row(LATCHKEY, latchkey)];
        vec![Comparison { mode: Mode::Callgrind, scene: callgrind::OVER_TLS.to_owned(), rows }]
    }

    #[test]
    fn it_sings_when_a_trust_store_is_read() {
        assert!(songs(&cold(8e6, 16e6)).is_empty());
        assert_eq!(songs(&cold(8e6, 22e6)).len(), 1);
    }
}
