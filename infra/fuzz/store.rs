//! One memory store in several hands.

use broker::connection::{Attempt, Connection, Lineage};
use broker::memory::MemoryStore;
use broker::pending::{SealedPending, State};
use broker::step_up::StepUp;
use broker::store::{
    ConnectionStore, Lease, PendingStore, Registered, StoreError, TargetStore, UsedConnections,
};
use broker::subject::SubjectId;
use broker::target::{Target, TargetName};
use std::sync::Arc;
use std::time::SystemTime;

#[derive(Clone, Default)]
pub struct Store(Arc<MemoryStore>);

impl TargetStore for Store {
    async fn find_target(&self, name: &TargetName) -> Result<Option<Target>, StoreError> {
        self.0.find_target(name).await
    }

    async fn targets(&self) -> Result<Registered, StoreError> {
        self.0.targets().await
    }

    async fn put_target(&self, target: &Target) -> Result<(), StoreError> {
        self.0.put_target(target).await
    }

    async fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> Result<bool, StoreError> {
        self.0.replace_target(found, target).await
    }

    async fn remove_target(&self, found: &Target) -> Result<bool, StoreError> {
        self.0.remove_target(found).await
    }
}

impl PendingStore for Store {
    async fn put_pending(&self, state: &State, pending: &SealedPending) -> Result<(), StoreError> {
        self.0.put_pending(state, pending).await
    }

    async fn take_pending(&self, state: &State) -> Result<Option<SealedPending>, StoreError> {
        self.0.take_pending(state).await
    }
}

impl ConnectionStore for Store {
    async fn find_connection(
        &self,
        subject: &SubjectId,
        target: &TargetName,
    ) -> Result<Option<Connection>, StoreError> {
        self.0.find_connection(subject, target).await
    }

    async fn connect(&self, connection: &Connection) -> Result<(), StoreError> {
        self.0.connect(connection).await
    }

    async fn lease(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
        until: SystemTime,
    ) -> Result<Option<Lease>, StoreError> {
        self.0.lease(subject, target, now, until).await
    }

    async fn settle(&self, lease: Lease, connection: &Connection) -> Result<bool, StoreError> {
        self.0.settle(lease, connection).await
    }

    async fn journal(&self, lease: &Lease, attempt: Attempt) -> Result<bool, StoreError> {
        self.0.journal(lease, attempt).await
    }

    async fn release(&self, lease: Lease, attempt: Option<Attempt>) -> Result<bool, StoreError> {
        self.0.release(lease, attempt).await
    }

    async fn amend(&self, spent: &Lineage, connection: &Connection) -> Result<bool, StoreError> {
        self.0.amend(spent, connection).await
    }

    /// Nothing: one input must not change what the next one finds.
    async fn expire(&self, _: &Connection, _: SystemTime) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Nothing, likewise.
    async fn note_refusal(&self, _: &Connection, _: SystemTime) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Nothing, likewise.
    async fn step_up(&self, _: &Connection, _: &StepUp) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn widen(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        asked: &[String],
        beyond: &[String],
    ) -> Result<(), StoreError> {
        self.0.widen(subject, target, asked, beyond).await
    }

    async fn narrow(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        refused: &[String],
    ) -> Result<(), StoreError> {
        self.0.narrow(subject, target, refused).await
    }

    async fn disconnect(&self, subject: &SubjectId, target: &TargetName, now: SystemTime) -> Result<Option<Connection>, StoreError> {
        self.0.disconnect(subject, target, now).await
    }

    async fn connections_of(&self, subject: &SubjectId) -> Result<Vec<Connection>, StoreError> {
        self.0.connections_of(subject).await
    }
}

impl UsedConnections for Store {
    async fn note_use(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        self.0.note_use(connection, now).await
    }
}
