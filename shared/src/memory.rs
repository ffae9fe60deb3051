//! The stores in memory: for tests of what stands on them, under the same contract as the others.

use crate::connection::Connection;
use crate::pending::{SealedPending, State};
use crate::store::{
    ClientSecrets, ConnectionStore, Lease, PendingStore, SecretStore, StoreError, TargetStore,
};
use crate::subject::SubjectId;
use crate::target::{SecretName, Target, TargetName};
use oauth2::ClientSecret;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Targets, pending authorizations and connections, gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    targets: BTreeMap<TargetName, Target>,
    pending: HashMap<String, SealedPending>,
    connections: HashMap<(SubjectId, TargetName), Row>,
}

#[derive(Debug)]
struct Row {
    connection: Connection,
    version: u64,
    leased_until: Option<SystemTime>,
}

impl MemoryStore {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Secrets by name, gone with the process.
#[derive(Debug, Default)]
pub struct MemorySecrets {
    inner: Mutex<BTreeMap<SecretName, ClientSecret>>,
}

impl MemorySecrets {
    /// The names of those that there are.
    pub fn names(&self) -> Vec<SecretName> {
        self.inner().keys().cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, BTreeMap<SecretName, ClientSecret>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSecrets for MemorySecrets {
    async fn client_secret(&self, name: &SecretName) -> Result<ClientSecret, StoreError> {
        let found = self.inner().get(name).cloned();
        found.ok_or(StoreError::Unreadable("there is no secret of this name"))
    }
}

impl SecretStore for MemorySecrets {
    async fn put_secret(&self, name: &SecretName, secret: &ClientSecret) -> Result<(), StoreError> {
        self.inner().insert(name.clone(), secret.clone());
        Ok(())
    }

    async fn remove_secret(&self, name: &SecretName) -> Result<(), StoreError> {
        self.inner().remove(name);
        Ok(())
    }
}

impl TargetStore for MemoryStore {
    async fn find_target(&self, name: &TargetName) -> Result<Option<Target>, StoreError> {
        Ok(self.inner().targets.get(name).cloned())
    }

    async fn targets(&self) -> Result<Vec<Target>, StoreError> {
        Ok(self.inner().targets.values().cloned().collect())
    }

    async fn put_target(&self, target: &Target) -> Result<(), StoreError> {
        self.inner().targets.insert(target.name.clone(), target.clone());
        Ok(())
    }

    async fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> Result<bool, StoreError> {
        let targets = &mut self.inner().targets;
        let unchanged = targets.get(&target.name) == found;
        if unchanged {
            targets.insert(target.name.clone(), target.clone());
        }
        Ok(unchanged)
    }

    async fn remove_target(&self, found: &Target) -> Result<bool, StoreError> {
        let targets = &mut self.inner().targets;
        let unchanged = targets.get(&found.name) == Some(found);
        if unchanged {
            targets.remove(&found.name);
        }
        Ok(unchanged)
    }
}

impl PendingStore for MemoryStore {
    async fn put_pending(&self, state: &State, pending: &SealedPending) -> Result<(), StoreError> {
        self.inner().pending.insert(state.digest(), pending.clone());
        Ok(())
    }

    async fn take_pending(&self, state: &State) -> Result<Option<SealedPending>, StoreError> {
        Ok(self.inner().pending.remove(&state.digest()))
    }
}

impl ConnectionStore for MemoryStore {
    async fn find_connection(
        &self,
        subject: &SubjectId,
        target: &TargetName,
    ) -> Result<Option<Connection>, StoreError> {
        let key = (*subject, target.clone());
        Ok(self.inner().connections.get(&key).map(|row| row.connection.clone()))
    }

    async fn connect(&self, connection: &Connection) -> Result<(), StoreError> {
        let key = (connection.subject, connection.target.clone());
        let mut inner = self.inner();
        let version = inner.connections.get(&key).map_or(1, |row| row.version + 1);
        let row = Row { connection: connection.clone(), version, leased_until: None };
        inner.connections.insert(key, row);
        Ok(())
    }

    async fn lease(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
        until: SystemTime,
    ) -> Result<Option<Lease>, StoreError> {
        let mut inner = self.inner();
        let Some(row) = inner.connections.get_mut(&(*subject, target.clone())) else {
            return Ok(None);
        };
        if row.leased_until.is_some_and(|until| now < until) {
            return Ok(None);
        }
        row.leased_until = Some(until);
        row.version += 1;
        Ok(Some(Lease { connection: row.connection.clone(), version: row.version }))
    }

    async fn settle(&self, lease: Lease, connection: &Connection) -> Result<bool, StoreError> {
        let key = (connection.subject, connection.target.clone());
        let mut inner = self.inner();
        let Some(row) = inner.connections.get_mut(&key).filter(|row| row.version == lease.version)
        else {
            return Ok(false);
        };
        *row =
            Row { connection: connection.clone(), version: lease.version + 1, leased_until: None };
        Ok(true)
    }
}
