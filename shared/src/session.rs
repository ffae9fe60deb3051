//! What a browser carries for us: sealed, in `__Host-` cookies.
//!
//! `SameSite=Lax`, not `Strict`: the answer of an authorization server is a navigation from another
//! site, and must arrive with its cookies.

mod disconnected;
mod form;
mod sign_in;

pub use disconnected::Disconnected;
pub use form::{FormError, field};
pub use sign_in::{SIGN_IN_LIFETIME, SignInError, SignInPage, SigningIn, Wanted, Way};

use crate::clock;
use crate::identity::Person;
use crate::pending::{BrowserBinding, PENDING_LIFETIME, State};
use crate::seal::{KeyRing, Owner, SealError};
use http::{HeaderMap, HeaderValue, Response, header};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// How long a browser stays signed in to our pages.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(1);

/// Who signed in at this browser, until when, and what binds its forms.
#[derive(Deserialize, Serialize)]
pub struct Session {
    /// Who.
    pub person: Person,
    /// A random id of this session: what is sealed for it opens for no other.
    id: String,
    #[serde(with = "clock::unix")]
    expires: SystemTime,
}

impl Session {
    /// A session that begins now.
    pub fn new(
        person: Person,
        random: &impl clock::Random,
        now: SystemTime,
    ) -> Result<Self, clock::NoRandomness> {
        let id = clock::unguessable(random)?;
        Ok(Self { person, id, expires: now + SESSION_LIFETIME })
    }

    /// The session of the request that has these headers.
    pub fn read(headers: &HeaderMap, ring: &KeyRing, now: SystemTime) -> Option<Self> {
        let session: Self =
            ring.open_text(&Owner::new("session", &[]), cookie(headers, SESSION)?).ok()?;
        (now < session.expires).then_some(session)
    }

    /// The `Set-Cookie` that begins it.
    pub fn set_cookie(&self, ring: &KeyRing) -> Result<SetCookie, SealError> {
        let sealed = ring.seal_text(&Owner::new("session", &[]), self)?;
        Ok(set(SESSION, &sealed, SESSION_LIFETIME))
    }

    /// The `Set-Cookie` that ends it.
    pub fn end_cookie() -> SetCookie {
        set(SESSION, "", Duration::ZERO)
    }
}

impl BrowserBinding {
    /// The binding of the flow whose state is `state`. Each flow has a cookie of its own, so that
    /// two tabs do not spoil each other's.
    pub fn read(headers: &HeaderMap, state: &State) -> Option<Self> {
        cookie(headers, &flow(state)).map(Self::returned)
    }

    /// The `Set-Cookie` that binds the flow, sent with the redirect and not before.
    pub fn set_cookie(&self, state: &State) -> SetCookie {
        set(&flow(state), self.cookie(), PENDING_LIFETIME)
    }

    /// The `Set-Cookie` that forgets the flow.
    pub fn end_cookie(state: &State) -> SetCookie {
        set(&flow(state), "", Duration::ZERO)
    }
}

/// A cookie to be set, or, with a lifetime of zero, to be forgotten.
#[must_use = "a cookie is set by putting it on a response"]
pub struct SetCookie(String);

impl SetCookie {
    /// Puts it on `response`.
    #[must_use]
    pub fn on<B>(self, mut response: Response<B>) -> Response<B> {
        // Names are ours and values base64url: there is nothing a header could not hold.
        if let Ok(value) = HeaderValue::try_from(self.0) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
        response
    }
}

fn flow(state: &State) -> String {
    format!("__Host-latchkey-flow-{}", &state.digest()[..12])
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

fn set(name: &str, value: &str, lifetime: Duration) -> SetCookie {
    let seconds = lifetime.as_secs();
    SetCookie(format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax"))
}

const SESSION: &str = "__Host-latchkey-session";
