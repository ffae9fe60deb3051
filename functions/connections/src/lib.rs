//! `GET /connections` and `POST /connections/{target}/disconnect`: what a person connected, and the
//! end of it.
//!
//! To look opens no token. To disconnect ends the row before any request leaves: whatever the
//! authorization server answers, agents cannot act there any more.

mod refusal;
mod words;

use broker::clock::{Clock, Random};
use broker::config::BaseUrl;
use broker::connection::Connection;
use broker::http::Http;
use broker::identity::IdentityProvider;
use broker::oauth::ending::NotGivenBack;
use broker::oauth::revocation::{RevocationError, Revoker};
use broker::page::{self, Page, Told};
use broker::seal::KeyRing;
use broker::session::{Disconnected, Session, SignInPage, Wanted, Way};
use broker::store::{ClientSecrets, ConnectionStore, StoreError, TargetStore};
use broker::target::{Target, TargetName};
use http::{HeaderMap, Method, Request, Response};
use refusal::Refusal;
use std::collections::BTreeMap;
use std::time::SystemTime;
use words::State;

/// All that it takes to list connections and to end them.
pub struct Connections<T, C, S, K, R> {
    /// Which targets there are.
    pub targets: T,
    /// Where connections are kept.
    pub connections: C,
    /// Our clients' secrets.
    pub secrets: S,
    /// Who is at the browser.
    pub identity: IdentityProvider,
    /// How to reach revocation endpoints.
    pub http: Http,
    /// Opens what the browser carries.
    pub browser_keys: KeyRing,
    /// Opens tokens, to give them back.
    pub token_keys: KeyRing,
    /// Our own origin.
    pub base_url: BaseUrl,
    /// What time it is.
    pub clock: K,
    /// Chance.
    pub random: R,
}

