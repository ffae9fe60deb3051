//! What an identity provider publishes, as one function read it, for those that start later.
//!
//! Each would else ask the provider, over another connection, what others were told minutes ago: a
//! quarter of a start's work and most of its waiting, and while the provider is down none could start.
//! It is sealed, for who can write to the table must not say whose signatures count.

use super::published::{Known, LONGEST_OUTAGE, METADATA_LIFETIME};
use crate::seal::{KeyRing, Owner, SealError};
use crate::store::{PublishedStore, StoreError};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// An issuer's documents as a store holds them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedPublished {
    /// Sealed for the issuer.
    pub sealed: Vec<u8>,
    /// When they were read. Not to be relied on: the sealed one is.
    pub read_at: SystemTime,
}

impl SealedPublished {
    /// Whether it is likely to be believed, by one who asks the provider again `early`.
    pub fn is_young(&self, early: Duration, now: SystemTime) -> bool {
        now.duration_since(self.read_at).is_ok_and(|age| age + early < METADATA_LIFETIME)
    }

    /// When a store may forget it.
    pub fn expires(&self) -> SystemTime {
        self.read_at + LONGEST_OUTAGE
    }
}

/// One issuer's place in a store.
pub(super) struct Kept<D> {
    pub(super) store: D,
    pub(super) ring: KeyRing,
    pub(super) issuer: String,
}

type Promised<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whoever keeps an issuer's documents. Neither fails: without them the provider is asked.
pub(super) trait Keeper: Send + Sync {
    fn find(&self) -> Promised<'_, Option<Known>>;

    fn keep<'a>(&'a self, known: &'a Known) -> Promised<'a, ()>;

    fn open(&self, published: &SealedPublished) -> Option<Known>;
}

impl<D: PublishedStore> Keeper for Kept<D> {
    fn find(&self) -> Promised<'_, Option<Known>> {
        Box::pin(async {
            let found = tokio::time::timeout(A_READ, self.store.find_published(&self.issuer));
            self.open(&found.await.ok()?.ok()??)
        })
    }

    fn keep<'a>(&'a self, known: &'a Known) -> Promised<'a, ()> {
        Box::pin(async {
            if known.is_empty() {
                return;
            }
            let kept = tokio::time::timeout(A_WRITE, self.put(known)).await;
            if !matches!(kept, Ok(Ok(()))) {
                tracing::warn!(
                    "the identity provider's keys could not be kept for other instances"
                );
            }
        })
    }

    fn open(&self, published: &SealedPublished) -> Option<Known> {
        let plain = self.ring.open(&owner(&self.issuer), &published.sealed);
        plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok())
    }
}

impl<D: PublishedStore> Kept<D> {
    async fn put(&self, known: &Known) -> Result<(), StoreError> {
        let sealed = self.sealed(known);
        let sealed = sealed.map_err(|_| StoreError::Unreadable("keys that cannot be sealed"))?;
        let published = SealedPublished { sealed, read_at: known.read_at };
        self.store.put_published(&self.issuer, &published).await
    }

    fn sealed(&self, known: &Known) -> Result<Vec<u8>, SealError> {
        let plain = serde_json::to_vec(known).map_err(|_| SealError)?;
        self.ring.seal(&owner(&self.issuer), &plain)
    }
}

fn owner(issuer: &str) -> Owner {
    Owner::new("published", &[issuer])
}

/// How long the store is waited for, since there is another to ask. A little more than what a read without
/// the SDK takes at most, so that the next one knows of the trouble.
pub const A_READ: Duration = Duration::from_millis(1100);
/// A call may be waiting that has all that it needs.
const A_WRITE: Duration = Duration::from_millis(250);
