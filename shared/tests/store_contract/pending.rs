//! Where consent waits.

use crate::{alice, at, dynamo, holds, name, ring, winners};
use aws_sdk_dynamodb::types::AttributeValue;
use broker::clock::SystemRandom;
use broker::pending::{BrowserBinding, PendingAuthorization, State};
use broker::store::PendingStore;
use oauth2::PkceCodeVerifier;
use std::sync::Arc;

promises!(a3_pending_is_taken_once, a3_of_many_callbacks_at_once_one_takes_it,);

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
