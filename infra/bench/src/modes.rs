//! The kinds of measurement, each with its situations and the variants that it compares.

pub(crate) mod body;
pub(crate) mod growth;

use crate::Failure;
use crate::arguments::Arguments;
use crate::caller::{Caller, Standing};
use crate::callgrind;
use crate::certificates::Certificates;
use crate::cloud::{Cloud, Scheme, Setting};
use crate::comparison::{Comparison, compare};
use crate::event::{self, Content};
use crate::mode::Mode;
use crate::processors::Processors;
use crate::quota::Quota;
use crate::scene::{Call, Expected, Scene};
use crate::table;
use crate::variant::{self, Variant};
use serde_json::Value;
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

impl Measured {
    /// Keeps a comparison. A variant that does something else spoils one comparison, not the others.
    fn keep(&mut self, compared: Result<Comparison, Failure>) -> Result<(), Failure> {
        match compared {
            Ok(comparison) => self.comparisons.push(comparison),
            Err(failure @ Failure::Variant { .. }) => self.left_out.push(failure.to_string()),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

/// Measures what `arguments` ask for. `folder` takes what the processes print and report.
pub fn measure(arguments: &Arguments, folder: &Path, now: SystemTime) -> Result<Measured, Failure> {
    let certificates = Certificates::make(folder)?;
    // Another one for every call.
    let callers = 1 + arguments.calls.max(FEW).max(callgrind::CALLS);
    let standing = Standing::Connected;
    let processors = Processors::share_out()?;
    let plain = Setting { processors, scheme: Scheme::Http, targets: 1, callers, standing };
    let tls = Setting { scheme: Scheme::Https, ..plain };
    let bench = Bench {
        arguments,
        too_many_roots: &certificates.too_many,
        folder,
        plain: Cloud::start(&certificates, plain, now)?,
        tls: Cloud::start(&certificates, tls, now)?,
    };
    let mut measured = Measured::default();
    for mode in Mode::all().filter(|mode| arguments.asks_for(*mode)) {
        match mode {
            Mode::Cold => {
                let scene = bench.tls.reads(FEW);
                measured.keep(bench.turns(mode, OVER_TLS, &scene, &bench.all()))?;
                if !bench.tls.table.is_shared() {
                    let why = "cold: no instance has kept what the identity provider publishes";
                    measured.left_out.push(why.to_owned());
                }
                bench.tls.table.forget(true);
                measured.keep(bench.turns(mode, FIRST_OF_HOUR, &scene, &bench.all()))?;
                bench.tls.table.forget(false);
            }
            Mode::Warm => {
                for (name, scene) in [
                    (READS, bench.plain.reads(arguments.calls)),
                    (FROM_MEMORY, bench.plain.remembers(arguments.calls)),
                ] {
                    measured.keep(bench.turns(mode, name, &scene, &bench.all()))?;
                }
            }
            Mode::Pass => {
                let scene = bench.plain.pass(SHORT * arguments.calls);
                measured.keep(bench.turns(mode, LIST, &scene, &bench.runtimes()))?;
            }
            Mode::Mixes => {
                let strangers = Setting { standing: Standing::Strangers, ..plain };
                let strangers = Cloud::start(&certificates, strangers, now)?;
                let unused = Setting { standing: Standing::Unused, ..plain };
                let unused = Cloud::start(&certificates, unused, now)?;
                let expired = Setting { standing: Standing::Expired, ..plain };
                let expired = Cloud::start(&certificates, expired, now)?;
                for (name, scene) in [
                    (FIRST_OF_DAY, unused.reads(arguments.calls)),
                    (CHALLENGE, strangers.reads(arguments.calls)),
                    (REFRESH, expired.reads(arguments.calls)),
                    (ANSWER, bench.plain.answers(arguments.calls)),
                ] {
                    measured.keep(bench.turns(mode, name, &scene, &bench.whole()))?;
                }
            }
            Mode::Delay => {
                let scene = bench.plain.reads(arguments.calls);
                bench.plain.table.take(Duration::from_millis(3));
                measured.keep(bench.turns(mode, SLOW_TABLE, &scene, &bench.all()))?;
                bench.plain.table.take(Duration::ZERO);
            }
            Mode::Size => bench.sizes(&mut measured)?,
            Mode::Body => bench.bodies(&mut measured)?,
            Mode::Quota => bench.quotas(&mut measured)?,
            Mode::Growth => bench.growth(&certificates, plain, &mut measured, now)?,
            Mode::Callgrind => bench.instructions(&mut measured)?,
        }
    }
    Ok(measured)
}

struct Bench<'a> {
    arguments: &'a Arguments,
    folder: &'a Path,
    too_many_roots: &'a Path,
    plain: Cloud,
    tls: Cloud,
}

impl Bench<'_> {
    fn sizes(&self, measured: &mut Measured) -> Result<(), Failure> {
        for (content, word) in
            [(Content::Text, "text"), (Content::Base64, "base64"), (Content::Rows, "rows")]
        {
            for size in SIZES {
                let scene = self.plain.sized(content, size);
                let name = format!("{word}, {} KB", size / 1000);
                measured.keep(self.turns(Mode::Size, &name, &scene, &self.all()))?;
            }
        }
        Ok(())
    }

    fn quotas(&self, measured: &mut Measured) -> Result<(), Failure> {
        if !Quota::is_possible() {
            let why = "quota: this machine lets us make no control group for processor time";
            measured.left_out.push(why.to_owned());
            return Ok(());
        }
        for megabytes in [128, 256, 512, 1769] {
            let scene = Scene {
                quota: Some(Quota(megabytes)),
                pause: Duration::from_millis(60),
                ..self.tls.reads(10)
            };
            let name = format!("{megabytes} MB");
            measured.keep(self.turns(Mode::Quota, &name, &scene, &self.throttled()))?;
        }
        Ok(())
    }

    fn instructions(&self, measured: &mut Measured) -> Result<(), Failure> {
        if !callgrind::is_there() {
            measured.left_out.push("callgrind: valgrind is not installed".to_owned());
            return Ok(());
        }
        let (counted, runtimes) = (self.counted(), self.runtimes());
        let canary = variant::believing(self.arguments, self.too_many_roots);
        let over_tls = counted.iter().cloned().chain([canary]).collect();
        let canary = variant::bundled(self.arguments, self.too_many_roots);
        let over_http = counted.iter().cloned().chain([canary]).collect();
        for (name, scene, variants) in [
            (callgrind::OVER_TLS, self.tls.reads(0), &over_tls),
            (callgrind::OVER_HTTP, self.plain.reads(0), &over_http),
            (callgrind::FROM_MEMORY, self.plain.remembers(0), &counted),
            (callgrind::PASS, self.plain.pass(0), &runtimes),
        ] {
            measured.keep(callgrind::count(name, &scene, variants, self.folder))?;
        }
        Ok(())
    }

    fn all(&self) -> Vec<Variant> {
        let peers =
            self.wanted([variant::unprepared, variant::stock, variant::python, variant::node]);
        self.native().into_iter().chain(peers).collect()
    }

    fn native(&self) -> Vec<Variant> {
        self.wanted([variant::floor, variant::reading_floor, variant::echo, variant::latchkey])
    }

    /// Those whose first call is cheap or dear by what they do before it.
    fn throttled(&self) -> Vec<Variant> {
        let others = [variant::unprepared, variant::stock, variant::python, variant::node];
        let ours = self.wanted([variant::floor, variant::reading_floor, variant::latchkey]);
        ours.into_iter().chain(self.wanted(others)).collect()
    }

    /// Those whose instructions are counted. An interpreter's would take minutes.
    fn counted(&self) -> Vec<Variant> {
        let others = self.wanted([variant::unprepared, variant::stock]);
        let others = others.into_iter().filter(|_| !self.arguments.quick);
        self.native().into_iter().chain(others).collect()
    }

    /// Those who do all that a deployed interceptor does.
    fn whole(&self) -> Vec<Variant> {
        self.wanted([variant::latchkey, variant::python, variant::node])
    }

    /// Those for whom a message without a token is nothing to do.
    fn runtimes(&self) -> Vec<Variant> {
        self.wanted([variant::echo, variant::latchkey])
    }

    fn wanted<const N: usize>(&self, variants: [fn(&Arguments) -> Variant; N]) -> Vec<Variant> {
        let variants = variants.iter().map(|variant| variant(self.arguments));
        variants.filter(|variant| !self.arguments.leaves_out(variant.name)).collect()
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
    /// An ordinary call, and `warm` more of them, each by somebody else: none can be answered from
    /// memory.
    fn reads(&self, warm: usize) -> Scene<'_> {
        self.scene(&self.callers, &event::small(), warm)
    }

    /// The same, all by one caller.
    fn remembers(&self, warm: usize) -> Scene<'_> {
        self.scene(&self.callers[..1], &event::small(), warm)
    }

