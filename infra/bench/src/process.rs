//! One process of a variant: started, fed, measured, stopped.

use crate::Failure;
use crate::cloud::Cloud;
use crate::processors::Place;
use crate::runtime_api::{Heard, RuntimeApi};
use crate::variant::{Given, Variant};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// A running function.
pub(crate) struct Process {
    variant: String,
    child: Child,
    runtime: RuntimeApi,
    log: PathBuf,
    started: Instant,
    patience: Duration,
    /// The processor time of each thread that was ever seen, those that have ended since included.
    spent: BTreeMap<OsString, Duration>,
}

impl Process {
    /// Starts `variant` at `place` in the surroundings of `cloud`. What it prints goes to `log`.
    pub(crate) fn start(
        variant: &Variant,
        place: Place,
        cloud: &Cloud,
        log: PathBuf,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let runtime = RuntimeApi::start()?;
        let printed = File::create(&log)?;
        let mut command = bare(&variant.program);
        command
            .args(&variant.arguments)
            .envs(cloud.environment())
            .envs(variant.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", &runtime.address)
            .stdin(Stdio::null())
            .stdout(printed.try_clone()?)
            .stderr(printed);
        match variant.given {
            Given::All => command.env("FLOOR_GIVEN", &cloud.given),
            Given::Keys => command.env("FLOOR_GIVEN", &cloud.given_keys),
            Given::Nothing => &mut command,
        };
        let started = Instant::now();
        let spawned = cloud.processors.at(place, || command.spawn());
        let child = spawned.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::Missing(variant.program.clone()),
            _ => Failure::Io(error),
        })?;
        let variant = variant.name.to_owned();
        Ok(Self { variant, child, runtime, log, started, patience, spent: BTreeMap::new() })
    }

    /// Waits until it asks for an event: how long ago that was not so.
    pub(crate) fn ready(&mut self) -> Result<Instant, Failure> {
        match self.heard()? {
            Some((at, Heard::Ready)) => Ok(at),
            Some((_, Heard::Failed(what))) => Err(self.failure(&what)),
            Some((_, Heard::Answer(_))) => Err(self.failure("answered twice")),
            None => Err(self.failure("does not ask for an event")),
        }
    }

    /// Hands it an event and takes the answer: how long that took, and the answer.
    pub(crate) fn call(&mut self, event: &Arc<[u8]>) -> Result<(Duration, Vec<u8>), Failure> {
        let sent = self.runtime.send(event);
        match self.heard()? {
            Some((at, Heard::Answer(answer))) => Ok((at - sent, answer)),
            Some((_, Heard::Failed(what))) => Err(self.failure(&what)),
            Some((_, Heard::Ready)) => Err(self.failure("asked for the next event instead")),
            None => Err(self.failure("does not answer")),
        }
    }

    /// What it says next. One that has ended will say nothing more.
    fn heard(&mut self) -> Result<Option<(Instant, Heard)>, Failure> {
        let since = Instant::now();
        while since.elapsed() < self.patience {
            if let Some(heard) = self.runtime.hear(GLANCE) {
                return Ok(Some(heard));
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(&format!("ended: {status}")));
            }
        }
        Ok(None)
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor time of all its threads, once it has come to rest. Of one that has ended it is what
    /// was last seen.
    pub(crate) fn cpu(&mut self) -> Result<Duration, Failure> {
        // It has just written to us, and is about to wait for the next event.
        thread::sleep(REST);
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let task = task?;
            let text = fs::read_to_string(task.path().join("schedstat"))?;
            let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
            let unreadable = || Failure::Tool { tool: "schedstat", what: text.clone() };
            let spent = Duration::from_nanos(nanoseconds.ok_or_else(unreadable)?);
            self.spent.insert(task.file_name(), spent);
        }
        Ok(self.spent.values().sum())
    }

    /// The most memory that it held, in bytes.
    pub(crate) fn peak(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        let unreadable = || Failure::Tool { tool: "/proc", what: status.clone() };
        Ok(kilobytes.ok_or_else(unreadable)? * 1024)
    }

    /// That it did `what`, with what it printed last.
    pub(crate) fn failure(&self, what: &str) -> Failure {
        let printed = fs::read(&self.log).unwrap_or_default();
        let last = &printed[printed.len().saturating_sub(LOG_END)..];
        Failure::Variant {
            variant: self.variant.clone(),
            what: what.to_owned(),
            log: String::from_utf8_lossy(last).into_owned(),
        }
    }
}

/// `program`, which is told nothing of ours, but where programs are.
pub(crate) fn bare(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PATH);
    command
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const GLANCE: Duration = Duration::from_millis(200);
const REST: Duration = Duration::from_millis(2);
const LOG_END: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_started_here_and_what_looks_for_it_see_the_same_environment() {
        // Valgrind and its control find each other by a name made of the user's, the machine's and the
        // temporary folder's.
        let seen = bare("env").output().unwrap().stdout;
        assert_eq!(String::from_utf8(seen).unwrap(), format!("PATH={PATH}\n"));
    }
}
