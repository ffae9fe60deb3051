//! What all workers share: time, chance, the authorization server, and the book that is kept of them.

use crate::authorization_server::{AuthorizationServer, Fault, Rotation};
use crate::book::Book;
use crate::chance::Chance;
use std::sync::{Arc, Mutex, PoisonError};

/// Handed to every port.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// Nothing in `with` waits.
    pub(crate) fn with<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) struct World {
    pub(crate) chance: Chance,
    /// Milliseconds since the run began.
    pub(crate) now: u64,
    pub(crate) server: AuthorizationServer,
    /// Whether a replay is known to be punished.
    pub(crate) punished: bool,
    /// Whether anything still goes wrong.
    pub(crate) faults: bool,
    /// One request in so many is hit by a fault.
    pub(crate) fault_rate: u64,
    pub(crate) book: Book,
    /// Each worker's clock is off by so many milliseconds.
    pub(crate) skews: Vec<i64>,
    ready_at: Vec<u64>,
    /// Who waits for something to do.
    idle: Vec<bool>,
    moving: usize,
    /// Until when the store is down.
    down_until: u64,
    /// Requests that reach the server when nobody waits for the answer any more.
    late: Vec<(u64, String)>,
}

impl World {
    pub(crate) fn new(seed: u64, workers: usize, traced: bool) -> Self {
        let mut chance = Chance::new(seed);
        let (rotation, punished) = chance.one_of(&[
            (Rotation::Never, false),
            (Rotation::OneUse, false),
            (Rotation::OneUse, false),
            (Rotation::OneUse, true),
            (Rotation::OneUseOrRevoked, false),
            (Rotation::OneUseOrRevoked, true),
            (Rotation::OneUseOrRevoked, true),
            (Rotation::Grace(30), false),
            (Rotation::Grace(30), true),
        ]);
        let mut server = AuthorizationServer::new(rotation);
        (server.lifetime, server.expires_in) =
            chance.one_of(&[(600, Some(600)), (600, Some(600)), (300, Some(600)), (600, None)]);
        let skews = (0..=workers).map(|_| chance.one_of(&[0, 0, -900, 900])).collect();
        let fault_rate = chance.one_of(&[2, 4, 10, 1000]);
        Self {
            chance,
            now: 0,
            server,
            punished,
            faults: true,
            fault_rate,
            book: Book::new(workers + 1, traced),
            skews,
            ready_at: vec![0; workers + 1],
            idle: vec![false; workers + 1],
            moving: 0,
            down_until: 0,
            late: Vec::new(),
        }
    }

    /// Server time.
    pub(crate) fn seconds(&self) -> u64 {
        self.now / 1000
    }

    /// The worker's own time, in milliseconds.
    pub(crate) fn local(&self, worker: usize) -> u64 {
        (EPOCH + self.now).saturating_add_signed(self.skews[worker])
    }

    pub(crate) fn sleep(&mut self, ms: u64) {
        self.ready_at[self.moving] = self.now + ms;
    }

    /// Whoever moves has nothing to do for now.
    pub(crate) fn idles(&mut self, idles: bool) {
        self.idle[self.moving] = idles;
    }

    /// A request leaves: that is when others had better do something as well.
    pub(crate) fn rouse(&mut self) {
        for worker in 0..self.idle.len() {
            if self.idle[worker] && self.chance.once_in(2) {
                let soon = self.now + self.chance.below(5000);
                self.ready_at[worker] = self.ready_at[worker].min(soon);
            }
        }
    }

    pub(crate) fn wake_all(&mut self, workers: usize) {
        for ready_at in &mut self.ready_at[..workers] {
            *ready_at = self.now;
        }
    }

    /// Who moves next. Time passes only if nobody can; `None` if somebody was stopped instead.
    pub(crate) fn choose(&mut self, alive: &[usize]) -> Option<usize> {
        let next = alive.iter().map(|worker| self.ready_at[*worker]).min().unwrap_or_default();
        self.pass_to(next.max(self.now));
        let ready: Vec<usize> =
            alive.iter().copied().filter(|worker| self.ready_at[*worker] <= self.now).collect();
        let worker = self.chance.one_of(&ready);
        if self.faults && self.chance.once_in(60) {
            self.ready_at[worker] = self.now + 1000 + self.chance.below(60_000);
            self.book.stopped(worker, self.now);
            return None;
        }
        self.moving = worker;
        Some(worker)
    }

    /// Whether the worker dies instead of moving.
    pub(crate) fn kills(&mut self, worker: usize) -> bool {
        let kills = self.faults && self.chance.once_in(150);
        if kills {
            self.book.killed(worker, self.now);
            self.ready_at[worker] = self.now;
            self.idle[worker] = false;
        }
        kills
    }

    /// A request will reach the server after `ms`, and nobody will hear of it.
    pub(crate) fn arrives_late(&mut self, refresh: &str, ms: u64) {
        self.late.push((self.now + ms, refresh.to_owned()));
    }

    fn pass_to(&mut self, time: u64) {
        while let Some(first) =
            (0..self.late.len()).filter(|i| self.late[*i].0 <= time).min_by_key(|i| self.late[*i].0)
        {
            let (at, refresh) = self.late.swap_remove(first);
            let reply = self.server.ask(&refresh, None, at / 1000);
            self.book.note(at, || format!("late: {refresh} reaches the server: {reply:?}"));
        }
        self.now = time;
    }

    /// What befalls the next request.
    pub(crate) fn fault(&mut self) -> Option<Fault> {
        if !self.faults || !self.chance.once_in(self.fault_rate) {
            return None;
        }
        Some(self.chance.one_of(&[
            Fault::Unsent,
            Fault::LostBefore,
            Fault::LostBefore,
            Fault::LostAfter,
            Fault::LostAfter,
            Fault::TooManyRequests(None),
            Fault::TooManyRequests(Some(45)),
            Fault::ErrorBefore,
            Fault::ErrorAfter,
            Fault::Html,
            Fault::EmptyBadRequest,
            Fault::InvalidClient,
        ]))
    }

    /// How long a call of the store takes one way.
    pub(crate) fn store_delay(&mut self) -> u64 {
        if self.faults && self.chance.once_in(25) {
            return self.chance.below(9000);
        }
        self.chance.below(15)
    }

    /// Whether a call of the store fails here. Now and then it is down for a while.
    pub(crate) fn store_fails(&mut self) -> bool {
        if self.faults && self.chance.once_in(300) {
            self.down_until = self.now + self.chance.below(20_000);
        }
        self.faults && (self.now < self.down_until || self.chance.once_in(60))
    }
}

/// Milliseconds since 1970 when a run begins.
pub(crate) const EPOCH: u64 = 1_800_000_000_000;
