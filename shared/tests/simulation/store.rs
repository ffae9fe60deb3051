//! The store of a worker: the memory store, behind points at which calls are slow, fail before they
//! do anything, or fail after they did it.

use crate::authorization_server::Rotation;
use crate::book::End;
use crate::executor::pause;
use crate::mutation::Mutation;
use crate::people::{key_of, ring, subject};
use crate::world::Shared;
use broker::connection::{Attempt, Connection, Lineage, Status};
use broker::memory::MemoryStore;
use broker::step_up::StepUp;
use broker::store::{ConnectionStore, Lease, StoreError};
use broker::subject::SubjectId;
use broker::target::{Target, TargetName};
use broker::tokens::TokenSet;
use oauth2::RefreshToken;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) memory: Arc<MemoryStore>,
    pub(crate) target: Arc<Target>,
    pub(crate) world: Shared,
    pub(crate) worker: usize,
    /// Whether it is a person who writes.
    pub(crate) is_persons: bool,
    pub(crate) mutation: Option<Mutation>,
    /// What the worker saw last.
    pub(crate) seen: Arc<Mutex<Option<Connection>>>,
}

impl Store {
    /// A call: there, done, and back.
    async fn call<T>(
        &self,
        verb: &'static str,
        done: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (delay, fails) = self.world.with(|world| (world.store_delay(), world.store_fails()));
        pause(&self.world, delay).await;
        if fails {
            self.note(|| format!("{verb} fails before it is done"));
            return Err(unavailable());
        }
        let outcome = done.await;
        let (delay, fails) = self.world.with(|world| (world.store_delay(), world.store_fails()));
        pause(&self.world, delay).await;
        if fails {
            self.note(|| format!("{verb} is done, and says that it failed"));
            return Err(unavailable());
        }
        outcome
    }

    fn note(&self, line: impl FnOnce() -> String) {
        let worker = self.worker;
        self.world.with(|world| world.book.note(world.now, || format!("{worker}: {}", line())));
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn opened(&self, connection: &Connection) -> Option<TokenSet> {
        connection.open(ring(), &connection.subject, &self.target).ok()
    }

    fn refresh_token(&self, connection: &Connection) -> Option<String> {
        self.opened(connection)?.refresh.map(RefreshToken::into_secret)
    }

    /// After a write: what is there now, and whether it is anybody else's.
    async fn wrote(&self, subject: &SubjectId, verb: &'static str, ends_leases: bool) {
        let found = self.memory.find_connection(subject, &self.target.name).await;
        let Ok(Some(row)) = found else { return };
        let key = key_of(subject);
        let tokens = self.opened(&row);
        let readable = tokens.is_some() && row.open(ring(), &other(subject), &self.target).is_ok();
        self.world.with(|world| {
            let now = UNIX_EPOCH + Duration::from_millis(world.local(0));
            if readable {
                world.book.broken(|| "a sealed value opens for somebody else".to_owned());
            }
            if row.is_active() && tokens.is_none() {
                world.book.broken(|| "a sealed value does not open".to_owned());
            }
            if ends_leases {
                world.book.leases_end(key);
            }
            let (access, refresh) = match tokens {
                Some(tokens) => (
                    Some(tokens.access.into_secret()),
                    tokens.refresh.map(RefreshToken::into_secret),
                ),
                None => (None, None),
            };
            let grant = refresh.as_deref().map(|refresh| world.server.grant_of(refresh));
            world.book.wrote(key, access.as_deref().zip(grant), row.is_fresh(now));
            let (worker, now) = (self.worker, world.now);
            world.book.note(now, || match row.status {
                Status::Active { attempt, .. } => format!(
                    "{worker}: {verb} leaves {key} with {access:?}, {refresh:?}, {attempt:?}"
                ),
                Status::Disconnected { reason, .. } => {
                    format!("{worker}: {verb} leaves {key} {reason:?}")
                }
            });
        });
    }

    /// After a refresh ended a connection: whether it may have.
    fn ended(&self, before: Option<Connection>, ended: &Connection) {
        let Status::Disconnected { reason, .. } = ended.status else { return };
        let Some(before) = before else { return };
        let Status::Active { attempt, expires_at, .. } = before.status else { return };
        let Some(refresh) = self.refresh_token(&before) else { return };
        self.world.with(|world| {
            let now = UNIX_EPOCH + Duration::from_millis(world.local(self.worker));
            let end = End {
                rotation_lost: reason == broker::connection::Reason::RotationLost,
                attempted: attempt.is_some(),
                usable: now < expires_at,
                served: world.server.serves(&refresh, world.seconds()),
                punished: world.punished,
                rotates: world.server.rotation != Rotation::Never,
            };
            world.book.ends(self.worker, &refresh, end);
        });
    }
}

impl ConnectionStore for Store {
    async fn find_connection(
        &self,
        subject: &SubjectId,
        target: &TargetName,
    ) -> Result<Option<Connection>, StoreError> {
        let found =
            self.call("find", async { self.memory.find_connection(subject, target).await }).await?;
        self.seen.lock().unwrap().clone_from(&found);
        Ok(found)
    }

    async fn connect(&self, connection: &Connection) -> Result<(), StoreError> {
        self.call("connect", async {
            let before =
                self.memory.find_connection(&connection.subject, &connection.target).await?;
            self.memory.connect(connection).await?;
            self.ended(before, connection);
            // A worker that connects has nobody's consent.
            if let Some(refresh) = self.refresh_token(connection).filter(|_| self.is_persons) {
                let key = key_of(&connection.subject);
                self.world.with(|world| {
                    let grant = world.server.grant_of(&refresh);
                    world.book.consented(key, grant);
                });
            }
            self.wrote(&connection.subject, "connect", true).await;
            Ok(())
        })
        .await
    }

