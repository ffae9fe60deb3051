//! How we become a client of an authorization server.
//!
//! In this order: the registration that an operator made by hand, a [`document`] that says who we are
//! and whose address is our id, [`dynamic`] registration, and then an operator has to.
//! <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration>

pub mod document;
pub mod dynamic;

use crate::discovery::attempt::Quote;
use crate::discovery::authorization_server::ServerMetadata;
use crate::http::{Http, HttpError};
use crate::pending::PENDING_LIFETIME;
use crate::target::{Client, ClientAuthentication, Endpoint, SecretName, Way};
use document::DocumentUrl;
use http::StatusCode;
use oauth2::{AccessToken, ClientSecret};
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
    /// None for a public client.
    pub secret: Option<ClientSecret>,
    /// How we prove that we are this client.
    pub method: ClientAuthentication,
    /// The redirect URI that was registered.
    pub redirect_uri: String,
    /// When the secret expires; none if it does not.
    pub expires_at: Option<SystemTime>,
    /// What changes or removes the registration.
    pub management: Option<Management>,
}

/// <https://www.rfc-editor.org/rfc/rfc7592#section-3>
#[derive(Clone, Debug)]
pub struct Management {
    /// Where.
    pub registration_client_uri: Endpoint,
    /// With what. It is a secret like the client's own.
    pub registration_access_token: AccessToken,
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
        let fits = |method| (method == ClientAuthentication::None) == secret.is_none();
        let method = match method {
            Some(method) => Some(method).filter(|method| fits(*method)),
            None => offered(server).into_iter().find(|method| fits(*method)),
        };
        Ok(Self {
            issuer: issuer.to_owned(),
            way: Way::ByHand,
            client_id: client_id.to_owned(),
            method: method.ok_or(RegistrationError::NoMethod)?,
            secret,
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
        let expired = self.expires_at.is_some_and(|expiry| expiry <= now + PENDING_LIFETIME);
        if self.issuer != issuer {
            Err(Unusable::AnotherIssuer)
        } else if self.redirect_uri != redirect_uri {
            Err(Unusable::AnotherRedirectUri)
        } else if expired {
            Err(Unusable::Expired)
        } else {
            Ok(())
        }
    }

    /// What a target keeps of it, with the secret left in the store under `secret`.
    #[must_use]
    pub fn client(&self, secret: SecretName) -> Client {
        Client {
            client_id: self.client_id.clone(),
            client_secret: self.secret.is_some().then_some(secret),
            token_endpoint_auth_method: self.method,
            issuer: Some(self.issuer.clone()),
            way: self.way,
            redirect_uri: Some(self.redirect_uri.clone()),
            client_secret_expires_at: self.expires_at,
        }
    }
}

/// Why a registration may not be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unusable {
    /// Its secret would be given to somebody else.
    #[error("it was made at another authorization server")]
    AnotherIssuer,
    /// The authorization server would refuse it.
    #[error("it was made for another redirect URI")]
    AnotherRedirectUri,
    /// Its secret is no longer good, or not for long enough.
    #[error("its client secret has expired, or is about to")]
    Expired,
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
    if let Some(known) = known {
        match known.usable(&server.server.issuer, &applicant.redirect_uri, now) {
            Ok(()) => return Ok(known),
            // Nobody but the operator can make it good, and to go on with another would hide that.
            Err(why) if known.way == Way::ByHand => return Err(RegistrationError::Stale(why)),
            Err(_) => {}
        }
    }
    if let Some(document) = &applicant.document
        && takes_documents(server)
    {
        return Ok(document.registration(&server.server.issuer, &applicant.redirect_uri));
    }
    match &server.registration_endpoint {
        Some(endpoint) => dynamic::register(http, server, endpoint, applicant).await,
        None => Err(RegistrationError::ByHand {
            issuer: Quote::of(&server.server.issuer),
            redirect_uri: applicant.redirect_uri.clone(),
        }),
    }
}

/// A document holds no secret, so its client is a public one, and the server must admit those.
fn takes_documents(server: &ServerMetadata) -> bool {
    let unstated = server.token_endpoint_auth_methods_supported.is_none();
    server.client_id_metadata_document_supported
        && (unstated || offered(server).contains(&ClientAuthentication::None))
}

/// The methods that both sides speak, best first: a client with a secret is harder to impersonate.
fn offered(server: &ServerMetadata) -> Vec<ClientAuthentication> {
    use ClientAuthentication::{ClientSecretBasic, ClientSecretPost, None as Public};
    let Some(listed) = &server.token_endpoint_auth_methods_supported else {
        // <https://www.rfc-editor.org/rfc/rfc8414#section-2>; that it admits public clients as well
        // is left to be seen.
        return vec![ClientSecretBasic, Public];
    };
    let listed = |method: &ClientAuthentication| listed.iter().any(|name| name == written(*method));
    [ClientSecretBasic, ClientSecretPost, Public].into_iter().filter(listed).collect()
}

/// <https://www.rfc-editor.org/rfc/rfc7591#section-2>
fn written(method: ClientAuthentication) -> &'static str {
    match method {
        ClientAuthentication::ClientSecretBasic => "client_secret_basic",
        ClientAuthentication::ClientSecretPost => "client_secret_post",
        ClientAuthentication::None => "none",
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
         client_secret_basic and client_secret_post, which need a secret, and none, which has none"
    )]
    NoMethod,
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
