//! How we cease to be a client.

use super::{Management, Registrant};
use crate::http::HttpError;
use crate::store::{SecretStore, StoreError, TargetStore};
use crate::target::{Client, SecretName, Way};

impl<T: TargetStore, S: SecretStore> Registrant<'_, T, S> {
    /// Ends a client: its registration, if we can, and its secrets. To be called when no target's
    /// record has it any more. Everything is tried; the error is the first that was met.
    pub async fn withdraw(&self, client: &Client) -> Result<(), WithdrawError> {
        let ended = self.end(client).await;
        // What could end it is kept as long as it did not.
        let management = client.management.as_ref().filter(|_| ended.is_ok());
        let removed = self.remove(client.client_secret.iter().chain(management)).await;
        ended.and(removed)
    }

    /// Ends the client `before`, which `now` has taken the place of in its target's record. Where both
    /// are one registration, of which we only know more or less than before, that one lives on.
    pub async fn supersede(&self, before: &Client, now: &Client) -> Result<(), WithdrawError> {
        if !before.is_registered_as(now) {
            return self.withdraw(before).await;
        }
        let kept = [&now.client_secret, &now.management];
        let names = before.client_secret.iter().chain(&before.management);
        self.remove(names.filter(|name| !kept.contains(&&Some((*name).clone())))).await
    }

    async fn end(&self, client: &Client) -> Result<(), WithdrawError> {
        match &client.management {
            Some(name) => {
                let secret = self.secrets.client_secret(name).await?;
                let management = Management::from_secret(&secret)
                    .ok_or(StoreError::Unreadable("a registration's own access"))?;
                Ok(management.delete(self.http).await?)
            }
            None if client.way == Way::Dynamic => Err(WithdrawError::Unmanaged),
            None => Ok(()),
        }
    }

    async fn remove(&self, names: impl Iterator<Item = &SecretName>) -> Result<(), WithdrawError> {
        let mut removed = Ok(());
        // An operator's own secret is not ours to remove.
        for name in names.filter(|name| name.0.starts_with(self.secret_prefix)) {
            removed = removed.and(self.secrets.remove_secret(name).await);
        }
        Ok(removed?)
    }
}

/// Why a client may live on at its authorization server.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawError {
    /// Remove it there by hand, or let it be.
    #[error(
        "the authorization server gave no means of ending the registration; it stays there, unused"
    )]
    Unmanaged,
    /// Try again, or remove it there by hand.
    #[error("the authorization server did not end the registration: {0}")]
    NotEnded(#[from] HttpError),
    /// Try again.
    #[error(transparent)]
    Store(#[from] StoreError),
}
