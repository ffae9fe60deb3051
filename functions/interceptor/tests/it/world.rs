//! One interceptor with its stores, its identity provider, an authorization server, and people.

use crate::support::idp::Idp;
use crate::support::keys::Key;
use crate::support::store::FaultyStore;
use crate::wiring::Keys;
use broker::breaker::Breakers;
use broker::catalog::{Catalog, Recipe};
use broker::clock::{Clock, SystemRandom};
use broker::config::BaseUrl;
use broker::connection::Connection;
use broker::http::{Http, Reach};
use broker::identity::{IdentityProvider, IdentitySettings};
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::step_up::{Next, Operation};
use broker::store::{CatalogStore, ConnectionStore, TargetStore};
use broker::subject::{Subject, SubjectId};
use broker::target::{SecretName, Target};
use broker::tokens::TokenSet;
use interceptor::{Event, Injected, Interceptor, Opened};
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

pub(crate) type Secrets = BTreeMap<SecretName, ClientSecret>;

pub(crate) struct World {
    pub(crate) interceptor: Interceptor<FaultyStore, FaultyStore, Secrets, Watch>,
    pub(crate) store: FaultyStore,
    pub(crate) idp: Idp,
}

/// A watch that is set by hand and then goes with the runtime's time, so that in paused time a wait
/// of seconds takes none.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Mutex<(SystemTime, Instant)>>);

impl Watch {
    pub(crate) fn set(&self, to: SystemTime) {
        *self.0.lock().unwrap() = (to, Instant::now());
    }
}

impl Clock for Watch {
    fn now(&self) -> SystemTime {
        let (set_to, then) = *self.0.lock().unwrap();
        set_to + then.elapsed()
    }
}

impl World {
    /// With the targets `github` and `files`, of whom nobody is connected. It is [`NOW`].
    pub(crate) async fn new() -> Self {
        Self::at_authorization_server("https://as.example").await
    }

    /// The same, with targets whose authorization server is `url`.
    pub(crate) async fn at_authorization_server(url: &str) -> Self {
        let (store, idp) = (FaultyStore::default(), Idp::start(Key::es256("k1")).await);
        for name in ["github", "files"] {
            store.put_target(&target(url, &json!({ "name": name }))).await.unwrap();
        }
        let watch = Watch(Arc::new(Mutex::new((at(NOW), Instant::now()))));
        let interceptor = Interceptor {
            targets: Registry::new(store.clone()),
            connections: store.clone(),
            secrets: Secrets::new(),
            identity: idp.provider(),
            http: Http::new(Reach::Loopback),
            breakers: Breakers::new(SystemRandom),
            browser_keys: browser_keys(),
            token_keys: token_keys(),
            base_url: BaseUrl::new(BASE).unwrap(),
            url_elicitation_clients: vec![],
            injected: Injected::default(),
            opened: Opened::new(Duration::ZERO),
            clock: watch,
        };
        // As `main` does. What follows needs no identity provider, so time may be paused.
        interceptor.targets.prepare(at(NOW)).await.unwrap();
        interceptor.identity.prepare(at(NOW)).await.unwrap();
        store.calls();
        Self { interceptor, store, idp }
    }

    /// Replaces a target, and lets the interceptor know.
    pub(crate) async fn change_target(&self, target: &Target) {
        self.store.put_target(target).await.unwrap();
        self.interceptor.targets.prepare(at(NOW)).await.unwrap();
    }

    /// Leaves `github` alone in the registry, with this recipe in its catalog.
    pub(crate) async fn alone(&self, recipe: Recipe) {
        let files = self.target("files").await;
        assert!(self.store.remove_target(&files).await.unwrap());
        let (github, catalog) = ("github".parse().unwrap(), Catalog::default());
        let catalog = Catalog { recipe: Some(recipe), ..catalog };
        assert!(self.store.put_catalog(&github, None, &catalog).await.unwrap());
        self.interceptor.targets.prepare(at(NOW)).await.unwrap();
        self.store.calls();
    }

    pub(crate) async fn target(&self, name: &str) -> Target {
        self.store.find_target(&name.parse().unwrap()).await.unwrap().unwrap()
    }

    /// Whom the identity provider calls `name`.
    pub(crate) fn subject(&self, name: &str) -> SubjectId {
        Subject::new(self.idp.issuer(), vec![name.to_owned()]).unwrap().id()
    }

    /// A JWT that is as it should be, with these claims in place of the usual ones.
    pub(crate) fn jwt(&self, changes: &Value) -> String {
        self.idp.key.sign(&self.claims(changes))
    }

