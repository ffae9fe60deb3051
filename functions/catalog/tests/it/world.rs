//! A keeper with its parts: a store, a gateway and an MCP server, all of them willing to fail.

use crate::control_plane::{Process, TestGateway};
use crate::mcp_server::McpServer;
use crate::support::store::FaultyStore;
use crate::support::target::target;
use broker::breaker::Breakers;
use broker::catalog::Catalog;
use broker::clock::{Clock, SystemRandom};
use broker::connection::Connection;
use broker::http::{Http, Reach};
use broker::seal::KeyRing;
use broker::store::{CatalogStore, ConnectionStore, Registered, StoreError, TargetStore};
use broker::subject::{Subject, SubjectId};
use broker::target::{SecretName, Target, TargetName};
use broker::tokens::TokenSet;
use catalog::{Keeper, Providers, Report};
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const MINUTE: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub(crate) struct Watch(Arc<Mutex<SystemTime>>);

impl Watch {
    pub(crate) fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for Watch {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// Each note is a step that the process may not live to take, or to have taken.
#[derive(Clone)]
pub(crate) struct Notebook {
    pub(crate) store: FaultyStore,
    process: Process,
    /// Whose notes were written.
    held: Arc<Mutex<Vec<String>>>,
}

impl TargetStore for Notebook {
    async fn find_target(&self, name: &TargetName) -> Result<Option<Target>, StoreError> {
        self.store.find_target(name).await
    }
    async fn targets(&self) -> Result<Registered, StoreError> {
        self.store.targets().await
    }
    async fn put_target(&self, target: &Target) -> Result<(), StoreError> {
        self.store.put_target(target).await
    }
    async fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> Result<bool, StoreError> {
        self.store.replace_target(found, target).await
    }
    async fn remove_target(&self, found: &Target) -> Result<bool, StoreError> {
        self.store.remove_target(found).await
    }
}

impl CatalogStore for Notebook {
    async fn find_catalog(&self, name: &TargetName) -> Result<Option<Catalog>, StoreError> {
        self.store.find_catalog(name).await
    }

    async fn put_catalog(
        &self,
        name: &TargetName,
        found: Option<&Catalog>,
        catalog: &Catalog,
    ) -> Result<bool, StoreError> {
        self.process.step().await;
        self.held.lock().unwrap().push(name.to_string());
        let written = self.store.put_catalog(name, found, catalog).await;
        self.process.step().await;
        written
    }
}

type Secrets = BTreeMap<SecretName, ClientSecret>;

pub(crate) struct World {
    pub(crate) keeper: Keeper<Notebook, FaultyStore, Secrets, TestGateway, Watch>,
    pub(crate) store: FaultyStore,
    pub(crate) gateway: TestGateway,
    pub(crate) server: McpServer,
    pub(crate) watch: Watch,
    held: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// With the target `notes`, at which Alice is connected. It is [`NOW`].
    pub(crate) async fn new() -> Self {
        let (store, gateway) = (FaultyStore::default(), TestGateway::default());
        let watch = Watch(Arc::new(Mutex::new(UNIX_EPOCH + Duration::from_secs(NOW))));
        let held = Arc::default();
        let notebook = Notebook {
            store: store.clone(),
            process: gateway.process.clone(),
            held: Arc::clone(&held),
        };
        let keeper = Keeper {
            targets: notebook,
            connections: store.clone(),
            secrets: Secrets::new(),
            gateway: Some(gateway.clone()),
            providers: Providers::default(),
            http: Http::new(Reach::Loopback),
            token_keys: ring(),
            breakers: Breakers::new(SystemRandom),
            poll: Duration::from_millis(1),
            patience: Duration::from_secs(5),
            clock: watch.clone(),
        };
        let world = Self { keeper, store, gateway, server: McpServer::start().await, watch, held };
        world.store.put_target(&world.target("notes")).await.unwrap();
        world.connect("alice", "a1").await;
        world
    }

    pub(crate) fn target(&self, name: &str) -> Target {
        let changes = json!({ "name": name, "endpoint": self.server.url() });
        target(&self.server.server.url, &changes)
    }

    /// Connects them with this access token, good for an hour.
    pub(crate) async fn connect(&self, person: &str, access: &str) {
        let now = self.watch.now();
        let tokens = TokenSet {
            access: AccessToken::new(access.into()),
            refresh: Some(RefreshToken::new("r1".into())),
            expires_at: now + Duration::from_hours(100),
            scopes: vec![],
        };
        let (target, subject) = (self.target("notes"), subject(person));
        let connection = Connection::active(&ring(), subject, &target, &tokens, now).unwrap();
        self.store.connect(&connection).await.unwrap();
    }

    pub(crate) async fn noted(&self) -> Catalog {
        self.store.memory.find_catalog(&notes()).await.unwrap().unwrap_or_default()
    }

    pub(crate) async fn handle(&self, event: &Value) -> (Value, Report) {
        let event = RawValue::from_string(event.to_string()).unwrap();
        let deadline = self.watch.now() + 5 * MINUTE;
        let done = self.keeper.handle(&event, deadline).await.unwrap();
        (serde_json::to_value(&done.answer).unwrap(), done.report)
    }

    /// The schedule's look.
    pub(crate) async fn look(&self) -> Report {
        self.handle(&json!({ "catalog": {} })).await.1
    }

    /// The schedule's look, and which targets were noted to be held, in order.
    pub(crate) async fn looks_in_order(&self) -> Vec<String> {
        self.held.lock().unwrap().clear();
        self.look().await;
        let mut names = self.held.lock().unwrap().clone();
        names.dedup();
        names
    }

    /// A message that they have just consented.
    pub(crate) async fn consented(&self, person: &str) -> (Value, Report) {
        let body = json!({ "subject": subject(person).key(), "target": "notes" });
        self.handle(&records(&[body])).await
    }

    /// Alice has just consented, and the process dies at this step. Whether it did.
    pub(crate) async fn dies_at(&self, step: usize) -> bool {
        self.gateway.process.dies_at(Some(step));
        let died = tokio::select! {
            () = self.gateway.process.death() => true,
            _ = self.consented("alice") => false,
        };
        self.gateway.process.dies_at(None);
        died
    }
}

pub(crate) fn records(bodies: &[Value]) -> Value {
    let record = |(place, body): (usize, &Value)| json!({ "messageId": format!("m{place}"), "body": body.to_string() });
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

pub(crate) fn notes() -> TargetName {
    "notes".parse().unwrap()
}

pub(crate) fn subject(name: &str) -> SubjectId {
    Subject::new("https://idp.example", vec![name.into()]).unwrap().id()
}

fn ring() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
}
