//! The registry of targets as a warm function remembers it.

use crate::catalog::Recipe;
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
    /// The name of the only one there is, if its lists are asked for as their reader.
    listed_live: Option<String>,
    read_at: SystemTime,
}

impl Known {
    fn new(registered: Registered, read_at: SystemTime) -> Self {
        let Registered { targets, unreadable, recipes } = registered;
        let sole = targets.len() + unreadable.len() == 1;
        let dynamic = recipes.into_iter().find(|(_, recipe)| *recipe == Recipe::Dynamic);
        for name in &unreadable {
            tracing::error!(outcome = "unreadable", target_name = %name, "a target's record cannot be read");
        }
        Self {
            targets: targets.into_iter().map(|t| (t.name.clone(), Arc::new(t))).collect(),
            // What is not a target's name is no tool's prefix either.
            unreadable: unreadable.iter().filter_map(|name| name.parse().ok()).collect(),
            listed_live: dynamic.filter(|_| sole).map(|(name, _)| name),
            read_at,
        }
    }

    fn listed_live(&self) -> Result<Option<Arc<Target>>, StoreError> {
        let Some(name) = &self.listed_live else { return Ok(None) };
        let found = self.targets.values().find(|target| target.name.as_str() == name);
        found.cloned().map(Some).ok_or(StoreError::Unreadable("a target's record"))
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

    /// The target whose lists are asked for live, as their reader: the only one there is, whatever else
    /// can or cannot be read, and its catalog says so. A list names no target, so that with two the
    /// token of one would be sent to the other. A store that does not answer leaves what was known in
    /// force.
    pub async fn listed_live(&self, now: SystemTime) -> Result<Option<Arc<Target>>, StoreError> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref() {
            let age = now.duration_since(known.read_at).unwrap_or_default();
            if age < REGISTRY_LIFETIME {
                return known.listed_live();
            }
        }
        match self.store.targets().await {
            Ok(registered) => known.insert(Known::new(registered, now)).listed_live(),
            Err(error) => known.as_ref().map_or(Err(error), Known::listed_live),
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

#[cfg(feature = "memory")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::memory::MemoryStore;
    use crate::store::CatalogStore;
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

    async fn note(registry: &Registry<MemoryStore>, name: &TargetName, recipe: Recipe) {
        let found = registry.store.find_catalog(name).await.unwrap();
        let catalog = Catalog { recipe: Some(recipe), ..Catalog::default() };
        assert!(registry.store.put_catalog(name, found.as_ref(), &catalog).await.unwrap());
    }

    #[tokio::test]
    async fn lists_are_asked_for_live_of_the_only_target_if_its_catalog_says_so() {
        let registry = Registry::new(MemoryStore::default());
        let notes: TargetName = "notes".parse().unwrap();
        let mut now = UNIX_EPOCH;
        let mut listed = async || {
            now += REGISTRY_LIFETIME;
            registry.listed_live(now).await.unwrap().map(|target| target.name.clone())
        };
        assert_eq!(listed().await, None);
        registry.store.put_target(&crate::target::example("notes")).await.unwrap();
        assert_eq!(listed().await, None);
        for recipe in Recipe::ALL {
            note(&registry, &notes, recipe).await;
            assert_eq!(listed().await.is_some(), recipe == Recipe::Dynamic, "{recipe:?}");
        }
        note(&registry, &notes, Recipe::Dynamic).await;
        assert_eq!(listed().await, Some(notes));

        let files = crate::target::example("files");
        registry.store.put_target(&files).await.unwrap();
        assert_eq!(listed().await, None);
        assert!(registry.store.remove_target(&files).await.unwrap());
        assert!(listed().await.is_some());
        registry.store.spoil_target(&files.name);
        assert_eq!(listed().await, None);
    }

    #[tokio::test]
    async fn whose_lists_are_live_is_known_for_a_minute_and_is_not_nobody_if_it_cannot_be_read() {
        let registry = Registry::new(MemoryStore::default());
        let notes: TargetName = "notes".parse().unwrap();
        registry.store.put_target(&crate::target::example("notes")).await.unwrap();
        note(&registry, &notes, Recipe::Dynamic).await;
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(registry.listed_live(at(0)).await.unwrap().is_some());

        registry.store.spoil_target(&notes);
        note(&registry, &notes, Recipe::Dynamic).await;
        assert!(registry.listed_live(at(59)).await.unwrap().is_some());
        assert!(registry.listed_live(at(60)).await.is_err());
    }
}
