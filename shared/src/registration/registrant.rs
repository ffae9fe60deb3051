//! Carries a plan out, so that it happens once and leaves nothing half done.

use super::{Applicant, Management, Plan, Registration, RegistrationError, dynamic};
use crate::clock::{Random, unguessable};
use crate::discovery::attempt::Quote;
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
    /// fails, what was made is unmade as far as possible, unless it may be in use.
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
            return match self.write(found, &target).await {
                Ok(()) => Ok(target),
                Err(Unwritten::Overtaken) => Err(EstablishError::Overtaken),
                Err(Unwritten::Not(error) | Unwritten::Perhaps(error)) => Err(error.into()),
            };
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
        let failed = match self.write(found, &target).await {
            Ok(()) => return Ok(target),
            Err(Unwritten::Overtaken) => EstablishError::Overtaken,
            Err(Unwritten::Not(error)) => error.into(),
            Err(Unwritten::Perhaps(error)) => {
                return Err(EstablishError::Unclear {
                    issuer: Quote::of(&registration.issuer),
                    client_id: Quote::of(&registration.client_id),
                    error,
                });
            }
        };
        self.unmake(&registration).await;
        self.forget(&target.client).await;
        Err(failed)
    }

    /// Writes `target`'s record in the place of `found`'s. A "no" is not believed either: it may have
    /// been written, the answer lost, and the request repeated, which then found it changed.
    async fn write(&self, found: Option<&Target>, target: &Target) -> Result<(), Unwritten> {
        let error = match self.targets.replace_target(found, target).await {
            Ok(true) => return Ok(()),
            Ok(false) => None,
            Err(error) => Some(error),
        };
        match (self.targets.find_target(&target.name).await, error) {
            (Ok(Some(there)), _) if there == *target => Ok(()),
            (Ok(_), None) => Err(Unwritten::Overtaken),
            // It was not even sent.
            (_, Some(error @ StoreError::Unreadable(_))) => Err(Unwritten::Not(error)),
            // As long as it is the one that was found, the request may still arrive.
            (Ok(there), Some(_)) if there.as_ref() != found => Err(Unwritten::Overtaken),
            (_, Some(error)) | (Err(error), None) => Err(Unwritten::Perhaps(error)),
        }
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
        // Whoever is cut off in between leaves behind what can at least be ended.
        for (name, secret) in
            [(&client.management, &management), (&client.client_secret, &registration.secret)]
        {
            let (Some(name), Some(secret)) = (name, secret) else { continue };
            if let Err(error) = self.secrets.put_secret(name, secret).await {
                self.forget(&client).await;
                return Err(error.into());
            }
        }
        Ok(client)
    }

    async fn unmake(&self, registration: &Registration) {
        if let Some(management) = &registration.management {
            management.give_up(self.http).await;
        }
    }

    /// What fails here is logged and stays behind.
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

/// What became of a record that was to be written.
enum Unwritten {
    /// Another one is there.
    Overtaken,
    /// It was not written, and is not going to be.
    Not(StoreError),
    /// Nobody knows.
    Perhaps(StoreError),
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
    /// Try again. If that makes another client, remove this one there by hand.
    #[error(
        "{error}, so that nobody knows whether the target was written; it may be in use, and the \
         client {client_id} was therefore left at {issuer}: if running this again makes another \
         client, remove that one there"
    )]
    Unclear {
        /// Where the client is.
        issuer: Quote,
        /// Its id.
        client_id: Quote,
        /// What went wrong.
        #[source]
        error: StoreError,
    },
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
