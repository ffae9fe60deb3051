//! From an inbound JWT or a browser's sign-in to a [`Subject`], by one function for both.

mod claims;
mod kept;
mod published;

use crate::clock::{self, NoRandomness, Random, unix_seconds};
use crate::http::{Http, HttpError};
use crate::oauth::authentication::basic;
use crate::oauth::request::code_challenge;
use crate::oauth::response::AuthorizationResponse;
use crate::recent::Recent;
use crate::seal::{self, KeyRing};
use crate::store::PublishedStore;
use crate::subject::{Subject, SubjectId};
use claims::{audience, client_of, speaks_for_a_machine};
use jsonwebtoken::{Algorithm, Validation};
use kept::Kept;
use oauth2::{ClientSecret, PkceCodeVerifier};
use published::{Known, METADATA_LIFETIME, Published};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use kept::{A_READ, SealedPublished};

/// What we know of the gateway's identity provider.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    /// Whose tokens count. Compared as a string.
    pub issuer: String,
    /// Our own client there, for browsers to sign in with.
    pub client_id: String,
    /// Its secret; none for a public client.
    pub client_secret: Option<ClientSecret>,
    /// Accepted `aud` values of inbound JWTs. Empty: `clients` decides.
    pub audiences: Vec<String>,
    /// Accepted OAuth clients of inbound JWTs. Empty: `audiences` decides.
    pub clients: Vec<String>,
    /// The claims that name a subject, in order: `sub`, or for some providers others (Entra: `tid`
    /// and `oid`). The same for inbound JWTs and ID tokens, or consent and calls would not meet.
    pub subject_claims: Vec<String>,
}

/// The gateway's identity provider, with its metadata and keys remembered, and whose tokens they
/// verified.
pub struct IdentityProvider {
    settings: IdentitySettings,
    http: Http,
    published: Published,
    callers: Recent<[u8; 32], (Arc<Known>, Arc<str>, Caller)>,
}

/// On whose behalf the gateway calls, and through which OAuth client.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The end user.
    pub subject: SubjectId,
    /// The inbound token's OAuth client.
    pub client: Option<String>,
}

/// Who signed in at the browser.
#[derive(Debug, Deserialize, Serialize)]
pub struct Person {
    /// The same subject that this person's inbound JWTs have.
    pub subject: Subject,
    /// What to call them on a page that only they see.
    pub display_name: String,
}

/// A sign-in under way, kept in a sealed cookie of the browser that signs in.
#[derive(Deserialize, Serialize)]
pub struct SignIn {
    state: String,
    nonce: String,
    verifier: String,
}

impl IdentityProvider {
    /// The provider that `settings` name, read when first needed.
    pub fn new(settings: IdentitySettings, http: Http) -> Self {
        let published = Published::new(settings.issuer.clone(), http.clone());
        Self { settings, http, published, callers: Recent::new(MOST_CALLERS) }
    }

    /// The same, which shares what it reads with whoever starts later, sealed with `ring` in `store`:
    /// with the ring of tokens, for whoever can forge it can be anybody. It reads anew `early`, before
    /// the hour is over.
    #[must_use]
    pub fn sharing(
        self,
        store: impl PublishedStore + 'static,
        ring: KeyRing,
        early: Duration,
    ) -> Self {
        let kept = Kept { store, ring, issuer: self.settings.issuer.clone() };
        Self { published: self.published.kept(Box::new(kept), early), ..self }
    }

    /// Believes what was `found` in the store, if it may be, so that the first call need not ask; what
    /// was read meanwhile is shared instead.
    pub async fn adopt(&self, found: Option<&SealedPublished>, now: SystemTime) {
        self.published.adopt(found, now).await;
    }

    /// The issuer, to name it on a page.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Reads metadata and keys now, so that the first call does not wait for them.
    pub async fn prepare(&self, now: SystemTime) -> Result<(), IdentityError> {
        self.published.known(now).await.map(|_| ())
    }

    /// Verifies the JWT of an `Authorization` header's value: signature, issuer, lifetime, audience
    /// or client, and that it speaks for a person.
    ///
    /// A token that was verified once is known until it expires, or until the provider's keys are read
    /// again: with other keys it may no longer be good. Verified anew, it would be compared with the same
    /// settings and found the same. It is the same token if all that was signed is the same, and the
    /// digest of its signature is: no token is kept here, for without its signature it opens nothing. Its
    /// claims are, for as long as it is good.
    pub async fn caller(
        &self,
        authorization: &str,
        now: SystemTime,
    ) -> Result<Caller, IdentityError> {
        let jwt =
            bearer(authorization).ok_or(IdentityError::Rejected("it is not a Bearer token"))?;
        let (signed, signature) =
            jwt.rsplit_once('.').ok_or(IdentityError::Rejected("it is not a signed JWT"))?;
        let digest = seal::fingerprint([signature]);
        if let Some((known, verified, caller)) = self.callers.recall(&digest, now)
            && *verified == *signed
            && self.published.still(&known, now).await
        {
            return Ok(caller);
        }
        let (known, claims) = self.verified(jwt, now).await?;
        self.admit(&claims)?;
        let caller = Caller {
            subject: self.subject(&claims)?.id(),
            client: client_of(&claims).map(str::to_owned),
        };
        if signed.len() <= LONGEST_REMEMBERED {
            let verified = (known, signed.into(), caller.clone());
            self.callers.remember(digest, verified, now, last_moment(&claims, now));
        }
        Ok(caller)
    }

