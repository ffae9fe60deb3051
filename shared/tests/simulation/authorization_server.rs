//! An authorization server that goes wrong on demand, as a pure state machine: it knows what it
//! issued, what it would still honour, and what a fault does to a request.

use std::collections::BTreeMap;

/// What a refresh token is worth after it was used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rotation {
    /// As much as before: the answer holds no new one.
    Never,
    /// Nothing.
    OneUse,
    /// Nothing, and using it again ends the whole grant.
    OneUseOrRevoked,
    /// As much as before for so many seconds, then nothing.
    Grace(u64),
}

/// What befalls one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The connection is refused: the server never hears of it.
    Unsent,
    /// The line breaks before the server acts.
    LostBefore,
    /// The server acts, then the line breaks.
    LostAfter,
    /// 429, with `Retry-After` in seconds.
    TooManyRequests(Option<u64>),
    /// 500 before the server acts.
    ErrorBefore,
    /// 500 after the server acted.
    ErrorAfter,
    /// A page in HTML, with status 200.
    Html,
    /// 400 without a body.
    EmptyBadRequest,
    /// 401 `invalid_client`.
    InvalidClient,
}

/// What comes back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    Granted {
        access: String,
        refresh: Option<String>,
        expires_in: Option<u64>,
    },
    InvalidGrant,
    InvalidClient,
    TooManyRequests(Option<u64>),
    ServerError,
    Html,
    EmptyBadRequest,
    /// No connection.
    Unsent,
    /// Nothing.
    Silence,
}

/// Time is in seconds.
#[derive(Debug)]
pub(crate) struct AuthorizationServer {
    pub(crate) rotation: Rotation,
    /// How long an access token is good.
    pub(crate) lifetime: u64,
    /// How long it says that one is good; nothing if it does not say.
    pub(crate) expires_in: Option<u64>,
    grants: Vec<Grant>,
    refresh: BTreeMap<String, Refresh>,
    access: BTreeMap<String, Access>,
}

#[derive(Debug)]
struct Grant {
    revoked: bool,
}

#[derive(Debug)]
struct Refresh {
    grant: usize,
    used_at: Option<u64>,
}

#[derive(Debug)]
struct Access {
    grant: usize,
    expires_at: u64,
}

impl AuthorizationServer {
    pub(crate) fn new(rotation: Rotation) -> Self {
        Self {
            rotation,
            lifetime: 600,
            expires_in: Some(600),
            grants: Vec::new(),
            refresh: BTreeMap::new(),
            access: BTreeMap::new(),
        }
    }

    /// A person consents: the first access and refresh token of a grant.
    pub(crate) fn consent(&mut self, now: u64) -> (String, String) {
        self.grants.push(Grant { revoked: false });
        let grant = self.grants.len() - 1;
        (self.new_access(grant, now), self.new_refresh(grant))
    }

    /// A person takes their consent back, here.
    pub(crate) fn revoke(&mut self, refresh: &str) {
        let grant = self.refresh[refresh].grant;
        self.grants[grant].revoked = true;
    }

    /// A request with `refresh` arrives, and `fault` befalls it.
    pub(crate) fn ask(&mut self, refresh: &str, fault: Option<Fault>, now: u64) -> Reply {
        match fault {
            None => self.act(refresh, now),
            Some(Fault::Unsent) => Reply::Unsent,
            Some(Fault::LostBefore) => Reply::Silence,
            Some(Fault::LostAfter) => {
                self.act(refresh, now);
                Reply::Silence
            }
            Some(Fault::TooManyRequests(seconds)) => Reply::TooManyRequests(seconds),
            Some(Fault::ErrorBefore) => Reply::ServerError,
            Some(Fault::ErrorAfter) => {
                self.act(refresh, now);
                Reply::ServerError
            }
            Some(Fault::Html) => Reply::Html,
            Some(Fault::EmptyBadRequest) => Reply::EmptyBadRequest,
            Some(Fault::InvalidClient) => Reply::InvalidClient,
        }
    }

    /// Whether a refresh with `refresh` would succeed.
    pub(crate) fn serves(&self, refresh: &str, now: u64) -> bool {
        self.refresh.get(refresh).is_some_and(|token| {
            !self.grants[token.grant].revoked
                && match (self.rotation, token.used_at) {
                    (Rotation::Never, _) | (_, None) => true,
                    (Rotation::Grace(seconds), Some(used_at)) => now <= used_at + seconds,
                    (Rotation::OneUse | Rotation::OneUseOrRevoked, Some(_)) => false,
                }
        })
    }

    /// Whether a resource that asks would be told that `access` is good.
    pub(crate) fn honours(&self, access: &str, now: u64) -> bool {
        self.access
            .get(access)
            .is_some_and(|token| !self.grants[token.grant].revoked && now < token.expires_at)
    }

    /// Which consent `refresh` goes back to.
    pub(crate) fn grant_of(&self, refresh: &str) -> usize {
        self.refresh[refresh].grant
    }

    fn act(&mut self, refresh: &str, now: u64) -> Reply {
        let Some(grant) = self.refresh.get(refresh).map(|token| token.grant) else {
            return Reply::InvalidGrant;
        };
        if !self.serves(refresh, now) {
            if self.rotation == Rotation::OneUseOrRevoked {
                self.grants[grant].revoked = true;
            }
            return Reply::InvalidGrant;
        }
        let token = self.refresh.get_mut(refresh).unwrap();
        token.used_at.get_or_insert(now);
        let next = (self.rotation != Rotation::Never).then(|| self.new_refresh(grant));
        Reply::Granted {
            access: self.new_access(grant, now),
            refresh: next,
            expires_in: self.expires_in,
        }
    }

    fn new_refresh(&mut self, grant: usize) -> String {
        let token = format!("r{}", self.refresh.len());
        self.refresh.insert(token.clone(), Refresh { grant, used_at: None });
        token
    }

    fn new_access(&mut self, grant: usize, now: u64) -> String {
        let token = format!("a{}", self.access.len());
        self.access.insert(token.clone(), Access { grant, expires_at: now + self.lifetime });
        token
    }
}
