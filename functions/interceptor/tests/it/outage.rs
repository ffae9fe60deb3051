//! U6: what does not answer is no reason to ask a person for consent.

use crate::world::{NOW, World, asks_to_connect, at, forwarded, get_me, says_try_again};
use broker::registry::Registry;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn u6_connections_that_cannot_be_read_are_no_want_of_consent() {
    for connected in [true, false] {
        let world = World::new().await;
        if connected {
            world.connect("alice", &world.target("github").await, 3600).await;
        }
        world.store.breaks("find_connection");
        says_try_again(&world.alice_calls().await);
    }
}

#[tokio::test]
async fn u6_targets_that_cannot_be_read_are_those_that_were_known() {
    let mut world = World::new().await;
    world.connect("alice", &world.target("github").await, 7200).await;
    world.store.breaks("targets");
    // Long enough for a warm function to read them again.
    world.interceptor.clock.set(at(NOW) + Duration::from_mins(50));
    assert!(forwarded(&world.alice_calls().await).is_some());

    world.interceptor.targets = Registry::new(world.store.clone());
    says_try_again(&world.alice_calls().await);
}

#[tokio::test]
async fn u6_an_identity_provider_that_is_down_is_believed_for_a_day() {
    let mut world = World::new().await;
    world.connect("alice", &world.target("github").await, 200_000).await;
    let jwt = world.jwt(&json!({ "exp": NOW + 200_000 }));
    world.idp.tell(|says| says.down = true);
    for (hours, believed) in [(0, true), (2, true), (23, true), (25, false)] {
        world.interceptor.clock.set(at(NOW) + Duration::from_hours(hours));
        let output = world.call(&jwt, &get_me()).await;
        assert_eq!(forwarded(&output).is_some(), believed, "after {hours} hours: {output}");
        if !believed {
            says_try_again(&output);
        }
    }

    world.interceptor.clock.set(at(NOW));
    world.interceptor.identity = world.idp.provider();
    says_try_again(&world.alice_calls().await);
    world.idp.tell(|says| says.down = false);
    assert!(forwarded(&world.alice_calls().await).is_some(), "it is asked again at once");
}

#[tokio::test]
async fn u6_metadata_of_another_issuer_identifies_nobody() {
    let mut world = World::new().await;
    world.connect("alice", &world.target("github").await, 3600).await;
    world.idp.tell(|says| says.metadata = json!({ "issuer": "https://evil.example" }));
    world.interceptor.identity = world.idp.provider();
    says_try_again(&world.alice_calls().await);
}

/// A warm function finds out about a person who connects: nothing about them is remembered.
#[tokio::test]
async fn a_connection_is_looked_up_for_every_call() {
    let world = World::new().await;
    asks_to_connect(&world.alice_calls().await);
    world.connect("alice", &world.target("github").await, 3600).await;
    assert!(forwarded(&world.alice_calls().await).is_some());
    assert_eq!(world.store.calls(), ["find_connection"], "one read, and nothing else");
}

#[tokio::test]
async fn a_call_of_a_target_whose_record_cannot_be_read_is_refused_and_no_other() {
    let world = World::new().await;
    let files = world.target("files").await;
    world.connect("alice", &files, 3600).await;
    world.store.memory.spoil_target(&"github".parse().unwrap());
    world.interceptor.targets.prepare(at(NOW)).await.unwrap();

    says_try_again(&world.alice_calls().await);

    let mut call = get_me();
    call["params"]["name"] = "files___read".into();
    let answer = world.call(&world.jwt(&json!({})), &call).await;
    assert!(forwarded(&answer).is_some(), "{answer}");
}
