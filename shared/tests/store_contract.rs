//! The promises of `store.rs`, held against every adapter.
//!
//! The `DynamoDB` adapter runs on the engine that `STORE_CONTRACT_ENDPOINT` names, or else on one of
//! this process.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use broker::aws::{DynamoStore, Tables, sdk_config_at};
use broker::clock::{SystemRandom, unguessable};
use broker::connection::{Connection, Reason};
use broker::memory::MemoryStore;
use broker::pending::{BrowserBinding, PendingAuthorization, State};
use broker::seal::KeyRing;
use broker::store::{ConnectionStore, PendingStore, TargetStore};
use broker::subject::{Subject, SubjectId};
use broker::target::{Target, TargetName};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, PkceCodeVerifier, RefreshToken};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// Each promise, for each adapter.
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(super::MemoryStore::default()).await;
            })+
        }
        mod dynamodb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::dynamo().await.0).await;
            })+
        }
    };
}

promises!(
    a_target_is_found_by_name_and_replaced,
    a3_pending_is_taken_once,
    a3_of_many_callbacks_at_once_one_takes_it,
    a_connection_is_found_by_subject_and_target_only,
    connecting_again_replaces,
    a_lease_is_the_only_one_until_it_expires,
    of_many_leases_at_once_one_is_granted,
    a_settled_lease_frees_the_connection,
    a_lease_that_was_overtaken_cannot_settle,
    a_connection_that_ended_says_why,
    there_is_no_lease_without_a_connection,
);

async fn a_target_is_found_by_name_and_replaced(store: impl TargetStore) {
    assert!(store.find_target(&name("notes")).await.unwrap().is_none());
    store.put_target(&target("notes")).await.unwrap();
    store.put_target(&target("files")).await.unwrap();
    let renamed = Target { title: "Notes, renamed".into(), ..target("notes") };
    store.put_target(&renamed).await.unwrap();

    let found = store.find_target(&name("notes")).await.unwrap().unwrap();
    assert_eq!(found.title, "Notes, renamed");
    assert_eq!(found.resource.as_str(), "https://notes.example");
    let names: Vec<_> = store.targets().await.unwrap().into_iter().map(|t| t.name).collect();
    assert_eq!(names, [name("files"), name("notes")]);
}

async fn a3_pending_is_taken_once(store: impl PendingStore) {
    let state = State::new(&SystemRandom).unwrap();
    let sealed = pending().seal(&ring(), &state).unwrap();
    store.put_pending(&state, &sealed).await.unwrap();

    let stranger = State::new(&SystemRandom).unwrap();
    assert!(store.take_pending(&stranger).await.unwrap().is_none());
    let taken = store.take_pending(&state).await.unwrap().unwrap();
    assert_eq!(taken, sealed);
    assert_eq!(taken.open(&ring(), &state).unwrap().subject, alice());
    assert!(taken.open(&ring(), &stranger).is_err());
    assert!(store.take_pending(&state).await.unwrap().is_none());
}

async fn a3_of_many_callbacks_at_once_one_takes_it(store: impl PendingStore + 'static) {
    let store = Arc::new(store);
    let state = Arc::new(State::new(&SystemRandom).unwrap());
    store.put_pending(&state, &pending().seal(&ring(), &state).unwrap()).await.unwrap();
    let callbacks: Vec<_> = (0..16)
        .map(|_| {
            let (store, state) = (Arc::clone(&store), Arc::clone(&state));
            tokio::spawn(async move { store.take_pending(&state).await.unwrap().is_some() })
        })
        .collect();
    assert_eq!(winners(callbacks).await, 1);
}

async fn a_connection_is_found_by_subject_and_target_only(store: impl ConnectionStore) {
    let connection = connection(alice(), "notes", "a1");
    store.connect(&connection).await.unwrap();

    let found = store.find_connection(&alice(), &name("notes")).await.unwrap();
    assert_eq!(found, Some(connection));
    assert!(store.find_connection(&alice(), &name("files")).await.unwrap().is_none());
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
}

async fn connecting_again_replaces(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    store.connect(&connection(alice(), "notes", "a2")).await.unwrap();
    assert_eq!(access(&store).await, "a2");
}

async fn a_lease_is_the_only_one_until_it_expires(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let first = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap();
    assert!(first.is_some());
    assert!(store.lease(&alice(), &name("notes"), at(9), at(19)).await.unwrap().is_none());
    assert!(store.lease(&alice(), &name("notes"), at(10), at(20)).await.unwrap().is_some());
}

async fn of_many_leases_at_once_one_is_granted(store: impl ConnectionStore + 'static) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let store = Arc::new(store);
    let askers: Vec<_> = (0..16)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().is_some()
            })
        })
        .collect();
    assert_eq!(winners(askers).await, 1);
}

async fn a_settled_lease_frees_the_connection(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    assert!(store.settle(lease, &connection(alice(), "notes", "a2")).await.unwrap());
    assert_eq!(access(&store).await, "a2");
    assert!(store.lease(&alice(), &name("notes"), at(1), at(11)).await.unwrap().is_some());
}

