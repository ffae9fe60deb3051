//! Whose connection lists the tools, and what it lists.

use crate::Keeper;
use crate::halt::Halt;
use crate::listing::{ListingError, list_tools};
use crate::notes::Notes;
use crate::settle::RESERVE;
use crate::tools::Tools;
use broker::clock::Clock;
use broker::connection::{Connection, Status};
use broker::oauth::token::TokenError;
use broker::refresh::{Failure, Refresher, Renewal};
use broker::store::{CatalogStore, ClientSecrets, ConnectionStore, StoreError, TargetStore};
use broker::subject::SubjectId;
use broker::target::Target;
use std::time::{Duration, SystemTime};

impl<T, C, S, G, K> Keeper<T, C, S, G, K>
where
    T: TargetStore + CatalogStore,
    C: ConnectionStore,
    S: ClientSecrets,
    G: Send + Sync,
    K: Clock,
{
    /// The tools of `target`, as its steward sees them. The first of those who have just consented is
    /// the steward if there is none who can be, which may turn out only when they are to list.
    pub(crate) async fn tools(
        &self,
        notes: &mut Notes<'_, T>,
        target: &Target,
        consenting: &[SubjectId],
        deadline: SystemTime,
    ) -> Result<Tools, Halt> {
        let steward = notes.catalog.steward;
        let others = consenting.iter().copied().filter(|subject| Some(*subject) != steward);
        for subject in steward.into_iter().chain(others) {
            let Some(connection) = self.usable(&subject, target).await? else { continue };
            if notes.catalog.steward != Some(subject) {
                notes.catalog.steward = Some(subject);
                notes.write().await?;
                tracing::info!(outcome = "steward", target_name = %target.name, %subject, "{subject} is the steward of {}", target.name);
            }
            match self.shown_to(&connection, target, deadline).await {
                Err(Halt::NoSteward) => {}
                shown => return shown,
            }
        }
        Err(Halt::NoSteward)
    }

    /// The tools that `target` shows to whoever has this connection.
    async fn shown_to(
        &self,
        connection: &Connection,
        target: &Target,
        deadline: SystemTime,
    ) -> Result<Tools, Halt> {
        let authorization = self.authorization(connection, target, deadline).await?;
        let listed = match self.list(target, &authorization, deadline).await {
            Err(ListingError::Unauthorized) => {
                // It may have been taken back before its time.
                self.connections.expire(connection, self.clock.now()).await?;
                let authorization = self.renewed(connection, target, deadline).await?;
                self.list(target, &authorization, deadline).await
            }
            listed => listed,
        };
        let listed =
            listed.map_err(|error| Halt::Failed(format!("no tools were listed: {error}")))?;
        Tools::check(&target.name, listed).map_err(|unfit| Halt::Failed(unfit.to_string()))
    }

    async fn list(
        &self,
        target: &Target,
        authorization: &str,
        deadline: SystemTime,
    ) -> Result<Vec<serde_json::Value>, ListingError> {
        let patience = self.patience(deadline);
        list_tools(&self.http, &target.endpoint, Some(authorization), patience).await
    }

    /// Their connection, if it is one to this target as it is now.
    pub(crate) async fn usable(
        &self,
        subject: &SubjectId,
        target: &Target,
    ) -> Result<Option<Connection>, Halt> {
        let found = self.connections.find_connection(subject, &target.name).await?;
        let opens = |found: &Connection| found.open(&self.token_keys, subject, target).is_ok();
        Ok(found.filter(|found| found.is_active() && opens(found)))
    }

    async fn authorization(
        &self,
        connection: &Connection,
        target: &Target,
        deadline: SystemTime,
    ) -> Result<String, Halt> {
        if connection.is_fresh(self.clock.now()) {
            return self.bearer(connection, target);
        }
        self.renewed(connection, target, deadline).await
    }

    async fn renewed(
        &self,
        connection: &Connection,
        target: &Target,
        deadline: SystemTime,
    ) -> Result<String, Halt> {
        let refresher = Refresher {
            connections: &self.connections,
            secrets: &self.secrets,
            http: &self.http,
            ring: &self.token_keys,
            breakers: &self.breakers,
            clock: &self.clock,
            deadline,
        };
        let now = self.clock.now();
        let late = || Halt::Later("the steward's token is not renewed yet".into());
        match refresher.renew(&connection.subject, target, now).await {
            Renewal::Renewed(tokens) => tokens.bearer().ok_or(Halt::NoSteward),
            Renewal::Ended => Err(Halt::NoSteward),
            Renewal::Busy | Renewal::Deferred { .. } => match connection.status {
                Status::Active { expires_at, .. } if now < expires_at => {
                    self.bearer(connection, target)
                }
                _ => Err(late()),
            },
            Renewal::Failed(failure) => {
                tracing::warn!(%failure, target_name = %target.name, "the steward's token was not renewed");
                Err(match failure {
                    Failure::Store(StoreError::Unavailable(_))
                    | Failure::Token(TokenError::Unavailable(_) | TokenError::InvalidGrant) => {
                        late()
                    }
                    Failure::Store(StoreError::Unreadable(_))
                    | Failure::Token(
                        TokenError::InvalidClient
                        | TokenError::Misconfigured
                        | TokenError::Refused(_),
                    ) => Halt::Failed(format!("the steward's token is not renewed: {failure}")),
                })
            }
        }
    }

    fn bearer(&self, connection: &Connection, target: &Target) -> Result<String, Halt> {
        let tokens = connection.open(&self.token_keys, &connection.subject, target);
        tokens.ok().and_then(|tokens| tokens.bearer()).ok_or(Halt::NoSteward)
    }
}

impl<T, C, S, G, K: Clock> Keeper<T, C, S, G, K> {
    /// How long a list may take: what comes after it at the gateway wants its time too.
    pub(crate) fn patience(&self, deadline: SystemTime) -> Duration {
        let left = deadline.duration_since(self.clock.now()).unwrap_or_default();
        self.patience.min(left.saturating_sub(RESERVE))
    }
}
