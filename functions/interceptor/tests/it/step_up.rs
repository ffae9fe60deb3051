//! U5: an MCP server that wants more scopes leads to a wider consent, three times at most.

use crate::world::{
    NOW, World, answered, asks_to_connect, at, forwarded, get_me, modern, modern_get_me, said,
    says_try_again, target, token_keys, tokens,
};
use broker::connection::{Connection, Reason, Status};
use broker::store::ConnectionStore;
use interceptor::Opened;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn u5_insufficient_scope_asks_for_the_union_and_takes_nothing_away() {
    let world = connected().await;
    let output = refused(&world, &get_me(), "repo write:org").await;
    asks_to_connect(&output);
    assert!(said(&output).contains("more permissions"), "{output}");
    assert_eq!(world.store.calls(), ["find_connection", "step_up"]);

    let alices = world.alices().await;
    let asked = alices.step_up.asked(&["read".into()]);
    assert_eq!(asked, ["read", "extra", "repo", "write:org"]);
    assert!(alices.is_fresh(at(NOW)));
    // Other tools, and this one too, go on with what there is.
    for name in ["github___other", "github___get_me"] {
        let mut call = get_me();
        call["params"]["name"] = name.into();
        let output = world.call(&world.jwt(&json!({})), &call).await;
        assert_eq!(forwarded(&output), Some("Bearer gho_alice"));
    }
}

#[tokio::test]
async fn u5_three_attempts_for_each_operation_then_plain_words() {
    let world = connected().await;
    for attempt in 1..=3 {
        // However often it is called before the person answers: one attempt.
        for _ in 0..5 {
            asks_to_connect(&refused(&world, &get_me(), &format!("scope{attempt}")).await);
        }
        widens(&world, &format!("scope{attempt}")).await;
    }
    for _ in 0..2 {
        let output = refused(&world, &get_me(), "scope4").await;
        assert!(said(&output).contains("Do not try again"), "{output}");
        assert!(!output.to_string().contains("/authorize/"), "{output}");
    }
    let mut other = get_me();
    other["params"]["name"] = "github___push".into();
    asks_to_connect(&refused(&world, &other, "scope4").await);
    // The token is as good as it was.
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"));

    // Bob has attempts of his own.
    world.connect("bob", &world.target("github").await, 3600).await;
    let bobs = format!("Bearer {}", world.jwt(&json!({ "sub": "bob" })));
    asks_to_connect(&world.answer(&bobs, &get_me(), &wants("scope4")).await);
}

/// Consent that changes nothing for the server: it wants the same again.
#[tokio::test]
async fn u5_a_server_that_is_never_satisfied_asks_three_times() {
    let world = connected().await;
    for _ in 0..3 {
        asks_to_connect(&refused(&world, &get_me(), "repo").await);
        widens(&world, "repo").await;
    }
    let output = refused(&world, &get_me(), "repo").await;
    assert!(said(&output).contains("Do not try again"), "{output}");
}

#[tokio::test]
async fn u5_refusals_at_once_are_one_attempt() {
    let world = Arc::new(connected().await);
    for _ in 0..3 {
        let calls = (0..20).map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { refused(&world, &get_me(), "repo").await })
        });
        for call in calls.collect::<Vec<_>>() {
            asks_to_connect(&call.await.unwrap());
        }
        widens(&world, "repo").await;
    }
    assert_eq!(world.alices().await.step_up.attempts.len(), 3);
}

