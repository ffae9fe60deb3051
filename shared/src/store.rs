//! What the verbs ask of storage: promises, not access. `tests/store_contract.rs` holds every
//! adapter to them.

use crate::connection::Connection;
use crate::pending::{SealedPending, State};
use crate::subject::SubjectId;
use crate::target::{SecretName, Target, TargetName};
use oauth2::ClientSecret;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The registry of targets.
pub trait TargetStore: Send + Sync {
    /// The target of this name.
    fn find_target(
        &self,
        name: &TargetName,
    ) -> impl Future<Output = Result<Option<Target>, StoreError>> + Send;

    /// Every target, by name.
    fn targets(&self) -> impl Future<Output = Result<Vec<Target>, StoreError>> + Send;

    /// Adds `target`, or replaces the one of its name.
    fn put_target(&self, target: &Target) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes `target`, provided that the record of its name still is `found`, or still is not there.
    /// Of two writers at once one is told `false`, and has changed nothing.
    fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a target, provided that its record still is `found`. Otherwise the answer is `false`.
    fn remove_target(
        &self,
        found: &Target,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Where consent waits for the browser to come back.
pub trait PendingStore: Send + Sync {
    /// Remembers `pending` until it is taken or forgotten after its expiry.
    fn put_pending(
        &self,
        state: &State,
        pending: &SealedPending,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes and returns it. Of two callbacks with one `state`, one gets `None`.
    fn take_pending(
        &self,
        state: &State,
    ) -> impl Future<Output = Result<Option<SealedPending>, StoreError>> + Send;
}

/// Where connections are kept. Every write makes a new version.
pub trait ConnectionStore: Send + Sync {
    /// The connection of `subject` at `target`, as of the last completed write.
    fn find_connection(
        &self,
        subject: &SubjectId,
        target: &TargetName,
    ) -> impl Future<Output = Result<Option<Connection>, StoreError>> + Send;

    /// Writes a connection that was just consented to over whatever is there. A lease taken before
    /// can no longer settle.
    fn connect(
        &self,
        connection: &Connection,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes the sole right to refresh a connection until `until`. `None` if another holds it, or if
    /// there is no connection.
    fn lease(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
        until: SystemTime,
    ) -> impl Future<Output = Result<Option<Lease>, StoreError>> + Send;

    /// Ends the lease and writes `connection` in its place, unless somebody has written since the
    /// lease was taken: then nothing changes, and the answer is `false`.
    fn settle(
        &self,
        lease: Lease,
        connection: &Connection,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// The sole, expiring, fenced right to refresh one connection.
#[derive(Debug)]
#[must_use = "a lease that is not settled keeps others waiting until it expires"]
pub struct Lease {
    /// The connection as it was when the lease was taken.
    pub connection: Connection,
    /// The fence: the version that the lease made.
    pub version: u64,
}

/// Where client secrets lie.
pub trait ClientSecrets: Send + Sync {
    /// The secret of this name.
    fn client_secret(
        &self,
        name: &SecretName,
    ) -> impl Future<Output = Result<ClientSecret, StoreError>> + Send;
}

/// Where the operator's command puts secrets, and takes them away. No function does.
pub trait SecretStore: ClientSecrets {
    /// Keeps `secret` under `name`, where nothing was.
    fn put_secret(
        &self,
        name: &SecretName,
        secret: &ClientSecret,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes what lies there, if anything does.
    fn remove_secret(
        &self,
        name: &SecretName,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A map is a store: the operator's configuration file in `latchkey local`.
impl ClientSecrets for BTreeMap<SecretName, ClientSecret> {
    async fn client_secret(&self, name: &SecretName) -> Result<ClientSecret, StoreError> {
        self.get(name).cloned().ok_or(StoreError::Unreadable("there is no secret of this name"))
    }
}

/// Why storage was of no use, divided by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Try again.
    #[error("the store did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored cannot be read: trying again will not help, an operator must look.
    #[error("the store holds something unreadable: {0}")]
    Unreadable(&'static str),
}
