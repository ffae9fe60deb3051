//! What the verbs ask of storage: promises, not access. `tests/store_contract` holds every
//! adapter to them.

use crate::catalog::{Catalog, Recipe};
use crate::connection::{Attempt, Connection, Lineage};
use crate::due::{Due, Shard};
use crate::identity::SealedPublished;
use crate::pending::{SealedPending, State};
use crate::step_up::StepUp;
use crate::subject::SubjectId;
use crate::target::{SecretName, Target, TargetName};
use oauth2::ClientSecret;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The registry of targets.
pub trait TargetStore: Send + Sync {
    /// The target of this name.
    fn find_target(
        &self,
        name: &TargetName,
    ) -> impl Future<Output = Result<Option<Target>, StoreError>> + Send;

    /// Every target, by name. One whose record cannot be read keeps nobody from the others.
    fn targets(&self) -> impl Future<Output = Result<Registered, StoreError>> + Send;

    /// Adds `target`, or replaces the one of its name. Its catalog stays.
    fn put_target(&self, target: &Target) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes `target`, provided that the record of its name still is `found`, or still is not there.
    /// Of two writers at once one is told `false`, and has changed nothing. Its catalog stays.
    fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes a target and its catalog, provided that its record still is `found`. Otherwise the
    /// answer is `false`.
    fn remove_target(
        &self,
        found: &Target,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// What the registry holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Registered {
    /// The targets, by name.
    pub targets: Vec<Target>,
    /// The names, as written, of those whose record nobody can read: an operator must mend it, and
    /// until then nothing is done there.
    pub unreadable: Vec<String>,
    /// How the gateway was brought to take them, by name, where a readable catalog says so.
    pub recipes: BTreeMap<String, Recipe>,
}

/// What is noted of each target's catalog. It lies beside the target, and goes with it.
pub trait CatalogStore: Send + Sync {
    /// What is noted of the catalog of the target of this name, as of the last completed write.
    fn find_catalog(
        &self,
        name: &TargetName,
    ) -> impl Future<Output = Result<Option<Catalog>, StoreError>> + Send;

