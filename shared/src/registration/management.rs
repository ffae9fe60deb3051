//! What an authorization server gives a client to manage its own registration with:
//! <https://www.rfc-editor.org/rfc/rfc7592>

use crate::discovery::document::fitness;
use crate::http::{Http, HttpError};
use crate::target::Endpoint;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION};
use oauth2::{AccessToken, ClientSecret};
use serde::{Deserialize, Serialize};

/// <https://www.rfc-editor.org/rfc/rfc7592#section-3>
#[derive(Clone, Debug)]
pub struct Management {
    /// Where.
    pub registration_client_uri: Endpoint,
    /// With what. It is a secret like the client's own.
    pub registration_access_token: AccessToken,
}

/// As it lies in the secret store.
#[derive(Deserialize, Serialize)]
struct Kept {
    registration_client_uri: Endpoint,
    registration_access_token: AccessToken,
}

impl Management {
    /// What an answer to `endpoint`'s own request gives, if it gives both and they can be used. The
    /// token goes nowhere but to the server that gave it.
    pub(super) fn given(
        endpoint: &Endpoint,
        uri: Option<&str>,
        token: Option<String>,
    ) -> Option<Self> {
        let uri = fitness(endpoint, uri?)?;
        let own = uri.url().origin() == endpoint.url().origin();
        let token = token.filter(|token| !token.is_empty() && token.bytes().all(is_visible))?;
        own.then(|| Self {
            registration_client_uri: uri,
            registration_access_token: AccessToken::new(token),
        })
    }

    /// As one secret.
    pub fn to_secret(&self) -> Option<ClientSecret> {
        let kept = Kept {
            registration_client_uri: self.registration_client_uri.clone(),
            registration_access_token: self.registration_access_token.clone(),
        };
        serde_json::to_string(&kept).ok().map(ClientSecret::new)
    }

    /// The inverse of [`Management::to_secret`].
    #[expect(clippy::disallowed_methods, reason = "it is read here; only its token is sent")]
    pub fn from_secret(secret: &ClientSecret) -> Option<Self> {
        let kept: Kept = serde_json::from_str(secret.secret()).ok()?;
        Some(Self {
            registration_client_uri: kept.registration_client_uri,
            registration_access_token: kept.registration_access_token,
        })
    }

    /// Ends the registration, and with it all that was granted to it. One that is gone already is as
    /// good: <https://www.rfc-editor.org/rfc/rfc7592#section-2.3>
    #[expect(clippy::disallowed_methods, reason = "the server that gave the token needs it itself")]
    pub async fn delete(&self, http: &Http) -> Result<(), HttpError> {
        let bearer = format!("Bearer {}", self.registration_access_token.secret());
        let request = http::Request::delete(self.registration_client_uri.as_str())
            .header(ACCEPT, "application/json")
            .header(AUTHORIZATION, bearer)
            .body(Vec::new())
            .map_err(|_| HttpError::Refused("the URL cannot be requested"))?;
        let answer = http.send(request).await?;
        match answer.status() {
            // A client that does not exist has no token: <https://www.rfc-editor.org/rfc/rfc7592#section-2.1>
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(HttpError::status(&answer)),
        }
    }

    /// Ends a registration that nobody needs. If that fails, it is logged and the registration stays.
    pub(super) async fn give_up(&self, http: &Http) {
        if let Err(error) = self.delete(http).await {
            tracing::warn!(%error, "a registration that nobody needs could not be ended");
        }
    }
}

fn is_visible(byte: u8) -> bool {
    byte.is_ascii_graphic()
}
