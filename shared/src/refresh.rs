//! Refresh is a protocol, not a call: lease, journal, request, conditional settle.
//!
//! A refresh token that rotates is good for one request, and its answer is the only copy of the next
//! one. So one holder asks at a time; the journal says that it is about to, in case that nobody hears
//! of it again; what it learns is written only over what it knew; and a failure deletes nothing.
//!
//! | Outcome | What is written | What the caller is told |
//! |---|---|---|
//! | tokens | the tokens, also by a holder who was overtaken, unless somebody wrote newer ones | [`Renewal::Renewed`] |
//! | `invalid_grant` | the end: [`Reason::RotationLost`] if an earlier request went unanswered, else [`Reason::InvalidGrant`]; nothing if somebody wrote meanwhile | [`Renewal::Ended`], or what they wrote |
//! | the broker's own fault | nothing | [`Renewal::Failed`] |
//! | 429, 5xx, not an answer of a token endpoint, never sent | nothing; the target is left alone for a while | [`Renewal::Failed`] |
//! | another 4xx without the RFC's words | nothing; it is about one grant, so the target is not left alone | [`Renewal::Failed`] |
//! | no answer | the journal's entry stays: the token may be spent | [`Renewal::Failed`] |
//!
//! Whoever finds an entry in the journal asks once more with the same token at once, then ever more
//! rarely. Where a replay is punished ([`Replay::Punished`]) nobody does: the connection lasts as
//! long as its access token.

mod outcome;
mod request;

pub use request::TokenRequests;

use crate::breaker::Breakers;
use crate::clock::Clock;
use crate::connection::{Attempt, Connection, Reason, Status};
use crate::http::HttpError;
use crate::oauth::token::TokenError;
use crate::quirks::Replay;
use crate::seal::KeyRing;
use crate::store::{ClientSecrets, ConnectionStore, Lease, StoreError};
use crate::subject::SubjectId;
use crate::target::Target;
use crate::tokens::TokenSet;
use http::StatusCode;
use oauth2::{ClientSecret, RefreshToken};
use outcome::Outcome;
use std::time::{Duration, SystemTime};

/// Renews connections, one holder at a time.
pub struct Refresher<'a, C, S, H, K> {
    /// Where connections are kept.
    pub connections: &'a C,
    /// Where client secrets lie.
    pub secrets: &'a S,
    /// How to reach token endpoints.
    pub http: &'a H,
    /// Opens and seals tokens.
    pub ring: &'a KeyRing,
    /// Which authorization servers are left alone for a while.
    pub breakers: &'a Breakers,
    /// Whether there is time left before a request leaves.
    pub clock: &'a K,
    /// When the process may be stopped: no request leaves whose answer might come too late for that.
    pub deadline: SystemTime,
}