    /// Begins a sign-in: what to remember and where to send the browser.
    /// <https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest>
    pub async fn sign_in(
        &self,
        redirect_uri: &str,
        prompt_login: bool,
        random: &impl Random,
        now: SystemTime,
    ) -> Result<(SignIn, url::Url), IdentityError> {
        let known = self.published.known(now).await?;
        let sign_in = SignIn {
            state: clock::unguessable(random)?,
            nonce: clock::unguessable(random)?,
            verifier: clock::unguessable(random)?,
        };
        let endpoint = known.metadata.authorization_endpoint.as_ref();
        let mut url = endpoint.ok_or(IdentityError::Unavailable(None))?.url().clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", "openid profile email")
            .append_pair("state", &sign_in.state)
            .append_pair("nonce", &sign_in.nonce)
            .append_pair("code_challenge", &code_challenge(&sign_in.verifier()))
            .append_pair("code_challenge_method", "S256");
        if prompt_login {
            url.query_pairs_mut().append_pair("prompt", "login");
        }
        Ok((sign_in, url))
    }

    /// Ends a sign-in: checks the answer, exchanges the code, validates the ID token.
    /// <https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>
    pub async fn finish(
        &self,
        sign_in: SignIn,
        answer: AuthorizationResponse,
        redirect_uri: &str,
        now: SystemTime,
    ) -> Result<Person, IdentityError> {
        let known = self.published.known(now).await?;
        let returned = answer.state.as_deref().unwrap_or_default();
        if !seal::same(returned, &sign_in.state) {
            return Err(IdentityError::Rejected("its state is not this browser's"));
        }
        let advertised = known.metadata.authorization_response_iss_parameter_supported;
        if !answer.comes_from(&self.settings.issuer, advertised) {
            return Err(IdentityError::Rejected("it comes from another issuer"));
        }
        let code = answer.into_code().map_err(|_| IdentityError::Rejected("it holds no code"))?;
        let id_token = self.exchange(&known, code.into_secret(), &sign_in, redirect_uri).await?;
        let (_, claims) = self.verified(&id_token, now).await?;
        self.admit_id_token(&claims, &sign_in.nonce)?;
        let display_name = ["name", "preferred_username", "email"]
            .iter()
            .find_map(|claim| claims.get(*claim).and_then(Value::as_str))
            .or_else(|| claims.get("sub").and_then(Value::as_str))
            .unwrap_or_default();
        // It travels in a cookie, and browsers drop a cookie that is too large.
        let display_name = display_name.chars().take(LONGEST_NAME).collect();
        Ok(Person { subject: self.subject(&claims)?, display_name })
    }

    /// The one function from claims to a subject.
    fn subject(&self, claims: &Map<String, Value>) -> Result<Subject, IdentityError> {
        if let Some(why) = speaks_for_a_machine(claims) {
            return Err(IdentityError::Rejected(why));
        }
        let names = self.settings.subject_claims.iter();
        let names = names.map(|claim| claims.get(claim)?.as_str().map(str::to_owned));
        let names = names.collect::<Option<Vec<_>>>().unwrap_or_default();
        Subject::new(&self.settings.issuer, names)
            .map_err(|_| IdentityError::Rejected("it names nobody"))
    }

