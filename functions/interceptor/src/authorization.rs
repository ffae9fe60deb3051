//! Which token a call may have: the one that is kept, a renewed one, or none.

use crate::Interceptor;
use crate::json::Verbatim;
use crate::refusal::Refusal;
use broker::clock::Clock;
use broker::connection::{Connection, Status};
use broker::oauth::token::TokenError;
use broker::refresh::{Failure, Refresher, Renewal};
use broker::store::{
    ClientSecrets, ConnectionStore, StoreError, TargetStore, USE_NOTED_EVERY, UsedConnections,
};
use broker::subject::SubjectId;
use broker::target::Target;
use broker::tokens::TokenSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

impl<T, C, S, K> Interceptor<T, C, S, K>
where
    T: TargetStore,
    C: ConnectionStore + UsedConnections,
    S: ClientSecrets,
    K: Clock,
{
    /// The `Authorization` for `subject` at `target`; `None` if they must consent.
    pub(crate) async fn authorization(
        &self,
        subject: &SubjectId,
        target: &Arc<Target>,
        now: SystemTime,
    ) -> Result<Option<Verbatim>, Refusal> {
        // What came before may have taken its time, and this is a promise.
        if let Some(authorization) = self.opened.recall(subject, target, self.clock.now()) {
            return Ok(Some(authorization));
        }
        let found = self.connections.find_connection(subject, &target.name).await;
        let Some(connection) = found.map_err(|error| store_refusal(&error))? else {
            return Ok(None);
        };
        let found = self.authorization_of(&connection, subject, target, now).await?;
        let Some(authorization) = found else { return Ok(None) };
        if !connection.is_used(USE_NOTED_EVERY, now) {
            self.note_use(&connection, now).await;
        }
        if let Status::Active { expires_at, .. } = connection.status
            && connection.is_fresh(now)
        {
            self.opened.remember(subject, target, &authorization, expires_at, now);
        }
        Ok(Some(authorization))
    }

    /// Notes that the connection is in use, so that it goes on to be renewed before it is needed. The
    /// call neither fails nor waits for long over that.
    async fn note_use(&self, connection: &Connection, now: SystemTime) {
        let noted = self.connections.note_use(connection, now);
        match tokio::time::timeout(NOTE_PATIENCE, noted).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the use of a connection was not noted"),
            Err(_) => tracing::warn!("the use of a connection was not noted in time"),
        }
    }

    async fn authorization_of(
        &self,
        connection: &Connection,
        subject: &SubjectId,
        target: &Target,
        now: SystemTime,
    ) -> Result<Option<Verbatim>, Refusal> {
        let Status::Active { expires_at, .. } = connection.status else { return Ok(None) };
        if connection.is_fresh(now) {
            return Ok(self.open(connection, subject, target));
        }
        let refresher = Refresher {
            connections: &self.connections,
            secrets: &self.secrets,
            http: &self.http,
            ring: &self.token_keys,
            breakers: &self.breakers,
            clock: &self.clock,
            deadline: now + TIME_LIMIT,
        };
        match refresher.renew(subject, target, now).await {
            Renewal::Renewed(tokens) => Ok(self.to_send(&tokens, subject)),
            // The old token is good for a little longer.
            _ if now < expires_at => Ok(self.open(connection, subject, target)),
            Renewal::Ended => Ok(None),
            Renewal::Busy => self.await_renewal(subject, target).await,
            Renewal::Deferred { .. } => Err(Refusal::TryAgain),
            Renewal::Failed(failure) => {
                tracing::warn!(%failure, target_name = %target.name, %subject, "a renewal failed");
                Err(match failure {
                    Failure::Token(
                        TokenError::InvalidClient
                        | TokenError::Misconfigured
                        | TokenError::Refused(_),
                    ) => Refusal::BrokerMisconfigured,
                    Failure::Token(TokenError::InvalidGrant | TokenError::Unavailable(_))
                    | Failure::Store(_) => Refusal::TryAgain,
                })
            }
        }
    }

    pub(crate) fn open(
        &self,
        connection: &Connection,
        subject: &SubjectId,
        target: &Target,
    ) -> Option<Verbatim> {
        // A record that does not open was moved here, or its target changed: nothing to forward.
        let tokens = connection.open(&self.token_keys, subject, target).ok().or_else(|| {
            tracing::warn!(outcome = "unopened", target_name = %target.name, %subject, "a sealed token set did not open");
            None
        })?;
        self.to_send(&tokens, subject)
    }

    /// The header that sends `tokens`, as JSON, remembered as that of `subject`.
    fn to_send(&self, tokens: &TokenSet, subject: &SubjectId) -> Option<Verbatim> {
        let authorization = tokens.bearer()?;
        self.injected.remember(&authorization, subject, self.clock.now());
        Some(Verbatim::of(&authorization))
    }

    /// Somebody else is renewing: what they write is ours too.
    async fn await_renewal(
        &self,
        subject: &SubjectId,
        target: &Target,
    ) -> Result<Option<Verbatim>, Refusal> {
        for _ in 0..RENEWAL_POLLS {
            tokio::time::sleep(POLL).await;
            let found = self.connections.find_connection(subject, &target.name).await;
            let Some(connection) = found.map_err(|error| store_refusal(&error))? else {
                return Ok(None);
            };
            match connection.status {
                Status::Active { .. } if connection.is_fresh(self.clock.now()) => {
                    return Ok(self.open(&connection, subject, target));
                }
                Status::Active { .. } => {}
                Status::Disconnected { .. } => return Ok(None),
            }
        }
        Err(Refusal::TryAgain)
    }
}

/// A store that does not answer is no reason to ask for consent.
pub(crate) fn store_refusal(error: &StoreError) -> Refusal {
    tracing::error!(%error, "connections cannot be read");
    Refusal::TryAgain
}

/// The function is stopped after ten seconds (`Timeout` in the template), and `now` was read soon after
/// it was called.
pub(crate) const TIME_LIMIT: Duration = Duration::from_millis(9_500);
/// Between two looks at the table.
pub(crate) const POLL: Duration = Duration::from_millis(500);
/// How long a call waits for its use to be noted, once a day.
const NOTE_PATIENCE: Duration = Duration::from_millis(500);
/// Two and a half seconds: most token requests take less, and the next call finds what the others win.
const RENEWAL_POLLS: u32 = 5;
