//! One function, its stores, an identity provider, an authorization server, and browsers.

use crate::support::browser::{NOW, at, browser_keys, guarded, person, session};
use crate::support::idp::Idp;
use crate::support::keys::Key;
use crate::support::server::{Asked, Server};
use crate::support::store::FaultyStore;
use crate::support::target::target;
use axum::body::Body;
use broker::clock::SystemRandom;
use broker::config::BaseUrl;
use broker::connection::{Connection, Status};
use broker::http::{Http, Reach};
use broker::seal::KeyRing;
use broker::store::{ConnectionStore, TargetStore};
use broker::subject::{Subject, SubjectId};
use broker::target::{SecretName, Target};
use broker::tokens::TokenSet;
use connections::Connections;
use http::{Request, Response, StatusCode, header};
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

pub(crate) const BASE: &str = "https://broker.example";
pub(crate) const DISCONNECT: &str = "/connections/notes/disconnect";

pub(crate) type Stores = Connections<
    FaultyStore,
    FaultyStore,
    BTreeMap<SecretName, ClientSecret>,
    SystemTime,
    SystemRandom,
>;

pub(crate) struct World {
    pub(crate) function: Stores,
    pub(crate) store: FaultyStore,
    pub(crate) idp: Idp,
    pub(crate) server: Server,
    says: Arc<Mutex<(u16, &'static str)>>,
    /// The states of Alice's connection to `notes` at the moments when the server was asked.
    seen: Arc<Mutex<Vec<Option<Status>>>>,
}

impl World {
    /// With the targets `notes` and `files`; Alice and Bob are connected to `notes`; it is [`NOW`].
    pub(crate) async fn new() -> Self {
        Self::with(&json!({})).await
    }

    /// With these members of the target `notes` in place of the usual ones.
    pub(crate) async fn with(changes: &Value) -> Self {
        let (store, idp) = (FaultyStore::default(), Idp::start(Key::es256("k1")).await);
        let (says, seen) = (Arc::new(Mutex::new((200, ""))), Arc::new(Mutex::new(Vec::new())));
        let (told, watched, watch) = (Arc::clone(&says), store.clone(), Arc::clone(&seen));
        let alice = subject(&idp, "alice");
        let server = Server::start(move |_| {
            let (told, watched, watch) = (Arc::clone(&told), watched.clone(), Arc::clone(&watch));
            async move {
                let found = watched.find_connection(&alice, &"notes".parse().unwrap()).await;
                watch.lock().unwrap().push(found.unwrap().map(|found| found.status));
                let (status, body) = *told.lock().unwrap();
                Response::builder().status(status).body(Body::from(body)).unwrap()
            }
        })
        .await;
        let function = Connections {
            targets: store.clone(),
            connections: store.clone(),
            secrets: BTreeMap::new(),
            identity: idp.provider(),
            http: Http::new(Reach::Loopback),
            browser_keys: browser_keys(),
            token_keys: token_keys(),
            base_url: BaseUrl::new(BASE).unwrap(),
            clock: at(NOW),
            random: SystemRandom,
        };
        let world = Self { function, store, idp, server, says, seen };
        world.put("notes", changes).await;
        world.put("files", &json!({ "name": "files", "title": "Our Files" })).await;
        for name in ["alice", "bob"] {
            world.connect(name, "notes", &tokens(name)).await;
        }
        world
    }

    /// What the revocation endpoint answers from now on.
    pub(crate) fn answers(&self, status: u16, body: &'static str) {
        *self.says.lock().unwrap() = (status, body);
    }

    /// Adds a target, or replaces it.
    pub(crate) async fn put(&self, name: &str, changes: &Value) -> Target {
        let mut target = target(&self.server.url, changes);
        assert_eq!(target.name.as_str(), name);
        let endpoint = &mut target.authorization_server.revocation_endpoint;
        *endpoint = Some(format!("{}/revoke", self.server.url).parse().unwrap());
        self.store.put_target(&target).await.unwrap();
        self.store.calls();
        target
    }

    /// Writes a connection as consent, or a renewal, just wrote it.
    pub(crate) async fn connect(&self, name: &str, at_target: &str, tokens: &TokenSet) {
        let target = self.store.find_target(&at_target.parse().unwrap()).await.unwrap().unwrap();
        let connection =
            Connection::active(&token_keys(), self.subject(name), &target, tokens, at(NOW));
        self.store.connect(&connection.unwrap()).await.unwrap();
        self.store.calls();
    }