/// E7 for a wider consent: the call is held until the person has agreed, and then goes on with the
/// wider token, not with the one that was refused.
#[tokio::test]
async fn u5_a_modern_call_waits_for_the_wider_consent() {
    let world = Arc::new(connected().await);
    let retry = accepted(&refused(&world, &modern_get_me(), "repo").await);

    tokio::time::pause();
    let output = world.call(&world.jwt(&json!({})), &retry).await;
    let waiting = &answered(&output)["result"];
    assert_eq!(waiting["resultType"], "input_required", "{output}");
    assert!(waiting.get("inputRequests").is_none(), "asked once: {output}");

    let (then, github) = (Arc::clone(&world), world.target("github").await);
    let consents = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let subject = then.subject("alice");
        let wider = tokens("wider", 3600);
        let wider = Connection::active(&token_keys(), subject, &github, &wider, at(NOW)).unwrap();
        then.store.connect(&wider).await.unwrap();
        let asked = ["read".to_owned(), "repo".to_owned()];
        then.store.widen(&subject, &github.name, &asked, &asked[1..]).await.unwrap();
    });
    let output = world.call(&world.jwt(&json!({})), &retry).await;
    tokio::time::resume();
    consents.await.unwrap();
    assert_eq!(forwarded(&output), Some("Bearer gho_wider"));
    let body = &output["mcp"]["transformedGatewayRequest"]["body"];
    assert_eq!(*body, modern_get_me(), "what was ours is taken out");
}

#[tokio::test]
async fn u5_a_person_who_declines_keeps_what_they_have() {
    let world = connected().await;
    let mut retry = accepted(&refused(&world, &modern_get_me(), "repo").await);
    retry["params"]["inputResponses"]["latchkey.connect"]["action"] = "decline".into();
    let output = world.call(&world.jwt(&json!({})), &retry).await;
    assert!(said(&output).contains("What worked before still works"), "{output}");
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"));
}

#[tokio::test]
async fn u5_who_takes_long_is_shown_the_same_link_in_the_end() {
    let world = connected().await;
    let asked = refused(&world, &modern_get_me(), "repo").await;
    let request = &answered(&asked)["result"]["inputRequests"]["latchkey.connect"];
    let link = request["params"]["url"].as_str().unwrap().to_owned();
    let retry = accepted(&asked);
    world.interceptor.clock.set(at(NOW + 60));
    tokio::time::pause();
    let output = world.call(&world.jwt(&json!({})), &retry).await;
    assert!(said(&output).contains(&link), "{output}");
    assert!(said(&output).contains("more permissions"), "{output}");
}

/// A wider consent came while the call with the old token was on its way.
#[tokio::test]
async fn u5_a_late_refusal_of_a_token_that_was_widened_asks_for_nothing() {
    let world = connected().await;
    world.alice_calls().await;
    let github = world.target("github").await;
    let (subject, wider) = (world.subject("alice"), tokens("wider", 3600));
    let wider = Connection::active(&token_keys(), subject, &github, &wider, at(NOW)).unwrap();
    world.store.connect(&wider).await.unwrap();
    says_try_again(&world.answer("Bearer gho_alice", &get_me(), &wants("repo")).await);
    assert!(world.alices().await.step_up.wanted.is_empty());
}

/// An instance may go on with the tokens of before for as long as it remembers them.
#[tokio::test]
async fn u5_a_refusal_soon_after_a_wider_consent_may_be_about_the_tokens_of_before() {
    for (memory, seconds, asks) in [(5, 0, false), (5, 9, false), (5, 11, true), (0, 0, true)] {
        let mut world = connected().await;
        world.interceptor.opened = Opened::new(Duration::from_secs(memory));
        asks_to_connect(&refused(&world, &get_me(), "repo").await);
        widens(&world, "repo").await;
        world.interceptor.clock.set(at(NOW + seconds));
        let output = refused(&world, &get_me(), "more").await;
        if asks {
            asks_to_connect(&output);
        } else {
            says_try_again(&output);
        }
        assert_eq!(world.alices().await.step_up.wanted.is_empty(), !asks, "{seconds}");
    }
}

