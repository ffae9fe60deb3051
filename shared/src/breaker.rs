//! How long a failing authorization server is left alone: one circuit breaker per target, in this
//! process.

use crate::clock::Random;
use crate::target::TargetName;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The circuit breakers of all targets. One that fails slows no other.
pub struct Breakers {
    /// Of those targets that failed last.
    circuits: Mutex<BTreeMap<TargetName, Circuit>>,
    random: Box<dyn Random>,
}

#[derive(Debug)]
struct Circuit {
    /// How many pauses there were in a row.
    pauses: u32,
    /// When the present pause ends.
    until: SystemTime,
    /// Whether somebody was let through to see if the server is well again.
    trial: bool,
}

impl Breakers {
    /// Breakers that let everything through.
    pub fn new(random: impl Random + 'static) -> Self {
        Self { circuits: Mutex::default(), random: Box::new(random) }
    }

    /// Until when `target` is left alone. `None` if it can be asked `now`.
    pub fn open_until(&self, target: &TargetName, now: SystemTime) -> Option<SystemTime> {
        self.circuits().get(target).and_then(|circuit| circuit.open_until(now))
    }

    /// Whether a request to `target` may leave `now`, or until when not. After a pause one is let
    /// through for all: the others wait for what becomes of it.
    pub fn admit(&self, target: &TargetName, now: SystemTime) -> Result<(), SystemTime> {
        let mut circuits = self.circuits();
        let Some(circuit) = circuits.get_mut(target) else { return Ok(()) };
        if let Some(until) = circuit.open_until(now) {
            return Err(until);
        }
        circuit.until = now + TRIAL;
        circuit.trial = true;
        Ok(())
    }

    /// `target` is well: it gave an answer, whatever it says.
    pub fn answered(&self, target: &TargetName) {
        self.circuits().remove(target);
    }

    /// `target` is not well as of `now`, and wants to be left alone for `retry_after`, if it says so.
    pub fn failed(&self, target: &TargetName, now: SystemTime, retry_after: Option<Duration>) {
        let asked = now + retry_after.unwrap_or_default().min(LONGEST);
        let mut circuits = self.circuits();
        let circuit = circuits.entry(target.clone()).or_insert(Circuit {
            pauses: 0,
            until: now,
            trial: true,
        });
        if circuit.trial || circuit.open_until(now).is_none() {
            circuit.trial = false;
            circuit.pauses = circuit.pauses.saturating_add(1);
            circuit.until = asked.max(now + self.jittered(pause(circuit.pauses)));
        } else {
            // This request left before the pause began: that it failed as well is no news.
            circuit.until = circuit.until.max(asked);
        }
    }

    fn circuits(&self) -> MutexGuard<'_, BTreeMap<TargetName, Circuit>> {
        self.circuits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Half of `pause`, and some part of the other half: processes that began to wait together do not
    /// all come back together.
    fn jittered(&self, pause: Duration) -> Duration {
        let mut byte = [u8::MAX];
        let _ = self.random.fill(&mut byte);
        pause / 2 + pause / 2 * u32::from(byte[0]) / u32::from(u8::MAX)
    }
}

impl Circuit {
    fn open_until(&self, now: SystemTime) -> Option<SystemTime> {
        // A pause longer than any that we make: the clock was set back.
        (now < self.until && self.until <= now + LONGEST).then_some(self.until)
    }
}

impl fmt::Debug for Breakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breakers").field(&self.circuits()).finish()
    }
}

/// One second, then twice as long each time.
fn pause(pauses: u32) -> Duration {
    (SHORTEST * 2_u32.saturating_pow(pauses.saturating_sub(1).min(16))).min(LONGEST_OF_OURS)
}

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST_OF_OURS: Duration = Duration::from_mins(1);
/// What a server can ask for.
const LONGEST: Duration = Duration::from_hours(1);
/// Longer than a request can take: whoever was let through and says nothing is gone.
const TRIAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
