//! Stores that fail when they are told to, and remember what was asked of them.

use broker::catalog::Catalog;
use broker::connection::{Attempt, Connection, Lineage};
use broker::due::{Due, Shard};
use broker::identity::SealedPublished;
use broker::memory::MemoryStore;
use broker::pending::{SealedPending, State};
use broker::step_up::StepUp;
use broker::store::{
    CatalogStore, ConnectionStore, DueConnections, DueCursor, DuePage, Lease, PendingStore,
    PublishedStore, Registered, StoreError, TargetStore, UsedConnections,
};
use broker::subject::SubjectId;
use broker::target::{Target, TargetName};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

#[derive(Clone, Default)]
pub(crate) struct FaultyStore {
    /// What is behind it, which does not fail.
    pub(crate) memory: Arc<MemoryStore>,
    broken: Arc<Mutex<Vec<&'static str>>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
    /// The next write of a target is done, but not believed: its answer was lost, and the repetition
    /// found it done.
    pub(crate) repeats: Arc<Mutex<bool>>,
    /// Just before the next such verb, somebody consents: this connection is there by then.
    pub(crate) meanwhile: Arc<Mutex<Option<(&'static str, Connection)>>>,
}

impl FaultyStore {
    /// From now on, `verb` does not answer; `verb once` is for its next call only, and
    /// `targets late` says so after three seconds.
    pub(crate) fn breaks(&self, verb: &'static str) {
        self.broken.lock().unwrap().push(verb);
    }

    async fn comes_before(&self, verb: &'static str) -> Result<(), StoreError> {
        let taken = self.meanwhile.lock().unwrap().take_if(|(before, _)| *before == verb);
        match taken {
            Some((_, connection)) => self.memory.connect(&connection).await,
            None => Ok(()),
        }
    }

    /// What was asked, in order, and forgets it.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn called(&self, verb: &'static str) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(verb);
        let mut broken = self.broken.lock().unwrap();
        let once = broken.iter().position(|told| told.strip_suffix(" once") == Some(verb));
        if once.map(|once| broken.remove(once)).is_some() || broken.contains(&verb) {
            return Err(StoreError::Unavailable("told to".into()));
        }
        Ok(())
    }
}

impl TargetStore for FaultyStore {
    async fn find_target(&self, name: &TargetName) -> Result<Option<Target>, StoreError> {
        self.called("find_target")?;
        self.memory.find_target(name).await
    }

    async fn targets(&self) -> Result<Registered, StoreError> {
        if self.broken.lock().unwrap().contains(&"targets late") {
            tokio::time::sleep(Duration::from_secs(3)).await;
            return Err(StoreError::Unavailable("told to".into()));
        }
        self.called("targets")?;
        self.memory.targets().await
    }

    async fn put_target(&self, target: &Target) -> Result<(), StoreError> {
        self.called("put_target")?;
        self.memory.put_target(target).await
    }

    async fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> Result<bool, StoreError> {
        self.called("replace_target")?;
        let written = self.memory.replace_target(found, target).await?;
        Ok(written && !std::mem::take(&mut *self.repeats.lock().unwrap()))
    }

    async fn remove_target(&self, found: &Target) -> Result<bool, StoreError> {
        self.called("remove_target")?;
        self.memory.remove_target(found).await
    }
}

impl CatalogStore for FaultyStore {
    async fn find_catalog(&self, name: &TargetName) -> Result<Option<Catalog>, StoreError> {
        self.called("find_catalog")?;
        self.memory.find_catalog(name).await
    }

    async fn put_catalog(
        &self,
        name: &TargetName,
        found: Option<&Catalog>,
        catalog: &Catalog,
    ) -> Result<bool, StoreError> {
        self.called("put_catalog")?;
        self.memory.put_catalog(name, found, catalog).await
    }
}

impl PendingStore for FaultyStore {
    async fn put_pending(&self, state: &State, pending: &SealedPending) -> Result<(), StoreError> {
        self.called("put_pending")?;
        self.memory.put_pending(state, pending).await
    }

