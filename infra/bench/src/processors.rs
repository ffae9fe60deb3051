//! Which processor runs what. A process that is measured has one to itself, as an instance of Lambda's has
//! the share that it pays for, and all else keeps to the others. Where the kernel moves both about as it
//! likes, one and the same binary took 0.94 to 1.05 times its own processor time for a message without a token.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;

/// How those of this machine are shared out. With only one, all share it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Processors {
    measured: usize,
}

/// Where a process runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// On the one that nobody else has.
    Alone,
    /// On any, for there are more processes than processors.
    Anywhere,
}

impl Processors {
    /// From now on this thread, and those that it starts, leave the last one alone.
    pub(crate) fn share_out() -> io::Result<Self> {
        let mut others = sched_getaffinity(None)?;
        let last = (0..CpuSet::MAX_CPU).rev().find(|number| others.is_set(*number));
        let measured = last.unwrap_or_default();
        if others.count() > 1 {
            others.unset(measured);
            sched_setaffinity(None, &others)?;
        }
        Ok(Self { measured })
    }

    /// What `spawn` starts begins, and stays, at `place`.
    pub(crate) fn at<T>(
        self,
        place: Place,
        spawn: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let here = sched_getaffinity(None)?;
        let mut there = match place {
            Place::Alone => CpuSet::new(),
            Place::Anywhere => here,
        };
        there.set(self.measured);
        // A process has what the thread had that started it.
        sched_setaffinity(None, &there)?;
        let spawned = spawn();
        sched_setaffinity(None, &here)?;
        spawned
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::thread;

    /// Where a process that is started there may run, by the kernel's own list.
    fn allowed(processors: Processors, place: Place) -> String {
        let mut grep = Command::new("grep");
        grep.args(["-oP", "^Cpus_allowed_list:\\s*\\K.*", "/proc/self/status"]);
        let child = processors.at(place, || grep.stdout(Stdio::piped()).spawn()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn who_is_measured_has_a_processor_that_nobody_else_has() {
        // In a thread of its own, for it gives one away.
        let all = sched_getaffinity(None).unwrap();
        let tested = thread::spawn(move || {
            let processors = Processors::share_out().unwrap();
            let (alone, anywhere) =
                (allowed(processors, Place::Alone), allowed(processors, Place::Anywhere));
            let here = sched_getaffinity(None).unwrap();
            if all.count() == 1 {
                assert_eq!(alone, anywhere);
                return;
            }
            let last = (0..CpuSet::MAX_CPU).rev().find(|number| all.is_set(*number)).unwrap();
            assert_eq!(alone.trim(), last.to_string());
            assert_ne!(alone, anywhere);
            assert_eq!(here.count(), all.count() - 1);
            assert!(!here.is_set(last));
        });
        tested.join().unwrap();
    }
}
