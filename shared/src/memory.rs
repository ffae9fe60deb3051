//! The stores in memory: for tests of what stands on them, under the same contract as the others.

mod due;
mod targets;

use crate::connection::{Attempt, Connection, Lineage, Reason, Status};
use crate::identity::SealedPublished;
use crate::pending::{SealedPending, State};
use crate::queue::{Message, Queue, QueueError};
use crate::step_up::StepUp;
use crate::store::{
    ClientSecrets, ConnectionStore, Lease, PendingStore, PublishedStore, SecretStore, StoreError,
};
use crate::subject::SubjectId;
use crate::target::{SecretName, TargetName};
use oauth2::ClientSecret;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Targets, pending authorizations and connections, gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    targets: BTreeMap<TargetName, targets::Item>,
    pending: HashMap<String, SealedPending>,
    published: HashMap<String, SealedPublished>,
    connections: HashMap<(SubjectId, TargetName), Row>,
}

#[derive(Debug)]
struct Row {
    connection: Connection,
    version: u64,
    leased_until: Option<SystemTime>,
    /// Which tokens these are, or were before a refresh ended them.
    lineage: Option<Lineage>,
}

impl Row {
    /// Writes `connection`, which ends any lease. What the row says besides tokens stays.
    fn write(&mut self, connection: &Connection) {
        match connection.status {
            Status::Active { .. } => self.lineage = connection.lineage(),
            Status::Disconnected { reason, .. } if reason.is_of_refresh() => {}
            Status::Disconnected { .. } => self.lineage = None,
        }
        let (refused_at, step_up) = (self.connection.refused_at, self.connection.step_up.clone());
        self.connection = Connection { refused_at, step_up, ..connection.clone() };
        self.version += 1;
        self.leased_until = None;
    }
}

impl MemoryStore {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A queue whose messages nobody takes but by asking, gone with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryQueue(Arc<Mutex<Vec<Message>>>);

impl MemoryQueue {
    /// What was sent, and forgets it.
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Queue for MemoryQueue {
    async fn send(&self, messages: &[Message]) -> Result<Vec<usize>, QueueError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(messages);
        Ok(Vec::new())
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

impl PendingStore for MemoryStore {
    async fn put_pending(&self, state: &State, pending: &SealedPending) -> Result<(), StoreError> {
        self.inner().pending.insert(state.digest(), pending.clone());
        Ok(())
    }

    async fn take_pending(&self, state: &State) -> Result<Option<SealedPending>, StoreError> {
        Ok(self.inner().pending.remove(&state.digest()))
    }
}

impl PublishedStore for MemoryStore {
    async fn find_published(&self, issuer: &str) -> Result<Option<SealedPublished>, StoreError> {
        Ok(self.inner().published.get(issuer).cloned())
    }

    async fn put_published(
        &self,
        issuer: &str,
        published: &SealedPublished,
    ) -> Result<(), StoreError> {
        self.inner().published.insert(issuer.to_owned(), published.clone());
        Ok(())
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
        let key = connection.key();
        let mut inner = self.inner();
        let row = inner.connections.entry(key).or_insert_with(|| Row {
            connection: connection.clone(),
            version: 0,
            leased_until: None,
            lineage: None,
        });
        let before = &row.connection;
        let moved = before.resource != connection.resource || before.issuer != connection.issuer;
        row.write(connection);
        row.connection.refused_at = None;
        if moved {
            row.connection.step_up = StepUp::default();
        }
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

    async fn journal(&self, lease: &Lease, attempt: Attempt) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let row = inner.connections.get_mut(&lease.connection.key());
        let Some(row) = row.filter(|row| row.version == lease.version) else { return Ok(false) };
        let Status::Active { attempt: journal, .. } = &mut row.connection.status else {
            return Ok(false);
        };
        *journal = Some(attempt);
        Ok(true)
    }

    async fn settle(&self, lease: Lease, connection: &Connection) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let row = inner.connections.get_mut(&connection.key());
        let Some(row) = row.filter(|row| row.version == lease.version) else { return Ok(false) };
        row.write(connection);
        Ok(true)
    }

    async fn release(&self, lease: Lease, attempt: Option<Attempt>) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let row = inner.connections.get_mut(&lease.connection.key());
        let Some(row) = row.filter(|row| row.version == lease.version) else { return Ok(false) };
        if let Status::Active { attempt: journal, .. } = &mut row.connection.status {
            *journal = attempt;
        }
        row.version += 1;
        row.leased_until = None;
        Ok(true)
    }

    async fn amend(&self, spent: &Lineage, connection: &Connection) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let row = inner.connections.get_mut(&connection.key());
        let Some(row) = row.filter(|row| row.lineage.as_ref() == Some(spent)) else {
            return Ok(false);
        };
        row.write(connection);
        Ok(true)
    }

    async fn expire(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let Some(row) = inner.connections.get_mut(&connection.key()) else { return Ok(false) };
        let same = row.lineage.is_some() && row.lineage == connection.lineage();
        let Status::Active { expires_at, .. } = &mut row.connection.status else {
            return Ok(false);
        };
        if same {
            *expires_at = now.min(*expires_at);
        }
        Ok(same)
    }

    async fn note_refusal(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let Some(row) = inner.connections.get_mut(&connection.key()) else { return Ok(false) };
        let same = row.connection.is_active()
            && row.lineage.is_some()
            && row.lineage == connection.lineage();
        if same {
            row.connection.refused_at = Some(now);
        }
        Ok(same)
    }

    async fn step_up(&self, connection: &Connection, more: &StepUp) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let Some(row) = inner.connections.get_mut(&connection.key()) else { return Ok(false) };
        let same = row.connection.is_active()
            && row.lineage.is_some()
            && row.lineage == connection.lineage();
        if same {
            row.connection.step_up.add(more);
        }
        Ok(same)
    }

    async fn widen(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        asked: &[String],
        beyond: &[String],
    ) -> Result<(), StoreError> {
        if let Some(row) = self.inner().connections.get_mut(&(*subject, target.clone())) {
            row.connection.step_up.widen(asked, beyond);
        }
        Ok(())
    }

    async fn narrow(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        refused: &[String],
    ) -> Result<(), StoreError> {
        if let Some(row) = self.inner().connections.get_mut(&(*subject, target.clone())) {
            row.connection.step_up.narrow(refused);
        }
        Ok(())
    }

    async fn disconnect(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
    ) -> Result<Option<Connection>, StoreError> {
        let mut inner = self.inner();
        let Some(row) = inner.connections.get_mut(&(*subject, target.clone())) else {
            return Ok(None);
        };
        let before = row.connection.clone();
        if !before.is_active() && row.lineage.is_none() {
            return Ok(None);
        }
        row.write(&before.clone().disconnected(Reason::BySubject, now));
        (row.connection.refused_at, row.connection.step_up) = (None, StepUp::default());
        Ok(before.is_active().then_some(before))
    }

    async fn connections_of(&self, subject: &SubjectId) -> Result<Vec<Connection>, StoreError> {
        let inner = self.inner();
        let rows = inner.connections.values().map(|row| &row.connection);
        let mut found: Vec<_> = rows.filter(|c| c.subject == *subject).cloned().collect();
        found.sort_by(|a, b| a.target.cmp(&b.target));
        Ok(found)
    }
}
