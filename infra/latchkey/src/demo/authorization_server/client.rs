//! Who asks for tokens, and how refusals are worded.

use super::Server;
use crate::demo::ledger::digest;
use crate::demo::parameters::Parameters;
use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::clock::NoRandomness;
use http::header::{AUTHORIZATION, CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use url::form_urlencoded;

/// A refusal in the words of <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum OAuthError {
    InvalidClient,
    InvalidClientMetadata(&'static str),
    InvalidGrant,
    InvalidRedirectUri,
    InvalidRequest(&'static str),
    InvalidScope,
    InvalidTarget,
    ServerError,
    UnsupportedGrantType,
}

impl OAuthError {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::InvalidClient => {
                ("invalid_client", "The client is unknown or did not prove itself.")
            }
            Self::InvalidClientMetadata(why) => ("invalid_client_metadata", why),
            Self::InvalidGrant => {
                ("invalid_grant", "The code or refresh token is not good (any more).")
            }
            Self::InvalidRedirectUri => (
                "invalid_redirect_uri",
                "Each redirect URI must be https, loopback http or an app's own scheme.",
            ),
            Self::InvalidRequest(why) => ("invalid_request", why),
            Self::InvalidScope => ("invalid_scope", "More was asked for than was granted."),
            Self::InvalidTarget => {
                ("invalid_target", "No tokens for that resource are issued here.")
            }
            Self::ServerError => ("server_error", "Please try again."),
            Self::UnsupportedGrantType => {
                ("unsupported_grant_type", "Only codes and refresh tokens are taken.")
            }
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<NoRandomness> for OAuthError {
    fn from(_: NoRandomness) -> Self {
        Self::ServerError
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let (error, description) = self.words();
        let body = Json(json!({ "error": error, "error_description": description }));
        let mut response = (self.status(), [(CACHE_CONTROL, "no-store")], body).into_response();
        if self == Self::InvalidClient {
            let challenge = http::HeaderValue::from_static("Basic realm=\"token\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl Server {
    /// The id of the client that sent a request to the token or revocation endpoint.
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-2.3>
    pub(super) fn authenticate(
        &self,
        headers: &HeaderMap,
        form: &Parameters,
    ) -> Result<String, OAuthError> {
        let in_header = match headers.get(AUTHORIZATION) {
            Some(value) => Some(basic(value.as_bytes()).ok_or(OAuthError::InvalidClient)?),
            None => None,
        };
        let in_body = form.get("client_secret");
        if in_header.is_some() && in_body.is_some() {
            return Err(OAuthError::InvalidRequest("One way of authentication is enough."));
        }
        let (id, secret) = match in_header {
            Some((id, _)) if form.get("client_id").is_some_and(|other| other != id) => {
                return Err(OAuthError::InvalidClient);
            }
            Some((id, secret)) => (id, Some(secret)),
            None => {
                let id = form.get("client_id").ok_or(OAuthError::InvalidClient)?;
                (id.to_owned(), in_body.map(str::to_owned))
            }
        };
        let client = self.ledger.client(&id).ok_or(OAuthError::InvalidClient)?;
        let secret = secret.filter(|secret| !secret.is_empty()).as_deref().map(digest);
        if client.secret == secret { Ok(id) } else { Err(OAuthError::InvalidClient) }
    }
}

/// Id and secret are form-encoded before they are joined.
fn basic(value: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (decoded(id), decoded(secret)))
}

fn decoded(text: &str) -> String {
    let whole = form_urlencoded::parse(text.as_bytes()).next();
    whole.map(|(text, _)| text.into_owned()).unwrap_or_default()
}
