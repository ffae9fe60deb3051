//! Where consent waits.

use crate::{alice, at, dynamo, holds, name, ring, winners};
use aws_sdk_dynamodb::types::AttributeValue;
use broker::clock::SystemRandom;
use broker::identity::SealedPublished;
use broker::pending::{BrowserBinding, PendingAuthorization, State};
use broker::store::{PendingStore, PublishedStore};
use oauth2::PkceCodeVerifier;
use std::sync::Arc;

promises!(
    a3_pending_is_taken_once,
    a3_of_many_callbacks_at_once_one_takes_it,
    what_is_published_is_kept_for_its_issuer_until_it_is_replaced,
);

async fn what_is_published_is_kept_for_its_issuer_until_it_is_replaced(store: impl PublishedStore) {
    let published = |byte| SealedPublished { sealed: vec![byte; 40], read_at: at(byte.into()) };
    let (here, there) = ("https://idp.example", "https://idp.example/");
    assert_eq!(store.find_published(here).await.unwrap(), None);
    for byte in [1, 2] {
        store.put_published(here, &published(byte)).await.unwrap();
        assert_eq!(store.find_published(here).await.unwrap(), Some(published(byte)));
        assert_eq!(store.find_published(there).await.unwrap(), None);
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_has_rows_of_its_own_and_is_forgotten_after_a_day() {
    let (store, client, tables) = dynamo().await;
    let published = SealedPublished { sealed: vec![1; 40], read_at: at(60) };
    store.put_published("https://idp.example", &published).await.unwrap();
    let items = client.scan().table_name(&tables.pending).send().await.unwrap().items.unwrap();
    let [item] = items.as_slice() else { panic!("{items:?}") };
    assert!(item["id"].as_s().unwrap().starts_with("published."));
    assert_eq!(item["expires"], AttributeValue::N((60 + 24 * 3600).to_string()));
    let state = State::new(&SystemRandom).unwrap().digest();
    assert!(!state.contains('.'));
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
