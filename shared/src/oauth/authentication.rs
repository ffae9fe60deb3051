//! What proves that we are a target's client: <https://www.rfc-editor.org/rfc/rfc6749#section-2.3>

use super::assertion::SigningKey;
use crate::clock::{Random, unguessable};
use crate::store::{ClientSecrets, StoreError};
use crate::target::{Client, ClientAuthentication};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oauth2::{AuthType, ClientSecret};
use std::time::SystemTime;

impl Client {
    /// The secret, or the private key, under the name that the record has. To be asked for after
    /// [`Client::is_at`] only; a public client has none.
    pub async fn secret(
        &self,
        secrets: &impl ClientSecrets,
    ) -> Result<Option<ClientSecret>, StoreError> {
        match &self.client_secret {
            Some(name) => secrets.client_secret(name).await.map(Some),
            None => Ok(None),
        }
    }
}

/// One request's proof.
pub(super) struct Proof {
    pub(super) auth_type: AuthType,
    /// The password that goes with the id, if there is one.
    pub(super) client_secret: Option<ClientSecret>,
    /// Further parameters of the request.
    pub(super) parameters: Vec<(&'static str, String)>,
}

/// `None` if the client's method and secret do not fit together, or nothing can be signed. Exactly one
/// method is used: <https://www.rfc-editor.org/rfc/rfc6749#section-2.3>
pub(super) fn proof(
    client: &Client,
    issuer: &str,
    secret: Option<&ClientSecret>,
    random: &dyn Random,
    now: SystemTime,
) -> Option<Proof> {
    let proof = |auth_type, client_secret: Option<&ClientSecret>, parameters| Proof {
        auth_type,
        client_secret: client_secret.cloned(),
        parameters,
    };
    match (client.token_endpoint_auth_method, secret) {
        (ClientAuthentication::None, None) => Some(proof(AuthType::RequestBody, None, vec![])),
        (ClientAuthentication::ClientSecretBasic, Some(_)) => {
            Some(proof(AuthType::BasicAuth, secret, vec![]))
        }
        (ClientAuthentication::ClientSecretPost, Some(_)) => {
            Some(proof(AuthType::RequestBody, secret, vec![]))
        }
        (ClientAuthentication::PrivateKeyJwt, Some(key)) => {
            let key = SigningKey::read(key).ok()?;
            let jti = unguessable(random).ok()?;
            let assertion = key.assertion(&client.client_id, issuer, &jti, now).ok()?;
            let parameters = vec![
                ("client_assertion_type", JWT_BEARER.to_owned()),
                ("client_assertion", assertion),
            ];
            Some(proof(AuthType::RequestBody, None, parameters))
        }
        (ClientAuthentication::None, Some(_)) | (_, None) => None,
    }
}

/// Basic, with both parts form-encoded: <https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1>
#[expect(clippy::disallowed_methods, reason = "the server needs the secret itself")]
pub(crate) fn basic(client_id: &str, secret: &ClientSecret) -> String {
    let encode =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let pair = format!("{}:{}", encode(client_id), encode(secret.secret()));
    format!("Basic {}", STANDARD.encode(pair))
}

/// <https://www.rfc-editor.org/rfc/rfc7523#section-2.2>
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