    fn scene(&self, callers: &[Caller], arguments: &Value, warm: usize) -> Scene<'_> {
        let call = |caller: &Caller| Call {
            event: event::call(&caller.jwt, &table::name(0), arguments),
            expects: caller
                .forwarded_with(self.standing)
                .map_or(Expected::Challenge, Expected::Forward),
        };
        let calls = callers.iter().map(call).collect();
        Scene { cloud: self, calls, warm, pause: Duration::ZERO, quota: None }
    }

    /// What comes back of an ordinary call, and `warm` more of that.
    fn answers(&self, warm: usize) -> Scene<'_> {
        let answer = |caller: &Caller| Call {
            event: event::answered(&caller.jwt, &table::name(0), &event::small()),
            expects: Expected::Answer,
        };
        Scene { calls: self.callers.iter().map(answer).collect(), ..self.remembers(warm) }
    }

    /// A message that needs no token, and `warm` more of them.
    fn pass(&self, warm: usize) -> Scene<'_> {
        let list =
            |caller: &Caller| Call { event: event::list(&caller.jwt), expects: Expected::Pass };
        Scene { calls: self.callers.iter().take(1).map(list).collect(), ..self.remembers(warm) }
    }

    /// A call in an event of `size` bytes.
    fn sized(&self, content: Content, size: usize) -> Scene<'_> {
        self.scene(&self.callers[..=10], &event::arguments(content, size), 10)
    }

    /// The same, and `warm` more of them, all by one caller.
    fn remembers_sized(&self, content: Content, size: usize, warm: usize) -> Scene<'_> {
        self.scene(&self.callers[..1], &event::arguments(content, size), warm)
    }
}

/// The scenes' names.
pub(crate) const READS: &str = "one read";
pub(crate) const FROM_MEMORY: &str = "from memory";
pub(crate) const FIRST_OF_DAY: &str = "first of the day";
pub(crate) const CHALLENGE: &str = "challenge";
pub(crate) const REFRESH: &str = "refresh";
pub(crate) const ANSWER: &str = "answer";
pub(crate) const OVER_TLS: &str = "over TLS";
/// No instance before has kept what the identity provider publishes.
pub(crate) const FIRST_OF_HOUR: &str = "over TLS, the first of an hour";
pub(crate) const LIST: &str = "tools/list";
pub(crate) const SLOW_TABLE: &str = "a table of 3 ms";
/// So many times more of those calls that are over in microseconds, or the machine's moods are measured.
const SHORT: usize = 20;
/// The warm calls of a scene that is about a start.
const FEW: usize = 20;
/// Bytes of an event. Lambda takes 6 MB.
const SIZES: [usize; 5] = [4_000, 32_000, 256_000, 1_000_000, 6_000_000];
