//! Our registration at an authorization server, as a target keeps it: everything but its secrets.

use crate::clock;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Our registration at an authorization server.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Client {
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-2.2>
    pub client_id: String,
    /// Where the client secret lies, or for `private_key_jwt` the private key; none for a public
    /// client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretName>,
    /// How we prove that we are this client.
    #[serde(default)]
    pub token_endpoint_auth_method: ClientAuthentication,
    /// What others check our signatures with. It is here, beside no secret, so that it can be
    /// published by whoever may read no secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<PublicKey>,
    /// The authorization server that it is good at, and no other. None means whichever one the target
    /// has: the word of an operator who wrote the record by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// How we became it.
    #[serde(default)]
    pub way: Way,
    /// The redirect URI that was registered. None means the target's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// When its secret expires; none if it does not.
    /// <https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1>
    #[serde(default, with = "clock::unix_option", skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<SystemTime>,
    /// Where what changes or removes the registration lies, if the authorization server gave it. No
    /// function reads it. <https://www.rfc-editor.org/rfc/rfc7592#section-3>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<SecretName>,
}

impl Client {
    /// Whether it is a client of `issuer`. Elsewhere its secret is nobody's business:
    /// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration>
    pub fn is_at(&self, issuer: &str) -> Result<(), Unusable> {
        let here = self.issuer.as_deref().is_none_or(|own| own == issuer);
        if here { Ok(()) } else { Err(Unusable::AnotherIssuer) }
    }

    /// Whether both are one registration at one authorization server, whatever we know of it.
    pub fn is_registered_as(&self, other: &Self) -> bool {
        self.issuer == other.issuer && self.client_id == other.client_id
    }

    /// Whether answers to `redirect_uri` may be asked for, and exchanged, at `issuer`.
    pub fn answers_to(&self, issuer: &str, redirect_uri: &str) -> Result<(), Unusable> {
        self.is_at(issuer)?;
        let ours = self.redirect_uri.as_deref().is_none_or(|own| own == redirect_uri);
        if ours { Ok(()) } else { Err(Unusable::AnotherRedirectUri) }
    }

    /// The same, for what has to come to its end by `end`: its secret is good until then.
    pub fn is_good(
        &self,
        issuer: &str,
        redirect_uri: &str,
        end: SystemTime,
    ) -> Result<(), Unusable> {
        self.answers_to(issuer, redirect_uri)?;
        let expires = self.client_secret_expires_at.is_some_and(|expiry| expiry <= end);
        if expires { Err(Unusable::Expired) } else { Ok(()) }
    }
}

/// Why a client may not be used. All of it is for an operator to mend, none for a person who connects.
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
    /// It is a client by a document, and the authorization server does without documents, or without
    /// its way of proving itself.
    #[error("the authorization server no longer takes the metadata document that it is known by")]
    Unread,
    /// The authorization server says `invalid_client`.
    #[error("the authorization server does not know it, or no longer believes its secret")]
    Refused,
}

/// How a registration came about.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// An operator made it by hand.
    #[default]
    ByHand,
    /// Our metadata document's address is the id.
    Document,
    /// The authorization server made it when asked: <https://www.rfc-editor.org/rfc/rfc7591>
    Dynamic,
}

/// Where a secret lies: the name or ARN under which Secrets Manager has it. Not the secret.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct SecretName(pub String);

/// `token_endpoint_auth_method`: <https://www.rfc-editor.org/rfc/rfc7591#section-2>
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// HTTP Basic.
    #[default]
    ClientSecretBasic,
    /// In the body.
    ClientSecretPost,
    /// A public client.
    None,
    /// A JWT that we sign: <https://www.rfc-editor.org/rfc/rfc7523#section-2.2>
    PrivateKeyJwt,
}

impl ClientAuthentication {
    /// As metadata has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::None => "none",
            Self::PrivateKeyJwt => "private_key_jwt",
        }
    }
}

/// The public half of a key for ES256. A private one does not fit in.
/// <https://www.rfc-editor.org/rfc/rfc7518#section-6.2.1>
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    /// Its name, as signatures carry it.
    pub kid: String,
    /// The point on P-256, as base64url.
    pub x: String,
    /// Its other half.
    pub y: String,
}

impl PublicKey {
    /// As others read it: <https://www.rfc-editor.org/rfc/rfc7517#section-4>
    pub fn jwk(&self) -> serde_json::Value {
        serde_json::json!({
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": self.kid,
            "x": self.x,
            "y": self.y,
        })
    }
}
