//! One sweep: what is due among the rows of a table is queued.

use crate::Failure;
use crate::cloud::Cloud;
use crate::comparison::{Figures, REQUESTS, WARM_CPU, WARM_WALL, micros};
use crate::crowd::{self, When};
use crate::due_queue::DueQueue;
use crate::engine::{Asked, CONNECTIONS, Engine};
use crate::process::Process;
use crate::processors::Place;
use crate::variant::Variant;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What is swept.
pub(crate) struct Sweep<'a> {
    pub(crate) cloud: &'a Cloud,
    pub(crate) engine: &'a Engine,
    pub(crate) queue: &'a DueQueue,
    /// How many rows of the crowd are due.
    pub(crate) due: usize,
}

impl Sweep<'_> {
    /// Plays it once: what the sweep cost.
    pub(crate) fn play(&self, variant: &Variant, folder: &Path) -> Result<Figures, Failure> {
        let variant = variant
            .told("AWS_ENDPOINT_URL_DYNAMODB", &self.engine.url)
            .told("AWS_ENDPOINT_URL_SQS", &self.queue.endpoint)
            .told("QUEUE_URL", &self.queue.url());
        let log = folder.join("process.log");
        let mut process = Process::start(&variant, Place::Alone, self.cloud, log, PATIENCE)?;
        process.ready()?;
        // Two sweeps before the one that counts: what is done once is done by then.
        self.set(1, When::Now)?;
        self.sweep(&mut process, 1)?;
        self.sweep(&mut process, 0)?;
        self.set(self.due, When::Now)?;
        let before = process.cpu()?;
        let (wall, asked) = self.sweep(&mut process, self.due)?;
        let spent = process.cpu()?.saturating_sub(before);
        self.set(self.due, When::Later)?;
        let asked = u32::try_from(asked.values().sum::<usize>()).unwrap_or(u32::MAX);
        Ok(Figures::from([
            (WARM_CPU, micros(spent)),
            (WARM_WALL, micros(wall)),
            (REQUESTS, f64::from(asked)),
        ]))
    }

    fn set(&self, number: usize, when: When) -> Result<(), Failure> {
        self.engine.write(CONNECTIONS, crowd::rows(number, when)?.collect())
    }

    /// Sweeps, and looks whether what was due was queued and put off, each once, and nothing else.
    fn sweep(&self, process: &mut Process, due: usize) -> Result<(Duration, Asked), Failure> {
        self.engine.asked();
        self.queue.taken();
        let event: Arc<[u8]> = Arc::from(*br#"{"sweep":{}}"#);
        let (wall, answer) = process.call(&event)?;
        process.ready()?;
        let (asked, mut taken) = (self.engine.asked(), self.queue.taken());
        taken.bodies.sort_unstable();
        let put_off = asked.get("UpdateItem").copied().unwrap_or_default();
        let is_good = answer == br#"{"batchItemFailures":[]}"#
            && taken.bodies == crowd::messages(due)?
            && put_off == due
            && !asked.contains_key("refused");
        if is_good {
            return Ok((wall, asked));
        }
        let answer = String::from_utf8_lossy(&answer);
        let queued = taken.bodies.len();
        Err(process.failure(&format!("of {due} due it queued {queued}: {asked:?}, {answer}")))
    }
}

const PATIENCE: Duration = Duration::from_mins(2);
