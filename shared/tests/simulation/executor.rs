//! A scheduler in virtual time: one worker moves at a time, from one point to the next, and at each
//! point it can be held up, stopped for long, or killed.

use crate::world::Shared;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A worker, or a person.
pub(crate) type Task<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Comes back after `ms` milliseconds of virtual time, or later.
pub(crate) fn pause(world: &Shared, ms: u64) -> Pause {
    Pause { world: world.clone(), ms: Some(ms) }
}

pub(crate) struct Pause {
    world: Shared,
    ms: Option<u64>,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let Some(ms) = self.ms.take() else { return Poll::Ready(()) };
        self.world.with(|world| world.sleep(ms));
        Poll::Pending
    }
}

/// Runs all tasks to their end. `begin` makes the task of a worker, again after it was killed.
pub(crate) fn run<'a>(world: &Shared, workers: usize, begin: impl Fn(usize) -> Task<'a>) {
    let mut tasks: Vec<Option<Task<'a>>> = (0..workers).map(|worker| Some(begin(worker))).collect();
    world.with(|world| world.wake_all(workers));
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let alive: Vec<usize> = (0..workers).filter(|worker| tasks[*worker].is_some()).collect();
        if alive.is_empty() {
            return;
        }
        let Some(worker) = world.with(|world| world.choose(&alive)) else { continue };
        let task = &mut tasks[worker];
        if world.with(|world| world.kills(worker)) {
            *task = Some(begin(worker));
            continue;
        }
        if let Some(running) = task
            && running.as_mut().poll(&mut context).is_ready()
        {
            *task = None;
        }
    }
}