async fn a_lease_that_was_overtaken_cannot_settle(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let slow = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let quick = store.lease(&alice(), &name("notes"), at(10), at(20)).await.unwrap().unwrap();
    assert!(!store.settle(slow, &connection(alice(), "notes", "slow")).await.unwrap());
    assert_eq!(access(&store).await, "a1");

    store.connect(&connection(alice(), "notes", "consented-anew")).await.unwrap();
    assert!(!store.settle(quick, &connection(alice(), "notes", "quick")).await.unwrap());
    assert_eq!(access(&store).await, "consented-anew");
}

async fn a_connection_that_ended_says_why(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let ended = lease.connection.clone().disconnected(Reason::InvalidGrant, at(5));
    assert!(store.settle(lease, &ended).await.unwrap());
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap();
    assert_eq!(found, Some(ended));

    store.connect(&connection(alice(), "notes", "a2")).await.unwrap();
    assert_eq!(access(&store).await, "a2");
}

async fn there_is_no_lease_without_a_connection(store: impl ConnectionStore) {
    assert!(store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().is_none());
    assert!(store.find_connection(&alice(), &name("notes")).await.unwrap().is_none());
}

/// U2: whoever can write the table still cannot make one subject's tokens another's.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_moved_to_another_subject_or_target_does_not_open() {
    let (store, client, tables) = dynamo().await;
    store.connect(&connection(alice(), "notes", "the-access-token")).await.unwrap();
    let key = |subject: SubjectId, target: &str| {
        [
            ("subject".to_owned(), AttributeValue::S(subject.key())),
            ("target".to_owned(), AttributeValue::S(target.to_owned())),
        ]
    };
    let [hash, range] = key(alice(), "notes");
    let item =
        client.get_item().table_name(&tables.connections).set_key(Some([hash, range].into()));
    let item = item.send().await.unwrap().item.unwrap();
    assert!(!holds(&item, "the-access-token"), "the token lies there in plain text");
    assert!(holds(&item, "https://notes.example"), "the search finds nothing at all");

    for (subject, at) in [(bob(), "notes"), (alice(), "files")] {
        let mut moved = item.clone();
        moved.extend(key(subject, at));
        let put = client.put_item().table_name(&tables.connections).set_item(Some(moved));
        put.send().await.unwrap();

        let found = store.find_connection(&subject, &name(at)).await.unwrap().unwrap();
        assert!(found.open(&ring(), &subject, &target(at)).is_err());
    }
    let rightful = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert!(rightful.open(&ring(), &alice(), &target("notes")).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_says_when_it_may_be_forgotten() {
    let (store, client, tables) = dynamo().await;
    let state = State::new(&SystemRandom).unwrap();
    store.put_pending(&state, &pending().seal(&ring(), &state).unwrap()).await.unwrap();
    let key = AttributeValue::S(state.digest());
    let item = client.get_item().table_name(&tables.pending).key("id", key).send().await.unwrap();
    let item = item.item.unwrap();
    assert_eq!(item["expires"], AttributeValue::N("600".into()));
    assert!(!holds(&item, state.as_str()) && !holds(&item, &"v".repeat(43)));
}

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
    let config = sdk_config_at(&endpoint).await;
    let tables = Tables::named(&unguessable(&SystemRandom).unwrap());
    tables.create(&config).await.unwrap();
    (DynamoStore::new(&config, tables.clone()), Client::new(&config), tables)
}

/// Whether one of the item's texts or binaries holds `text`.
fn holds(item: &HashMap<String, AttributeValue>, text: &str) -> bool {
    item.values().any(|value| {
        let bytes = match value {
            AttributeValue::B(bytes) => bytes.as_ref(),
            AttributeValue::S(string) | AttributeValue::N(string) => string.as_bytes(),
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

async fn access(store: &impl ConnectionStore) -> String {
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    found.open(&ring(), &alice(), &target("notes")).unwrap().access.into_secret()
}

fn connection(subject: SubjectId, at_target: &str, access: &str) -> Connection {
    let tokens = TokenSet {
        access: AccessToken::new(access.into()),
        refresh: Some(RefreshToken::new("r1".into())),
        expires_at: at(3600),
        scopes: vec!["read".into()],
    };
    Connection::active(&ring(), subject, &target(at_target), &tokens).unwrap()
}

fn pending() -> PendingAuthorization {
    PendingAuthorization {
        code_verifier: PkceCodeVerifier::new("v".repeat(43)),
        subject: alice(),
        target: name("notes"),
        issuer: "https://as.example".into(),
        iss_advertised: true,
        redirect_uri: "https://broker.example/callback/notes".into(),
        resource: "https://notes.example".to_owned().try_into().unwrap(),
        scopes: vec![],
        browser: BrowserBinding::returned("mine").digest(),
        expires: at(600),
    }
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
