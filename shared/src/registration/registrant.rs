//! Carries a plan out, so that it happens once and leaves nothing half done.

use super::{Applicant, Management, Plan, Registration, RegistrationError, dynamic};
use crate::clock::{Random, unguessable};
use crate::http::Http;
use crate::oauth::token::{TokenEndpoint, TokenError};
use crate::store::{SecretStore, StoreError, TargetStore};
use crate::target::{Client, SecretName, Target, TargetName};
use oauth2::RefreshToken;
use std::time::SystemTime;

/// Becomes, and ceases to be, a client for the operator's targets.
pub struct Registrant<'a, T, S> {
    /// How to reach authorization servers.
    pub http: &'a Http,
    /// Where targets are kept.
    pub targets: &'a T,
    /// Where secrets are kept.
    pub secrets: &'a S,
    /// What the names of our secrets begin with.
    pub secret_prefix: &'a str,
    /// Chance.
    pub random: &'a dyn Random,
}

impl<T: TargetStore, S: SecretStore> Registrant<'_, T, S> {
    /// Carries `plan` out for `applicant`, puts the secrets away, and writes the target that `of`
    /// makes of the client, provided that its record still is `found`. If it is not, or if anything
    /// fails, what was made is unmade as far as possible.
    ///
    /// The client of `found` is left alone: [`Self::supersede`] ends it, and all that was granted to it.
    pub async fn establish(
        &self,
        plan: &Plan,
        applicant: &Applicant,
        found: Option<&Target>,
        name: &TargetName,
        of: impl FnOnce(Client) -> Target,
    ) -> Result<Target, EstablishError> {
        if let Plan::Keep(client) = plan {
            let target = of(Client::clone(client));
            let written = self.targets.replace_target(found, &target).await?;
            return if written { Ok(target) } else { Err(EstablishError::Overtaken) };
        }
        let registration = plan.carry_out(self.http, applicant).await?;
        let client = match self.put_away(&registration, name).await {
            Ok(client) => client,
            Err(error) => {
                self.unmake(&registration).await;
                return Err(error);
            }
        };
        let target = of(client);
        let failed = match self.targets.replace_target(found, &target).await {
            Ok(true) => return Ok(target),
            Ok(false) => EstablishError::Overtaken,
            // Perhaps it was written, and only the answer got lost.
            Err(error) => match self.targets.find_target(name).await {
                Ok(Some(written)) if written == target => return Ok(target),
                Ok(_) => error.into(),
                // What may be in use stays.
                Err(_) => return Err(error.into()),
            },
        };
        self.unmake(&registration).await;
        self.forget(&target.client).await;
        Err(failed)
    }

    /// Whether the authorization server still knows `target`'s client: it is asked to renew a refresh
    /// token that it cannot have issued, and says whom it finds at fault.
    pub async fn standing(
        &self,
        target: &Target,
        now: SystemTime,
    ) -> Result<Standing, StandingError> {
        let client = &target.client;
        client.is_at(&target.authorization_server.issuer).map_err(|_| TokenError::Misconfigured)?;
        let client_secret = client.secret(self.secrets).await?;
        let endpoint =
            TokenEndpoint { http: self.http, target, client_secret, random: self.random };
        let token = unguessable(self.random).map_err(|_| TokenError::Misconfigured)?;
        match endpoint.refresh(&RefreshToken::new(token), now).await {
            Ok(_) | Err(TokenError::InvalidGrant) => Ok(Standing::Good),
            Err(TokenError::InvalidClient) => Ok(Standing::Refused),
            Err(TokenError::Refused(_)) => Ok(Standing::Unknown),
            Err(error) => Err(error.into()),
        }
    }

    /// Each client has names of its own, so that none takes another's place before its record does.
    async fn put_away(
        &self,
        registration: &Registration,
        name: &TargetName,
    ) -> Result<Client, EstablishError> {
        let unique = unguessable(self.random)
            .map_err(|_| StoreError::Unreadable("the system gave no random bytes"))?;
        let own = format!("{}{name}/{unique}", self.secret_prefix);
        let mut client = registration.client(SecretName(own.clone()));
        let management = registration.management.as_ref().and_then(Management::to_secret);
        client.management = management.as_ref().map(|_| SecretName(format!("{own}/registration")));
        for (name, secret) in
            [(&client.client_secret, &registration.secret), (&client.management, &management)]
        {
            let (Some(name), Some(secret)) = (name, secret) else { continue };
            if let Err(error) = self.secrets.put_secret(name, secret).await {
                self.forget(&client).await;
                return Err(error.into());
            }
        }
        Ok(client)
    }

    /// What fails here is logged and stays behind.
    async fn unmake(&self, registration: &Registration) {
        if let Some(management) = &registration.management
            && let Err(error) = management.delete(self.http).await
        {
            tracing::warn!(%error, "a registration that nobody needs could not be ended");
        }
    }

    async fn forget(&self, client: &Client) {
        for name in client.client_secret.iter().chain(&client.management) {
            if let Err(error) = self.secrets.remove_secret(name).await {
                tracing::warn!(%error, "a secret that nobody needs could not be removed");
            }
        }
    }
}

impl Plan {
    /// Does what it says: asks the authorization server, or makes a key. Whoever calls this stores the
    /// result before using it. [`Plan::Keep`] has nothing to carry out.
    pub async fn carry_out(
        &self,
        http: &Http,
        applicant: &Applicant,
    ) -> Result<Registration, RegistrationError> {
        match self {
            Self::Keep(_) => Err(RegistrationError::NothingToDo),
            Self::Given(given) => Ok(Registration::clone(given)),
            Self::Document(document) => document.registration(&applicant.redirect_uri),
            Self::Dynamic(plan) => dynamic::register(http, plan, applicant).await,
        }
    }
}

/// What an authorization server makes of our client.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It knows us.
    Good,
    /// `invalid_client`: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
    Refused,
    /// It said neither.
    Unknown,
}

/// Why there is no client, divided by what the operator does next.
#[derive(Debug, thiserror::Error)]
pub enum EstablishError {
    /// Look at what the other did, then begin again.
    #[error(
        "somebody else changed this target at the same time; nothing of theirs was touched: look at \
         it and run this again if it is still needed"
    )]
    Overtaken,
    /// See there.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// Try again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nobody knows whether our client is good.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The secret cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The authorization server did not say.
    #[error(transparent)]
    Token(#[from] TokenError),
}
