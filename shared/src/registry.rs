//! The registry of targets as a warm function remembers it.

use crate::store::{StoreError, TargetStore};
use crate::target::{Target, TargetName};
use std::collections::BTreeMap;
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
    read_at: SystemTime,
}

impl<S: TargetStore> Registry<S> {
    /// The registry that `store` holds, read when first needed.
    pub fn new(store: S) -> Self {
        Self { store, known: Mutex::new(None) }
    }

    /// The target of this name. One that is not known may be new, and is asked for again after
    /// [`NEWCOMER_WAIT`]. A store that does not answer leaves what was known in force.
    pub async fn find(
        &self,
        name: &TargetName,
        now: SystemTime,
    ) -> Result<Option<Arc<Target>>, StoreError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref() {
            let age = now.duration_since(known.read_at).unwrap_or_default();
            let found = known.targets.get(name).cloned();
            let lifetime = if found.is_some() { REGISTRY_LIFETIME } else { NEWCOMER_WAIT };
            if age < lifetime {
                return Ok(found);
            }
        }
        match self.store.targets().await {
            Ok(targets) => {
                let named = targets.into_iter().map(|t| (t.name.clone(), Arc::new(t)));
                let known = known.insert(Known { targets: named.collect(), read_at: now });
                Ok(known.targets.get(name).cloned())
            }
            Err(error) => match known.as_ref().and_then(|known| known.targets.get(name)) {
                Some(target) => Ok(Some(Arc::clone(target))),
                None => Err(error),
            },
        }
    }

    /// Reads the registry now, so that the first call does not wait for it.
    pub async fn prepare(&self, now: SystemTime) -> Result<(), StoreError> {
        let targets = self.store.targets().await?;
        let named = targets.into_iter().map(|t| (t.name.clone(), Arc::new(t)));
        *self.known.lock().await = Some(Known { targets: named.collect(), read_at: now });
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
}
