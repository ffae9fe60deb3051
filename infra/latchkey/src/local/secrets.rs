//! Client secrets: the configuration file's, and those that `connect` left in the data folder.

use super::folder::Folder;
use broker::store::{ClientSecrets, StoreError};
use broker::target::SecretName;
use oauth2::ClientSecret;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The secrets of a run of `local`.
#[derive(Clone)]
pub(super) struct LocalSecrets {
    configured: Arc<BTreeMap<SecretName, ClientSecret>>,
    folder: Folder,
}

impl LocalSecrets {
    pub(super) fn new(configured: BTreeMap<SecretName, ClientSecret>, folder: Folder) -> Self {
        Self { configured: Arc::new(configured), folder }
    }
}

impl ClientSecrets for LocalSecrets {
    async fn client_secret(&self, name: &SecretName) -> Result<ClientSecret, StoreError> {
        if let Some(secret) = self.configured.get(name) {
            return Ok(secret.clone());
        }
        match self.folder.secret(name) {
            Ok(Some(secret)) => Ok(ClientSecret::new(secret)),
            Ok(None) => Err(StoreError::Unreadable("there is no secret of this name")),
            Err(error) => Err(StoreError::Unavailable(Box::new(error))),
        }
    }
}