    pub(crate) fn claims(&self, changes: &Value) -> Value {
        let mut claims = json!({
            "iss": self.idp.issuer(),
            "sub": "alice",
            "aud": "gateway",
            "client_id": "desktop",
            "exp": NOW + 3600,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    /// Connects `name` to `target` with the access token `gho_NAME`, good for `seconds`.
    pub(crate) async fn connect(&self, name: &str, target: &Target, seconds: u64) {
        let tokens = tokens(name, seconds);
        let subject = self.subject(name);
        let connection =
            Connection::active(&token_keys(), subject, target, &tokens, at(NOW)).unwrap();
        self.store.connect(&connection).await.unwrap();
        self.store.calls();
    }

    /// Alice was asked for more on behalf of this operation as often as she is.
    pub(crate) async fn asked_enough(&self, method: &str, name: &str) {
        let (subject, github) = (self.subject("alice"), "github".parse().unwrap());
        let operation = Operation::new(method, name);
        for scope in ["a", "b", "c"] {
            let found = self.store.find_connection(&subject, &github).await.unwrap().unwrap();
            let Next::Add(more) = found.step_up.next(&operation, Some(scope), &[], &[]) else {
                panic!("{scope} was not asked for");
            };
            assert!(self.store.step_up(&found, &more).await.unwrap());
            let asked = [scope.to_owned()];
            self.store.widen(&subject, &github, &asked, &asked).await.unwrap();
        }
        self.store.calls();
    }

    /// What the gateway is told, as text.
    pub(crate) async fn send(&self, event: &str) -> String {
        let event = Event::read(event.as_bytes());
        serde_json::to_string(&self.interceptor.handle(event).await).unwrap()
    }

    /// What becomes of `body`, sent by the holder of `jwt`.
    pub(crate) async fn call(&self, jwt: &str, body: &Value) -> Value {
        let event = event(&format!("Bearer {jwt}"), body);
        serde_json::from_str(&self.send(&event.to_string()).await).unwrap()
    }

    /// What becomes of `response` to `body`, whose request the gateway shows with `authorization`.
    pub(crate) async fn answer(
        &self,
        authorization: &str,
        body: &Value,
        response: &Value,
    ) -> Value {
        let mut event = event(authorization, body);
        event["mcp"]["gatewayResponse"] = response.clone();
        serde_json::from_str(&self.send(&event.to_string()).await).unwrap()
    }

    /// Alice's connection, as it is now.
    pub(crate) async fn alices(&self) -> Connection {
        let (subject, github) = (self.subject("alice"), "github".parse().unwrap());
        let found = self.store.find_connection(&subject, &github).await.unwrap().unwrap();
        self.store.calls();
        found
    }

    /// What becomes of Alice's call of `github___get_me`.
    pub(crate) async fn alice_calls(&self) -> Value {
        self.call(&self.jwt(&json!({})), &get_me()).await
    }
}

/// A request event.
pub(crate) fn event(authorization: &str, body: &Value) -> Value {
    json!({
        "interceptorInputVersion": "1.0",
        "mcp": {
            "gatewayRequest": {
                "path": "/mcp",
                "httpMethod": "POST",
                "headers": { "authorization": authorization },
                "body": body,
            },
        },
    })
}

pub(crate) fn get_me() -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": { "name": "github___get_me", "arguments": {} },
    })
}

/// The same, by a client that opens links.
pub(crate) fn modern_get_me() -> Value {
    let mut call = get_me();
    call["params"]["_meta"] = modern();
    call
}

pub(crate) fn modern() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "url": {} } },
    })
}

/// The `Authorization` that goes to the target, if the call is forwarded.
pub(crate) fn forwarded(output: &Value) -> Option<&str> {
    output["mcp"]["transformedGatewayRequest"]["headers"]["Authorization"].as_str()
}

/// The answer that goes to the client, if the call is not forwarded.
pub(crate) fn answered(output: &Value) -> &Value {
    let response = &output["mcp"]["transformedGatewayResponse"];
    assert_eq!(response["statusCode"], 200, "{output}");
    assert!(!output.to_string().contains("gho_"), "{output}");
    &response["body"]
}

/// What an answer says to the model.
pub(crate) fn said(output: &Value) -> &str {
    let body = answered(output);
    let text = &body["result"]["content"][0]["text"];
    text.as_str().or(body["error"]["message"].as_str()).unwrap()
}

/// Whether an answer holds the link of the connect page.
#[track_caller]
pub(crate) fn asks_to_connect(output: &Value) {
    assert!(answered(output).to_string().contains("/authorize/github?ticket="), "{output}");
}

/// Whether an answer says that nothing is wrong but the moment, and does not ask for consent.
#[track_caller]
pub(crate) fn says_try_again(output: &Value) {
    assert!(said(output).ends_with("Nothing is lost; try again in a moment."), "{output}");
    assert!(!output.to_string().contains("/authorize/"), "{output}");
}

pub(crate) fn tokens(name: &str, seconds: u64) -> TokenSet {
    TokenSet {
        access: AccessToken::new(format!("gho_{name}")),
        refresh: Some(RefreshToken::new(format!("ghr_{name}"))),
        expires_at: at(NOW + seconds),
        scopes: vec![],
    }
}

/// The target `github`, with these members in place of the usual ones.
pub(crate) fn target(authorization_server: &str, changes: &Value) -> Target {
    let mut target = json!({
        "name": "github",
        "title": "GitHub",
        "endpoint": "https://mcp.github.example/mcp",
        "resource": "https://mcp.github.example",
        "authorization_server": {
            "issuer": authorization_server,
            "authorization_endpoint": format!("{authorization_server}/authorize"),
            "token_endpoint": format!("{authorization_server}/token"),
        },
        "client": { "client_id": "latchkey", "token_endpoint_auth_method": "none" },
    });
    for (name, value) in changes.as_object().unwrap() {
        target[name] = value.clone();
    }
    serde_json::from_value(target).unwrap()
}

/// The same identity provider, for callers whom these settings admit.
pub(crate) fn provider(idp: &Idp, audiences: &[&str], clients: &[&str]) -> IdentityProvider {
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    let settings = idp.settings();
    let settings =
        IdentitySettings { audiences: list(audiences), clients: list(clients), ..settings };
    IdentityProvider::new(settings, Http::new(Reach::Loopback))
}

pub(crate) fn browser_keys() -> KeyRing {
    KeyRing::for_browsers(&format!(r#"{{"1":"{}"}}"#, "b".repeat(64))).unwrap()
}

pub(crate) fn token_keys() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "t".repeat(64))).unwrap()
}

/// Both, as they are had at the start.
pub(crate) async fn keys() -> Result<Keys, Infallible> {
    Ok(Keys { browser: browser_keys(), token: token_keys() })
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) const BASE: &str = "https://broker.example";
pub(crate) const NOW: u64 = 1_800_000_000;
