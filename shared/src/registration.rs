//! How we become a client of an authorization server.
//!
//! In this order: the registration that an operator made by hand, a [`document`] that says who we are
//! and whose address is our id, dynamic registration, and then an operator has to.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration>
//!
//! A [`Situation`] makes a [`Plan`], which says what would be done and does nothing; a [`Registrant`]
//! carries it out.

pub mod document;
mod dynamic;
mod management;
mod plan;
mod registrant;
mod withdraw;

pub use management::Management;
pub use plan::{DocumentPlan, DynamicPlan, Plan, Situation};
pub use registrant::{EstablishError, Registrant, Standing, StandingError};
pub use withdraw::WithdrawError;

use crate::discovery::attempt::Quote;
use crate::discovery::authorization_server::ServerMetadata;
use crate::http::{Http, HttpError};
use crate::oauth::assertion::NotASigningKey;
use crate::pending::PENDING_LIFETIME;
use crate::target::{Client, ClientAuthentication, PublicKey, SecretName, Unusable, Way};
use document::DocumentUrl;
use http::StatusCode;
use oauth2::ClientSecret;
use std::fmt;
use std::time::SystemTime;

/// Us, as an authorization server gets to know us.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// What people are shown.
    pub client_name: String,
    /// Where answers are sent: one address for each target, byte for byte the same in the
    /// registration and in every request.
    pub redirect_uri: String,
    /// Where our metadata document is served, if an authorization server could fetch it.
    pub document: Option<DocumentUrl>,
}

/// What an authorization server knows us by. It is good at that issuer and nowhere else, and its
/// secret belongs into the secret store. `Debug` prints no secret.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whose client we are.
    pub issuer: String,
    /// How we became it.
    pub way: Way,
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-2.2>
    pub client_id: String,
    /// The client secret or the private key; none for a public client.
    pub secret: Option<ClientSecret>,
    /// How we prove that we are this client.
    pub method: ClientAuthentication,
    /// What our signatures are checked with.
    pub public_keys: Vec<PublicKey>,
    /// The redirect URI that was registered.
    pub redirect_uri: String,
    /// When the secret expires; none if it does not.
    pub expires_at: Option<SystemTime>,
    /// What changes or removes the registration.
    pub management: Option<Management>,
}

impl Registration {
    /// A registration that an operator made at `issuer`. The method is the operator's word, or else
    /// what the authorization server offers and the secret, or its absence, allows.
    pub fn by_hand(
        issuer: &str,
        client_id: &str,
        secret: Option<ClientSecret>,
        method: Option<ClientAuthentication>,
        redirect_uri: &str,
        server: &ServerMetadata,
    ) -> Result<Self, RegistrationError> {
        let method = plan::by_hand(server, secret.as_ref(), method);
        Ok(Self {
            issuer: issuer.to_owned(),
            way: Way::ByHand,
            client_id: client_id.to_owned(),
            method: method.ok_or(RegistrationError::NoMethod)?,
            secret,
            public_keys: vec![],
            redirect_uri: redirect_uri.to_owned(),
            expires_at: None,
            management: None,
        })
    }

    /// Whether it may be used at `issuer` for `redirect_uri` now. What is begun with it must also
    /// come to its end before its secret expires.
    pub fn usable(
        &self,
        issuer: &str,
        redirect_uri: &str,
        now: SystemTime,
    ) -> Result<(), Unusable> {
        let nowhere = SecretName(String::new());
        self.client(nowhere).is_good(issuer, redirect_uri, now + PENDING_LIFETIME)
    }

    /// What a target keeps of it, with the secret left in the store under `secret`.
    #[must_use]
    pub fn client(&self, secret: SecretName) -> Client {
        Client {
            client_id: self.client_id.clone(),
            client_secret: self.secret.is_some().then_some(secret),
            token_endpoint_auth_method: self.method,
            public_keys: self.public_keys.clone(),
            issuer: Some(self.issuer.clone()),
            way: self.way,
            redirect_uri: Some(self.redirect_uri.clone()),
            client_secret_expires_at: self.expires_at,
            management: None,
        }
    }
}

/// Our registration at `server`: the one we have, if it may be used, or a new one. Whoever calls this
/// makes sure that it happens once, and stores the result before using it.
pub async fn register(
    http: &Http,
    server: &ServerMetadata,
    applicant: &Applicant,
    known: Option<Registration>,
    now: SystemTime,
) -> Result<Registration, RegistrationError> {
    let client = known.as_ref().map(|known| known.client(SecretName(String::new())));
    let situation = Situation { server, applicant, known: client.as_ref(), refused: false, now };
    match (situation.plan(None)?, known) {
        (Plan::Keep(_), Some(known)) => Ok(known),
        (plan, _) => plan.carry_out(http, applicant).await,
    }
}

/// Why we are nobody's client, divided by what the operator does next.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Register by hand.
    #[error(
        "{issuer} takes no registrations from programs: register a client there by hand, with the \
         redirect URI {redirect_uri} and the grant types authorization_code and refresh_token, and \
         configure its client_id, and its client_secret if it has one"
    )]
    ByHand {
        /// Where.
        issuer: Quote,
        /// With what.
        redirect_uri: String,
    },
    /// Configure the registration for this issuer anew.
    #[error("the client that was registered by hand cannot be used: {0}; register another")]
    Stale(Unusable),
    /// Choose another method, or give or remove the secret.
    #[error(
        "no way of proving who we are fits the client and the authorization server: we know \
         client_secret_basic and client_secret_post, which need a secret, private_key_jwt with ES256, \
         which needs a private key as a JWK, and none, which has none"
    )]
    NoMethod,
    /// No key can be made.
    #[error(transparent)]
    NoKey(#[from] NotASigningKey),
    /// The client that there is stays.
    #[error("there is nothing to register: the client that there is stays")]
    NothingToDo,
    /// Read what the server says; then register by hand.
    #[error("the authorization server refused to register us: {0}")]
    Refused(Refusal),
    /// The server made a client that we cannot be: register by hand.
    #[error("the authorization server's registration cannot be used: {0}")]
    Unfit(&'static str),
    /// Try again.
    #[error("the authorization server did not answer the registration usefully")]
    Unavailable(#[source] HttpError),
}

/// What an authorization server said when it refused:
/// <https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2>
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Its answer's status.
    pub status: StatusCode,
    /// A word for programs, if it gave one.
    pub error: Option<Quote>,
    /// A sentence for people, if it gave one.
    pub error_description: Option<Quote>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        self.error.iter().try_for_each(|error| write!(f, ", {error}"))?;
        self.error_description.iter().try_for_each(|words| write!(f, ": {words}"))
    }
}
