//! Where an axis is labelled, and with what.

/// Round numbers from `low` to `high`: 1, 2 and 5 of every power of ten, or the powers alone where those
/// would be too many.
pub(super) fn round(low: f64, high: f64) -> Vec<f64> {
    let of = |steps: &[f64]| -> Vec<f64> {
        let powers = (-6..=12).map(|power| 10f64.powi(power));
        powers
            .flat_map(|power| steps.iter().map(move |step| step * power))
            .filter(|tick| (low..=high).contains(tick))
            .collect()
    };
    let fine = of(&[1.0, 2.0, 5.0]);
    if fine.len() > MOST { of(&[1.0]) } else { fine }
}

/// A number as people write it: thousands apart, and no more digits than it needs.
pub(super) fn label(number: f64) -> String {
    let text = format!("{number:.6}");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            out.push(APART);
        }
        out.push(digit);
    }
    match part.trim_end_matches('0') {
        "" => out,
        part => format!("{out}.{part}"),
    }
}

const MOST: usize = 9;
/// A space at which no line is broken.
const APART: char = '\u{a0}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(round(3.0, 60.0), [5.0, 10.0, 20.0, 50.0]);
        assert_eq!(round(0.5, 20_000.0), [1.0, 10.0, 100.0, 1_000.0, 10_000.0]);
    }

    #[test]
    fn thousands_stand_apart_and_no_digit_is_idle() {
        let labels = [0.05, 1.0, 256.0, 1_000.0, 1_000_000.0].map(label);
        assert_eq!(labels, ["0.05", "1", "256", "1\u{a0}000", "1\u{a0}000\u{a0}000"]);
    }
}