/// The same, at the last moment.
#[tokio::test]
async fn u5_a_consent_that_comes_between_is_not_asked_for_more() {
    let world = connected().await;
    let (subject, github) = (world.subject("alice"), world.target("github").await);
    let wider = tokens("wider", 3600);
    let wider = Connection::active(&token_keys(), subject, &github, &wider, at(NOW)).unwrap();
    *world.store.meanwhile.lock().unwrap() = Some(("step_up", wider));
    says_try_again(&refused(&world, &modern_get_me(), "repo").await);
    assert!(world.alices().await.step_up.wanted.is_empty());
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_wider"));
}

#[tokio::test]
async fn u5_a_connection_that_ended_is_not_asked_for_more() {
    let world = connected().await;
    let ended = world.alices().await.disconnected(Reason::InvalidGrant, at(NOW));
    world.store.connect(&ended).await.unwrap();
    says_try_again(&refused(&world, &get_me(), "repo").await);
    assert!(matches!(world.alices().await.status, Status::Disconnected { .. }));
    asks_to_connect(&world.alice_calls().await);
}

#[tokio::test]
async fn u6_a_store_that_does_not_answer_is_no_want_of_scopes() {
    for verb in ["find_connection", "step_up"] {
        let world = connected().await;
        world.store.breaks(verb);
        says_try_again(&refused(&world, &modern_get_me(), "repo").await);
    }
    let world = connected().await;
    let retry = accepted(&refused(&world, &modern_get_me(), "repo").await);
    world.store.breaks("find_connection");
    says_try_again(&world.call(&world.jwt(&json!({})), &retry).await);
}

/// What a server says is kept and shown only if it is a scope.
#[tokio::test]
async fn u5_foreign_text_is_no_scope() {
    let world = connected().await;
    let long = "a".repeat(129);
    let challenge = format!(r#"repo <b> \"x\" {long} a\\\\b offline_access"#);
    asks_to_connect(&refused(&world, &get_me(), &challenge).await);
    let kept = world.alices().await.step_up.wanted;
    assert_eq!(kept, BTreeSet::from(["<b>".to_owned(), "repo".to_owned()]));
}

/// Alice is connected, with more than the target asks for.
async fn connected() -> World {
    let world = World::new().await;
    let github = target("https://as.example", &json!({ "scopes": ["read"] }));
    world.change_target(&github).await;
    let mut tokens = tokens("alice", 3600);
    tokens.scopes = vec!["read".into(), "extra".into()];
    let subject = world.subject("alice");
    let connection = Connection::active(&token_keys(), subject, &github, &tokens, at(NOW)).unwrap();
    world.store.connect(&connection).await.unwrap();
    world.store.calls();
    world
}

/// Alice agrees to be asked for `scope`, and gets a token that looks like the one before.
async fn widens(world: &World, scope: &str) {
    let (subject, github) = (world.subject("alice"), world.target("github").await);
    let tokens = tokens("alice", 3600);
    let connection = Connection::active(&token_keys(), subject, &github, &tokens, at(NOW)).unwrap();
    world.store.connect(&connection).await.unwrap();
    let asked = [scope.to_owned()];
    world.store.widen(&subject, &github.name, &asked, &asked).await.unwrap();
}

async fn refused(world: &World, call: &Value, scope: &str) -> Value {
    let authorization = format!("Bearer {}", world.jwt(&json!({})));
    world.answer(&authorization, call, &wants(scope)).await
}

fn wants(scope: &str) -> Value {
    let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
    let error = json!({ "code": -32603, "message": "Forbidden" });
    json!({
        "statusCode": 403,
        "headers": { "www-authenticate": challenge },
        "body": { "jsonrpc": "2.0", "id": 7, "error": error },
    })
}

/// The next round of a modern call, whose user opened the link.
fn accepted(asked: &Value) -> Value {
    let mut retry = modern_get_me();
    retry["params"]["_meta"] = modern();
    retry["params"]["requestState"] = answered(asked)["result"]["requestState"].clone();
    retry["params"]["inputResponses"] = json!({ "latchkey.connect": { "action": "accept" } });
    retry
}
