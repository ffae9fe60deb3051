//! Client secrets, wherever they lie.

use crate::local::LocalSecrets;
use broker::aws::Secrets;
use broker::store::{ClientSecrets, SecretStore, StoreError};
use broker::target::SecretName;
use oauth2::ClientSecret;

/// Where client secrets lie.
pub enum KeptSecrets {
    /// In the data folder.
    Folder(LocalSecrets),
    /// In Secrets Manager.
    Stack(Secrets),
}

impl ClientSecrets for KeptSecrets {
    async fn client_secret(&self, name: &SecretName) -> Result<ClientSecret, StoreError> {
        match self {
            Self::Folder(secrets) => secrets.client_secret(name).await,
            Self::Stack(secrets) => secrets.client_secret(name).await,
        }
    }
}

impl SecretStore for KeptSecrets {
    async fn put_secret(&self, name: &SecretName, secret: &ClientSecret) -> Result<(), StoreError> {
        match self {
            Self::Folder(secrets) => secrets.put_secret(name, secret).await,
            Self::Stack(secrets) => secrets.put_secret(name, secret).await,
        }
    }

    async fn remove_secret(&self, name: &SecretName) -> Result<(), StoreError> {
        match self {
            Self::Folder(secrets) => secrets.remove_secret(name).await,
            Self::Stack(secrets) => secrets.remove_secret(name).await,
        }
    }
}
