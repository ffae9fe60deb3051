//! What a body costs: what a larger event adds to a warm call. It is compared with a function that does
//! with its event what most do, and makes a tree of it.
//!
//! All calls are forwarded, and are one caller's, whom Latchkey remembers: nothing is verified and nothing
//! read that would waver meanwhile, and whatever else a call costs is the same at both sizes and taken
//! off. What is left is the body's, and what it takes to bring the event here and the answer back, which
//! is the same for all that use the same runtime.

use super::{Bench, Measured, SIZES};
use crate::Failure;
use crate::callgrind;
use crate::comparison::{Comparison, Figures, PEAK, Row, WARM_CPU, WARM_WALL, figures, take_turns};
use crate::event::Content;
use crate::mode::Mode;
use crate::scene::Scene;
use crate::variant::{self, TREE, TREE_TOKEN, Variant};

impl Bench<'_> {
    pub(super) fn bodies(&self, measured: &mut Measured) -> Result<(), Failure> {
        let variants = self.wanted([variant::tree, variant::floor, variant::latchkey]);
        // There is nothing to compare with.
        if variants.iter().all(|variant| variant.name != TREE) {
            return Ok(());
        }
        let Some(caller) = self.plain.callers.first() else { return Ok(()) };
        let told = |variant: &Variant| variant.told(TREE_TOKEN, &caller.token);
        let variants: Vec<_> = variants.iter().map(told).collect();
        if !callgrind::is_there() {
            let why = "body: no instructions of a body, for valgrind is not installed";
            measured.left_out.push(why.to_owned());
        }
        for (name, content) in
            [(TEXT, Content::Text), (BASE64, Content::Base64), (ROWS, Content::Rows)]
        {
            measured.keep(self.body(name, content, &variants))?;
        }
        Ok(())
    }

    fn body(
        &self,
        name: &str,
        content: Content,
        variants: &[Variant],
    ) -> Result<Comparison, Failure> {
        eprintln!("{:?}: {name}", Mode::Body);
        let [small, large] = [SIZES[0], LARGE]
            .map(|size| self.plain.remembers_sized(content, size, self.arguments.calls));
        let found = take_turns(variants.len(), self.arguments.rounds, |number| {
            let play = |scene: &Scene| scene.play(&variants[number], self.folder);
            Ok(added(&[figures(&play(&small)?), figures(&play(&large)?)]))
        })?;
        let mut rows = Vec::with_capacity(variants.len());
        for (variant, rounds) in variants.iter().zip(&found) {
            let mut row = Row::of(variant.name, rounds);
            if callgrind::is_there() {
                eprintln!("{:?}: instructions of {}, {name}", Mode::Body, variant.name);
                let file = format!("callgrind-body-{name}-{}", variant.name);
                let count = |scene| callgrind::figures(scene, variant, &self.folder.join(&file));
                let counted = added(&[count(&small)?, count(&large)?]);
                row.figures.extend(Row::of(variant.name, &[counted]).figures);
            }
            rows.push(row);
        }
        Ok(Comparison { mode: Mode::Body, scene: name.to_owned(), rows })
    }
}

/// What the larger of two events adds to a warm call, and to the most memory held.
fn added([small, large]: &[Figures; 2]) -> Figures {
    let more = |name| Some((name, large.get(name)? - small.get(name)?));
    [WARM_CPU, WARM_WALL, PEAK, callgrind::WARM].into_iter().filter_map(more).collect()
}

/// The scenes' names.
pub(crate) const TEXT: &str = "text";
pub(crate) const BASE64: &str = "base64";
pub(crate) const ROWS: &str = "rows";
/// Bytes of the larger event: little enough for valgrind.
const LARGE: usize = 256_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::FIRST_CPU;

    #[test]
    fn what_a_call_costs_whatever_its_body_is_no_cost_of_the_body() {
        let played = |common: f64, body: f64| {
            let event = |size: f64| {
                Figures::from([(WARM_CPU, common + body * size), (FIRST_CPU, common), (PEAK, size)])
            };
            added(&[event(4.0), event(256.0)])
        };
        let of = |cpu| Figures::from([(WARM_CPU, cpu), (PEAK, 252.0)]);
        assert_eq!(played(1e3, 2.0), of(504.0));
        assert_eq!(played(9e6, 2.0), of(504.0));
        assert_eq!(played(1e3, 1.0), of(252.0));
    }
}