    /// Writes `catalog`, provided that what is noted still is `found`, or still is not there, and that
    /// there is a target of this name. Of two writers at once one is told `false`, and has changed
    /// nothing. The target stays as it is.
    fn put_catalog(
        &self,
        name: &TargetName,
        found: Option<&Catalog>,
        catalog: &Catalog,
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

/// Where what identity providers publish is kept, for functions that start later.
pub trait PublishedStore: Send + Sync {
    /// What was last put for `issuer`, if it was not forgotten.
    fn find_published(
        &self,
        issuer: &str,
    ) -> impl Future<Output = Result<Option<SealedPublished>, StoreError>> + Send;

    /// Keeps `published` in the place of what was there, until it expires.
    fn put_published(
        &self,
        issuer: &str,
        published: &SealedPublished,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Where connections are kept. Every write makes a new version.
pub trait ConnectionStore: Send + Sync {
    /// The connection of `subject` at `target`, as of the last completed write.
    fn find_connection(
        &self,
        subject: &SubjectId,
        target: &TargetName,
    ) -> impl Future<Output = Result<Option<Connection>, StoreError>> + Send;

    /// Writes a connection that was just consented to over whatever is there but the history of its
    /// scopes, which goes as well if it is of another resource or issuer. A lease taken before can no
    /// longer settle.
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

    /// Writes into the journal that a request is about to leave, unless somebody has written since the
    /// lease was taken: then nothing changes, and the answer is `false`.
    fn journal(
        &self,
        lease: &Lease,
        attempt: Attempt,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends the lease and writes `connection` in its place, unless somebody has written since the
    /// lease was taken: then nothing changes, and the answer is `false`.
    fn settle(
        &self,
        lease: Lease,
        connection: &Connection,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends the lease and leaves the connection as it is by now, with `attempt` for its journal, unless
    /// somebody has written since the lease was taken: then nothing changes, and the answer is `false`.
    fn release(
        &self,
        lease: Lease,
        attempt: Option<Attempt>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Writes tokens that a holder won although it was overtaken: only over the very tokens that it
    /// spent, `spent`, or over the ending that a refresh of those led to. A lease taken meanwhile can
    /// no longer settle. Otherwise nothing changes, and the answer is `false`.
    fn amend(
        &self,
        spent: &Lineage,
        connection: &Connection,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Writes that the access token of `connection` is no longer good, as of `now`, for the MCP server
    /// refused it; unless the row holds other tokens by now: then nothing changes, and the answer is
    /// `false`. A lease stays.
    fn expire(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Writes `now` for [`Connection::refused_at`] and leaves the tokens as they are, unless the row
    /// holds others than `connection` by now: then nothing changes, and the answer is `false`. A lease
    /// stays.
    fn note_refusal(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Adds `more` to the history of the scopes of `connection`, unless the row holds other tokens by
    /// now: then nothing changes, and the answer is `false`. A lease stays.
    fn step_up(
        &self,
        connection: &Connection,
        more: &StepUp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Writes into that history that the subject consented, when they were asked for `asked`, of which
    /// `beyond` are not the target's own. Without a connection nothing changes.
    fn widen(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        asked: &[String],
        beyond: &[String],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes `refused`, which the authorization server does not grant, out of that history, what the
    /// subject consented to before included. Its attempts stay. Without a connection nothing changes.
    fn narrow(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        refused: &[String],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends the connection at the subject's wish, whatever a refresh is doing: none can bring it back.
    /// The answer is the connection as it was, whose tokens can now be given back; `None` if there was
    /// none, or it had ended already.
    fn disconnect(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
    ) -> impl Future<Output = Result<Option<Connection>, StoreError>> + Send;

    /// Every connection of `subject`, ended ones too, by target.
    fn connections_of(
        &self,
        subject: &SubjectId,
    ) -> impl Future<Output = Result<Vec<Connection>, StoreError>> + Send;
}

/// Which connections are due to be renewed. To ask costs what is due, however many there are that are
/// not. Every write of a connection says when it is due next.
pub trait DueConnections: Send + Sync {
    /// A page of what is due in `shard` by `now`, what is due the longest first; with `after`, the
    /// page that follows. What was written or moved a moment ago may be missing, or appear as it was
    /// before.
    fn due(
        &self,
        shard: Shard,
        now: SystemTime,
        after: Option<&DueCursor>,
    ) -> impl Future<Output = Result<DuePage, StoreError>> + Send;

    /// Moves `due` to `until`, or with `None` to when a call needs it, unless it has been moved or
    /// written since it was read: then nothing changes, and the answer is `false`. A lease stays.
    fn postpone(
        &self,
        due: &Due,
        until: Option<SystemTime>,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Some of what is due.
#[derive(Debug, Default)]
pub struct DuePage {
    /// What is due the longest comes first.
    pub due: Vec<Due>,
    /// How many more there are whose key cannot be read: an operator must look.
    pub unreadable: usize,
    /// Where the next page begins, if there is more.
    pub next: Option<DueCursor>,
}

/// Where a page of what is due ended: due time, subject and target as the store has them.
#[derive(Clone, Debug)]
pub struct DueCursor(pub(crate) [String; 3]);

/// Where the use of connections is noted, so that those in use can be told from the others.
pub trait UsedConnections: Send + Sync {
    /// Notes that a call used `connection`, as of `now`. Nothing changes if it has ended, or if that
    /// was noted within [`USE_NOTED_EVERY`]: then the answer is `false`. A lease stays.
    fn note_use(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// How often the use of a connection is noted.
pub const USE_NOTED_EVERY: Duration = Duration::from_hours(24);

/// The sole, expiring, fenced right to refresh one connection.
#[derive(Debug)]
#[must_use = "a lease that is neither settled nor released keeps others waiting until it expires"]
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
