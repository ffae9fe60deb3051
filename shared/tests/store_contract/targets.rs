//! The registry of targets.

use crate::{dynamo, name, target, winners};
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use broker::aws::{Aws, DynamoStore, Tables};
use broker::memory::MemoryStore;
use broker::store::{StoreError, TargetStore};
use broker::target::Target;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

promises!(
    a_target_is_found_by_name_and_replaced,
    r7_a_target_is_replaced_and_removed_only_as_it_was_found,
    r7_of_many_who_replace_a_target_at_once_one_does,
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
    let registered = store.targets().await.unwrap();
    let names: Vec<_> = registered.targets.into_iter().map(|t| t.name).collect();
    assert_eq!(names, [name("files"), name("notes")]);
    assert_eq!(registered.unreadable, [""; 0]);
}

async fn r7_a_target_is_replaced_and_removed_only_as_it_was_found(store: impl TargetStore) {
    let first = target("notes");
    let second = Target { title: "Notes, renamed".into(), ..target("notes") };
    let found = async || store.find_target(&name("notes")).await.unwrap();
    // There is none yet.
    assert!(!store.replace_target(Some(&first), &second).await.unwrap());
    assert!(!store.remove_target(&first).await.unwrap());
    assert_eq!(found().await, None);
    assert!(store.replace_target(None, &first).await.unwrap());
    assert_eq!(found().await, Some(first.clone()));
    // There is one now, and then another.
    assert!(!store.replace_target(None, &second).await.unwrap());
    assert!(store.replace_target(Some(&first), &second).await.unwrap());
    assert!(!store.replace_target(Some(&first), &first).await.unwrap());
    assert!(!store.remove_target(&first).await.unwrap());
    assert_eq!(found().await, Some(second.clone()));
    assert!(store.remove_target(&second).await.unwrap());
    assert_eq!(found().await, None);
}

async fn r7_of_many_who_replace_a_target_at_once_one_does(store: impl TargetStore + 'static) {
    let store = Arc::new(store);
    for found in [None, Some(target("notes"))] {
        if let Some(found) = &found {
            store.put_target(found).await.unwrap();
        }
        let tasks = (0..10).map(|number| {
            let (store, found) = (Arc::clone(&store), found.clone());
            tokio::spawn(async move {
                let target = Target { title: format!("Notes {number}"), ..target("notes") };
                store.replace_target(found.as_ref(), &target).await.unwrap()
            })
        });
        assert_eq!(winners(tasks.collect()).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_named_and_hides_no_other() {
    let (store, client, tables) = dynamo().await;
    for (key, record) in [
        ("broken", Some("{".to_owned())),
        ("copied", Some(serde_json::to_string(&target("notes")).unwrap())),
        ("empty", None),
        ("not a name", Some(String::new())),
    ] {
        let request = client.put_item().table_name(&tables.targets);
        let mut request = request.item("name", AttributeValue::S(key.into()));
        if let Some(record) = record {
            request = request.item("record", AttributeValue::S(record));
        }
        request.send().await.unwrap();
    }
    store.put_target(&target("notes")).await.unwrap();

    let registered = store.targets().await.unwrap();

    assert_eq!(registered.targets, [target("notes")]);
    assert_eq!(registered.unreadable, ["broken", "copied", "empty", "not a name"]);
    for unreadable in ["broken", "copied", "empty"] {
        let found = store.find_target(&name(unreadable)).await;
        assert!(matches!(found, Err(StoreError::Unreadable(_))), "{unreadable}");
    }
}

#[tokio::test]
async fn in_memory_too_a_record_that_cannot_be_read_is_named_and_hides_no_other() {
    let store = MemoryStore::default();
    store.spoil_target(&name("broken"));
    store.put_target(&target("notes")).await.unwrap();

    let registered = store.targets().await.unwrap();

    assert_eq!(registered.targets, [target("notes")]);
    assert_eq!(registered.unreadable, ["broken"]);
    let found = store.find_target(&name("broken")).await;
    assert!(matches!(found, Err(StoreError::Unreadable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_a_record_that_people_wrote_is_replaced_unless_they_write_it_again() {
    let (store, client, tables) = dynamo().await;
    let write = async |record: String| {
        let request = client.put_item().table_name(&tables.targets);
        let request = request.item("name", AttributeValue::S("notes".into()));
        request.item("record", AttributeValue::S(record)).send().await.unwrap();
    };
    // Not as we would write it.
    let by_hand = serde_json::to_string_pretty(&target("notes")).unwrap();
    write(by_hand.clone()).await;
    let found = store.find_target(&name("notes")).await.unwrap().unwrap();
    let renamed = Target { title: "Renamed".into(), ..target("notes") };
    write(by_hand.replace("https://as.example/token", "https://as.example/token2")).await;
    assert!(!store.replace_target(Some(&found), &renamed).await.unwrap());
    write(by_hand).await;
    assert!(store.replace_target(Some(&found), &renamed).await.unwrap());
}

/// Whoever has lost the answer to a write asks whether it was written; an engine on this machine
/// cannot answer with the past, `DynamoDB` can.
#[tokio::test]
async fn r7_a_target_is_found_as_it_is_now() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let router = Router::new().fallback(async move |body: String| {
        seen.lock().unwrap().push(body);
        ([("content-type", "application/x-amz-json-1.0")], "{}")
    });
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let store = DynamoStore::new(&Aws::at(&endpoint).await, Tables::named("t"));

    assert_eq!(store.find_target(&name("notes")).await.unwrap(), None);

    let asked = asked.lock().unwrap();
    assert!(asked.len() == 1 && asked[0].contains("\"ConsistentRead\":true"), "{asked:?}");
}
