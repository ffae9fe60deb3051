//! Lists at a gateway whose only target is listed live.

use crate::world::{NOW, World, at, forwarded, says_try_again, target};
use broker::catalog::Recipe;
use broker::clock::Clock;
use broker::connection::Status;
use broker::store::TargetStore;
use serde_json::{Value, json};
use std::time::Duration;

fn list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list" })
}

impl World {
    async fn lists(&self, name: &str) -> Value {
        self.call(&self.jwt(&json!({ "sub": name })), &list()).await
    }

    fn seconds_later(&self, seconds: u64) {
        self.interceptor.clock.set(at(NOW) + Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn u2_each_lists_with_their_own_token() {
    let world = World::new().await;
    world.alone(Recipe::Dynamic).await;
    let github = world.target("github").await;
    for name in ["alice", "bob"] {
        world.connect(name, &github, 3600).await;
    }
    for name in ["alice", "bob", "alice"] {
        let token = format!("Bearer gho_{name}");
        assert_eq!(forwarded(&world.lists(name).await), Some(token.as_str()));
    }
    assert!(world.lists("carol").await.to_string().contains("/authorize/github?ticket="));
}

#[tokio::test]
async fn a_list_that_needs_no_token_asks_for_the_registry_once_a_minute_and_for_nothing_else() {
    let world = World::new().await;
    for (seconds, asked) in [(0, 0), (59, 0), (60, 1), (61, 0), (119, 0), (121, 1)] {
        world.seconds_later(seconds);
        assert_eq!(forwarded(&world.lists("alice").await), None);
        assert_eq!(world.store.calls(), vec!["targets"; asked], "after {seconds} s");
    }
    world.seconds_later(1000);
    let ping = json!({ "jsonrpc": "2.0", "id": 7, "method": "ping" });
    world.call(&world.jwt(&json!({})), &ping).await;
    assert!(world.store.calls().is_empty());
}

#[tokio::test]
async fn u2_a_second_target_ends_it_within_a_minute_and_an_outage_does_not() {
    let world = World::new().await;
    world.alone(Recipe::Dynamic).await;
    world.connect("alice", &world.target("github").await, 7200).await;
    let files = target("https://as.example", &json!({ "name": "files" }));

    world.store.breaks("targets once");
    world.seconds_later(60);
    assert!(forwarded(&world.lists("alice").await).is_some());
    world.store.put_target(&files).await.unwrap();
    let output = world.lists("alice").await;
    assert_eq!(output["mcp"]["transformedGatewayRequest"], json!({ "body": list() }));
}

#[tokio::test]
async fn a_list_of_a_target_that_cannot_be_read_is_not_let_pass() {
    let world = World::new().await;
    let github = world.target("github").await;
    world.store.memory.spoil_target(&github.name);
    world.alone(Recipe::Dynamic).await;
    says_try_again(&world.lists("alice").await);
}

#[tokio::test]
async fn u5_a_401_of_a_list_ends_the_token_that_it_came_with() {
    let world = World::new().await;
    world.alone(Recipe::Dynamic).await;
    world.connect("alice", &world.target("github").await, 3600).await;
    let sent = world.lists("alice").await;
    let refused = json!({ "statusCode": 401, "body": {} });

    world.answer(forwarded(&sent).unwrap(), &list(), &refused).await;

    let Status::Active { expires_at, .. } = world.alices().await.status else {
        panic!("the connection ended");
    };
    assert!(expires_at <= world.interceptor.clock.now());
}