/// What became of a renewal, divided by what the caller does next.
#[derive(Debug)]
pub enum Renewal {
    /// Somebody else is at it: use the old token while it lasts, or wait and read again.
    Busy,
    /// It is too early to ask, or to ask again: use the old token while it lasts, or try again `until`
    /// then.
    Deferred {
        /// When to ask.
        until: SystemTime,
    },
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

impl<C, S, H, K> Refresher<'_, C, S, H, K>
where
    C: ConnectionStore,
    S: ClientSecrets,
    H: TokenRequests,
    K: Clock,
{
    /// Renews the connection of `subject` at `target`, unless it is fresh, or says why not.
    pub async fn renew(&self, subject: &SubjectId, target: &Target, now: SystemTime) -> Renewal {
        if let Some(until) = self.breakers.open_until(&target.name, now) {
            return Renewal::Deferred { until };
        }
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
        let until = now + LEASE;
        let lease = self.connections.lease(subject, &target.name, now, until).await?;
        let Some(lease) = lease else { return Ok(Renewal::Busy) };
        let held = &lease.connection;
        let Status::Active { attempt: earlier, expires_at, .. } = held.status else {
            return self.give_back(lease, None, Ok(Renewal::Ended)).await;
        };
        let Ok(tokens) = held.open(self.ring, subject, target) else {
            return self.give_back(lease, earlier, Ok(Renewal::Ended)).await;
        };
        let early = held.renew_at(&target.quirks).is_some_and(|at| at <= now);
        if held.is_fresh(now) && !early {
            // Somebody renewed it while we were on our way.
            return self.give_back(lease, earlier, Ok(Renewal::Renewed(tokens))).await;
        }
        let Some(refresh) = tokens.refresh.clone() else {
            return self.give_back(lease, earlier, Ok(Renewal::Ended)).await;
        };
        if let Some(earlier) = earlier {
            let punished = target.quirks.replay == Replay::Punished;
            let until = if punished { expires_at } else { next_request(earlier, now) };
            if now < until {
                return self.give_back(lease, Some(earlier), Ok(Renewal::Deferred { until })).await;
            }
            if punished {
                return self.end(lease, target, Reason::RotationLost, now).await;
            }
        }
        self.ask(Holder { lease, until, earlier, tokens, refresh, client_secret }, target, now)
            .await
    }

    /// Spends the refresh token, once, and writes what comes of it.
    async fn ask(
        &self,
        holder: Holder,
        target: &Target,
        now: SystemTime,
    ) -> Result<Renewal, Failure> {
        let Holder { lease, until, earlier, tokens, refresh, client_secret } = holder;
        if let Err(until) = self.breakers.admit(&target.name, now) {
            return self.give_back(lease, earlier, Ok(Renewal::Deferred { until })).await;
        }
        let requests = earlier.map_or(0, |attempt| attempt.requests).saturating_add(1);
        let attempt = Attempt { began_at: now, requests };
        match self.connections.journal(&lease, attempt).await {
            Ok(true) => {}
            Ok(false) => {
                return self.as_others_left_it(&lease.connection.subject, target, now).await;
            }
            // It may have been written for all that.
            Err(error) => return self.give_back(lease, earlier, Err(error.into())).await,
        }
        let now = self.clock.now();
        if until.min(self.deadline) < now + REQUEST {
            // Another may lease it, or we may be stopped, before what is won is written.
            return self.give_back(lease, earlier, Ok(Renewal::Deferred { until: now })).await;
        }
        let error = match self.http.refresh(target, client_secret, &refresh, now).await {
            Ok(granted) => {
                self.breakers.answered(&target.name);
                return self.keep(lease, target, tokens.renewed(granted), now).await;
            }
            Err(error) => error,
        };
        let outcome = Outcome::of(&error);
        if is_of_the_server(&error) {
            self.breakers.failed(&target.name, self.clock.now(), error.retry_after());
        } else {
            self.breakers.answered(&target.name);
        }
        let left = match outcome {
            Outcome::Dead => {
                let reason = earlier.map_or(Reason::InvalidGrant, |_| Reason::RotationLost);
                return self.end(lease, target, reason, now).await;
            }
            Outcome::Ours | Outcome::Unwell => earlier,
            Outcome::Unanswered => Some(attempt),
        };
        self.give_back(lease, left, Err(error.into())).await
    }

    /// Ends the lease with `attempt` in the journal, and says `renewal`. If that is not written, the
    /// lease expires, and an entry that stays is on the safe side.
    async fn give_back(
        &self,
        lease: Lease,
        attempt: Option<Attempt>,
        renewal: Result<Renewal, Failure>,
    ) -> Result<Renewal, Failure> {
        let _ = self.connections.release(lease, attempt).await;
        renewal
    }

    /// Writes tokens that were just won: this is their only copy, so neither another holder nor a
    /// store in trouble is a reason to give up at once.
    async fn keep(
        &self,
        lease: Lease,
        target: &Target,
        tokens: TokenSet,
        now: SystemTime,
    ) -> Result<Renewal, Failure> {
        let subject = lease.connection.subject;
        let won = lease
            .connection
            .renewed(self.ring, target, &tokens, now)
            .map_err(|_| StoreError::Unreadable("the tokens cannot be sealed"))?;
        let Some(spent) = lease.connection.lineage() else { return Ok(Renewal::Busy) };
        let mut written = self.connections.settle(lease, &won).await;
        for _ in 0..MORE_TRIES {
            if let Ok(true) = written {
                return Ok(Renewal::Renewed(tokens));
            }
            // Overtaken, or written although we were told that it was not.
            written = self.connections.amend(&spent, &won).await;
            if let Ok(false) = written {
                // Most likely ours, whose writing was not confirmed; or the person consented anew, or
                // disconnected, and nobody will give these back.
                tracing::warn!(outcome = "overtaken", target_name = %target.name, %subject, "what a renewal won was not needed");
                return self.as_others_left_it(&subject, target, now).await;
            }
        }
        match written {
            Ok(_) => Ok(Renewal::Renewed(tokens)),
            Err(error) => {
                tracing::error!(
                    outcome = "tokens_lost",
                    %error,
                    target_name = %target.name,
                    %subject,
                    "new tokens cannot be written",
                );
                Err(error.into())
            }
        }
    }

    /// Ends the connection, unless somebody has written since the lease was taken.
    async fn end(
        &self,
        lease: Lease,
        target: &Target,
        reason: Reason,
        now: SystemTime,
    ) -> Result<Renewal, Failure> {
        let subject = lease.connection.subject;
        let ended = lease.connection.clone().disconnected(reason, now);
        if !self.connections.settle(lease, &ended).await? {
            return self.as_others_left_it(&subject, target, now).await;
        }
        tracing::warn!(
            outcome = "connection_ended",
            ?reason,
            target_name = %target.name,
            %subject,
            "{subject} must consent to {} again",
            target.name,
        );
        Ok(Renewal::Ended)
    }

    /// Somebody wrote since the lease was taken: what they wrote is what there is.
    async fn as_others_left_it(
        &self,
        subject: &SubjectId,
        target: &Target,
        now: SystemTime,
    ) -> Result<Renewal, Failure> {
        let found = self.connections.find_connection(subject, &target.name).await?;
        Ok(match found.filter(Connection::is_active) {
            None => Renewal::Ended,
            Some(found) if found.is_fresh(now) => {
                found.open(self.ring, subject, target).map_or(Renewal::Ended, Renewal::Renewed)
            }
            Some(_) => Renewal::Busy,
        })
    }
}

/// Who holds the lease, and what they ask with.
struct Holder {
    lease: Lease,
    until: SystemTime,
    /// The journal's entry that they found.
    earlier: Option<Attempt>,
    tokens: TokenSet,
    refresh: RefreshToken,
    client_secret: Option<ClientSecret>,
}

/// Whether a failure says something about everybody at that authorization server, and not about one
/// grant: it cannot be reached, or is overloaded.
fn is_of_the_server(error: &TokenError) -> bool {
    match error {
        TokenError::Unavailable(Some(HttpError::Status { status, .. })) => {
            *status == StatusCode::TOO_MANY_REQUESTS || !status.is_client_error()
        }
        TokenError::Unavailable(_) => true,
        // An answer, and what it says to an operator must be said each time.
        TokenError::InvalidClient
        | TokenError::InvalidGrant
        | TokenError::Misconfigured
        | TokenError::Refused(_) => false,
    }
}

/// When to ask again with a token whose answer was lost: once more at once, while a server that gives
/// its clients grace still does; then after half a minute, and twice as long each time.
fn next_request(attempt: Attempt, now: SystemTime) -> SystemTime {
    // An entry of the far future is of a clock that was wrong.
    if attempt.requests < 2 || attempt.began_at > now + LEASE {
        return now;
    }
    let pause = REPEAT * 2_u32.pow((attempt.requests - 2).min(16));
    attempt.began_at + pause.min(LONGEST_REPEAT)
}

/// Longer than all that its holder does.
const LEASE: Duration = Duration::from_secs(15);
/// The longest that a token request takes (`http.rs`), and two seconds more: a store keeps whole
/// seconds, and clocks differ.
const REQUEST: Duration = Duration::from_secs(6);
/// How often more than once new tokens are written.
const MORE_TRIES: u32 = 3;
const REPEAT: Duration = Duration::from_secs(30);
const LONGEST_REPEAT: Duration = Duration::from_hours(1);