    pub(crate) fn subject(&self, name: &str) -> SubjectId {
        subject(&self.idp, name)
    }

    /// Someone's connection to `notes`.
    pub(crate) async fn connection(&self, name: &str) -> Option<Connection> {
        let (subject, notes) = (self.subject(name), "notes".parse().unwrap());
        let found = self.store.find_connection(&subject, &notes).await.unwrap();
        self.store.calls();
        found
    }

    pub(crate) async fn is_connected(&self, name: &str) -> bool {
        self.connection(name).await.is_some_and(|connection| connection.is_active())
    }

    /// Whether Alice's connection was ended already whenever the server was asked.
    pub(crate) fn ended_before_it_was_told(&self) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.iter().all(|status| matches!(status, Some(Status::Disconnected { .. })))
    }

    /// What the authorization server was asked to take back.
    pub(crate) fn given_back(&self) -> Vec<String> {
        let revoked = self.server.asked();
        let token = |asked: &Asked| asked.fields("token").first().cloned().unwrap_or_default();
        revoked.iter().map(token).collect()
    }

    /// The cookie of a browser at which `name` is signed in.
    pub(crate) fn signed_in(&self, name: &str) -> String {
        session(person(self.idp.issuer(), name), &browser_keys(), at(NOW))
    }

    pub(crate) async fn get(&self, path: &str, cookies: &[&str]) -> Response<String> {
        self.send("GET", path, &[("cookie", &cookies.join("; "))], vec![]).await
    }

    /// The page that lists a person's connections.
    pub(crate) async fn page(&self, cookies: &[&str]) -> String {
        let answer = self.get("/connections", cookies).await;
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.body());
        answer.into_body()
    }

    /// Presses the button of `notes` on the page that this browser is shown.
    pub(crate) async fn press(&self, cookie: &str) -> Response<String> {
        let csrf = csrf(&self.page(&[cookie]).await, DISCONNECT).unwrap();
        self.store.calls();
        self.post(DISCONNECT, cookie, &[("csrf", &csrf)]).await
    }

    /// Posts a form of our own page.
    pub(crate) async fn post(
        &self,
        path: &str,
        cookie: &str,
        form: &[(&str, &str)],
    ) -> Response<String> {
        let ours = [("origin", BASE), ("sec-fetch-site", "same-origin")];
        self.post_from(path, cookie, &ours, form).await
    }

    pub(crate) async fn post_from(
        &self,
        path: &str,
        cookie: &str,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
    ) -> Response<String> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut all = vec![("cookie", cookie)];
        all.push(("content-type", "application/x-www-form-urlencoded"));
        all.extend(headers);
        self.send("POST", path, &all, form.into_bytes()).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Response<String> {
        let mut request = Request::builder().method(method).uri(format!("{BASE}{path}"));
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let response = self.function.handle(request.body(body).unwrap()).await;
        guarded(&response);
        response
    }
}

/// The proof of origin in the form that posts to `path`, if the page has such a form.
pub(crate) fn csrf(html: &str, path: &str) -> Option<String> {
    let (_, form) = html.split_once(&format!(r#"action="{path}""#))?;
    let (_, rest) = form.split_once(r#"name="csrf" value=""#)?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// The part of a page between the tags of a target's row.
pub(crate) fn row(html: &str, title: &str) -> String {
    let (_, rest) = html.split_once(&format!("<h2><bdi>{title}</bdi></h2>")).unwrap();
    rest.split_once("</li>").unwrap().0.to_owned()
}

pub(crate) fn location(response: &Response<String>) -> &str {
    response.headers().get(header::LOCATION).map_or("", |location| location.to_str().unwrap())
}

/// Tokens that name whose they are, good for an hour.
pub(crate) fn tokens(name: &str) -> TokenSet {
    TokenSet {
        access: AccessToken::new(format!("{name}-access")),
        refresh: Some(RefreshToken::new(format!("{name}-refresh"))),
        expires_at: at(NOW) + Duration::from_hours(1),
        scopes: vec![],
    }
}

pub(crate) fn token_keys() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "t".repeat(64))).unwrap()
}

fn subject(idp: &Idp, name: &str) -> SubjectId {
    Subject::new(idp.issuer(), vec![name.to_owned()]).unwrap().id()
}
