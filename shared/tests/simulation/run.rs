//! One run: some workers and a person over one table and one authorization server, then an honest
//! worker alone, for whom nothing goes wrong.

use crate::book::Seen;
use crate::chance::{Bytes, Chance};
use crate::executor::{self, Task, pause};
use crate::mutation::Mutation;
use crate::people::{Key, ring, subject, target};
use crate::ports::{Requests, Watch};
use crate::store::Store;
use crate::world::{Shared, World};
use broker::breaker::Breakers;
use broker::clock::Clock;
use broker::connection::{Connection, Reason, Status};
use broker::memory::MemoryStore;
use broker::refresh::{Failure, Refresher, Renewal};
use broker::store::ConnectionStore;
use broker::target::{SecretName, Target};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a run came to, and its trace if it was kept.
pub(crate) struct Outcome {
    pub(crate) violation: Option<String>,
    pub(crate) seen: Seen,
    pub(crate) trace: String,
}

pub(crate) fn run(seed: u64, mutation: Option<Mutation>, traced: bool) -> Outcome {
    let run = Run::new(seed, mutation, traced);
    executor::run(&run.world, WORKERS + 1, |worker| {
        if worker < WORKERS { Box::pin(run.worker(worker)) } else { Box::pin(run.person(worker)) }
    });
    run.world.with(|world| {
        world.faults = false;
        // A process of its own, that knows nothing.
        world.book.killed(0, world.now);
    });
    let alone = |worker| -> Task<'_> { Box::pin(run.honest(worker)) };
    executor::run(&run.world, 1, alone);
    run.judge();
    run.world.with(|world| Outcome {
        violation: world.book.violation.clone(),
        seen: world.book.seen,
        trace: world.book.trace(),
    })
}

struct Run {
    world: Shared,
    memory: Arc<MemoryStore>,
    target: Arc<Target>,
    mutation: Option<Mutation>,
    /// How many turns each worker has left.
    turns: Mutex<Vec<u32>>,
    people: u64,
}

impl Run {
    fn new(seed: u64, mutation: Option<Mutation>, traced: bool) -> Self {
        let mut world = World::new(seed, WORKERS, traced);
        let people = world.chance.one_of(&[1, 1, 2]);
        let known = world.punished && mutation != Some(Mutation::NoQuirk);
        let rotation = world.server.rotation;
        world.book.note(0, || format!("{rotation:?}, a replay is punished: {known}"));
        Self {
            world: Shared::new(world),
            memory: Arc::default(),
            target: Arc::new(target(known)),
            mutation,
            turns: Mutex::new(vec![TURNS; WORKERS + 1]),
            people,
        }
    }

    fn store(&self, worker: usize) -> Store {
        Store {
            memory: Arc::clone(&self.memory),
            target: Arc::clone(&self.target),
            world: self.world.clone(),
            worker,
            is_persons: worker == WORKERS,
            mutation: self.mutation,
            seen: Arc::default(),
        }
    }

    fn breakers(&self) -> Breakers {
        let seed = self.world.with(|world| world.chance.next());
        Breakers::new(Bytes(Mutex::new(Chance::new(seed))))
    }

    fn turn(&self, worker: usize) -> bool {
        let turns = &mut self.turns.lock().unwrap()[worker];
        *turns = turns.saturating_sub(1);
        *turns > 0
    }

    /// A process that serves calls: now and then one comes, often several at once.
    async fn worker(&self, worker: usize) {
        let (store, breakers) = (self.store(worker), self.breakers());
        while self.turn(worker) {
            let (ms, key) = self.world.with(|world| {
                let ms = if world.chance.once_in(2) { 3000 } else { 700_000 };
                (world.chance.below(ms), usize::try_from(world.chance.below(self.people)).unwrap())
            });
            self.idle(ms).await;
            self.call(worker, key, &store, &breakers).await;
        }
    }

    async fn idle(&self, ms: u64) {
        self.world.with(|world| world.idles(true));
        pause(&self.world, ms).await;
        self.world.with(|world| world.idles(false));
    }

    /// A call: read, and renew what has expired. What is fresh may be refused by the target.
    async fn call(&self, worker: usize, key: Key, store: &Store, breakers: &Breakers) {
        let clock = Watch { world: self.world.clone(), worker };
        let now = clock.now();
        let found = store.find_connection(&subject(key), &self.target.name).await;
        let Ok(Some(connection)) = found else { return };
        if !connection.is_active() {
            return;
        }
        if connection.is_fresh(now) {
            if !self.is_honoured(&connection) {
                let _ = store.expire(&connection, clock.now()).await;
            }
            return;
        }
        self.renew(worker, key, store, breakers).await;
    }

