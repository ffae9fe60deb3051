//! The kinds of measurement, each with its situations and the variants that it compares.

use crate::Failure;
use crate::arguments::Arguments;
use crate::callgrind;
use crate::certificates::Certificates;
use crate::cloud::{Cloud, Scheme};
use crate::comparison::{Comparison, compare};
use crate::event::{self, Content};
use crate::mode::Mode;
use crate::quota::Quota;
use crate::scene::{Expected, Scene};
use crate::table;
use crate::variant::{self, Variant};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What was measured, and what was not and why.
#[derive(Debug, Default)]
pub struct Measured {
    /// In the order of measurement.
    pub comparisons: Vec<Comparison>,
    /// Sentences for the reader.
    pub left_out: Vec<String>,
}

/// Measures what `arguments` ask for. `folder` takes what the processes print and report.
pub fn measure(arguments: &Arguments, folder: &Path, now: SystemTime) -> Result<Measured, Failure> {
    let certificates = Certificates::make(folder)?;
    let cloud = |scheme, targets| Cloud::start(&certificates, scheme, targets, now);
    let (plain, tls) = (cloud(Scheme::Http, 1)?, cloud(Scheme::Https, 1)?);
    let bench = Bench { arguments, folder };
    let mut measured = Measured::default();
    let found = &mut measured.comparisons;
    for mode in Mode::all().filter(|mode| arguments.asks_for(*mode)) {
        match mode {
            Mode::Cold => {
                found.push(bench.turns(mode, "over TLS", &tls.scene(20), &bench.all())?)
            }
            Mode::Warm => {
                let scene = plain.scene(arguments.calls);
                found.push(bench.turns(mode, "one read", &scene, &bench.all())?);
            }
            Mode::Pass => {
                let scene = Scene {
                    event: event::list(&plain.jwt).into(),
                    expects: Expected::Pass,
                    ..plain.scene(arguments.calls)
                };
                found.push(bench.turns(mode, "tools/list", &scene, &bench.runtimes())?);
            }
            Mode::Delay => {
                plain.table.take(Duration::from_millis(3));
                let scene = plain.scene(arguments.calls);
                let compared = bench.turns(mode, "a table of 3 ms", &scene, &bench.all());
                plain.table.take(Duration::ZERO);
                found.push(compared?);
            }
            Mode::Size => {
                for (content, word) in
                    [(Content::Text, "text"), (Content::Base64, "base64"), (Content::Rows, "rows")]
                {
                    for size in SIZES {
                        let scene = plain.sized(content, size);
                        let name = format!("{word}, {} KB", size / 1000);
                        found.push(bench.turns(mode, &name, &scene, &bench.all())?);
                    }
                }
            }
            Mode::Quota if !Quota::is_possible() => measured.left_out.push(
                "quota: this machine lets us make no control group for processor time".to_owned(),
            ),
            Mode::Quota => {
                for megabytes in [128, 256, 512, 1769] {
                    let scene = Scene {
                        quota: Some(Quota(megabytes)),
                        pause: Duration::from_millis(60),
                        ..tls.scene(10)
                    };
                    let name = format!("{megabytes} MB");
                    found.push(bench.turns(mode, &name, &scene, &bench.all())?);
                }
            }
            Mode::Growth => {
                for targets in [1, 10, 100] {
                    let grown = cloud(Scheme::Https, targets)?;
                    let name = format!("{targets} targets");
                    let scene = grown.scene(20);
                    found.push(bench.turns(mode, &name, &scene, &bench.readers())?);
                }
            }
            Mode::Callgrind if !callgrind::is_there() => {
                measured.left_out.push("callgrind: valgrind is not installed".to_owned());
            }
            Mode::Callgrind => {
                let all = bench.counted();
                found.push(callgrind::count(callgrind::OVER_TLS, &tls.scene(0), &all, folder)?);
                found.push(callgrind::count(callgrind::OVER_HTTP, &plain.scene(0), &all, folder)?);
                let pass = Scene {
                    event: event::list(&plain.jwt).into(),
                    expects: Expected::Pass,
                    ..plain.scene(0)
                };
                found.push(callgrind::count(callgrind::PASS, &pass, &bench.runtimes(), folder)?);
            }
        }
    }
    Ok(measured)
}

struct Bench<'a> {
    arguments: &'a Arguments,
    folder: &'a Path,
}

impl Bench<'_> {
    fn all(&self) -> Vec<Variant> {
        let peers = self.wanted([variant::unprepared, variant::stock, variant::python]);
        self.native().into_iter().chain(peers).collect()
    }

    fn native(&self) -> Vec<Variant> {
        self.wanted([variant::floor, variant::reading_floor, variant::echo, variant::latchkey])
    }

    /// Those whose instructions are counted. An interpreter's would take minutes.
    fn counted(&self) -> Vec<Variant> {
        let others = self.wanted([variant::unprepared, variant::stock]);
        let others = others.into_iter().filter(|_| !self.arguments.quick);
        self.native().into_iter().chain(others).collect()
    }

    /// Those for whom a message without a token is nothing to do.
    fn runtimes(&self) -> Vec<Variant> {
        self.wanted([variant::echo, variant::latchkey])
    }

    /// Those who read the targets.
    fn readers(&self) -> Vec<Variant> {
        self.wanted([variant::reading_floor, variant::latchkey])
    }

    fn wanted<const N: usize>(&self, variants: [fn(&Arguments) -> Variant; N]) -> Vec<Variant> {
        let variants = variants.iter().map(|variant| variant(self.arguments));
        let without = &self.arguments.without;
        variants.filter(|variant| !without.iter().any(|name| name == variant.name)).collect()
    }

    fn turns(
        &self,
        mode: Mode,
        name: &str,
        scene: &Scene,
        variants: &[Variant],
    ) -> Result<Comparison, Failure> {
        eprintln!("{mode:?}: {name}");
        compare(mode, name, scene, variants, self.arguments.rounds, self.folder)
    }
}

impl Cloud {
    /// An ordinary call, and `warm` more of them.
    fn scene(&self, warm: usize) -> Scene<'_> {
        Scene {
            cloud: self,
            event: event::call(&self.jwt, &table::name(0), &event::small()).into(),
            expects: Expected::Forward,
            warm,
            pause: Duration::ZERO,
            quota: None,
        }
    }

    /// A call in an event of `size` bytes, which holds its body twice.
    fn sized(&self, content: Content, size: usize) -> Scene<'_> {
        let arguments = event::arguments(content, size / 2);
        let event = event::call(&self.jwt, &table::name(0), &arguments).into();
        Scene { event, ..self.scene(10) }
    }
}

/// Bytes of an event. Lambda takes 6 MB.
const SIZES: [usize; 5] = [4_000, 32_000, 256_000, 1_000_000, 6_000_000];
