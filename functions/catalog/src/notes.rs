//! What is noted of one target's catalog while somebody is at it.

use crate::halt::Halt;
use broker::catalog::{Catalog, Look, Recipe, Refused};
use broker::clock::whole_seconds;
use broker::store::{CatalogStore, StoreError};
use broker::target::TargetName;
use std::time::{Duration, SystemTime};

/// The notes, held by nobody else until [`Notes::close`], or until whoever holds them cannot be at it
/// any more.
pub(crate) struct Notes<'a, T> {
    store: &'a T,
    name: &'a TargetName,
    written: Catalog,
    /// What is to be written next.
    pub(crate) catalog: Catalog,
}

impl<'a, T: CatalogStore> Notes<'a, T> {
    /// Takes them.
    pub(crate) async fn open(
        store: &'a T,
        name: &'a TargetName,
        now: SystemTime,
        deadline: SystemTime,
    ) -> Result<Self, Halt> {
        let found = store.find_catalog(name).await?;
        let before = found.clone().unwrap_or_default();
        if before.held_until.is_some_and(|until| now < until) {
            return Err(Halt::Later("somebody else is at it".into()));
        }
        let held_until = Some(whole_seconds(deadline) + AFTER_THE_END);
        let catalog = Catalog { held_until, ..before };
        if !store.put_catalog(name, found.as_ref(), &catalog).await? {
            return Err(Halt::Later("somebody else is at it, or the target is gone".into()));
        }
        Ok(Self { store, name, written: catalog.clone(), catalog })
    }

    /// The gateway does not take `recipe`. Nothing is written yet.
    pub(crate) fn refuse(&mut self, recipe: Recipe, why: String, now: SystemTime) {
        self.catalog.refused.push(Refused { recipe, why, at: whole_seconds(now) });
    }

    /// Writes what has changed.
    pub(crate) async fn write(&mut self) -> Result<(), Halt> {
        if self.catalog == self.written {
            return Ok(());
        }
        let written = self.store.put_catalog(self.name, Some(&self.written), &self.catalog).await?;
        if !written {
            return Err(Halt::Later("the target, or what is noted of it, was changed".into()));
        }
        self.written = self.catalog.clone();
        Ok(())
    }

    /// Notes what it came to, and leaves.
    pub(crate) async fn close(mut self, look: Look) -> Result<(), Halt> {
        // What was not written for an error is not known to be true.
        self.catalog = Catalog { held_until: None, look: Some(look), ..self.written.clone() };
        self.write().await
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Later("the store did not answer".into()),
            StoreError::Unreadable(what) => Self::Failed(format!("{what} cannot be read")),
        }
    }
}

/// Clocks differ.
const AFTER_THE_END: Duration = Duration::from_secs(2);