    async fn renew(&self, worker: usize, key: Key, store: &Store, breakers: &Breakers) {
        let clock = Watch { world: self.world.clone(), worker };
        let (world, mutation) = (self.world.clone(), self.mutation);
        let fresh = self.breakers();
        let refresher = Refresher {
            connections: store,
            secrets: &BTreeMap::<SecretName, ClientSecret>::new(),
            http: &Requests { world, worker, mutation },
            ring: ring(),
            breakers: if mutation == Some(Mutation::NoBreaker) { &fresh } else { breakers },
            clock: &clock,
            deadline: clock.now() + Duration::from_hours(1),
        };
        self.world.with(|world| world.book.begins(worker, key));
        let renewal = refresher.renew(&subject(key), &self.target, clock.now()).await;
        self.world.with(|world| {
            let unwritten = matches!(renewal, Renewal::Failed(Failure::Store(_)));
            world.book.note(world.now, || format!("{worker} says {renewal:?}"));
            match renewal {
                Renewal::Ended => world.book.told_ended(worker),
                Renewal::Renewed(tokens) => {
                    world.book.told_renewed(worker, &tokens.access.into_secret());
                }
                Renewal::Deferred { .. } => world.book.seen.deferred += 1,
                Renewal::Busy | Renewal::Failed(_) => {}
            }
            world.book.told(worker, unwritten);
        });
    }

    /// A person who consents, consents anew, disconnects, or takes their consent back elsewhere.
    async fn person(&self, worker: usize) {
        let store = self.store(worker);
        let first = self.turns.lock().unwrap()[worker] == TURNS;
        if first {
            for key in 0..usize::try_from(self.people).unwrap() {
                self.consent(key, &store).await;
            }
        }
        for _ in 0..4 {
            if !self.turn(worker) {
                return;
            }
            let (ms, key, does) = self.world.with(|world| {
                let key = usize::try_from(world.chance.below(self.people)).unwrap();
                (world.chance.below(3_000_000), key, world.chance.below(10))
            });
            self.idle(ms).await;
            match does {
                0..=2 => self.consent(key, &store).await,
                3 => {
                    let now = Watch { world: self.world.clone(), worker }.now();
                    let _ = store.disconnect(&subject(key), &self.target.name, now).await;
                }
                4 => {
                    let Some(refresh) = self.refresh_token(key).await else { continue };
                    self.world.with(|world| world.server.revoke(&refresh));
                }
                _ => {}
            }
        }
    }

    async fn consent(&self, key: Key, store: &Store) {
        let now = Watch { world: self.world.clone(), worker: store.worker }.now();
        let (access, refresh, lifetime) = self.world.with(|world| {
            let now = world.seconds();
            let (access, refresh) = world.server.consent(now);
            (access, refresh, world.server.expires_in.unwrap_or(3600))
        });
        let tokens = TokenSet {
            access: AccessToken::new(access),
            refresh: Some(RefreshToken::new(refresh)),
            expires_at: now + Duration::from_secs(lifetime),
            scopes: vec![],
        };
        let connection =
            Connection::active(ring(), subject(key), &self.target, &tokens, now).unwrap();
        let _ = store.connect(&connection).await;
    }

    /// Nothing goes wrong any more: whatever is left is renewed, or ends.
    async fn honest(&self, worker: usize) {
        let (store, breakers) = (self.store(worker), self.breakers());
        for key in 0..usize::try_from(self.people).unwrap() {
            let mut settled = false;
            for doublings in 0..12 {
                pause(&self.world, (20_000 << doublings).min(4_000_000)).await;
                self.call(worker, key, &store, &breakers).await;
                settled = self.is_settled(worker, key).await;
                if settled {
                    break;
                }
            }
            if !settled {
                self.world.with(|world| {
                    world.book.broken(|| format!("{key} is neither renewed nor ended"));
                });
            }
        }
    }

    /// Whether there is a token that the server honours, or nothing to renew.
    async fn is_settled(&self, worker: usize, key: Key) -> bool {
        let found = self.memory.find_connection(&subject(key), &self.target.name).await;
        let now = Watch { world: self.world.clone(), worker }.now();
        found
            .unwrap()
            .is_none_or(|row| !row.is_active() || (row.is_fresh(now) && self.is_honoured(&row)))
    }

    /// No pair that somebody won and that the server still serves is lost.
    fn judge(&self) {
        for key in 0..usize::try_from(self.people).unwrap() {
            let found = now_or_never(self.memory.find_connection(&subject(key), &self.target.name));
            let Some(row) = found.unwrap() else { continue };
            let ended = match row.status {
                Status::Active { .. } => false,
                Status::Disconnected { reason: Reason::BySubject, .. } => continue,
                Status::Disconnected { .. } => true,
            };
            self.world.with(|world| {
                let now = world.seconds();
                let served: Vec<_> = world
                    .book
                    .to_be_kept(key)
                    .filter(|refresh| world.server.serves(refresh, now))
                    .map(str::to_owned)
                    .collect();
                if ended && !served.is_empty() {
                    world.book.broken(|| format!("{key} ended, and the server serves {served:?}"));
                }
            });
        }
    }

    async fn refresh_token(&self, key: Key) -> Option<String> {
        let found = self.memory.find_connection(&subject(key), &self.target.name).await;
        let tokens = found.unwrap()?.open(ring(), &subject(key), &self.target).ok()?;
        tokens.refresh.map(RefreshToken::into_secret)
    }

    fn is_honoured(&self, connection: &Connection) -> bool {
        let tokens = connection.open(ring(), &connection.subject, &self.target).unwrap();
        let access = tokens.access.into_secret();
        self.world.with(|world| world.server.honours(&access, world.seconds()))
    }
}

/// The memory store never waits.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

const WORKERS: usize = 3;
const TURNS: u32 = 12;
