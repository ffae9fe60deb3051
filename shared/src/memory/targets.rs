//! Targets and their catalogs in memory.

use super::MemoryStore;
use crate::catalog::Catalog;
use crate::store::{CatalogStore, Registered, StoreError, TargetStore};
use crate::target::{Target, TargetName};

#[derive(Debug)]
pub(super) struct Item {
    /// `None` for one that nobody can read.
    target: Option<Target>,
    catalog: Option<Catalog>,
}

impl MemoryStore {
    /// As if somebody had written, by hand, a record of this name that nobody can read.
    pub fn spoil_target(&self, name: &TargetName) {
        self.inner().targets.insert(name.clone(), Item { target: None, catalog: None });
    }
}

impl TargetStore for MemoryStore {
    async fn find_target(&self, name: &TargetName) -> Result<Option<Target>, StoreError> {
        match self.inner().targets.get(name) {
            None => Ok(None),
            Some(Item { target: Some(target), .. }) => Ok(Some(target.clone())),
            Some(Item { target: None, .. }) => Err(StoreError::Unreadable("a target's record")),
        }
    }

    async fn targets(&self) -> Result<Registered, StoreError> {
        let mut registered = Registered::default();
        for (name, item) in &self.inner().targets {
            match &item.target {
                Some(target) => registered.targets.push(target.clone()),
                None => registered.unreadable.push(name.to_string()),
            }
            if let Some(recipe) = item.catalog.as_ref().and_then(|catalog| catalog.recipe) {
                registered.recipes.insert(name.to_string(), recipe);
            }
        }
        Ok(registered)
    }

    async fn put_target(&self, target: &Target) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let item = inner
            .targets
            .entry(target.name.clone())
            .or_insert_with(|| Item { target: None, catalog: None });
        item.target = Some(target.clone());
        Ok(())
    }

    async fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let targets = &mut inner.targets;
        let Some(item) = targets.get_mut(&target.name) else {
            if found.is_none() {
                let item = Item { target: Some(target.clone()), catalog: None };
                targets.insert(target.name.clone(), item);
            }
            return Ok(found.is_none());
        };
        let Some(before) = &item.target else {
            return Err(StoreError::Unreadable("a target's record"));
        };
        let unchanged = Some(before) == found;
        if unchanged {
            item.target = Some(target.clone());
        }
        Ok(unchanged)
    }

    async fn remove_target(&self, found: &Target) -> Result<bool, StoreError> {
        let targets = &mut self.inner().targets;
        let item = targets.get(&found.name);
        let unchanged = item.is_some_and(|item| item.target.as_ref() == Some(found));
        if unchanged {
            targets.remove(&found.name);
        }
        Ok(unchanged)
    }
}

impl CatalogStore for MemoryStore {
    async fn find_catalog(&self, name: &TargetName) -> Result<Option<Catalog>, StoreError> {
        Ok(self.inner().targets.get(name).and_then(|item| item.catalog.clone()))
    }

    async fn put_catalog(
        &self,
        name: &TargetName,
        found: Option<&Catalog>,
        catalog: &Catalog,
    ) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let Some(item) = inner.targets.get_mut(name) else { return Ok(false) };
        let unchanged = item.catalog.as_ref() == found;
        if unchanged {
            item.catalog = Some(catalog.clone());
        }
        Ok(unchanged)
    }
}
