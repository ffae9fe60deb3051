//! The token endpoint: <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>
//!
//! The one module that names `oauth2::Client`, whose answers it reads with more patience than the
//! library does: servers disagree with the RFC in a handful of ways that cost nothing to understand.

use super::response::Accepted;
use crate::http::{Http, HttpError};
use crate::target::{ClientAuthentication, Target};
use crate::tokens::{Granted, TokenSet};
use http::{HeaderValue, StatusCode, header};
use oauth2::basic::{
    BasicClient, BasicErrorResponseType, BasicRequestTokenError, BasicTokenResponse, BasicTokenType,
};
use oauth2::{
    AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    RedirectUrl, RefreshToken, Scope, TokenResponse, TokenUrl,
};
use serde_json::{Map, Value};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

/// Our side of a target's token endpoint.
pub struct TokenEndpoint<'a> {
    /// How to get there.
    pub http: &'a Http,
    /// Whose it is.
    pub target: &'a Target,
    /// What proves that we are the client; none for a public client.
    pub client_secret: Option<ClientSecret>,
}

impl TokenEndpoint<'_> {
    /// Exchanges the code of an accepted answer, once.
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3>
    pub async fn exchange(
        &self,
        accepted: Accepted,
        now: SystemTime,
    ) -> Result<TokenSet, TokenError> {
        let Accepted { code, pending } = accepted;
        let redirect_uri =
            RedirectUrl::new(pending.redirect_uri).map_err(|_| TokenError::Misconfigured)?;
        let client = self.client()?.set_redirect_uri(redirect_uri);
        let answer = client
            .exchange_code(code)
            .set_pkce_verifier(pending.code_verifier)
            .add_extra_param("resource", pending.resource.as_str())
            .request_async(&self.transport())
            .await?;
        Ok(granted(&answer, now)?.first(&pending.scopes))
    }

    /// Spends `refresh`. Whoever calls this holds the connection's lease: a rotating token is good
    /// for one request. <https://www.rfc-editor.org/rfc/rfc6749#section-6>
    pub async fn refresh(
        &self,
        refresh: &RefreshToken,
        now: SystemTime,
    ) -> Result<Granted, TokenError> {
        let answer = self
            .client()?
            .exchange_refresh_token(refresh)
            .add_extra_param("resource", self.target.resource.as_str())
            .request_async(&self.transport())
            .await?;
        granted(&answer, now)
    }

    /// The library's port is a function from a request to a future. The future is boxed because the
    /// compiler cannot see that an unnamed one of every lifetime may move between threads.
    fn transport(&self) -> impl Fn(HttpRequest) -> Transported + use<> {
        let http = self.http.clone();
        move |request| {
            let http = http.clone();
            Box::pin(async move { send(&http, request).await })
        }
    }

    fn client(&self) -> Result<Client, TokenError> {
        let url = self.target.authorization_server.token_endpoint.as_str().to_owned();
        let url = TokenUrl::new(url).map_err(|_| TokenError::Misconfigured)?;
        let client = BasicClient::new(ClientId::new(self.target.client.client_id.clone()));
        let client = match (self.target.client.token_endpoint_auth_method, &self.client_secret) {
            (ClientAuthentication::None, None) => client.set_auth_type(AuthType::RequestBody),
            (ClientAuthentication::ClientSecretBasic, Some(secret)) => {
                client.set_auth_type(AuthType::BasicAuth).set_client_secret(secret.clone())
            }
            (ClientAuthentication::ClientSecretPost, Some(secret)) => {
                client.set_auth_type(AuthType::RequestBody).set_client_secret(secret.clone())
            }
            (ClientAuthentication::None, Some(_)) | (_, None) => {
                return Err(TokenError::Misconfigured);
            }
        };
        Ok(client.set_token_uri(url))
    }
}

type Transported = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send>>;

type Client =
    BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Why there are no tokens, divided by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The subject must consent again.
    #[error("the authorization server says the grant is no longer good")]
    InvalidGrant,
    /// Our own registration is refused; an operator must look. Never the subject's problem.
    #[error("the authorization server refused the broker's own client")]
    InvalidClient,
    /// The target's record cannot be used; an operator must look.
    #[error("the target's client secret, authentication method or URLs do not fit together")]
    Misconfigured,
    /// The server understood and would not, with this code. Trying again will not help.
    #[error("the authorization server answered {0:?}")]
    Refused(String),
    /// Try again later.
    #[error("the authorization server did not answer usefully")]
    Unavailable(#[source] Option<HttpError>),
}

