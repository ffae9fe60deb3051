//! Variants in one situation: they take turns, so that whatever else the machine does meets all of them.

use crate::Failure;
use crate::mode::Mode;
use crate::scene::{Run, Scene};
use crate::statistics::Figure;
use crate::variant::Variant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What was found in one situation.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Comparison {
    /// The kind of measurement.
    pub mode: Mode,
    /// The situation.
    pub scene: String,
    /// The variants, the one that the others are divided by first.
    pub rows: Vec<Row>,
}

/// What was found of one variant.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Row {
    /// Its name.
    pub variant: String,
    /// Its figures by name: times in microseconds, memory in bytes, and instructions.
    pub figures: BTreeMap<String, Figure>,
}

impl Row {
    /// Of what was found in each round.
    pub(crate) fn of(variant: &str, rounds: &[Figures]) -> Self {
        let names = rounds.iter().flat_map(BTreeMap::keys);
        let figures = names.filter_map(|name| {
            let found = rounds.iter().filter_map(|figures| figures.get(name).copied());
            Some(((*name).to_owned(), Figure::of(found.collect())?))
        });
        Self { variant: variant.to_owned(), figures: figures.collect() }
    }

    /// How often `of` goes into this figure.
    pub fn ratio(&self, of: &Self, figure: &str) -> Option<f64> {
        Some(self.median(figure)? / of.median(figure)?)
    }

    /// A figure, if it was measured.
    pub fn median(&self, figure: &str) -> Option<f64> {
        Some(self.figures.get(figure)?.median)
    }
}

/// Figures of one run, by their names.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

/// Plays `scene` in turns; the first round, which fills the machine's own caches, does not count.
pub(crate) fn compare(
    mode: Mode,
    name: &str,
    scene: &Scene,
    variants: &[Variant],
    rounds: usize,
    folder: &Path,
) -> Result<Comparison, Failure> {
    let runs = take_turns(variants.len(), rounds, |number| {
        Ok(figures(&scene.play(&variants[number], folder)?))
    })?;
    let rows = variants.iter().zip(&runs).map(|(variant, runs)| Row::of(variant.name, runs));
    Ok(Comparison { mode, scene: name.to_owned(), rows: rows.collect() })
}

/// Lets that many players `play` in turns, in the order of [`turns`]: what each of them found, round by
/// round.
pub(crate) fn take_turns(
    players: usize,
    rounds: usize,
    mut play: impl FnMut(usize) -> Result<Figures, Failure>,
) -> Result<Vec<Vec<Figures>>, Failure> {
    let mut found = vec![vec![]; players];
    for round in 0..=rounds {
        for number in turns(players, round) {
            let figures = play(number)?;
            if round > 0 {
                found[number].push(figures);
            }
        }
    }
    Ok(found)
}

/// The order of a round, by E. J. Williams' design for trials in which a treatment leaves something
/// behind: a player finds in the processor's caches what the one before left there. In as many rounds as
/// there are players, or twice as many of an odd number, each plays once or twice in each place, and in
/// a round after each other one as often as after any. Who ends a round does not begin the next.
fn turns(players: usize, round: usize) -> impl Iterator<Item = usize> {
    let steps = (0..players).map(move |step| {
        // 0, 1, n - 1, 2, n - 2 and so on: of an even number no two neighbours are as far apart as any other two.
        if step % 2 == 1 { step.div_ceil(2) } else { (players - step / 2) % players }
    });
    // Of two, who begins always comes after the other.
    let row = if players == 2 { 0 } else { round % players };
    // Of an odd number every other cycle is read backwards, and turned the other way: only so do all neighbours meet.
    let is_backwards = players % 2 == 1 && (round / players) % 2 == 1;
    let turn = if is_backwards { players - row } else { row };
    let mut order: Vec<_> = steps.map(|step| (step + turn) % players).collect();
    if is_backwards {
        order.reverse();
    }
    order.into_iter()
}

/// What one run of one variant cost.
pub(crate) fn figures(run: &Run) -> Figures {
    BTreeMap::from([
        (INIT_WALL, micros(run.init.wall)),
        (INIT_CPU, micros(run.init.cpu)),
        (FIRST_WALL, micros(run.first.wall)),
        (FIRST_CPU, micros(run.first.cpu)),
        (COLD_WALL, micros(run.init.wall + run.first.wall)),
        (COLD_CPU, micros(run.init.cpu + run.first.cpu)),
        (WARM_WALL, micros(run.warm.wall)),
        (WARM_CPU, micros(run.warm.cpu)),
        (FIRST_BY_WARM, run.first.wall.as_secs_f64() / run.warm.wall.as_secs_f64()),
        (PEAK, peak(run)),
    ])
}

#[expect(clippy::cast_precision_loss, reason = "no process holds 2^52 bytes")]
fn peak(run: &Run) -> f64 {
    run.peak as f64
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The figures' names.
pub(crate) const INIT_WALL: &str = "init wall";
pub(crate) const INIT_CPU: &str = "init cpu";
pub(crate) const FIRST_WALL: &str = "first wall";
pub(crate) const FIRST_CPU: &str = "first cpu";
pub(crate) const COLD_WALL: &str = "cold wall";
pub(crate) const COLD_CPU: &str = "cold cpu";
pub(crate) const WARM_WALL: &str = "warm wall";
pub(crate) const WARM_CPU: &str = "warm cpu";
pub(crate) const FIRST_BY_WARM: &str = "first by warm";
pub(crate) const PEAK: &str = "peak";
/// Requests at the tables, of one call.
pub(crate) const REQUESTS: &str = "table requests";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_what_each_found_in_it_and_the_first_does_not_count() {
        let mut played = vec![];
        let found = take_turns(2, 2, |player| {
            played.push(player);
            Ok(Figures::from([(WARM_CPU, f64::from(u32::try_from(played.len()).unwrap()))]))
        });
        assert_eq!(played, [0, 1, 0, 1, 0, 1]);
        let turns = |a, b| vec![Figures::from([(WARM_CPU, a)]), Figures::from([(WARM_CPU, b)])];
        assert_eq!(found.unwrap(), [turns(3.0, 5.0), turns(4.0, 6.0)]);
    }

    #[test]
    fn each_comes_in_each_place_and_after_each_other_as_often() {
        for players in 3..=10 {
            let rounds = if players % 2 == 0 { players } else { 2 * players };
            let (mut places, mut neighbours) = (BTreeMap::new(), BTreeMap::new());
            for round in 0..rounds {
                let order: Vec<_> = turns(players, round).collect();
                for (place, player) in order.iter().enumerate() {
                    *places.entry((place, *player)).or_insert(0) += 1;
                }
                for pair in order.windows(2) {
                    *neighbours.entry((pair[0], pair[1])).or_insert(0) += 1;
                }
            }
            let times = rounds / players;
            assert_eq!(places.len(), players * players);
            assert!(places.values().all(|found| *found == times), "{players}: {places:?}");
            assert_eq!(neighbours.len(), players * (players - 1), "{players}");
            assert!(neighbours.values().all(|found| *found == times), "{players}: {neighbours:?}");
        }
    }

    #[test]
    fn nobody_comes_after_themselves() {
        for players in 2..=10 {
            let played: Vec<_> = (0..40).flat_map(|round| turns(players, round)).collect();
            assert!(played.windows(2).all(|pair| pair[0] != pair[1]), "{players}");
        }
        assert_eq!(turns(1, 7).collect::<Vec<_>>(), [0]);
    }
}
