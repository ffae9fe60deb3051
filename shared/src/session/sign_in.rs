//! A sign-in under way: begun by a page that needs to know who is there, ended by the identity
//! provider's answer.

use super::{SetCookie, cookie, set};
use crate::clock::{self, Random};
use crate::config::BaseUrl;
use crate::identity::{IdentityError, IdentityProvider, SignIn};
use crate::page::{self, NotALocation};
use crate::seal::{KeyRing, Owner, SealError};
use crate::target::TargetName;
use http::{HeaderMap, Response};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// How long signing in may take.
pub const SIGN_IN_LIFETIME: Duration = Duration::from_mins(10);

/// A sign-in under way and what the browser wanted: it returns by name, never by URL.
#[derive(Deserialize, Serialize)]
pub struct SigningIn {
    /// The sign-in.
    pub sign_in: SignIn,
    /// The page that was asked for.
    pub wanted: Wanted,
    #[serde(with = "clock::unix")]
    expires: SystemTime,
}

/// A page of ours that only a person who signed in may see.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Where a target is connected.
    Authorize {
        /// Which.
        target: TargetName,
        /// With which ticket.
        ticket: Option<String>,
    },
    /// Where connections are listed.
    Connections,
}

impl Wanted {
    /// Where it is.
    pub fn path(&self) -> String {
        match self {
            Self::Authorize { target, ticket: Some(ticket) } => {
                format!("/authorize/{target}?ticket={ticket}")
            }
            Self::Authorize { target, ticket: None } => format!("/authorize/{target}"),
            Self::Connections => CONNECTIONS.to_owned(),
        }
    }
}

impl SigningIn {
    /// A sign-in that begins now.
    pub fn new(sign_in: SignIn, wanted: Wanted, now: SystemTime) -> Self {
        Self { sign_in, wanted, expires: now + SIGN_IN_LIFETIME }
    }

    /// The sign-in of the request that has these headers.
    pub fn read(headers: &HeaderMap, ring: &KeyRing, now: SystemTime) -> Option<Self> {
        let sealed = cookie(headers, SIGN_IN)?;
        let signing_in: Self = ring.open_text(&Owner::new("sign-in", &[]), sealed).ok()?;
        (now < signing_in.expires).then_some(signing_in)
    }

    /// The `Set-Cookie` that begins it.
    pub fn set_cookie(&self, ring: &KeyRing) -> Result<SetCookie, SealError> {
        let sealed = ring.seal_text(&Owner::new("sign-in", &[]), self)?;
        Ok(set(SIGN_IN, &sealed, SIGN_IN_LIFETIME))
    }

    /// The `Set-Cookie` that ends it.
    pub fn end_cookie() -> SetCookie {
        set(SIGN_IN, "", Duration::ZERO)
    }
}

/// Sends browsers to the identity provider.
pub struct SignInPage<'a, R> {
    /// Where people sign in.
    pub identity: &'a IdentityProvider,
    /// Seals what the browser carries.
    pub ring: &'a KeyRing,
    /// Our own origin, to which it comes back.
    pub base_url: &'a BaseUrl,
    /// Chance.
    pub random: &'a R,
}

impl<R: Random> SignInPage<'_, R> {
    /// The answer that sends a browser there, `way`, and remembers what it wanted.
    pub async fn instead_of(
        &self,
        wanted: Wanted,
        way: Way,
        now: SystemTime,
    ) -> Result<Response<String>, SignInError> {
        let redirect_uri = self.base_url.sign_in_redirect_uri();
        let again = way == Way::OnwardAsAnother;
        let begun = self.identity.sign_in(&redirect_uri, again, self.random, now).await;
        let (sign_in, url) = begun?;
        let response = match way {
            Way::SeeOther => page::see_other(url.as_str())?,
            Way::Onward | Way::OnwardAsAnother => page::onward(url.as_str())?.into_response(),
        };
        Ok(SigningIn::new(sign_in, wanted, now).set_cookie(self.ring)?.on(response))
    }
}

/// How a browser is sent to the identity provider. After a form it takes a page: a browser holds
/// every redirect that follows a form to the page's `form-action`, wherever servers send it next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// By a page, after a form.
    Onward,
    /// The same, and the provider is to ask who it is again.
    OnwardAsAnother,
    /// By a redirect.
    SeeOther,
}

/// Why nobody can sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The identity provider is of no use.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// It names a place where no browser may be sent.
    #[error(transparent)]
    Location(#[from] NotALocation),
    /// The browser cannot be given what it has to carry.
    #[error(transparent)]
    Seal(#[from] SealError),
}

const CONNECTIONS: &str = "/connections";
const SIGN_IN: &str = "__Host-latchkey-sign-in";
