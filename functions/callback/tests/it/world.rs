//! One function, its stores, an identity provider, an authorization server, and browsers.

use crate::support::browser::{NOW, at, browser_keys, guarded, kept, person, session};
use crate::support::idp::Idp;
use crate::support::keys::Key;
use crate::support::server::{Server, json};
use crate::support::store::FaultyStore;
use crate::support::target::target;
use broker::clock::SystemRandom;
use broker::config::BaseUrl;
use broker::connection::Connection;
use broker::http::{Http, Reach};
use broker::memory::MemoryQueue;
use broker::pending::{BrowserBinding, PendingAuthorization, State};
use broker::queue::{Message, Queue, QueueError};
use broker::seal::KeyRing;
use broker::store::{ConnectionStore, PendingStore, TargetStore};
use broker::subject::{Subject, SubjectId};
use broker::target::{SecretName, Target};
use callback::Callback;
use http::{Request, Response, header};
use oauth2::{ClientSecret, PkceCodeVerifier};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

pub(crate) const BASE: &str = "https://broker.example";
pub(crate) const VERIFIER: &str = "the-verifier-of-at-least-forty-three-characters";

pub(crate) type Stores = Callback<
    FaultyStore,
    FaultyStore,
    FaultyStore,
    BTreeMap<SecretName, ClientSecret>,
    TestQueue,
    SystemTime,
    SystemRandom,
>;

/// A queue that takes what it is sent, unless it is in another mood.
#[derive(Clone, Default)]
pub(crate) struct TestQueue {
    pub(crate) mood: Arc<Mutex<QueueMood>>,
    pub(crate) memory: MemoryQueue,
}

#[derive(Clone, Copy, Default)]
pub(crate) enum QueueMood {
    #[default]
    Well,
    Down,
    Full,
    Silent,
}

impl Queue for TestQueue {
    async fn send(&self, messages: &[Message]) -> Result<Vec<usize>, QueueError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            QueueMood::Well => self.memory.send(messages).await,
            QueueMood::Down => Err(QueueError("told to".into())),
            QueueMood::Full => Ok((0..messages.len()).collect()),
            QueueMood::Silent => std::future::pending().await,
        }
    }
}

pub(crate) struct World {
    pub(crate) callback: Stores,
    pub(crate) store: FaultyStore,
    pub(crate) queue: TestQueue,
    pub(crate) idp: Idp,
    pub(crate) server: Server,
    says: Arc<Mutex<(u16, Value)>>,
}

/// A consent under way: what the authorization server and the browser hold of it.
pub(crate) struct Flow {
    pub(crate) state: String,
    pub(crate) cookie: String,
}

impl World {
    /// With the targets `notes` and `files` at one authorization server; it is [`NOW`].
    pub(crate) async fn new() -> Self {
        let good = json!({ "access_token": "a1", "token_type": "Bearer", "refresh_token": "r1" });
        let says = Arc::new(Mutex::new((200, good)));
        let told = Arc::clone(&says);
        let server = Server::start(move |_| {
            let (status, body) = told.lock().unwrap().clone();
            async move { json(status, &body) }
        })
        .await;
        let (store, idp) = (FaultyStore::default(), Idp::start(Key::es256("k1")).await);
        store.put_target(&target(&server.url, &json!({}))).await.unwrap();
        store.put_target(&target(&server.url, &json!({ "name": "files" }))).await.unwrap();
        store.calls();
        let queue = TestQueue::default();
        let callback = Callback {
            targets: store.clone(),
            pending: store.clone(),
            connections: store.clone(),
            secrets: BTreeMap::new(),
            queue: queue.clone(),
            identity: idp.provider(),
            http: Http::new(Reach::Loopback),
            browser_keys: browser_keys(),
            token_keys: token_keys(),
            base_url: BaseUrl::new(BASE).unwrap(),
            clock: at(NOW),
            random: SystemRandom,
        };
        Self { callback, store, queue, idp, server, says }
    }

    /// What the token endpoint answers from now on.
    pub(crate) fn tokens(&self, status: u16, body: Value) {
        *self.says.lock().unwrap() = (status, body);
    }

    /// The target `notes`, with these members in place of the usual ones.
    pub(crate) async fn change(&self, changes: &Value) -> Target {
        let target = target(&self.server.url, changes);
        self.store.put_target(&target).await.unwrap();
        self.store.calls();
        target
    }

    /// Alice agreed to connect `notes` just now.
    pub(crate) async fn consent(&self) -> Flow {
        self.consent_to(false).await
    }

    pub(crate) async fn consent_to(&self, iss_advertised: bool) -> Flow {
        self.consent_for(iss_advertised, &["notes:read"]).await
    }

    /// The same, of a person who was asked for these scopes.
    pub(crate) async fn consent_for(&self, iss_advertised: bool, scopes: &[&str]) -> Flow {
        let state = State::new(&SystemRandom).unwrap();
        let binding = BrowserBinding::new(&SystemRandom).unwrap();
        let pending = PendingAuthorization {
            code_verifier: PkceCodeVerifier::new(VERIFIER.to_owned()),
            subject: self.alice(),
            target: "notes".parse().unwrap(),
            issuer: self.server.url.clone(),
            iss_advertised,
            redirect_uri: format!("{BASE}/callback/notes"),
            resource: "https://notes.example".to_owned().try_into().unwrap(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            browser: binding.digest(),
            expires: at(NOW) + Duration::from_mins(10),
        };
        let sealed = pending.seal(&browser_keys(), &state).unwrap();
        self.store.put_pending(&state, &sealed).await.unwrap();
        self.store.calls();
        let cookie = kept(binding.set_cookie(&state));
        Flow { state: state.as_str().to_owned(), cookie }
    }

    pub(crate) fn alice(&self) -> SubjectId {
        Subject::new(self.idp.issuer(), vec!["alice".into()]).unwrap().id()
    }

    /// The cookie of a browser at which `name` is signed in.
    pub(crate) fn signed_in(&self, name: &str) -> String {
        session(person(self.idp.issuer(), name), &browser_keys(), at(NOW))
    }

    /// Alice's connection to `notes`.
    pub(crate) async fn connection(&self) -> Option<Connection> {
        let found = self.store.find_connection(&self.alice(), &"notes".parse().unwrap()).await;
        self.store.calls();
        found.unwrap()
    }

    pub(crate) async fn get(&self, path: &str, cookies: &[&str]) -> Response<String> {
        let mut request = Request::get(format!("{BASE}{path}"));
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let response = self.callback.handle(request.body(()).unwrap()).await;
        guarded(&response);
        response
    }
}

pub(crate) fn token_keys() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "t".repeat(64))).unwrap()
}

pub(crate) fn location(response: &Response<String>) -> &str {
    response.headers().get(header::LOCATION).map_or("", |location| location.to_str().unwrap())
}
