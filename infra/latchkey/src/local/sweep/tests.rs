use super::*;
use axum::Router;
use axum::routing::post;
use broker::aws::{Aws, DynamoStore, Tables};
use broker::breaker::Breakers;
use broker::clock::SystemRandom;
use broker::connection::Connection;
use broker::http::{Http, Reach};
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::subject::Subject;
use broker::target::{SecretName, Target};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

#[tokio::test]
async fn what_is_due_here_is_renewed_as_in_a_deployment() {
    let authorization_server = serve(Router::new().route("/token", post(renewed))).await;
    let store = store().await;
    let target = target(&authorization_server);
    store.put_target(&target).await.unwrap();
    let alice = Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id();
    let then = UNIX_EPOCH + Duration::from_hours(500_000);
    let tokens = TokenSet {
        access: AccessToken::new("a1".into()),
        refresh: Some(RefreshToken::new("r1".into())),
        expires_at: then + Duration::from_hours(1),
        scopes: vec![],
    };
    let connection = Connection::active(&keys(), alice, &target, &tokens, then).unwrap();
    store.connect(&connection).await.unwrap();

    let due_at = connection.due().unwrap().due_at;
    let access = async |now: SystemTime| {
        sweep(&Arc::new(refresh(&store, now))).await;
        let found = store.find_connection(&alice, &target.name).await.unwrap().unwrap();
        found.open(&keys(), &alice, &target).unwrap().access.into_secret()
    };
    assert_eq!(access(due_at - MINUTE).await, "a1");
    assert_eq!(access(due_at + MINUTE).await, "a2");
}

#[tokio::test]
async fn sweeps_end_when_they_are_stopped() {
    let sweeps = Sweeps::start(refresh(&store().await, UNIX_EPOCH));
    sweeps.stop().await;
}

fn refresh(
    store: &DynamoStore,
    now: SystemTime,
) -> Refresh<DynamoStore, DynamoStore, BTreeMap<SecretName, ClientSecret>, Waiting, SystemTime> {
    Refresh {
        targets: Registry::new(store.clone()),
        connections: store.clone(),
        secrets: BTreeMap::new(),
        queue: Waiting::default(),
        http: Http::new(Reach::Loopback),
        breakers: Breakers::new(SystemRandom),
        token_keys: keys(),
        used_within: Duration::from_hours(24),
        clock: now,
    }
}

async fn renewed() -> ([(&'static str, &'static str); 1], &'static str) {
    let body =
        r#"{"access_token":"a2","token_type":"Bearer","refresh_token":"r2","expires_in":3600}"#;
    ([("content-type", "application/json")], body)
}

async fn store() -> DynamoStore {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let aws = Aws::at(&format!("http://{}", listener.local_addr().unwrap())).await;
    let database = dynoxide::Database::memory().unwrap();
    let never = std::future::pending();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, never));
    let tables = Tables::named("sweep");
    tables.create(&aws).await.unwrap();
    DynamoStore::new(&aws, tables)
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn target(authorization_server: &str) -> Target {
    serde_json::from_value(serde_json::json!({
        "name": "notes",
        "title": "Notes",
        "endpoint": "https://notes.example/mcp",
        "resource": "https://notes.example/mcp",
        "authorization_server": {
            "issuer": authorization_server,
            "authorization_endpoint": format!("{authorization_server}/authorize"),
            "token_endpoint": format!("{authorization_server}/token"),
        },
        "client": { "client_id": "latchkey", "token_endpoint_auth_method": "none" },
    }))
    .unwrap()
}

fn keys() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
}
