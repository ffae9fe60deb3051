//! Dynamic client registration: <https://www.rfc-editor.org/rfc/rfc7591>
//!
//! MCP deprecates it, and it is what most authorization servers of MCP servers offer.

use super::document::{GRANT_TYPES, jwks};
use super::{Applicant, DynamicPlan, Management, Refusal, Registration, RegistrationError};
use crate::clock::from_unix_seconds;
use crate::discovery::attempt::Quote;
use crate::http::{self as outbound, Http, HttpError};
use crate::oauth::assertion::SigningKey;
use crate::target::{ClientAuthentication, PublicKey, Way, is_loopback_http};
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE};
use oauth2::{ClientSecret, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::SystemTime;
use url::Url;

/// Asks an authorization server to make us its client.
pub(super) async fn register(
    http: &Http,
    plan: &DynamicPlan,
    applicant: &Applicant,
) -> Result<Registration, RegistrationError> {
    let key = match plan.method {
        ClientAuthentication::PrivateKeyJwt => Some(SigningKey::generate()?),
        _ => None,
    };
    let body = request(applicant, plan.method, key.as_ref().map(|(_, public)| public));
    let request = http::Request::post(plan.endpoint.as_str())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .map_err(|_| RegistrationError::Unavailable(HttpError::Refused("not a URL")))?;
    let answer = http.send(request).await.map_err(RegistrationError::Unavailable)?;
    let read = read(&answer, plan, applicant, key);
    if read.is_err()
        && let Some(management) = left_behind(&answer, plan)
    {
        management.give_up(http).await;
    }
    read
}

/// What ends the client that an answer made, whatever else is wrong with that answer.
fn left_behind(answer: &HttpResponse, plan: &DynamicPlan) -> Option<Management> {
    #[derive(Deserialize)]
    struct Members {
        registration_access_token: String,
        registration_client_uri: String,
    }
    let made = Some(answer.body()).filter(|_| answer.status().is_success())?;
    let made: Members = outbound::json(made).ok()?;
    let uri = Some(&*made.registration_client_uri);
    Management::given(&plan.endpoint, uri, Some(made.registration_access_token))
}

type Key = (ClientSecret, PublicKey);

/// <https://www.rfc-editor.org/rfc/rfc7591#section-3.1>
///
/// No `scope`: a client that named the scopes it may ask for could never ask for more.
fn request(applicant: &Applicant, method: ClientAuthentication, key: Option<&PublicKey>) -> Value {
    let local = Url::parse(&applicant.redirect_uri).is_ok_and(|url| is_loopback_http(&url));
    let mut request = json!({
        "client_name": applicant.client_name,
        "redirect_uris": [applicant.redirect_uri],
        "grant_types": GRANT_TYPES,
        "response_types": ["code"],
        "token_endpoint_auth_method": method.as_str(),
        // A web client's redirect URI is https, and not on this machine:
        // <https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata>
        "application_type": if local { "native" } else { "web" },
    });
    if let Some(key) = key {
        request["token_endpoint_auth_signing_alg"] = "ES256".into();
        request["jwks"] = jwks(std::slice::from_ref(key));
    }
    request
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

fn read(
    answer: &HttpResponse,
    plan: &DynamicPlan,
    applicant: &Applicant,
    key: Option<Key>,
) -> Result<Registration, RegistrationError> {
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
    let redirect_uri = &applicant.redirect_uri;
    if answer.redirect_uris.as_ref().is_some_and(|uris| !uris.contains(redirect_uri)) {
        return Err(RegistrationError::Unfit("it is for another redirect URI"));
    }
    let secret = answer.client_secret.filter(|secret| !secret.is_empty()).map(ClientSecret::new);
    let issued = secret.is_some();
    let proof = proof(plan.method, answer.token_endpoint_auth_method, secret, key)?;
    let expiry = answer.client_secret_expires_at.as_ref();
    // It is the secret's; a key of ours does not expire.
    let expiry = expiry.filter(|_| issued && proof.secret.is_some() && proof.public.is_none());
    let uri = answer.registration_client_uri.as_deref();
    Ok(Registration {
        issuer: plan.issuer.clone(),
        way: Way::Dynamic,
        client_id: answer.client_id,
        secret: proof.secret,
        method: proof.method,
        public_keys: proof.public.into_iter().collect(),
        redirect_uri: redirect_uri.clone(),
        expires_at: expiry.and_then(expires_at),
        management: Management::given(&plan.endpoint, uri, answer.registration_access_token),
    })
}

/// How we can prove to be the client that was made.
struct Proof {
    method: ClientAuthentication,
    secret: Option<ClientSecret>,
    public: Option<PublicKey>,
}

/// What the server made of us. It may choose another method than the one asked for, and says so; a
/// secret beside the method `none` proves nothing and is not kept; a method without the secret that it
/// needs is taken for `none` if the server does not name it.
fn proof(
    asked: ClientAuthentication,
    made: Option<String>,
    secret: Option<ClientSecret>,
    key: Option<Key>,
) -> Result<Proof, RegistrationError> {
    use ClientAuthentication::{
        ClientSecretBasic, ClientSecretPost, None as Public, PrivateKeyJwt,
    };
    let method = match made {
        Some(name) => [ClientSecretBasic, ClientSecretPost, Public, PrivateKeyJwt]
            .into_iter()
            .find(|method| method.as_str() == name)
            .ok_or(RegistrationError::NoMethod)?,
        None if asked == PrivateKeyJwt || secret.is_some() => asked,
        None => Public,
    };
    let (secret, public) = match (method, secret, key) {
        (Public, _, _) => (None, None),
        (PrivateKeyJwt, _, Some((private, public))) => (Some(private), Some(public)),
        (PrivateKeyJwt, _, None) => return Err(RegistrationError::NoMethod),
        (_, Some(secret), _) => (Some(secret), None),
        (_, None, _) => {
            return Err(RegistrationError::Unfit("it needs a client_secret and holds none"));
        }
    };
    Ok(Proof { method, secret, public })
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