/// Bodies end here: the library's own errors carry them, and a body may hold a token.
impl From<BasicRequestTokenError<HttpError>> for TokenError {
    fn from(error: BasicRequestTokenError<HttpError>) -> Self {
        use oauth2::RequestTokenError::{Other, Parse, Request, ServerResponse};
        match error {
            ServerResponse(answer) => match answer.error() {
                BasicErrorResponseType::InvalidGrant => Self::InvalidGrant,
                BasicErrorResponseType::InvalidClient => Self::InvalidClient,
                code => Self::refused(code.as_ref()),
            },
            // To try again will not help: its host is not to be spoken to.
            Request(HttpError::Refused(_)) => Self::Misconfigured,
            Request(error) => Self::Unavailable(Some(error)),
            Parse(..) | Other(_) => Self::Unavailable(None),
        }
    }
}

impl TokenError {
    /// For how long the authorization server wants to be left alone, if it says so; at most an hour.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(Some(HttpError::Status { retry_after, .. })) => *retry_after,
            _ => None,
        }
    }

    /// An error code is ASCII without quotes (<https://www.rfc-editor.org/rfc/rfc6749#section-5.2>);
    /// what is not is not repeated.
    fn refused(code: &str) -> Self {
        match code {
            // GitHub's own words for these two.
            "bad_refresh_token" | "bad_verification_code" => Self::InvalidGrant,
            "incorrect_client_credentials" => Self::InvalidClient,
            "server_error" | "temporarily_unavailable" | "slow_down" => Self::Unavailable(None),
            _ if code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                Self::Refused(code.to_owned())
            }
            _ => Self::Refused("an unknown error".to_owned()),
        }
    }
}

async fn send(http: &Http, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let response = http.send(request).await?;
    // Neither overload nor a redirect is an answer about the grant, whatever the body says.
    let status = response.status();
    let verdict = status.is_success() || status.is_client_error();
    if !verdict || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(HttpError::status(&response));
    }
    Ok(normalised(response))
}

/// Rewrites an answer into what the RFC says it should have been: an error has an error's status
/// whatever it came with, JSON says that it is JSON, `expires_in` is a number, `token_type` is there,
/// scopes are separated by spaces.
fn normalised(mut response: HttpResponse) -> HttpResponse {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(response.body()) else {
        // Nor will the library read it, which would go deeper than we do.
        response.body_mut().clear();
        return response;
    };
    let fails = answer.get("error").is_some_and(Value::is_string);
    if fails {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    } else if response.status().is_success() && answer.contains_key("access_token") {
        *response.status_mut() = StatusCode::OK;
        normalise_grant(&mut answer);
    }
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    *response.body_mut() = Value::Object(answer).to_string().into_bytes();
    response
}

fn normalise_grant(answer: &mut Map<String, Value>) {
    let seconds = answer.remove("expires_in").and_then(|value| match value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        value => value.as_f64(),
    });
    if let Some(seconds) = seconds.filter(|seconds| (0.0..MAX_LIFETIME).contains(seconds)) {
        let whole = Duration::from_secs_f64(seconds).as_secs();
        answer.insert("expires_in".into(), whole.into());
    }
    // Some servers leave it out, and Slack's names what kind of account it is for.
    let bearer = answer
        .get("token_type")
        .and_then(Value::as_str)
        .is_none_or(|kind| ["bearer", "bot", "user"].iter().any(|b| kind.eq_ignore_ascii_case(b)));
    if bearer {
        answer.insert("token_type".into(), "Bearer".into());
    }
    if answer.get("refresh_token").is_some_and(|token| token.as_str().is_none_or(str::is_empty)) {
        answer.remove("refresh_token");
    }
    match answer.get("scope").map(|scope| scope.as_str().map(|scope| scope.replace(',', " "))) {
        Some(Some(scope)) if !scope.trim().is_empty() => {
            answer.insert(
                "scope".into(),
                scope.split_whitespace().collect::<Vec<_>>().join(" ").into(),
            );
        }
        Some(_) => {
            answer.remove("scope");
        }
        None => {}
    }
}

/// A token of a kind that we do not understand must not be used:
/// <https://www.rfc-editor.org/rfc/rfc6749#section-7.1>
fn granted(answer: &BasicTokenResponse, now: SystemTime) -> Result<Granted, TokenError> {
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err(TokenError::Refused("with a token that is not a bearer token".to_owned()));
    }
    let lifetime = answer.expires_in().unwrap_or(UNSTATED_LIFETIME);
    Ok(Granted {
        access: answer.access_token().clone(),
        refresh: answer.refresh_token().cloned(),
        expires_at: now + lifetime,
        scopes: answer
            .scopes()
            .map(|scopes| scopes.iter().map(|s: &Scope| s.to_string()).collect()),
    })
}

/// What an unstated lifetime is taken for. The target's 401 tells if it was less.
const UNSTATED_LIFETIME: Duration = Duration::from_hours(1);
/// A hundred years: what is longer is a mistake.
const MAX_LIFETIME: f64 = 3.2e9;
