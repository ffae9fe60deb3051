//! Callers at the same time. An instance answers one call at a time, so there are as many instances.

use crate::Failure;
use crate::cloud::Cloud;
use crate::comparison::{Figures, REQUESTS, WARM_CPU, WARM_WALL, micros};
use crate::engine::Engine;
use crate::process::Process;
use crate::processors::Place;
use crate::scene::Call;
use crate::variant::Variant;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// What is asked of how many instances over one table.
pub(crate) struct Load<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) engine: &'a Engine,
    /// One to begin with, and one for each that is measured: each instance makes them in this order, and
    /// none of them twice. Whoever has called before is known, and known for less.
    pub(crate) calls: Vec<Call>,
    pub(crate) instances: usize,
}

impl Load<'_> {
    /// Plays it once: what one call cost. Each of them reads.
    pub(crate) fn play(&self, variant: &Variant, folder: &Path) -> Result<Figures, Failure> {
        let variant = over(self.engine, variant);
        let start = |number| {
            let log = folder.join(format!("process-{number}.log"));
            Process::start(&variant, Place::Anywhere, self.cloud, log, PATIENCE)
        };
        let mut processes = (0..self.instances).map(start).collect::<Result<Vec<_>, _>>()?;
        for process in &mut processes {
            process.ready()?;
            // What a process does once is done by now.
            for call in self.calls.iter().take(1) {
                call.make(process, &variant)?;
            }
        }
        let before = cpu(&mut processes)?;
        self.engine.asked();
        let mut walls = self.at_once(&mut processes, &variant)?;
        let spent = cpu(&mut processes)?.saturating_sub(before);
        let asked = self.engine.asked();
        let (made, read) = (walls.len(), asked.get("GetItem").copied().unwrap_or_default());
        if let Some(process) = processes.first().filter(|_| read < made) {
            return Err(process.failure(&format!("read {read} times in {made} calls")));
        }
        let asked: usize = asked.values().sum();
        walls.sort_unstable();
        Ok(Figures::from([
            (WARM_CPU, micros(spent) / number(made)),
            (WARM_WALL, walls.get(made / 2).copied().map(micros).unwrap_or_default()),
            (REQUESTS, number(asked) / number(made)),
        ]))
    }

    fn at_once(
        &self,
        processes: &mut [Process],
        variant: &Variant,
    ) -> Result<Vec<Duration>, Failure> {
        thread::scope(|scope| {
            let running: Vec<_> = processes
                .iter_mut()
                .map(|process| {
                    let calls = self.calls.iter().skip(1);
                    scope.spawn(move || {
                        calls.map(|call| call.make(process, variant)).collect::<Result<Vec<_>, _>>()
                    })
                })
                .collect();
            let mut walls = Vec::with_capacity(self.instances * self.calls.len());
            for instance in running {
                let broken = |_| Failure::Tool { tool: "bench", what: "a caller is gone".into() };
                walls.extend(instance.join().map_err(broken)??);
            }
            Ok(walls)
        })
    }
}

/// The same over the tables of `engine`.
pub(crate) fn over(engine: &Engine, variant: &Variant) -> Variant {
    variant.told("AWS_ENDPOINT_URL_DYNAMODB", &engine.url)
}

fn cpu(processes: &mut [Process]) -> Result<Duration, Failure> {
    processes.iter_mut().map(Process::cpu).sum()
}

#[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 calls")]
fn number(count: usize) -> f64 {
    count as f64
}

const PATIENCE: Duration = Duration::from_mins(1);
