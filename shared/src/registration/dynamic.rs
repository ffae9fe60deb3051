//! Dynamic client registration: <https://www.rfc-editor.org/rfc/rfc7591>
//!
//! MCP deprecates it, and it is what most authorization servers of MCP servers offer.

use super::document::GRANT_TYPES;
use super::{
    Applicant, Management, Refusal, Registration, RegistrationError, Way, offered, written,
};
use crate::clock::from_unix_seconds;
use crate::discovery::attempt::Quote;
use crate::discovery::authorization_server::ServerMetadata;
use crate::discovery::document::fitness;
use crate::http::{self as outbound, Http, HttpError};
use crate::target::{ClientAuthentication, Endpoint, is_loopback_http};
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use oauth2::{AccessToken, ClientSecret, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::SystemTime;
use url::Url;

/// Asks `server` to make us its client.
pub(super) async fn register(
    http: &Http,
    server: &ServerMetadata,
    endpoint: &Endpoint,
    applicant: &Applicant,
) -> Result<Registration, RegistrationError> {
    let method = *offered(server).first().ok_or(RegistrationError::NoMethod)?;
    let body = request(applicant, method);
    let request = http::Request::post(endpoint.as_str())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .map_err(|_| RegistrationError::Unavailable(HttpError::Refused("not a URL")))?;
    let answer = http.send(request).await.map_err(RegistrationError::Unavailable)?;
    let asked = Asked { issuer: &server.server.issuer, endpoint, applicant, method };
    read(&answer, &asked)
}

/// What an answer is held against.
struct Asked<'a> {
    issuer: &'a str,
    endpoint: &'a Endpoint,
    applicant: &'a Applicant,
    method: ClientAuthentication,
}

/// <https://www.rfc-editor.org/rfc/rfc7591#section-3.1>
///
/// No `scope`: a client that named the scopes it may ask for could never ask for more.
fn request(applicant: &Applicant, method: ClientAuthentication) -> Value {
    let local = Url::parse(&applicant.redirect_uri).is_ok_and(|url| is_loopback_http(&url));
    json!({
        "client_name": applicant.client_name,
        "redirect_uris": [applicant.redirect_uri],
        "grant_types": GRANT_TYPES,
        "response_types": ["code"],
        "token_endpoint_auth_method": written(method),
        // A web client's redirect URI is https, and not on this machine:
        // <https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata>
        "application_type": if local { "native" } else { "web" },
    })
}

/// <https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1>
#[derive(Deserialize)]
struct Answer {
    client_id: String,
    client_secret: Option<String>,
    client_secret_expires_at: Option<Value>,
    token_endpoint_auth_method: Option<String>,
    redirect_uris: Option<Vec<String>>,
    registration_access_token: Option<String>,
    registration_client_uri: Option<String>,
}

fn read(answer: &HttpResponse, asked: &Asked<'_>) -> Result<Registration, RegistrationError> {
    let (status, body) = (answer.status(), answer.body());
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(RegistrationError::Unavailable(HttpError::status(answer)));
    }
    if !status.is_success() {
        return Err(RegistrationError::Refused(refusal(status, body)));
    }
    let answer: Answer = outbound::json(body)
        .map_err(|_| RegistrationError::Unfit("it is not JSON as RFC 7591 has it"))?;
    if answer.client_id.is_empty() {
        return Err(RegistrationError::Unfit("its client_id is empty"));
    }
    let redirect_uri = &asked.applicant.redirect_uri;
    if answer.redirect_uris.as_ref().is_some_and(|uris| !uris.contains(redirect_uri)) {
        return Err(RegistrationError::Unfit("it is for another redirect URI"));
    }
    let secret = answer.client_secret.filter(|secret| !secret.is_empty()).map(ClientSecret::new);
    let (method, secret) = proof(asked.method, answer.token_endpoint_auth_method, secret)?;
    let expiry = answer.client_secret_expires_at.as_ref().filter(|_| secret.is_some());
    let management = answer.registration_client_uri.and_then(|uri| fitness(asked.endpoint, &uri));
    Ok(Registration {
        issuer: asked.issuer.to_owned(),
        way: Way::Dynamic,
        client_id: answer.client_id,
        secret,
        method,
        redirect_uri: redirect_uri.clone(),
        expires_at: expiry.and_then(expires_at),
        management: management.zip(answer.registration_access_token).map(|(uri, token)| {
            let registration_access_token = AccessToken::new(token);
            Management { registration_client_uri: uri, registration_access_token }
        }),
    })
}

/// What the server made of us. It may choose another method than the one asked for, and says so; a
/// secret beside the method `none` proves nothing and is not kept; a method without the secret that it
/// needs is taken for `none` if the server does not name it.
fn proof(
    asked: ClientAuthentication,
    made: Option<String>,
    secret: Option<ClientSecret>,
) -> Result<(ClientAuthentication, Option<ClientSecret>), RegistrationError> {
    use ClientAuthentication::{ClientSecretBasic, ClientSecretPost, None as Public};
    let method = match made {
        Some(name) => [ClientSecretBasic, ClientSecretPost, Public]
            .into_iter()
            .find(|method| written(*method) == name)
            .ok_or(RegistrationError::NoMethod)?,
        None if secret.is_none() => Public,
        None => asked,
    };
    match (method, secret) {
        (Public, _) => Ok((Public, None)),
        (method, Some(secret)) => Ok((method, Some(secret))),
        (_, None) => Err(RegistrationError::Unfit("it needs a client_secret and holds none")),
    }
}

/// Zero means never. What cannot be read means nothing: if the secret does expire, the token endpoint
/// says so.
fn expires_at(value: &Value) -> Option<SystemTime> {
    let seconds = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_u64(),
    };
    seconds.filter(|seconds| *seconds != 0).map(from_unix_seconds)
}

fn refusal(status: StatusCode, body: &[u8]) -> Refusal {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let quote = |member: &str| body.get(member).and_then(Value::as_str).map(Quote::of);
    Refusal { status, error: quote("error"), error_description: quote("error_description") }
}

#[cfg(test)]
mod tests;