    async fn take_pending(&self, state: &State) -> Result<Option<SealedPending>, StoreError> {
        self.called("take_pending")?;
        self.memory.take_pending(state).await
    }
}

impl PublishedStore for FaultyStore {
    async fn find_published(&self, issuer: &str) -> Result<Option<SealedPublished>, StoreError> {
        self.called("find_published")?;
        self.memory.find_published(issuer).await
    }

    async fn put_published(
        &self,
        issuer: &str,
        published: &SealedPublished,
    ) -> Result<(), StoreError> {
        self.called("put_published")?;
        self.memory.put_published(issuer, published).await
    }
}

impl ConnectionStore for FaultyStore {
    async fn find_connection(
        &self,
        subject: &SubjectId,
        target: &TargetName,
    ) -> Result<Option<Connection>, StoreError> {
        self.called("find_connection")?;
        self.memory.find_connection(subject, target).await
    }

    async fn connect(&self, connection: &Connection) -> Result<(), StoreError> {
        self.called("connect")?;
        self.memory.connect(connection).await
    }

    async fn lease(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
        until: SystemTime,
    ) -> Result<Option<Lease>, StoreError> {
        self.called("lease")?;
        self.comes_before("lease").await?;
        self.memory.lease(subject, target, now, until).await
    }

    async fn settle(&self, lease: Lease, connection: &Connection) -> Result<bool, StoreError> {
        self.called("settle")?;
        self.memory.settle(lease, connection).await
    }

    async fn journal(&self, lease: &Lease, attempt: Attempt) -> Result<bool, StoreError> {
        self.called("journal")?;
        self.memory.journal(lease, attempt).await
    }

    async fn release(&self, lease: Lease, attempt: Option<Attempt>) -> Result<bool, StoreError> {
        self.called("release")?;
        self.memory.release(lease, attempt).await
    }

    async fn amend(&self, spent: &Lineage, connection: &Connection) -> Result<bool, StoreError> {
        self.called("amend")?;
        self.memory.amend(spent, connection).await
    }

    async fn expire(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        self.called("expire")?;
        self.comes_before("expire").await?;
        self.memory.expire(connection, now).await
    }

    async fn note_refusal(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        self.called("note_refusal")?;
        self.comes_before("note_refusal").await?;
        self.memory.note_refusal(connection, now).await
    }

    async fn step_up(&self, connection: &Connection, more: &StepUp) -> Result<bool, StoreError> {
        self.called("step_up")?;
        self.comes_before("step_up").await?;
        self.memory.step_up(connection, more).await
    }

    async fn widen(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        asked: &[String],
        beyond: &[String],
    ) -> Result<(), StoreError> {
        self.called("widen")?;
        self.memory.widen(subject, target, asked, beyond).await
    }

    async fn narrow(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        refused: &[String],
    ) -> Result<(), StoreError> {
        self.called("narrow")?;
        self.memory.narrow(subject, target, refused).await
    }

    async fn disconnect(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
    ) -> Result<Option<Connection>, StoreError> {
        self.called("disconnect")?;
        self.memory.disconnect(subject, target, now).await
    }

    async fn connections_of(&self, subject: &SubjectId) -> Result<Vec<Connection>, StoreError> {
        self.called("connections_of")?;
        self.memory.connections_of(subject).await
    }
}

impl DueConnections for FaultyStore {
    async fn due(
        &self,
        shard: Shard,
        now: SystemTime,
        after: Option<&DueCursor>,
    ) -> Result<DuePage, StoreError> {
        self.called("due")?;
        if shard.key() == "3" {
            self.called("due 3")?;
        }
        self.memory.due(shard, now, after).await
    }

    async fn postpone(&self, due: &Due, until: Option<SystemTime>) -> Result<bool, StoreError> {
        self.called("postpone")?;
        self.memory.postpone(due, until).await
    }
}

impl UsedConnections for FaultyStore {
    async fn note_use(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        self.called("note_use")?;
        if self.broken.lock().unwrap().contains(&"note_use for ever") {
            std::future::pending::<()>().await;
        }
        self.memory.note_use(connection, now).await
    }
}
