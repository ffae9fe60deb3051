//! What was opened a moment ago is forwarded again, for a stated number of seconds and no longer.

use crate::world::{
    NOW, World, answered, asks_to_connect, at, forwarded, get_me, modern, target, token_keys,
    tokens,
};
use broker::connection::Connection;
use broker::store::ConnectionStore;
use interceptor::Opened;
use serde_json::json;
use std::time::Duration;

/// The clock of a world goes on, and a call takes its time.
const JUST_READ: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_burst_of_calls_reads_once_and_the_next_one_reads_again() {
    let world = connected(5).await;
    for (milliseconds, reads) in [(0, 1), (1, 0), (4500, 0), (5500, 1), (5501, 0)] {
        world.interceptor.clock.set(at(NOW) + Duration::from_millis(milliseconds));
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"));
        assert_eq!(world.store.calls().len(), reads, "{milliseconds}");
    }
}

#[tokio::test]
async fn with_none_to_remember_each_call_reads() {
    let world = connected(0).await;
    for _ in 0..3 {
        assert!(forwarded(&world.alice_calls().await).is_some());
        assert_eq!(world.store.calls(), ["find_connection"]);
    }
}

#[tokio::test]
async fn a_disconnect_holds_after_the_stated_seconds_and_a_new_consent_as_well() {
    for seconds in [0, 1, 5, 60] {
        let world = connected(seconds).await;
        assert!(forwarded(&world.alice_calls().await).is_some());
        disconnect(&world).await;
        world.interceptor.clock.set(at(NOW + seconds) + JUST_READ);
        asks_to_connect(&world.alice_calls().await);
        // Nothing is remembered of one who is not connected.
        world.connect("alice", &world.target("github").await, 3600).await;
        assert!(forwarded(&world.alice_calls().await).is_some());

        reconnect(&world, "another").await;
        world.interceptor.clock.set(at(NOW + 2 * seconds) + 2 * JUST_READ);
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_another"));
    }
}

/// The promise is about when a token leaves, not about when its call began.
#[tokio::test]
async fn what_takes_its_time_before_does_not_make_a_token_last_longer() {
    let world = connected(60).await;
    world.interceptor.clock.set(at(NOW + 2));
    assert!(forwarded(&world.alice_calls().await).is_some());
    disconnect(&world).await;
    world.interceptor.clock.set(at(NOW + 61));
    tokio::time::pause();
    world.store.breaks("targets late");
    asks_to_connect(&world.alice_calls().await);
}

/// Another instance asked, and its question got lost: this one remembers the token.
#[tokio::test]
async fn a_question_that_was_lost_is_asked_again_though_a_token_is_remembered() {
    let world = connected(60).await;
    assert!(forwarded(&world.alice_calls().await).is_some());
    disconnect(&world).await;
    let jwt = format!("Bearer {}", world.jwt(&json!({})));
    let silent = json!({ "statusCode": 200 });
    asks_to_connect(&world.answer(&jwt, &get_me(), &silent).await);
}

#[tokio::test]
async fn u2_what_is_remembered_is_nobody_elses_and_of_no_other_target() {
    let world = connected(5).await;
    assert!(forwarded(&world.alice_calls().await).is_some());
    let bobs = world.call(&world.jwt(&json!({ "sub": "bob" })), &get_me()).await;
    asks_to_connect(&bobs);
    let mut elsewhere = get_me();
    elsewhere["params"]["name"] = "files___read".into();
    let output = world.call(&world.jwt(&json!({})), &elsewhere).await;
    assert!(answered(&output).to_string().contains("/authorize/files?ticket="), "{output}");
}

#[tokio::test]
async fn u2_a_target_that_moved_gets_no_token_of_before() {
    let world = connected(60).await;
    assert!(forwarded(&world.alice_calls().await).is_some());
    world.change_target(&target("https://as2.example", &json!({}))).await;
    asks_to_connect(&world.alice_calls().await);
}

#[tokio::test]
async fn a_token_is_not_remembered_beyond_its_own_end() {
    let world = connected(60).await;
    disconnect(&world).await;
    let mut short = tokens("alice", 63);
    short.refresh = None;
    let (subject, github) = (world.subject("alice"), world.target("github").await);
    let connection = Connection::active(&token_keys(), subject, &github, &short, at(NOW)).unwrap();
    world.store.connect(&connection).await.unwrap();
    for (seconds, reads) in [(0, 1), (2, 0), (3, 1)] {
        world.interceptor.clock.set(at(NOW + seconds));
        world.store.calls();
        world.alice_calls().await;
        assert_eq!(world.store.calls().contains(&"find_connection"), reads == 1, "{seconds}");
    }
}

#[tokio::test]
async fn u5_a_refused_token_is_read_again() {
    let world = connected(60).await;
    assert!(forwarded(&world.alice_calls().await).is_some());
    let refusal = json!({
        "statusCode": 401,
        "headers": { "WWW-Authenticate": "Bearer error=\"invalid_token\"" },
        "body": { "jsonrpc": "2.0", "id": 7, "error": { "code": -32603, "message": "no" } },
    });
    world.answer("Bearer gho_alice", &get_me(), &refusal).await;
    world.store.calls();
    world.alice_calls().await;
    assert!(world.store.calls().contains(&"find_connection"));
}

/// Somebody else's instance answered the first one, and this one remembers the token of before.
#[tokio::test]
async fn u5_a_call_that_comes_back_from_a_consent_is_read_again() {
    let world = connected(60).await;
    disconnect(&world).await;
    let mut call = get_me();
    call["params"]["_meta"] = modern();
    let asked = world.call(&world.jwt(&json!({})), &call).await;
    call["params"]["requestState"] = answered(&asked)["result"]["requestState"].clone();
    world.connect("alice", &world.target("github").await, 3600).await;
    assert!(forwarded(&world.alice_calls().await).is_some());
    world.store.calls();
    let output = world.call(&world.jwt(&json!({})), &call).await;
    assert!(forwarded(&output).is_some(), "{output}");
    assert!(world.store.calls().contains(&"find_connection"));
}

/// Alice is connected, and what is opened is remembered for so many seconds.
async fn connected(seconds: u64) -> World {
    let mut world = World::new().await;
    world.interceptor.opened = Opened::new(Duration::from_secs(seconds));
    world.connect("alice", &world.target("github").await, 3600).await;
    world
}

/// Alice consents again, as the holder of `gho_NAME`.
async fn reconnect(world: &World, name: &str) {
    let (subject, github) = (world.subject("alice"), world.target("github").await);
    let tokens = tokens(name, 3600);
    let connection = Connection::active(&token_keys(), subject, &github, &tokens, at(NOW)).unwrap();
    world.store.connect(&connection).await.unwrap();
}

async fn disconnect(world: &World) {
    let (subject, github) = (world.subject("alice"), "github".parse().unwrap());
    let ended = world.store.disconnect(&subject, &github, at(NOW)).await.unwrap();
    assert!(ended.is_some());
    world.store.calls();
}
