//! Consent under way.

use crate::clock::{self, NoRandomness, Random};
use crate::seal::{self, KeyRing, Owner, SealError};
use crate::subject::SubjectId;
use crate::target::{Resource, TargetName};
use oauth2::PkceCodeVerifier;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// How long a person has to sign in and consent at the authorization server.
pub const PENDING_LIFETIME: Duration = Duration::from_mins(10);

/// The `state` parameter: 256 random bits, new for each request, good for one answer.
/// <https://www.rfc-editor.org/rfc/rfc6749#section-10.12>
pub struct State(String);

impl State {
    /// A new one.
    pub fn new(random: &impl Random) -> Result<Self, NoRandomness> {
        clock::unguessable(random).map(Self)
    }

    /// One that came back in a query.
    pub fn returned(text: String) -> Self {
        Self(text)
    }

    /// What goes into the authorization URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key under which the pending authorization is kept: who reads the table learns no state.
    pub fn digest(&self) -> String {
        seal::text(&seal::fingerprint(["state", &self.0]))
    }
}

/// One trip through consent: `authorize` writes it, `callback` takes it once.
pub struct PendingAuthorization {
    /// Proves that the code is ours: <https://www.rfc-editor.org/rfc/rfc7636#section-4.5>
    pub code_verifier: PkceCodeVerifier,
    /// Who consents.
    pub subject: SubjectId,
    /// To which target.
    pub target: TargetName,
    /// Who must answer: <https://www.rfc-editor.org/rfc/rfc9207#section-2.4>
    pub issuer: String,
    /// Whether that server says it puts `iss` into its answers.
    pub iss_advertised: bool,
    /// Where the answer is sent; repeated in the token request.
    pub redirect_uri: String,
    /// What the tokens will open: <https://www.rfc-editor.org/rfc/rfc8707#section-2>
    pub resource: Resource,
    /// What was asked for.
    pub scopes: Vec<String>,
    /// The digest of the cookie that only the consenting browser holds.
    pub browser: String,
    /// When it is too late.
    pub expires: SystemTime,
}

/// The secret that binds an answer to the browser which asked: a cookie's value here, its digest in
/// the pending authorization.
pub struct BrowserBinding(String);

impl BrowserBinding {
    /// A new one.
    pub fn new(random: &impl Random) -> Result<Self, NoRandomness> {
        clock::unguessable(random).map(Self)
    }

    /// One that a browser sent.
    pub fn returned(cookie: &str) -> Self {
        Self(cookie.to_owned())
    }

    /// The cookie's value.
    pub fn cookie(&self) -> &str {
        &self.0
    }

    /// What the pending authorization remembers of it.
    pub fn digest(&self) -> String {
        seal::text(&seal::fingerprint(["browser", &self.0]))
    }
}

/// A pending authorization as a store holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedPending {
    /// Sealed for its state.
    pub sealed: Vec<u8>,
    /// When the store may forget it.
    pub expires: SystemTime,
}

impl PendingAuthorization {
    /// Seals it so that it opens with its own `state` only.
    #[expect(clippy::disallowed_methods, reason = "the verifier is sealed with the rest")]
    pub fn seal(&self, ring: &KeyRing, state: &State) -> Result<SealedPending, SealError> {
        let plain = serde_json::to_vec(&Plain {
            code_verifier: self.code_verifier.secret().clone(),
            subject: self.subject.key(),
            target: self.target.clone(),
            issuer: self.issuer.clone(),
            iss_advertised: self.iss_advertised,
            redirect_uri: self.redirect_uri.clone(),
            resource: self.resource.clone(),
            scopes: self.scopes.clone(),
            browser: self.browser.clone(),
            expires: self.expires,
        })
        .map_err(|_| SealError)?;
        Ok(SealedPending { sealed: ring.seal(&owner(state), &plain)?, expires: self.expires })
    }
}

impl SealedPending {
    /// The inverse of [`PendingAuthorization::seal`].
    pub fn open(&self, ring: &KeyRing, state: &State) -> Result<PendingAuthorization, SealError> {
        let plain: Plain = serde_json::from_slice(&ring.open(&owner(state), &self.sealed)?)
            .map_err(|_| SealError)?;
        Ok(PendingAuthorization {
            code_verifier: PkceCodeVerifier::new(plain.code_verifier),
            subject: SubjectId::from_key(&plain.subject).ok_or(SealError)?,
            target: plain.target,
            issuer: plain.issuer,
            iss_advertised: plain.iss_advertised,
            redirect_uri: plain.redirect_uri,
            resource: plain.resource,
            scopes: plain.scopes,
            browser: plain.browser,
            expires: plain.expires,
        })
    }
}

#[derive(Deserialize, Serialize)]
struct Plain {
    code_verifier: String,
    subject: String,
    target: TargetName,
    issuer: String,
    iss_advertised: bool,
    redirect_uri: String,
    resource: Resource,
    scopes: Vec<String>,
    browser: String,
    #[serde(with = "clock::unix")]
    expires: SystemTime,
}

fn owner(state: &State) -> Owner {
    Owner::new("pending", &[state.as_str()])
}
