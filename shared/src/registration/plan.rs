//! What is to be done about our client at an authorization server, before anything is done.

use super::document::DocumentUrl;
use super::{Applicant, Registration, RegistrationError};
use crate::discovery::attempt::Quote;
use crate::discovery::authorization_server::ServerMetadata;
use crate::oauth::assertion::SigningKey;
use crate::pending::PENDING_LIFETIME;
use crate::target::{Client, ClientAuthentication, Endpoint, Unusable, Way};
use oauth2::ClientSecret;
use std::fmt;
use std::time::SystemTime;

/// What is to be done about our client.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Nothing: the target's client is good.
    Keep(Box<Client>),
    /// To write down what an operator registered by hand.
    Given(Box<Registration>),
    /// To serve a document that says who we are, whose address is our id.
    Document(DocumentPlan),
    /// To ask the authorization server: <https://www.rfc-editor.org/rfc/rfc7591>
    Dynamic(DynamicPlan),
}

/// How we become a client by a document.
#[derive(Clone, Debug)]
pub struct DocumentPlan {
    /// Whose client.
    pub issuer: String,
    /// Our id.
    pub url: DocumentUrl,
    /// How we will prove ourselves: by a key of our own where the server can check one, or not at all.
    pub method: ClientAuthentication,
}

/// How we become a client by asking.
#[derive(Clone, Debug)]
pub struct DynamicPlan {
    /// Whose client.
    pub issuer: String,
    /// Where to ask.
    pub endpoint: Endpoint,
    /// How we will prove ourselves, unless the server decides otherwise.
    pub method: ClientAuthentication,
}

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Where.
    pub server: &'a ServerMetadata,
    /// Who.
    pub applicant: &'a Applicant,
    /// The client that the target has already.
    pub known: Option<&'a Client>,
    /// Whether the authorization server said `invalid_client` of it.
    pub refused: bool,
    /// When.
    pub now: SystemTime,
}

impl Situation<'_> {
    /// What is to be done, in the order of
    /// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration>:
    /// what an operator registered by hand (`given` now, or known), a document, dynamic registration.
    /// Where nothing of it can be done, the error tells the operator what he can do.
    pub fn plan(&self, given: Option<Registration>) -> Result<Plan, RegistrationError> {
        let (issuer, applicant) = (&self.server.server.issuer, self.applicant);
        if let Some(given) = given {
            let good = given.usable(issuer, &applicant.redirect_uri, self.now);
            return match good {
                Ok(()) => Ok(Plan::Given(Box::new(given))),
                Err(why) => Err(RegistrationError::Stale(why)),
            };
        }
        if let Some(known) = self.known {
            match self.good(known) {
                Ok(()) => return Ok(Plan::Keep(Box::new(known.clone()))),
                // Nobody but the operator can mend it, and to go on with another would hide that.
                Err(why) if known.way == Way::ByHand => return Err(RegistrationError::Stale(why)),
                Err(_) => {}
            }
        }
        let method = for_document(self.server).first().copied();
        if let (Some(url), Some(method)) = (&applicant.document, method) {
            return Ok(Plan::Document(DocumentPlan {
                issuer: issuer.clone(),
                url: url.clone(),
                method,
            }));
        }
        match &self.server.registration_endpoint {
            Some(endpoint) => Ok(Plan::Dynamic(DynamicPlan {
                issuer: issuer.clone(),
                endpoint: endpoint.clone(),
                method: *offered(self.server).first().ok_or(RegistrationError::NoMethod)?,
            })),
            None => Err(RegistrationError::ByHand {
                issuer: Quote::of(issuer),
                redirect_uri: applicant.redirect_uri.clone(),
            }),
        }
    }

    fn good(&self, known: &Client) -> Result<(), Unusable> {
        if self.refused {
            return Err(Unusable::Refused);
        }
        let (issuer, method) = (&self.server.server.issuer, known.token_endpoint_auth_method);
        if known.way == Way::Document && !for_document(self.server).contains(&method) {
            return Err(Unusable::Unread);
        }
        known.is_good(issuer, &self.applicant.redirect_uri, self.now + PENDING_LIFETIME)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep(client) => write!(f, "keep the client {}", Quote::of(&client.client_id)),
            Self::Given(given) => {
                write!(f, "use the client {}, registered by hand", Quote::of(&given.client_id))
            }
            Self::Document(document) => write!(
                f,
                "serve a client ID metadata document at {} ({})",
                document.url,
                document.method.as_str()
            ),
            Self::Dynamic(dynamic) => write!(
                f,
                "register at {} ({})",
                Quote::of(dynamic.endpoint.as_str()),
                dynamic.method.as_str()
            ),
        }
    }
}

/// The methods of a client by document, best first. It holds no secret that both sides know; a key of
/// ours is better than nothing, where the server can check one.
fn for_document(server: &ServerMetadata) -> Vec<ClientAuthentication> {
    use ClientAuthentication::{None as Public, PrivateKeyJwt};
    if !server.client_id_metadata_document_supported {
        return vec![];
    }
    let offered = offered(server);
    [PrivateKeyJwt, Public].into_iter().filter(|method| offered.contains(method)).collect()
}

/// The methods that both sides speak, best first for a client that is registered there: one with a
/// secret is harder to impersonate, and a key of ours is wanted where nothing else is.
pub(super) fn offered(server: &ServerMetadata) -> Vec<ClientAuthentication> {
    use ClientAuthentication::{
        ClientSecretBasic, ClientSecretPost, None as Public, PrivateKeyJwt,
    };
    let Some(listed) = &server.token_endpoint_auth_methods_supported else {
        // <https://www.rfc-editor.org/rfc/rfc8414#section-2>; that it admits public clients as well
        // is left to be seen.
        return vec![ClientSecretBasic, Public];
    };
    let algorithms = &server.token_endpoint_auth_signing_alg_values_supported;
    let checks_ours =
        algorithms.as_ref().is_none_or(|listed| listed.iter().any(|name| name == "ES256"));
    let listed = |method: &ClientAuthentication| {
        listed.iter().any(|name| name == method.as_str())
            && (*method != PrivateKeyJwt || checks_ours)
    };
    [ClientSecretBasic, ClientSecretPost, Public, PrivateKeyJwt]
        .into_iter()
        .filter(listed)
        .collect()
}

/// The method for a client that an operator registered: his word, or else what the server offers. A
/// private key is no password, and a password no private key.
pub(super) fn by_hand(
    server: &ServerMetadata,
    secret: Option<&ClientSecret>,
    method: Option<ClientAuthentication>,
) -> Option<ClientAuthentication> {
    use ClientAuthentication::{
        ClientSecretBasic, ClientSecretPost, None as Public, PrivateKeyJwt,
    };
    let key = secret.is_some_and(|secret| SigningKey::read(secret).is_ok());
    let fits = |method: &ClientAuthentication| match method {
        ClientSecretBasic | ClientSecretPost => secret.is_some() && !key,
        Public => secret.is_none(),
        PrivateKeyJwt => key,
    };
    match method {
        Some(method) => Some(method).filter(fits),
        None => offered(server).into_iter().find(fits),
    }
}
