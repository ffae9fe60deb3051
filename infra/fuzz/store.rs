//! One memory store in several hands.

use broker::connection::Connection;
use broker::memory::MemoryStore;
use broker::pending::{SealedPending, State};
use broker::store::{ConnectionStore, Lease, PendingStore, StoreError, TargetStore};
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

    async fn targets(&self) -> Result<Vec<Target>, StoreError> {
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
}