impl<T, C, S, K, R> Connections<T, C, S, K, R>
where
    T: TargetStore,
    C: ConnectionStore,
    S: ClientSecrets,
    K: Clock,
    R: Random,
{
    /// Answers one request.
    pub async fn handle(&self, request: Request<Vec<u8>>) -> Response<String> {
        match self.route(&request).await {
            Ok(response) => response,
            Err(refusal) => {
                tracing::warn!(outcome = "refused", %refusal, "a connections page was refused");
                Page::from(&refusal).into_response()
            }
        }
    }

    async fn route(&self, request: &Request<Vec<u8>>) -> Result<Response<String>, Refusal> {
        let now = self.clock.now();
        let path = request.uri().path().strip_prefix("/connections").ok_or(Refusal::NotFound)?;
        let session = Session::read(request.headers(), &self.browser_keys, now);
        if request.method() != Method::POST {
            return match (path, session) {
                ("", Some(session)) => self.list(&session, request.headers(), now).await,
                ("", None) => self.sign_in(Way::SeeOther, now).await,
                _ => Err(Refusal::NotFound),
            };
        }
        let name = path.strip_prefix('/').and_then(|path| path.strip_suffix("/disconnect"));
        let name: TargetName = name.unwrap_or_default().parse().map_err(|_| Refusal::NotFound)?;
        let Some(session) = session else { return self.sign_in(Way::Onward, now).await };
        session.asked(request, &self.browser_keys, &self.base_url)?;
        self.disconnect(&session, &name, now).await
    }

    /// The page that lists every target, and every connection to one that is there no longer, or
    /// that nobody can read: it can be ended all the same.
    async fn list(
        &self,
        session: &Session,
        headers: &HeaderMap,
        now: SystemTime,
    ) -> Result<Response<String>, Refusal> {
        let found = self.connections.connections_of(&session.person.subject.id()).await?;
        let connections: BTreeMap<_, _> =
            found.iter().map(|found| (&found.target, found)).collect();
        let targets = self.targets.targets().await?.targets;
        let targets: BTreeMap<_, _> = targets.iter().map(|target| (&target.name, target)).collect();

        let mut listed = Vec::new();
        for (&name, &target) in &targets {
            let state = State::at(target, connections.get(name).copied(), now);
            listed.push(self.listed(session, name, Some(target), &state)?);
        }
        for (&name, &connection) in
            connections.iter().filter(|(name, _)| !targets.contains_key(*name))
        {
            listed.push(self.listed(session, name, None, &State::of(connection, now))?);
        }
        let note = Disconnected::read(headers, &self.browser_keys, session);
        let disconnected = note.as_ref().and_then(|note| {
            let connection = connections.get(&note.target).filter(|found| note.is_about(found))?;
            let title =
                targets.get(&note.target).map_or(note.target.as_str(), |found| &found.title);
            Some(page::Disconnected {
                title,
                authorization_server: &connection.issuer,
                told: note.told,
            })
        });
        let page = page::connections(page::Connections {
            signed_in_as: &session.person.display_name,
            identity_provider: self.identity.issuer(),
            disconnected,
            listed,
        });
        Ok(page.into_response())
    }

    fn listed<'a>(
        &self,
        session: &Session,
        name: &'a TargetName,
        target: Option<&'a Target>,
        state: &State,
    ) -> Result<page::Listed<'a>, Refusal> {
        let path = format!("/connections/{name}/disconnect");
        let csrf = || session.csrf(&self.browser_keys, &path);
        Ok(page::Listed {
            target: name.as_str(),
            title: target.map_or(name.as_str(), |target| &target.title),
            endpoint: target.map(|target| target.endpoint.as_str()),
            state: state.words,
            since: state.since,
            connect: target.is_some() && !state.usable,
            disconnect: state.active.then(csrf).transpose()?,
        })
    }

    /// Ends a connection, then gives its tokens back, then shows what came of both.
    async fn disconnect(
        &self,
        session: &Session,
        name: &TargetName,
        now: SystemTime,
    ) -> Result<Response<String>, Refusal> {
        let subject = session.person.subject.id();
        let told = match self.connections.disconnect(&subject, name, now).await? {
            Some(connection) => {
                tracing::info!(outcome = "disconnected", target_name = %name, %subject, "disconnected {name} for {subject}");
                self.tell(&connection, now).await
            }
            None => Told::Before,
        };
        let note = Disconnected::new(name.clone(), told, now);
        let response = page::see_other(&Wanted::Connections.path())?;
        Ok(note.set_cookie(&self.browser_keys, session)?.on(response))
    }

    /// Lets the authorization server know, as well as we can. Trying again later is the person's: the
    /// tokens are in no row any more.
    async fn tell(&self, connection: &Connection, now: SystemTime) -> Told {
        let Connection { target: name, subject, .. } = connection;
        match self.give_back(connection, now).await {
            Ok(()) => {
                tracing::info!(outcome = "revoked", target_name = %name, %subject, "the authorization server of {name} withdrew the tokens of {subject}");
                Told::Confirmed
            }
            Err(error) => {
                tracing::warn!(outcome = "not_revoked", target_name = %name, %subject, %error, "the tokens of {subject} at {name} may still be good");
                error.told()
            }
        }
    }

    async fn give_back(&self, connection: &Connection, now: SystemTime) -> Result<(), Untold> {
        let target = self.targets.find_target(&connection.target).await?;
        let target = target.ok_or(Untold::NoTarget)?;
        let Self { http, secrets, random, .. } = self;
        let revoker = Revoker { http, target: &target, secrets, random };
        Ok(revoker.give_back(connection, &self.token_keys, now).await?)
    }

    async fn sign_in(&self, way: Way, now: SystemTime) -> Result<Response<String>, Refusal> {
        let Self { identity, base_url, random, .. } = self;
        let page = SignInPage { identity, ring: &self.browser_keys, base_url, random };
        Ok(page.instead_of(Wanted::Connections, way, now).await?)
    }
}

/// Why tokens of a connection that ended may still be good.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error("the target is not set up any more")]
    NoTarget,
    #[error(transparent)]
    NotGivenBack(#[from] NotGivenBack),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Untold {
    fn told(&self) -> Told {
        match self {
            Self::NotGivenBack(NotGivenBack::Revocation(RevocationError::Unsupported)) => {
                Told::NoWay
            }
            Self::NoTarget | Self::NotGivenBack(_) | Self::Store(_) => Told::Unconfirmed,
        }
    }
}
