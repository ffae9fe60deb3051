//! Giving tokens back: <https://www.rfc-editor.org/rfc/rfc7009>
//!
//! The row of a connection is ended before any of this begins, and stays so whatever comes of it.

use super::authentication::{Proof, basic, proof};
use super::token::{TokenEndpoint, TokenError};
use crate::clock::Random;
use crate::http::{Http, HttpError};
use crate::quirks::Revocation;
use crate::store::{ClientSecrets, StoreError};
use crate::target::{Endpoint, Target};
use crate::tokens::{TokenSet, is_fresh};
use http::{Method, Request, StatusCode, header};
use oauth2::{AuthType, ClientSecret, HttpRequest};
use serde_json::{Value, json};
use std::time::SystemTime;
use url::form_urlencoded::Serializer;

/// Gives back tokens of one target, in the way that its authorization server wants.
pub struct Revoker<'a, S> {
    /// How to get there.
    pub http: &'a Http,
    /// Whose tokens they are.
    pub target: &'a Target,
    /// Where its client's secret lies. Read only if it is needed.
    pub secrets: &'a S,
    /// Chance, for proofs that are good once.
    pub random: &'a dyn Random,
}

impl<S: ClientSecrets> Revoker<'_, S> {
    /// Gives back all of `tokens`. Success says that the authorization server has confirmed it.
    pub async fn revoke(&self, tokens: TokenSet, now: SystemTime) -> Result<(), RevocationError> {
        match &self.target.quirks.revocation {
            Revocation::Rfc7009 => {
                let endpoint = self.target.authorization_server.revocation_endpoint.as_ref();
                self.as_client(endpoint.ok_or(RevocationError::Unsupported)?, &tokens, now).await
            }
            Revocation::At(endpoint) => self.as_client(endpoint, &tokens, now).await,
            Revocation::Token(endpoint) => {
                let fields = [("token", best(&tokens))];
                self.send_token(form(endpoint, &fields, None)?).await
            }
            Revocation::Bearer(endpoint) => {
                let tokens = self.fresh(tokens, now).await?;
                self.send(as_bearer(endpoint, &tokens)?).await
            }
            Revocation::Grant(endpoint) => {
                let tokens = self.fresh(tokens, now).await?;
                self.grant(endpoint, &tokens).await
            }
        }
    }

    /// Where the access token speaks for the grant, one that has expired is renewed once more: the
    /// server would not know it.
    async fn fresh(&self, tokens: TokenSet, now: SystemTime) -> Result<TokenSet, RevocationError> {
        let refresh = match &tokens.refresh {
            Some(refresh) if !is_fresh(tokens.expires_at, now) => refresh,
            _ => return Ok(tokens),
        };
        let Self { http, target, random, .. } = *self;
        let client_secret = self.secret().await?;
        let endpoint = TokenEndpoint { http, target, client_secret, random };
        let answer = endpoint.refresh(refresh, now).await?;
        Ok(tokens.renewed(answer))
    }

    /// The refresh token first: it must be revocable, and what it could renew often goes with it.
    /// <https://www.rfc-editor.org/rfc/rfc7009#section-2.1>
    #[expect(clippy::disallowed_methods, reason = "the server needs the tokens themselves")]
    async fn as_client(
        &self,
        endpoint: &Endpoint,
        tokens: &TokenSet,
        now: SystemTime,
    ) -> Result<(), RevocationError> {
        let secret = self.secret().await?;
        let give = async |token: &str, kind: &str| {
            let fields = [("token", token), ("token_type_hint", kind)];
            let proof = self.proof(secret.as_ref(), now)?;
            self.send_token(form(endpoint, &fields, Some((&self.target.client.client_id, proof)))?)
                .await
        };
        let access = tokens.access.secret();
        let Some(refresh) = &tokens.refresh else { return give(access, "access_token").await };
        match give(refresh.secret(), "refresh_token").await {
            Ok(()) => match give(access, "access_token").await {
                // It dies by itself, and nothing can renew it.
                Err(RevocationError::Unsupported) => Ok(()),
                outcome => outcome,
            },
            Err(error) => {
                if error.is_about_the_token() {
                    let _ = give(access, "access_token").await;
                }
                Err(error)
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the server needs the token itself")]
    async fn grant(&self, endpoint: &Endpoint, tokens: &TokenSet) -> Result<(), RevocationError> {
        let client_id = &self.target.client.client_id;
        let secret = self.secret().await?.ok_or(RevocationError::Misconfigured)?;
        let mut url = endpoint.url().clone();
        url.path_segments_mut()
            .map_err(|()| RevocationError::Misconfigured)?
            .pop_if_empty()
            .extend([client_id, "grant"]);
        let body = json!({ "access_token": tokens.access.secret() }).to_string();
        let request = Request::builder()
            .method(Method::DELETE)
            .uri(url.as_str())
            .header(header::ACCEPT, JSON)
            .header(header::CONTENT_TYPE, JSON)
            .header(header::USER_AGENT, "latchkey")
            .header(header::AUTHORIZATION, basic(client_id, &secret))
            .body(body.into_bytes());
        self.send(request.map_err(|_| RevocationError::Misconfigured)?).await
    }

    /// The client's secret, for its own authorization server only.
    async fn secret(&self) -> Result<Option<ClientSecret>, RevocationError> {
        let client = &self.target.client;
        let issuer = &self.target.authorization_server.issuer;
        client.is_at(issuer).map_err(|_| RevocationError::Misconfigured)?;
        Ok(client.secret(self.secrets).await?)
    }

    /// A proof is good for one request.
    fn proof(
        &self,
        secret: Option<&ClientSecret>,
        now: SystemTime,
    ) -> Result<Proof, RevocationError> {
        let issuer = &self.target.authorization_server.issuer;
        proof(&self.target.client, issuer, secret, self.random, now)
            .ok_or(RevocationError::Misconfigured)
    }

    /// Sends a request and reads what matters of the answer. The rest of a body ends here.
    async fn send(&self, request: HttpRequest) -> Result<(), RevocationError> {
        let response = self.http.send(request).await?;
        let status = response.status();
        // With `Retry-After` or without, a token still exists after a 503:
        // <https://www.rfc-editor.org/rfc/rfc7009#section-2.2.1>
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(HttpError::status(&response).into());
        }
        // A redirect is no word about the token, whatever its body says.
        let heard = !status.is_redirection();
        let answer = Some(response.body()).filter(|_| heard);
        let answer =
            answer.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or(Value::Null);
        match answer.get("error").and_then(Value::as_str) {
            Some("invalid_token") => Err(RevocationError::UnknownToken),
            Some("unsupported_token_type") => Err(RevocationError::Unsupported),
            Some("invalid_client") => Err(RevocationError::InvalidClient),
            Some("server_error" | "temporarily_unavailable") => {
                Err(RevocationError::Unavailable(None))
            }
            None if status.is_success() && answer.get("ok") != Some(&Value::Bool(false)) => Ok(()),
            _ => Err(RevocationError::Refused(status)),
        }
    }

    /// The same, where a token that the server does not know is what was wanted. One that keeps to the
    /// RFC says 200: <https://www.rfc-editor.org/rfc/rfc7009#section-2.2>
    async fn send_token(&self, request: HttpRequest) -> Result<(), RevocationError> {
        match self.send(request).await {
            Err(RevocationError::UnknownToken) => Ok(()),
            outcome => outcome,
        }
    }
}

/// Why tokens may still be good, divided by what the caller does next: only an operator can mend the
/// client, and only the person can go to the authorization server.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// The authorization server refused the broker's own client.
    #[error("the authorization server refused the broker's own client")]
    InvalidClient,
    /// The target's record cannot be used.
    #[error("the target's client, secret, authentication method or URLs do not fit together")]
    Misconfigured,
    /// The access token that has to be shown had expired.
    #[error("the access token has expired and was not renewed")]
    NotRenewed(#[from] TokenError),
    /// The server understood and would not.
    #[error("the authorization server did not take the token back: it answered {0}")]
    Refused(StatusCode),
    /// The client's secret cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server does not know the token, which says nothing about others of the same grant.
    #[error("the authorization server does not know the token")]
    UnknownToken,
    /// There is no way to give a token back there.
    #[error("the authorization server offers no way to give the token back")]
    Unsupported,
    /// The server did not say.
    #[error("the authorization server did not answer usefully")]
    Unavailable(#[source] Option<HttpError>),
}

impl RevocationError {
    /// Whether another token may fare better.
    fn is_about_the_token(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unsupported)
    }
}

impl From<HttpError> for RevocationError {
    fn from(error: HttpError) -> Self {
        Self::Unavailable(Some(error))
    }
}

/// The refresh token, or else the access token.
#[expect(clippy::disallowed_methods, reason = "the server needs the token itself")]
fn best(tokens: &TokenSet) -> &str {
    tokens.refresh.as_ref().map_or_else(|| tokens.access.secret(), |refresh| refresh.secret())
}

/// A form, from nobody in particular or from the client with this id and proof.
#[expect(clippy::disallowed_methods, reason = "the server needs the secret itself")]
fn form(
    endpoint: &Endpoint,
    fields: &[(&str, &str)],
    client: Option<(&str, Proof)>,
) -> Result<HttpRequest, RevocationError> {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields);
    let mut request = Request::post(endpoint.as_str())
        .header(header::ACCEPT, JSON)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some((client_id, Proof { auth_type, client_secret, parameters })) = client {
        match (auth_type, client_secret) {
            (AuthType::BasicAuth, Some(secret)) => {
                request = request.header(header::AUTHORIZATION, basic(client_id, &secret));
            }
            (_, secret) => {
                form.append_pair("client_id", client_id);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret.secret());
                }
            }
        }
        form.extend_pairs(parameters);
    }
    request.body(form.finish().into_bytes()).map_err(|_| RevocationError::Misconfigured)
}

/// A request without a body that shows the access token, which ends.
fn as_bearer(endpoint: &Endpoint, tokens: &TokenSet) -> Result<HttpRequest, RevocationError> {
    let bearer = tokens.bearer().ok_or(RevocationError::Misconfigured)?;
    Request::post(endpoint.as_str())
        .header(header::ACCEPT, JSON)
        .header(header::AUTHORIZATION, bearer)
        .body(Vec::new())
        .map_err(|_| RevocationError::Misconfigured)
}

const JSON: &str = "application/json";
