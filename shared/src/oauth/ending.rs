//! What was granted to a connection that has ended is given back.

use super::revocation::{RevocationError, Revoker};
use crate::connection::{Connection, Status};
use crate::seal::{KeyRing, SealError};
use crate::store::ClientSecrets;
use std::time::SystemTime;

impl<S: ClientSecrets> Revoker<'_, S> {
    /// Gives back the tokens of `connection`, which is as it was before its row was ended. They are in
    /// no row any more: there is no second try.
    pub async fn give_back(
        &self,
        connection: &Connection,
        ring: &KeyRing,
        now: SystemTime,
    ) -> Result<(), NotGivenBack> {
        let tokens = connection.open(ring, &connection.subject, self.target)?;
        self.revoke(tokens, now).await?;
        match connection.status {
            Status::Active { attempt: Some(_), .. } => Err(NotGivenBack::Renewing),
            _ => Ok(()),
        }
    }
}

/// Why tokens of a connection that ended may still be good.
#[derive(Debug, thiserror::Error)]
pub enum NotGivenBack {
    /// Newer tokens than those that were given back may exist.
    #[error("a renewal was under way")]
    Renewing,
    /// The authorization server has not confirmed it.
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    /// Also where the target's resource or issuer changed since.
    #[error("the tokens cannot be opened for the target as it is today")]
    Seal(#[from] SealError),
}
