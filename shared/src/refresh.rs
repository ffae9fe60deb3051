//! Refresh is a protocol, not a call: lease, request, conditional settle.

use crate::clock::Random;
use crate::connection::Reason;
use crate::http::Http;
use crate::oauth::token::{TokenEndpoint, TokenError};
use crate::seal::KeyRing;
use crate::store::{ClientSecrets, ConnectionStore, StoreError};
use crate::subject::SubjectId;
use crate::target::Target;
use crate::tokens::TokenSet;
use std::time::{Duration, SystemTime};

/// Renews connections, one holder at a time.
pub struct Refresher<'a, C, S> {
    /// Where connections are kept.
    pub connections: &'a C,
    /// Where client secrets lie.
    pub secrets: &'a S,
    /// How to reach token endpoints.
    pub http: &'a Http,
    /// Opens and seals tokens.
    pub ring: &'a KeyRing,
    /// Chance, for proofs that are good once.
    pub random: &'a dyn Random,
}

/// What became of a renewal, divided by what the caller does next.
#[derive(Debug)]
pub enum Renewal {
    /// Somebody else is at it: use the old token while it lasts, or wait and read again.
    Busy,
    /// The subject must consent again.
    Ended,
    /// The old token stays; try again later.
    Failed(Failure),
    /// Use these.
    Renewed(TokenSet),
}

/// Why a renewal failed. The connection is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The store, ours.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The authorization server, theirs.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl<C: ConnectionStore, S: ClientSecrets> Refresher<'_, C, S> {
    /// Renews the connection of `subject` at `target`, or says why not.
    pub async fn renew(&self, subject: &SubjectId, target: &Target, now: SystemTime) -> Renewal {
        match self.try_renew(subject, target, now).await {
            Ok(renewal) => renewal,
            Err(failure) => Renewal::Failed(failure),
        }
    }

    async fn try_renew(
        &self,
        subject: &SubjectId,
        target: &Target,
        now: SystemTime,
    ) -> Result<Renewal, Failure> {
        let client = &target.client;
        // A refresh names no redirect URI: another one than was registered is no obstacle here.
        client.is_at(&target.authorization_server.issuer).map_err(|_| TokenError::Misconfigured)?;
        // Before the lease: what it waits for must not eat the lease's time.
        let client_secret = client.secret(self.secrets).await?;
        let lease = self.connections.lease(subject, &target.name, now, now + LEASE).await?;
        let Some(lease) = lease else { return Ok(Renewal::Busy) };
        let before = lease.connection.clone();
        let Ok(tokens) = before.open(self.ring, subject, target) else {
            let _ = self.connections.settle(lease, &before).await?;
            return Ok(Renewal::Ended);
        };
        let early = before.renew_at(&target.quirks).is_some_and(|at| at <= now);
        if before.is_fresh(now) && !early {
            // Somebody renewed it while we were on our way.
            let _ = self.connections.settle(lease, &before).await?;
            return Ok(Renewal::Renewed(tokens));
        }
        let Some(refresh) = tokens.refresh.clone() else {
            let _ = self.connections.settle(lease, &before).await?;
            return Ok(Renewal::Ended);
        };
        let endpoint =
            TokenEndpoint { http: self.http, target, client_secret, random: self.random };
        match endpoint.refresh(&refresh, now).await {
            Ok(answer) => {
                let tokens = tokens.renewed(answer);
                let after = before
                    .renewed(self.ring, target, &tokens, now)
                    .map_err(|_| StoreError::Unreadable("the tokens cannot be sealed"))?;
                if self.connections.settle(lease, &after).await? {
                    Ok(Renewal::Renewed(tokens))
                } else {
                    // The person consented anew meanwhile; theirs is the newer.
                    Ok(Renewal::Busy)
                }
            }
            Err(TokenError::InvalidGrant) => {
                let after = before.disconnected(Reason::InvalidGrant, now);
                let ended = self.connections.settle(lease, &after).await?;
                Ok(if ended { Renewal::Ended } else { Renewal::Busy })
            }
            Err(error) => {
                let _ = self.connections.settle(lease, &before).await?;
                Err(error.into())
            }
        }
    }
}

/// Longer than a token request can take, so that a lease never ends under its holder.
const LEASE: Duration = Duration::from_secs(15);
