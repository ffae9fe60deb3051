//! Codes and refresh tokens become access tokens here.

use super::client::OAuthError;
use super::{OFFLINE, Server, fresh};
use crate::demo::ledger::{Grant, digest};
use crate::demo::parameters::Parameters;
use crate::demo::people::Person;
use axum::Json;
use axum::extract::{RawForm, State};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CACHE_CONTROL, HOST, ORIGIN};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /token`
pub(super) async fn token(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Result<Response, OAuthError> {
    let form = read(&form)?;
    let client_id = server.authenticate(&headers, &form)?;
    let answer = match form.get("grant_type") {
        Some("authorization_code") => server.exchange(&client_id, &form)?,
        Some("refresh_token") => server.refresh(&client_id, &form)?,
        _ => return Err(OAuthError::UnsupportedGrantType),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// `POST /revoke`: <https://www.rfc-editor.org/rfc/rfc7009>. An access token cannot be taken back:
/// whoever reads it asks nobody.
pub(super) async fn revoke(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Result<StatusCode, OAuthError> {
    let form = read(&form)?;
    let client_id = server.authenticate(&headers, &form)?;
    let token = form.get("token").ok_or(OAuthError::InvalidRequest("There is no token."))?;
    if let Some((family, _)) = token.split_once(SEPARATOR) {
        server.ledger.revoke(family, &client_id);
    }
    Ok(StatusCode::OK)
}

/// `POST /demo/token`, for terminals. Pages of other sites must not reach it: a browser tells its
/// `Origin`, and a name that was bound to this address is not ours.
pub(super) async fn without_password(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    RawForm(form): RawForm,
) -> Result<Response, OAuthError> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let ours = server.issuer.split_once("://").map(|(_, authority)| authority);
    if headers.contains_key(ORIGIN) || host != ours {
        return Err(OAuthError::InvalidRequest("This is for terminals, at the issuer's address."));
    }
    let form = read(&form)?;
    let person = form.get("person").and_then(Person::with_sub);
    let grant = Grant {
        client_id: "terminal".to_owned(),
        person: person.ok_or(OAuthError::InvalidRequest("person is alice or bob."))?,
        scopes: server.scopes(std::iter::empty()),
        resource: server.resource(form.get("resource")).ok_or(OAuthError::InvalidTarget)?,
        signed_in_at: server.now(),
    };
    let token = server.access_token(&grant, &grant.scopes)?;
    let plain = headers.get(ACCEPT).is_some_and(|accept| accept == "text/plain");
    let cache = [(CACHE_CONTROL, "no-store")];
    Ok(if plain {
        (cache, token).into_response()
    } else {
        (cache, Json(server.answer(&token, &grant.scopes))).into_response()
    })
}

impl Server {
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3>
    fn exchange(&self, client_id: &str, form: &Parameters) -> Result<Value, OAuthError> {
        let code = form.get("code").ok_or(OAuthError::InvalidRequest("There is no code."))?;
        let family = fresh()?;
        let code = self.ledger.redeem(code, &family, self.now()).ok_or(OAuthError::InvalidGrant)?;
        let verifier = form.get("code_verifier").unwrap_or_default();
        if code.grant.client_id != client_id
            || form.get("redirect_uri") != Some(&code.redirect_uri)
            || digest(verifier) != code.challenge
        {
            return Err(OAuthError::InvalidGrant);
        }
        let grant = code.grant;
        same_resource(&grant, form)?;
        let mut answer = self.answer(&self.access_token(&grant, &grant.scopes)?, &grant.scopes);
        if grant.scopes.iter().any(|scope| scope == "openid") {
            answer["id_token"] = self.id_token(&grant, code.nonce.as_deref())?.into();
        }
        if grant.scopes.iter().any(|scope| scope == OFFLINE) {
            let token = format!("{family}{SEPARATOR}{}", fresh()?);
            self.ledger.found(&family, &token, grant, self.now());
            answer["refresh_token"] = token.into();
        }
        Ok(answer)
    }

    /// <https://www.rfc-editor.org/rfc/rfc6749#section-6>
    fn refresh(&self, client_id: &str, form: &Parameters) -> Result<Value, OAuthError> {
        let presented =
            form.get("refresh_token").ok_or(OAuthError::InvalidRequest("There is no token."))?;
        let (family, _) = presented.split_once(SEPARATOR).ok_or(OAuthError::InvalidGrant)?;
        // What is wrong with the rest of the request must not cost the client its token.
        if let Some(grant) = self.ledger.grant(family, presented) {
            same_resource(&grant, form)?;
            if !form.words("scope").all(|scope| grant.scopes.iter().any(|held| held == scope)) {
                return Err(OAuthError::InvalidScope);
            }
        }
        let successor = format!("{family}{SEPARATOR}{}", fresh()?);
        let grant = self
            .ledger
            .rotate(family, presented, &successor, client_id, self.now())
            .ok_or(OAuthError::InvalidGrant)?;
        let narrowed: Vec<_> = form.words("scope").map(str::to_owned).collect();
        let scopes = if narrowed.is_empty() { &grant.scopes } else { &narrowed };
        let mut answer = self.answer(&self.access_token(&grant, scopes)?, scopes);
        answer["refresh_token"] = successor.into();
        Ok(answer)
    }

    fn answer(&self, access_token: &str, scopes: &[String]) -> Value {
        json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self.access_token_lifetime.as_secs(),
            "scope": scopes.join(" "),
        })
    }

    /// <https://www.rfc-editor.org/rfc/rfc9068#section-2>
    fn access_token(&self, grant: &Grant, scopes: &[String]) -> Result<String, OAuthError> {
        let now = self.now();
        let claims = json!({
            "iss": self.issuer,
            "sub": grant.person.sub(),
            "aud": grant.resource,
            "client_id": grant.client_id,
            "scope": scopes.join(" "),
            "name": grant.person.name(),
            "iat": now,
            "exp": now + self.access_token_lifetime.as_secs(),
            "jti": fresh()?,
        });
        self.key.sign("at+jwt", &claims).map_err(|_| OAuthError::ServerError)
    }

    /// <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>
    fn id_token(&self, grant: &Grant, nonce: Option<&str>) -> Result<String, OAuthError> {
        let now = self.now();
        let mut claims = json!({
            "iss": self.issuer,
            "sub": grant.person.sub(),
            "aud": grant.client_id,
            "iat": now,
            "exp": now + self.access_token_lifetime.as_secs(),
            "auth_time": grant.signed_in_at,
            "name": grant.person.name(),
            "email": grant.person.email(),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        self.key.sign("JWT", &claims).map_err(|_| OAuthError::ServerError)
    }
}

/// A token is for one resource. <https://www.rfc-editor.org/rfc/rfc8707#section-2.2>
fn same_resource(grant: &Grant, form: &Parameters) -> Result<(), OAuthError> {
    match form.get("resource") {
        Some(other) if other != grant.resource => Err(OAuthError::InvalidTarget),
        _ => Ok(()),
    }
}

fn read(form: &[u8]) -> Result<Parameters, OAuthError> {
    Parameters::parse(form).map_err(|_| OAuthError::InvalidRequest("A parameter came twice."))
}

/// Between the name of a refresh token's family and what is secret of the token itself.
const SEPARATOR: char = '.';
