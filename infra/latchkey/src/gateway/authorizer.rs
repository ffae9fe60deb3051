//! The inbound authorizer: whose token is this, and was it made for this gateway?

use super::outbound::{Outbound, Silence};
use broker::clock::{Clock, unix_seconds};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// Which tokens are let in, in the words of `customJWTAuthorizer`.
#[derive(Clone, Debug)]
pub struct Authorizer {
    /// Where the issuer describes itself; ends in `/.well-known/openid-configuration`.
    pub discovery_url: String,
    /// One of these must be in `aud`. Empty: any audience will do.
    pub allowed_audience: Vec<String>,
    /// One of these must be the `client_id`. Empty: any client will do.
    pub allowed_clients: Vec<String>,
}

/// An [`Authorizer`] that knows its issuer's keys.
pub(crate) struct Verifier {
    authorizer: Authorizer,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    issuer: Mutex<Option<Arc<Issuer>>>,
}

/// The issuer as it described itself.
pub(crate) struct Issuer {
    /// Its identifier, byte for byte.
    pub(crate) name: String,
    keys: JwkSet,
    read_at: SystemTime,
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Denied {
    /// The token says the wrong thing, or is none.
    #[error("the token is not valid here")]
    Invalid,
    /// There is no token.
    #[error("there is no bearer token")]
    Missing,
    /// Nobody can tell: the issuer cannot be asked for its keys.
    #[error("the issuer of the tokens cannot be reached")]
    Unknown,
}

impl Verifier {
    /// Nothing is fetched until the first token comes.
    pub(crate) fn new(authorizer: Authorizer, outbound: Outbound, clock: Arc<dyn Clock>) -> Self {
        Self { authorizer, outbound, clock, issuer: Mutex::default() }
    }

    /// The claims of the request's bearer token, if it is one that is let in.
    pub(crate) async fn admit(&self, headers: &HeaderMap) -> Result<Map<String, Value>, Denied> {
        let token = bearer(headers).ok_or(Denied::Missing)?;
        let header = jsonwebtoken::decode_header(token).map_err(|_| Denied::Invalid)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Denied::Invalid);
        }
        let kid = header.kid.as_deref();
        let issuer = self.issuer_with(kid).await.map_err(|Silence| Denied::Unknown)?;
        let key = issuer.key(kid).ok_or(Denied::Invalid)?;
        let claims = self.claims(token, header.alg, &key, &issuer.name).ok_or(Denied::Invalid)?;
        let client = claims.get("client_id").and_then(Value::as_str);
        let for_us = allows(&self.authorizer.allowed_audience, &audience(&claims))
            && allows(&self.authorizer.allowed_clients, &Vec::from_iter(client));
        if for_us { Ok(claims) } else { Err(Denied::Invalid) }
    }

    /// The issuer, asked for its description if it was not asked before.
    pub(crate) async fn issuer(&self) -> Result<Arc<Issuer>, Silence> {
        self.issuer_with(None).await
    }

    /// An unknown key is a reason to ask again, but not for every stranger who makes one up.
    async fn issuer_with(&self, kid: Option<&str>) -> Result<Arc<Issuer>, Silence> {
        let now = self.clock.now();
        let mut known = self.issuer.lock().await;
        if let Some(issuer) = known.as_ref() {
            let age = now.duration_since(issuer.read_at).unwrap_or_default();
            let suffices = kid.is_none_or(|kid| issuer.keys.find(kid).is_some());
            if age < if suffices { KEYS_LIFETIME } else { KEYS_PATIENCE } {
                return Ok(Arc::clone(issuer));
            }
        }
        let metadata: Metadata = self.outbound.json(&self.authorizer.discovery_url).await?;
        let keys = self.outbound.json(&metadata.jwks_uri).await?;
        let issuer = Arc::new(Issuer { name: metadata.issuer, keys, read_at: now });
        *known = Some(Arc::clone(&issuer));
        Ok(issuer)
    }

    fn claims(
        &self,
        token: &str,
        algorithm: Algorithm,
        key: &DecodingKey,
        issuer: &str,
    ) -> Option<Map<String, Value>> {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        // An audience is optional here, and the library would read another clock than ours.
        validation.validate_aud = false;
        validation.validate_exp = false;
        let claims: Map<String, Value> = jsonwebtoken::decode(token, key, &validation).ok()?.claims;
        let now = unix_seconds(self.clock.now());
        let fresh = claims.get("exp").and_then(Value::as_u64)? > now;
        let begun = claims.get("nbf").is_none_or(|nbf| nbf.as_u64().is_some_and(|at| at <= now));
        (fresh && begun).then_some(claims)
    }
}

impl Issuer {
    fn key(&self, kid: Option<&str>) -> Option<DecodingKey> {
        let jwk = match kid {
            Some(kid) => self.keys.find(kid)?,
            None => self.keys.keys.first().filter(|_| self.keys.keys.len() == 1)?,
        };
        DecodingKey::from_jwk(jwk).ok()
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// One string or several: <https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3>
fn audience(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn allows(allowed: &[String], present: &[&str]) -> bool {
    allowed.is_empty() || allowed.iter().any(|one| present.contains(&one.as_str()))
}

/// Signatures only: a key that verifies must not be one that signs.
const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
    Algorithm::PS256,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
];
const KEYS_LIFETIME: Duration = Duration::from_mins(10);
const KEYS_PATIENCE: Duration = Duration::from_secs(5);