    /// Signature, issuer and lifetime: what access tokens and ID tokens have in common. With the claims
    /// comes what they were verified by.
    async fn verified(
        &self,
        jwt: &str,
        now: SystemTime,
    ) -> Result<(Arc<Known>, Map<String, Value>), IdentityError> {
        let header = jsonwebtoken::decode_header(jwt)
            .map_err(|_| IdentityError::Rejected("it is not a signed JWT"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(IdentityError::Rejected("its algorithm is not accepted"));
        }
        // <https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11>
        if header.crit.is_some() {
            return Err(IdentityError::Rejected("it has an extension that we do not know"));
        }
        let known = self.published.known_with_key(header.kid.as_deref(), now).await?;
        let keys = known.keys_for(header.kid.as_deref(), header.alg);
        let mut validation = Validation::new(header.alg);
        // Times are compared below, with the time that was passed in.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = keys
            .into_iter()
            .find_map(|key| jsonwebtoken::decode::<Map<String, Value>>(jwt, &key, &validation).ok())
            .ok_or(IdentityError::Rejected("no key of its issuer verifies it"))?
            .claims;
        if claims.get("iss").and_then(Value::as_str) != Some(&self.settings.issuer) {
            return Err(IdentityError::Rejected("another issuer made it"));
        }
        let seconds = |claim| claims.get(claim).and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        let now = unix_seconds(now) as f64;
        if seconds("exp").is_none_or(|exp| exp + LEEWAY <= now) {
            return Err(IdentityError::Rejected("it has expired"));
        }
        if seconds("nbf").is_some_and(|nbf| now + LEEWAY < nbf) {
            return Err(IdentityError::Rejected("it is not yet valid"));
        }
        Ok((known, claims))
    }

    /// An inbound token must be meant for this gateway: by audience, by client, or by both where
    /// both are configured. With neither configured nothing is admitted.
    fn admit(&self, claims: &Map<String, Value>) -> Result<(), IdentityError> {
        let (audiences, clients) = (&self.settings.audiences, &self.settings.clients);
        if audiences.is_empty() && clients.is_empty() {
            return Err(IdentityError::Rejected("no audience and no client is configured"));
        }
        if !audiences.is_empty() && !audience(claims).any(|a| audiences.iter().any(|b| a == b)) {
            return Err(IdentityError::Rejected("it is meant for another audience"));
        }
        if !clients.is_empty() && !client_of(claims).is_some_and(|a| clients.iter().any(|b| a == b))
        {
            return Err(IdentityError::Rejected("another client holds it"));
        }
        Ok(())
    }

    fn admit_id_token(
        &self,
        claims: &Map<String, Value>,
        nonce: &str,
    ) -> Result<(), IdentityError> {
        if !audience(claims).any(|a| a == self.settings.client_id) {
            return Err(IdentityError::Rejected("the ID token is meant for another client"));
        }
        let authorized = claims.get("azp").and_then(Value::as_str);
        if authorized.is_some_and(|azp| azp != self.settings.client_id) {
            return Err(IdentityError::Rejected("the ID token is meant for another client"));
        }
        let returned = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
        if !seal::same(returned, nonce) {
            return Err(IdentityError::Rejected("the ID token's nonce is not this sign-in's"));
        }
        Ok(())
    }

    async fn exchange(
        &self,
        known: &Known,
        code: String,
        sign_in: &SignIn,
        redirect_uri: &str,
    ) -> Result<String, IdentityError> {
        let endpoint =
            known.metadata.token_endpoint.as_ref().ok_or(IdentityError::Unavailable(None))?;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &sign_in.verifier),
        ];
        let mut request = http::Request::post(endpoint.as_str())
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        match &self.settings.client_secret {
            Some(secret) => {
                let basic = basic(&self.settings.client_id, secret);
                request = request.header(http::header::AUTHORIZATION, basic);
            }
            None => fields.push(("client_id", &self.settings.client_id)),
        }
        let form =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request
            .body(form.into_bytes())
            .map_err(|_| HttpError::Refused("the URL cannot be requested"))?;
        let response = self.http.send(request).await?;
        let status = response.status();
        let verdict = status.is_success() || status.is_client_error();
        if !verdict || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Err(HttpError::status(&response).into());
        }
        serde_json::from_slice::<Map<String, Value>>(response.body())
            .ok()
            .and_then(|answer| answer.get("id_token")?.as_str().map(str::to_owned))
            .ok_or(IdentityError::Rejected("the identity provider gave no ID token"))
    }
}

/// Why nobody is identified, divided by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The operator must look: the configured issuer and the provider's own differ.
    #[error("the identity provider's metadata names another issuer than the configured one")]
    AnotherIssuer,
    /// The token or the answer is not to be believed.
    #[error("the identity token was rejected: {0}")]
    Rejected(&'static str),
    /// Try again.
    #[error("the identity provider did not answer usefully")]
    Unavailable(#[source] Option<HttpError>),
}

impl From<HttpError> for IdentityError {
    fn from(error: HttpError) -> Self {
        Self::Unavailable(Some(error))
    }
}

impl From<NoRandomness> for IdentityError {
    fn from(_: NoRandomness) -> Self {
        Self::Unavailable(None)
    }
}

impl SignIn {
    fn verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.verifier.clone())
    }
}

/// Until when a token that was found good is good without another look, as `exp` has it.
fn last_moment(claims: &Map<String, Value>, now: SystemTime) -> SystemTime {
    let expires = claims.get("exp").and_then(Value::as_f64).unwrap_or_default() + LEEWAY;
    let expires = Duration::try_from_secs_f64(expires).unwrap_or_default();
    // One that never expires is looked at again with new keys.
    let latest = now + METADATA_LIFETIME;
    UNIX_EPOCH.checked_add(expires).map_or(latest, |expires| expires.min(latest))
}

/// The token of a `Bearer` header: the scheme in any case.
/// <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Asymmetric ones: a shared secret proves nothing, and `none` even less.
const ALGORITHMS: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// A MB of ordinary tokens, and the provider's keys by which they were verified.
const MOST_CALLERS: usize = 1000;
/// In bytes. Ordinary ones have one or two thousand.
const LONGEST_REMEMBERED: usize = 8192;
/// In characters.
const LONGEST_NAME: usize = 100;
/// Seconds by which clocks may differ.
const LEEWAY: f64 = 30.0;
