use super::*;
use crate::local::Engine;
use ::catalog::Providers;
use axum::{Json, Router};
use broker::breaker::Breakers;
use broker::clock::{SystemRandom, unguessable};
use broker::connection::Connection;
use broker::http::{Http, Reach};
use broker::seal::KeyRing;
use broker::store::ConnectionStore;
use broker::subject::{Subject, SubjectId};
use broker::target::Target;
use broker::tokens::TokenSet;
use oauth2::{AccessToken, RefreshToken};
use std::collections::BTreeMap;
use tokio::net::TcpListener;

#[tokio::test]
async fn after_a_consent_the_stand_in_lists_what_the_server_lists() {
    let world = World::new().await;
    assert_eq!(world.listed(), None);

    world.consent(&[]).await;

    assert_eq!(world.listed(), Some(vec![tool("read")]));
    // What was listed here follows the server.
    world.consent(&[]).await;
    assert_eq!(world.listed(), Some(vec![tool("read")]));
    world.close().await;
}

#[tokio::test]
async fn what_the_operator_said_of_tools_is_not_changed() {
    let world = World::new().await;
    world.consent(&["notes"]).await;
    assert_eq!(world.listed(), None, "the configuration file says which there are");
    world.folder.keep_tools(&name(), &[tool("theirs")]).unwrap();
    world.consent(&[]).await;
    assert_eq!(world.listed(), Some(vec![tool("theirs")]));
    world.close().await;
}

struct World {
    folder: Folder,
    engine: Engine,
    target: Target,
}

impl World {
    /// With a server that has one tool, and Alice, who is connected to it.
    async fn new() -> Self {
        let folder = format!("latchkey-catalog-{}", unguessable(&SystemRandom).unwrap());
        let folder = Folder::at(&std::env::temp_dir().join(folder));
        let engine = Engine::at(&folder).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(async |Json(asked): Json<Value>| {
            let result = match asked["method"].as_str() {
                Some("server/discover") => json!({ "supportedVersions": ["2026-07-28"] }),
                _ => json!({ "tools": [tool("read")] }),
            };
            Json(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }))
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let target: Target = serde_json::from_value(json!({
            "name": "notes",
            "title": "Notes",
            "endpoint": format!("{url}/mcp"),
            "resource": format!("{url}/mcp"),
            "authorization_server": {
                "issuer": url,
                "authorization_endpoint": format!("{url}/authorize"),
                "token_endpoint": format!("{url}/token"),
            },
            "client": { "client_id": "latchkey" },
        }))
        .unwrap();
        let store = engine.store();
        store.put_target(&target).await.unwrap();
        let now = SystemClock.now();
        let tokens = TokenSet {
            access: AccessToken::new("a1".into()),
            refresh: Some(RefreshToken::new("r1".into())),
            expires_at: now + Duration::from_hours(1),
            scopes: vec![],
        };
        let connection = Connection::active(&keys(), alice(), &target, &tokens, now).unwrap();
        store.connect(&connection).await.unwrap();
        Self { folder, engine, target }
    }

    fn listed(&self) -> Option<Vec<Value>> {
        self.folder.tools(&name()).unwrap()
    }

    /// Makes it known that Alice has consented, and waits until that was seen to.
    async fn consent(&self, configured: &[&str]) {
        let (folder, store) = (self.folder.clone(), self.engine.store());
        let keeper = Keeper {
            targets: store.clone(),
            connections: store.clone(),
            secrets: LocalSecrets::new(BTreeMap::new(), folder.clone()),
            gateway: Some(LocalGateway { folder, store }),
            providers: Providers::default(),
            http: Http::new(Reach::Loopback),
            token_keys: keys(),
            breakers: Breakers::new(SystemRandom),
            poll: POLL,
            patience: PATIENCE,
            clock: SystemClock,
        };
        let configured = configured.iter().map(|name| name.parse().unwrap()).collect();
        let (consents, Catalogs(task)) = Catalogs::start(keeper, configured);
        let message = Message { subject: alice(), target: self.target.name.clone() };
        assert!(consents.send(&[message]).await.unwrap().is_empty());
        drop(consents);
        task.await.unwrap();
    }

    async fn close(self) {
        self.engine.stop().await;
        std::fs::remove_dir_all(self.folder.path()).unwrap();
    }
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "inputSchema": { "type": "object" } })
}

fn name() -> TargetName {
    "notes".parse().unwrap()
}

fn alice() -> SubjectId {
    Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id()
}

fn keys() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
}
