//! The token endpoint: <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>
//!
//! The one module that names `oauth2::Client`. What comes back is read with more patience
//! than the library has.

use super::answer;
use super::authentication::{Proof, proof};
use super::response::Accepted;
use crate::clock::Random;
use crate::http::{Http, HttpError};
use crate::quirks::ResourceIndicator;
use crate::target::Target;
use crate::tokens::{Granted, TokenSet};
use http::StatusCode;
use oauth2::basic::{
    BasicClient, BasicErrorResponseType, BasicRequestTokenError, BasicTokenResponse,
};
use oauth2::{
    ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, RedirectUrl,
    RefreshToken, TokenUrl,
};
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
    /// Chance, for proofs that are good once.
    pub random: &'a dyn Random,
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
        let client = &self.target.client;
        client
            .answers_to(&self.target.authorization_server.issuer, &pending.redirect_uri)
            .map_err(|_| TokenError::Misconfigured)?;
        let redirect_uri =
            RedirectUrl::new(pending.redirect_uri).map_err(|_| TokenError::Misconfigured)?;
        let (client, parameters) = self.client(now)?;
        let client = client.set_redirect_uri(redirect_uri);
        let mut request = client.exchange_code(code).set_pkce_verifier(pending.code_verifier);
        if self.sends_resource() {
            request = request.add_extra_param("resource", pending.resource.as_str());
        }
        for (name, value) in parameters {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&self.transport()).await?;
        Ok(self.granted(&answer, now)?.first(&pending.scopes))
    }

    /// Spends `refresh`. Whoever calls this holds the connection's lease: a rotating token is good
    /// for one request. <https://www.rfc-editor.org/rfc/rfc6749#section-6>
    pub async fn refresh(
        &self,
        refresh: &RefreshToken,
        now: SystemTime,
    ) -> Result<Granted, TokenError> {
        let (client, parameters) = self.client(now)?;
        let mut request = client.exchange_refresh_token(refresh);
        if self.sends_resource() {
            request = request.add_extra_param("resource", self.target.resource.as_str());
        }
        for (name, value) in parameters {
            request = request.add_extra_param(name, value);
        }
        let answer = request.request_async(&self.transport()).await?;
        self.granted(&answer, now)
    }

    /// <https://www.rfc-editor.org/rfc/rfc8707#section-2.2>
    fn sends_resource(&self) -> bool {
        self.target.quirks.resource == ResourceIndicator::Sent
    }

    fn granted(&self, answer: &BasicTokenResponse, now: SystemTime) -> Result<Granted, TokenError> {
        let unstated = self.target.quirks.access_token_lifetime.unwrap_or(UNSTATED_LIFETIME);
        answer::granted(answer, now, unstated)
    }

    /// The library's port is a function from a request to a future. The future is boxed because the
    /// compiler cannot see that an unnamed one of every lifetime may move between threads.
    fn transport(&self) -> impl Fn(HttpRequest) -> Transported + use<> {
        let (http, within) = (self.http.clone(), self.target.quirks.token_within.clone());
        move |request| {
            let (http, within) = (http.clone(), within.clone());
            Box::pin(async move { send(&http, request, within.as_deref()).await })
        }
    }

    /// Us, and what proves it once. A client of another authorization server is not taken there:
    /// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/client-registration>
    fn client(&self, now: SystemTime) -> Result<(Client, Parameters), TokenError> {
        let (ours, server) = (&self.target.client, &self.target.authorization_server);
        ours.is_at(&server.issuer).map_err(|_| TokenError::Misconfigured)?;
        let secret = self.client_secret.as_ref();
        let Proof { auth_type, client_secret, parameters } =
            proof(ours, &server.issuer, secret, self.random, now)
                .ok_or(TokenError::Misconfigured)?;
        let url = TokenUrl::new(server.token_endpoint.as_str().to_owned())
            .map_err(|_| TokenError::Misconfigured)?;
        let client = BasicClient::new(ClientId::new(ours.client_id.clone()))
            .set_auth_type(auth_type)
            .set_token_uri(url);
        let client = match client_secret {
            Some(secret) => client.set_client_secret(secret),
            None => client,
        };
        Ok((client, parameters))
    }
}

type Parameters = Vec<(&'static str, String)>;

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
    #[error(
        "the target's client, its secret, authentication method, issuer or URLs do not fit \
         together: connect the target anew"
    )]
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
            // GitHub's own words, then Slack's, then Microsoft's for what only the person can mend.
            "bad_refresh_token"
            | "bad_verification_code"
            | "invalid_refresh_token"
            | "invalid_code"
            | "code_already_used"
            | "interaction_required" => Self::InvalidGrant,
            // GitHub's, then Slack's.
            "incorrect_client_credentials" | "bad_client_secret" | "invalid_client_id" => {
                Self::InvalidClient
            }
            // The RFC's for the other endpoint and RFC 8628's, then Slack's.
            "server_error"
            | "temporarily_unavailable"
            | "slow_down"
            | "fatal_error"
            | "internal_error"
            | "ratelimited"
            | "service_unavailable" => Self::Unavailable(None),
            _ if code.len() <= 64 && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                Self::Refused(code.to_owned())
            }
            _ => Self::Refused("an unknown error".to_owned()),
        }
    }
}

async fn send(
    http: &Http,
    request: HttpRequest,
    token_within: Option<&str>,
) -> Result<HttpResponse, HttpError> {
    let response = http.send(request).await?;
    // Neither overload nor a redirect is an answer about the grant, whatever the body says.
    let status = response.status();
    let verdict = status.is_success() || status.is_client_error();
    if !verdict || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(HttpError::status(&response));
    }
    let refused = status.is_client_error().then(|| HttpError::status(&response));
    let response = answer::normalised(response, token_within);
    match refused {
        // A refusal that is not in the RFC's words says nothing of the grant, nor of the server's health.
        Some(refused) if response.body().is_empty() => Err(refused),
        _ => Ok(response),
    }
}

/// What an unstated lifetime is taken for. The target's 401 tells if it was less.
const UNSTATED_LIFETIME: Duration = Duration::from_hours(1);
