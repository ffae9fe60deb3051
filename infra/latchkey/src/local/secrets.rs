//! Client secrets: the configuration file's, and those that `connect` left in the data folder.

use super::folder::Folder;
use broker::store::{ClientSecrets, SecretStore, StoreError};
use broker::target::SecretName;
use oauth2::ClientSecret;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// The secrets of `local`, read when asked for.
#[derive(Clone)]
pub struct LocalSecrets {
    configured: Arc<BTreeMap<SecretName, ClientSecret>>,
    folder: Folder,
}

impl LocalSecrets {
    /// Those of a configuration file, and those in `folder`.
    pub fn new(configured: BTreeMap<SecretName, ClientSecret>, folder: Folder) -> Self {
        Self { configured: Arc::new(configured), folder }
    }
}

impl ClientSecrets for LocalSecrets {
    async fn client_secret(&self, name: &SecretName) -> Result<ClientSecret, StoreError> {
        if let Some(secret) = self.configured.get(name) {
            return Ok(secret.clone());
        }
        let secret = self.folder.secret(name).map_err(unavailable)?;
        let missing = StoreError::Unreadable("there is no secret of this name");
        secret.map(ClientSecret::new).ok_or(missing)
    }
}

impl SecretStore for LocalSecrets {
    #[expect(clippy::disallowed_methods, reason = "this is where it is kept")]
    async fn put_secret(&self, name: &SecretName, secret: &ClientSecret) -> Result<(), StoreError> {
        self.folder.keep_secret(name, secret.secret()).map_err(unavailable)
    }

    async fn remove_secret(&self, name: &SecretName) -> Result<(), StoreError> {
        self.folder.forget_secret(name).map_err(unavailable)
    }
}

fn unavailable(error: io::Error) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
