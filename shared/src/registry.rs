//! The registry of targets as a warm function remembers it.

use crate::store::{Registered, StoreError, TargetStore};
use crate::target::{Target, TargetName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Targets, read all at once and remembered for [`REGISTRY_LIFETIME`]: the hot path does not ask
/// which targets exist.
pub struct Registry<S> {
    store: S,
    known: Mutex<Option<Known>>,
}

struct Known {
    targets: BTreeMap<TargetName, Arc<Target>>,
    /// There are such targets, but nobody can say what they are.
    unreadable: BTreeSet<TargetName>,
    read_at: SystemTime,
}

impl Known {
    fn new(registered: Registered, read_at: SystemTime) -> Self {
        let Registered { targets, unreadable } = registered;
        for name in &unreadable {
            tracing::error!(outcome = "unreadable", target_name = %name, "a target's record cannot be read");
        }
        Self {
            targets: targets.into_iter().map(|t| (t.name.clone(), Arc::new(t))).collect(),
            // What is not a target's name is no tool's prefix either.
            unreadable: unreadable.iter().filter_map(|name| name.parse().ok()).collect(),
            read_at,
        }
    }

    fn find(&self, name: &TargetName) -> Result<Option<Arc<Target>>, StoreError> {
        if self.unreadable.contains(name) {
            return Err(StoreError::Unreadable("a target's record"));
        }
        Ok(self.targets.get(name).cloned())
    }
}

impl<S: TargetStore> Registry<S> {
    /// The registry that `store` holds, read when first needed.
    pub fn new(store: S) -> Self {
        Self { store, known: Mutex::new(None) }
    }

    /// The target of this name. One that is not known may be new, and is asked for again after
    /// [`NEWCOMER_WAIT`], as is one that cannot be read: it is not "none", for that would be let pass.
    /// A store that does not answer leaves what was known in force.
    pub async fn find(
        &self,
        name: &TargetName,
        now: SystemTime,
    ) -> Result<Option<Arc<Target>>, StoreError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref() {
            let age = now.duration_since(known.read_at).unwrap_or_default();
            let found = known.find(name);
            let lifetime = if let Ok(Some(_)) = found { REGISTRY_LIFETIME } else { NEWCOMER_WAIT };
            if age < lifetime {
                return found;
            }
        }
        match self.store.targets().await {
            Ok(registered) => known.insert(Known::new(registered, now)).find(name),
            Err(error) => match known.as_ref().and_then(|known| known.targets.get(name)) {
                Some(target) => Ok(Some(Arc::clone(target))),
                None => Err(error),
            },
        }
    }

    /// Reads the registry now, so that the first call does not wait for it.
    pub async fn prepare(&self, now: SystemTime) -> Result<(), StoreError> {
        let registered = self.store.targets().await?;
        *self.known.lock().await = Some(Known::new(registered, now));
        Ok(())
    }
}

/// How long a changed target may go unnoticed by a warm function.
pub const REGISTRY_LIFETIME: Duration = Duration::from_mins(1);
/// How often the store is asked for a target that does not exist.
pub const NEWCOMER_WAIT: Duration = Duration::from_secs(5);

#[cfg(all(test, feature = "memory"))]
mod tests {
    use super::*;
    use crate::memory::MemoryStore;
    use std::time::UNIX_EPOCH;

    #[tokio::test]
    async fn a_new_target_is_noticed_and_a_changed_one_within_a_minute() {
        let registry = Registry::new(MemoryStore::default());
        let notes: TargetName = "notes".parse().unwrap();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(registry.find(&notes, at(0)).await.unwrap().is_none());

        let mut target = crate::target::example("notes");
        registry.store.put_target(&target).await.unwrap();
        assert!(registry.find(&notes, at(4)).await.unwrap().is_none());
        assert!(registry.find(&notes, at(5)).await.unwrap().is_some());

        target.title = "Changed".into();
        registry.store.put_target(&target).await.unwrap();
        assert_eq!(registry.find(&notes, at(64)).await.unwrap().unwrap().title, "notes");
        assert_eq!(registry.find(&notes, at(65)).await.unwrap().unwrap().title, "Changed");
    }
    #[tokio::test]
    async fn a_target_that_cannot_be_read_is_not_none_and_hides_no_other() {
        let registry = Registry::new(MemoryStore::default());
        let (notes, files): (TargetName, TargetName) =
            ("notes".parse().unwrap(), "files".parse().unwrap());
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        registry.store.put_target(&crate::target::example("files")).await.unwrap();
        registry.store.spoil_target(&notes);

        for seconds in [0, 1, 7, 100] {
            assert!(registry.find(&notes, at(seconds)).await.is_err(), "{seconds}");
            assert!(registry.find(&files, at(seconds)).await.unwrap().is_some());
        }
        registry.store.put_target(&crate::target::example("notes")).await.unwrap();
        assert!(registry.find(&notes, at(105)).await.unwrap().is_some());
    }
}