    async fn lease(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
        until: SystemTime,
    ) -> Result<Option<Lease>, StoreError> {
        self.call("lease", async {
            let far = Duration::from_hours(100);
            let asked_at = if self.is(Mutation::NoLease) { now + far } else { now };
            let until =
                if self.is(Mutation::ShortLease) { now + Duration::from_secs(2) } else { until };
            let mut lease = self.memory.lease(subject, target, asked_at, until).await?;
            if let Some(lease) = &mut lease {
                let (key, until) = (key_of(subject), milliseconds(until));
                self.world.with(|world| world.book.leased(self.worker, key, until));
                self.note(|| format!("leases {key}, version {}", lease.version));
                let seen = self.seen.lock().unwrap().clone();
                if let Some(seen) = seen.filter(|_| self.is(Mutation::NoReRead)) {
                    lease.connection = seen;
                }
            }
            Ok(lease)
        })
        .await
    }

    async fn journal(&self, lease: &Lease, attempt: Attempt) -> Result<bool, StoreError> {
        self.call("journal", async {
            if self.is(Mutation::NoJournal) {
                return Ok(true);
            }
            let written = self.memory.journal(lease, attempt).await?;
            if let Some(refresh) = self.refresh_token(&lease.connection).filter(|_| written) {
                self.world.with(|world| {
                    let began_at = milliseconds(attempt.began_at);
                    world.book.journaled(self.worker, &refresh, attempt.requests, began_at);
                });
            }
            self.note(|| format!("journal {attempt:?}: {written}"));
            Ok(written)
        })
        .await
    }

    async fn settle(&self, lease: Lease, connection: &Connection) -> Result<bool, StoreError> {
        self.call("settle", async {
            let before =
                self.memory.find_connection(&connection.subject, &connection.target).await?;
            let written = if self.is(Mutation::NoFence) {
                self.memory.connect(connection).await?;
                true
            } else {
                self.memory.settle(lease, connection).await?
            };
            if written {
                self.ended(before, connection);
                self.wrote(&connection.subject, "settle", true).await;
            }
            Ok(written)
        })
        .await
    }

    async fn release(&self, lease: Lease, attempt: Option<Attempt>) -> Result<bool, StoreError> {
        self.call("release", async {
            let before = lease.connection.clone();
            let attempt = attempt.filter(|_| !self.is(Mutation::ReleaseClearsJournal));
            let written = if self.is(Mutation::ReleaseWritesBack) {
                self.memory.settle(lease, &before).await?
            } else {
                self.memory.release(lease, attempt).await?
            };
            if written {
                let left = attempt.map(|attempt| attempt.requests);
                if let Some(refresh) = self.refresh_token(&before) {
                    self.world.with(|world| world.book.released(self.worker, &refresh, left));
                }
                self.wrote(&before.subject, "release", true).await;
            }
            Ok(written)
        })
        .await
    }

    async fn amend(&self, spent: &Lineage, connection: &Connection) -> Result<bool, StoreError> {
        self.call("amend", async {
            let written = match self.mutation {
                Some(Mutation::NoAmend) => false,
                Some(Mutation::UnconditionalAmend) => {
                    self.memory.connect(connection).await?;
                    true
                }
                _ => self.memory.amend(spent, connection).await?,
            };
            if written {
                self.world.with(|world| world.book.seen.amended += 1);
                self.wrote(&connection.subject, "amend", true).await;
                return Ok(true);
            }
            let found =
                self.memory.find_connection(&connection.subject, &connection.target).await?;
            if let Some(refresh) = found.and_then(|found| self.refresh_token(&found)) {
                self.world.with(|world| {
                    if world.server.serves(&refresh, world.seconds()) {
                        world.book.superseded(self.worker);
                    }
                });
            }
            Ok(false)
        })
        .await
    }

    async fn expire(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        self.call("expire", async {
            let marked = self.memory.expire(connection, now).await?;
            if let Some(tokens) = self.opened(connection).filter(|_| marked) {
                let access = tokens.access.into_secret();
                self.note(|| format!("{access} is no good"));
                self.world.with(|world| world.book.found_expired(&access));
            }
            Ok(marked)
        })
        .await
    }

    async fn note_refusal(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        self.memory.note_refusal(connection, now).await
    }

    async fn step_up(&self, connection: &Connection, more: &StepUp) -> Result<bool, StoreError> {
        self.memory.step_up(connection, more).await
    }

    async fn widen(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        asked: &[String],
        beyond: &[String],
    ) -> Result<(), StoreError> {
        self.memory.widen(subject, target, asked, beyond).await
    }

    async fn narrow(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        refused: &[String],
    ) -> Result<(), StoreError> {
        self.memory.narrow(subject, target, refused).await
    }

    async fn disconnect(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
    ) -> Result<Option<Connection>, StoreError> {
        self.call("disconnect", async {
            let before = self.memory.disconnect(subject, target, now).await?;
            self.world.with(|world| world.book.disconnected(key_of(subject)));
            self.wrote(subject, "disconnect", before.is_some()).await;
            Ok(before)
        })
        .await
    }

    async fn connections_of(&self, subject: &SubjectId) -> Result<Vec<Connection>, StoreError> {
        self.memory.connections_of(subject).await
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap()
}

fn other(subject: &SubjectId) -> SubjectId {
    self::subject(1 - key_of(subject))
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("as it happens".into())
}
