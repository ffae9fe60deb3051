//! An OAuth 2.1 authorization server and `OpenID` provider, small enough to read.

mod authorize;
mod client;
mod metadata;
mod registration;
mod token;

use super::keys::SigningKey;
use super::ledger::{Client, Ledger, digest};
use super::page;
use axum::Router;
use axum::routing::{get, post};
use broker::clock::{Clock, NoRandomness, SystemRandom, unguessable, unix_seconds};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a demo authorization server is to be.
pub struct AuthorizationServer {
    /// Its identifier and its address, for instance `http://127.0.0.1:8701`.
    pub issuer: String,
    /// Whom it serves.
    pub role: Role,
    /// What its tokens may be for. The first is meant when a client names none.
    pub resources: Vec<String>,
    /// Clients that need not register.
    pub clients: Vec<KnownClient>,
    /// How long an access token is good.
    pub access_token_lifetime: Duration,
    /// Where the signing key and the grants outlive the process. Without it, nothing does.
    pub folder: Option<PathBuf>,
    /// Decides what has expired.
    pub clock: Arc<dyn Clock>,
}

/// The two authorization servers of the demo.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The MCP server's own: asks for consent.
    AuthorizationServer,
    /// The gateway's: says who somebody is, and hands out tokens to terminals.
    IdentityProvider,
}

/// A client that the operator knows.
pub struct KnownClient {
    /// Its `client_id`.
    pub id: String,
    /// What pages call it.
    pub name: String,
    /// Its secret, if it can keep one.
    pub secret: Option<String>,
    /// Where its answers may go.
    pub redirect_uris: Vec<String>,
}

/// Why a demo server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder cannot be used.
    #[error("the demo server cannot use its folder")]
    Folder(#[from] io::Error),
    /// The signing key cannot be made or read.
    #[error("the demo server's signing key cannot be made or read")]
    Key,
    /// A token has to be for something.
    #[error("the demo server needs at least one resource")]
    NoResource,
}

/// Serves the authorization server. On the identity provider only, there is a shortcut for terminals:
/// `POST /demo/token` with the form `person=alice` or `person=bob`, and optionally `resource=…`,
/// answers an access token of the client `terminal`, and asks nobody for a password.
pub fn authorization_server(demo: AuthorizationServer) -> Result<Router, StartError> {
    if demo.resources.is_empty() {
        return Err(StartError::NoResource);
    }
    let role = demo.role;
    let server = Arc::new(Server::new(demo)?);
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(metadata::metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata::metadata))
        .route("/jwks", get(metadata::jwks))
        .route("/authorize", get(authorize::request))
        .route("/authorize/{interaction}", get(authorize::page).post(authorize::decide))
        .route("/token", post(token::token))
        .route("/revoke", post(token::revoke))
        .route("/register", post(registration::register))
        .merge(page::assets());
    let router = match role {
        Role::AuthorizationServer => router,
        Role::IdentityProvider => router.route("/demo/token", post(token::without_password)),
    };
    Ok(router.with_state(server))
}

/// The server at work.
struct Server {
    issuer: String,
    role: Role,
    resources: Vec<String>,
    access_token_lifetime: Duration,
    clock: Arc<dyn Clock>,
    key: SigningKey,
    ledger: Ledger,
}

impl Server {
    fn new(demo: AuthorizationServer) -> Result<Self, StartError> {
        let key = SigningKey::load(demo.folder.as_deref())?;
        let ledger = Ledger::open(demo.folder.as_deref())?;
        for known in demo.clients {
            let secret = known.secret.as_deref().map(digest);
            let client = Client { name: known.name, redirect_uris: known.redirect_uris, secret };
            ledger.know(&known.id, client);
        }
        Ok(Self {
            issuer: demo.issuer,
            role: demo.role,
            resources: demo.resources,
            access_token_lifetime: demo.access_token_lifetime,
            clock: demo.clock,
            key,
            ledger,
        })
    }

    fn now(&self) -> u64 {
        unix_seconds(self.clock.now())
    }

    /// The resource that a token is asked for, if it is one of ours.
    /// <https://www.rfc-editor.org/rfc/rfc8707#section-2>
    fn resource(&self, asked: Option<&str>) -> Option<String> {
        match asked {
            None => self.resources.first().cloned(),
            Some(asked) => self.resources.iter().find(|known| *known == asked).cloned(),
        }
    }

    /// What a client gets of what it asked for. Asking for nothing that there is means asking for all
    /// but `offline_access`; the answer says so. <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>
    fn scopes<'a>(&self, asked: impl Iterator<Item = &'a str>) -> Vec<String> {
        let known = || self.role.scopes().iter().map(|scope| scope.name);
        let asked: Vec<_> = asked.filter(|name| known().any(|scope| scope == *name)).collect();
        let granted = known().filter(|scope| {
            if asked.is_empty() { *scope != OFFLINE } else { asked.contains(scope) }
        });
        granted.map(str::to_owned).collect()
    }
}

/// Something that a client may ask for.
struct Scope {
    name: &'static str,
    /// What the consent page says of it.
    meaning: &'static str,
}

impl Role {
    /// What the server calls itself.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::AuthorizationServer => "Notes",
            Self::IdentityProvider => "Identity provider",
        }
    }

    /// The style sheet's name for it: the two must not be mistaken for each other.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::AuthorizationServer => "authorization-server",
            Self::IdentityProvider => "identity-provider",
        }
    }

    /// All demo servers share one host, and cookies do not know ports.
    const fn cookie(self) -> &'static str {
        match self {
            Self::AuthorizationServer => "latchkey_demo_notes",
            Self::IdentityProvider => "latchkey_demo_idp",
        }
    }

    const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::AuthorizationServer => &[
                Scope { name: "notes", meaning: "Read your notes and add to them" },
                Scope { name: OFFLINE, meaning: "Do so while you are away" },
            ],
            Self::IdentityProvider => &[
                Scope { name: "openid", meaning: "Know who you are" },
                Scope { name: "profile", meaning: "Know your name" },
                Scope { name: "email", meaning: "Know your e-mail address" },
                Scope { name: OFFLINE, meaning: "Do so while you are away" },
            ],
        }
    }
}

fn fresh() -> Result<String, NoRandomness> {
    unguessable(&SystemRandom)
}

/// Asks for a refresh token: <https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess>
const OFFLINE: &str = "offline_access";
