//! The promises of `store.rs`, held against every adapter.
//!
//! The `DynamoDB` adapter runs on the engine that `STORE_CONTRACT_ENDPOINT` names, or else on one of
//! this process.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use broker::aws::{Aws, DynamoStore, Tables};
use broker::clock::{SystemRandom, unguessable};
use broker::connection::Connection;
use broker::memory::MemoryStore;
use broker::seal::KeyRing;
use broker::subject::{Subject, SubjectId};
use broker::target::{Target, TargetName};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, RefreshToken};
use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// Each promise, for each adapter.
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(crate::MemoryStore::default()).await;
            })+
        }
        mod dynamodb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(crate::dynamo().await.0).await;
            })+
        }
    };
}

mod catalogs;
mod connections;
mod due;
mod pending;
mod tables;
mod targets;

/// An engine, with tables of this test's own.
async fn dynamo() -> (DynamoStore, Client, Tables) {
    #[expect(clippy::disallowed_methods, reason = "the full run names another engine")]
    let endpoint = if let Ok(endpoint) = std::env::var("STORE_CONTRACT_ENDPOINT") {
        endpoint
    } else {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let database = dynoxide::Database::memory().unwrap();
        let never = std::future::pending();
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, never));
        endpoint
    };
    let aws = Aws::at(&endpoint).await;
    let tables = Tables::named(&unguessable(&SystemRandom).unwrap());
    tables.create(&aws).await.unwrap();
    (DynamoStore::new(&aws, tables.clone()), Client::new(aws.sdk()), tables)
}

/// Whether one of the item's texts or binaries holds `text`.
fn holds(item: &HashMap<String, AttributeValue>, text: &str) -> bool {
    item.values().any(|value| {
        let bytes = match value {
            AttributeValue::B(bytes) => bytes.as_ref(),
            AttributeValue::S(string) | AttributeValue::N(string) => string.as_bytes(),
            AttributeValue::Bool(_) => return false,
            _ => panic!("an attribute of a kind that we do not write"),
        };
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

async fn winners(tasks: Vec<tokio::task::JoinHandle<bool>>) -> usize {
    let mut winners = 0;
    for task in tasks {
        winners += usize::from(task.await.unwrap());
    }
    winners
}

fn connection(subject: SubjectId, at_target: &str, access: &str) -> Connection {
    let tokens = TokenSet {
        access: AccessToken::new(access.into()),
        refresh: Some(RefreshToken::new("r1".into())),
        expires_at: at(3600),
        scopes: vec!["read".into()],
    };
    Connection::active(&ring(), subject, &target(at_target), &tokens, at(0)).unwrap()
}

fn target(name: &str) -> Target {
    serde_json::from_value(serde_json::json!({
        "name": name,
        "title": name,
        "endpoint": format!("https://{name}.example/mcp"),
        "resource": format!("https://{name}.example"),
        "authorization_server": {
            "issuer": "https://as.example",
            "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token",
        },
        "client": { "client_id": "broker" },
    }))
    .unwrap()
}

fn ring() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
}

fn name(name: &str) -> TargetName {
    name.parse().unwrap()
}

fn alice() -> SubjectId {
    Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id()
}

fn bob() -> SubjectId {
    Subject::new("https://idp.example", vec!["bob".into()]).unwrap().id()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}
