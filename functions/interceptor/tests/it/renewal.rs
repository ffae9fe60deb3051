//! T5, T7, T8, T9: an access token that has expired is renewed in line, and a failure to renew it is
//! told as what it is.

use crate::support::server::{Asked, Server, json as answer};
use crate::world::{
    NOW, World, asks_to_connect, at, forwarded, get_me, said, says_try_again, target, token_keys,
    tokens,
};
use axum::body::Body;
use broker::connection::{Connection, Reason, Status};
use broker::store::ConnectionStore;
use http::Response;
use oauth2::RefreshToken;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// How a token endpoint answers from now on.
#[derive(Clone)]
struct Says(Arc<Mutex<(u16, String)>>);

#[tokio::test]
async fn t5_an_expired_token_is_renewed_by_one_request_and_kept() {
    let (world, server, _) = expired(200, NEW).await;

    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new"));
    assert_eq!(world.store.calls(), ["find_connection", "lease", "journal", "settle"]);
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new"));
    assert_eq!(world.store.calls(), ["find_connection"]);

    let [request] = &server.asked()[..] else { panic!("{:?}", server.asked()) };
    for (field, value) in [
        ("grant_type", "refresh_token"),
        ("refresh_token", "ghr_alice"),
        ("client_id", "latchkey"),
        ("resource", "https://mcp.github.example"),
    ] {
        assert_eq!(request.fields(field), [value], "{field}");
    }
}

#[tokio::test]
async fn t5_calls_at_once_spend_a_refresh_token_once() {
    let server = Server::start(async |_: Asked| {
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer(200, NEW)
    })
    .await;
    let world = Arc::new(expired_at(&server.url).await);
    let calls = (0..10).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.alice_calls().await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(forwarded(&call.await.unwrap()), Some("Bearer gho_new"));
    }
    assert_eq!(server.times("/token"), 1);
}

#[tokio::test]
async fn t5_a_token_in_its_last_minute_is_renewed_or_used_up() {
    for (status, body, token) in [
        (200, NEW, "gho_new"),
        (503, "", "gho_alice"),
        (400, r#"{"error":"invalid_grant"}"#, "gho_alice"),
        (401, r#"{"error":"invalid_client"}"#, "gho_alice"),
    ] {
        let (world, server, _) = expired(status, body).await;
        world.connect("alice", &world.target("github").await, 30).await;
        assert_eq!(forwarded(&world.alice_calls().await), Some(&*format!("Bearer {token}")));
        assert_eq!(server.times("/token"), 1);
    }
    for verbs in [&["lease"][..], &["journal"], &["settle", "amend"]] {
        let (world, _, _) = expired(200, NEW).await;
        world.connect("alice", &world.target("github").await, 30).await;
        for verb in verbs {
            world.store.breaks(verb);
        }
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"), "{verbs:?}");
    }
}

#[tokio::test]
async fn t5_a_busy_lease_forwards_what_is_still_good() {
    let (world, server, _) = expired(200, NEW).await;
    world.connect("alice", &world.target("github").await, 30).await;
    let _held = lease(&world).await;
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"));
    assert_eq!(server.times("/token"), 0);
}

#[tokio::test]
async fn t5_a_busy_lease_is_waited_for_and_its_outcome_is_ours() {
    let github = target("https://as.example", &json!({}));
    let active = |world: &World| {
        let subject = world.subject("alice");
        Connection::active(&token_keys(), subject, &github, &tokens("new", 3600), at(NOW)).unwrap()
    };
    for renewed in [true, false] {
        let world = expired_at("https://as.example").await;
        let held = lease(&world).await;
        let after = if renewed {
            active(&world)
        } else {
            active(&world).disconnected(Reason::InvalidGrant, at(NOW))
        };
        let store = world.store.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(1200)).await;
            assert!(store.settle(held, &after).await.unwrap());
        });
        tokio::time::pause();
        let output = world.alice_calls().await;
        tokio::time::resume();
        if renewed {
            assert_eq!(forwarded(&output), Some("Bearer gho_new"));
        } else {
            asks_to_connect(&output);
        }
        let reads = world.store.calls().iter().filter(|call| **call == "find_connection").count();
        assert_eq!(reads, 4, "once, and every half second");
    }
}

#[tokio::test]
async fn t5_a_lease_that_stays_busy_is_no_want_of_consent() {
    let world = expired_at("https://as.example").await;
    let _held = lease(&world).await;
    tokio::time::pause();
    says_try_again(&world.alice_calls().await);
    world.store.breaks("find_connection");
    says_try_again(&world.alice_calls().await);
}

/// The person consents anew while their old refresh token is being spent: theirs is the newer.
#[tokio::test]
async fn t5_a_new_consent_wins_over_a_renewal_under_way() {
    for (status, body) in [(200, NEW), (400, r#"{"error":"invalid_grant"}"#)] {
        let (asked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&asked), Arc::clone(&go_on));
        let server = Server::start(move |_: Asked| {
            tell.notify_one();
            let wait = Arc::clone(&wait);
            async move {
                wait.notified().await;
                answer(status, body)
            }
        })
        .await;
        let world = expired_at(&server.url).await;
        let github = world.target("github").await;
        let (output, ()) = tokio::join!(world.alice_calls(), async {
            asked.notified().await;
            let (subject, newer) = (world.subject("alice"), tokens("newer", 3600));
            let newer =
                Connection::active(&token_keys(), subject, &github, &newer, at(NOW)).unwrap();
            world.store.connect(&newer).await.unwrap();
            go_on.notify_one();
        });
        assert_eq!(forwarded(&output), Some("Bearer gho_newer"));
    }
}

#[tokio::test]
async fn t7_invalid_grant_asks_and_is_not_asked_about_again() {
    let (world, server, _) = expired(400, r#"{"error":"invalid_grant"}"#).await;
    asks_to_connect(&world.alice_calls().await);
    let Status::Disconnected { reason: Reason::InvalidGrant, .. } = status(&world).await else {
        panic!("still connected");
    };
    asks_to_connect(&world.alice_calls().await);
    assert_eq!(server.times("/token"), 1);
}

#[tokio::test]
async fn t7_an_answer_that_says_nothing_about_the_grant_leaves_the_connection() {
    let large = format!(r#"{{"access_token":"{}"}}"#, "a".repeat(300 * 1024));
    for (status, body) in [
        (429, "{}"),
        (429, r#"{"error":"invalid_grant"}"#),
        (500, "{}"),
        (502, "<html>Bad gateway</html>"),
        (503, r#"{"error":"invalid_grant"}"#),
        (200, "<html>Maintenance</html>"),
        (400, "<html>Bad request</html>"),
        (404, ""),
        (200, ""),
        (200, "[]"),
        (200, "{}"),
        (200, r#"{"access_token":7,"token_type":"Bearer"}"#),
        (302, ""),
        (400, r#"{"error":"temporarily_unavailable"}"#),
        (200, r#"{"error":"server_error"}"#),
        (200, large.as_str()),
    ] {
        let (world, server, says) = expired(status, body).await;
        let output = world.alice_calls().await;
        says_try_again(&output);
        assert!(!output.to_string().contains("html"), "{output}");
        assert_eq!(server.times("/token"), 1, "{status} {body}");
        says.now(200, NEW);
        // The authorization server is left alone for a moment, unless it only had no words for one grant.
        if !matches!((status, body), (400, "<html>Bad request</html>") | (404, "")) {
            says_try_again(&world.alice_calls().await);
            assert_eq!(server.times("/token"), 1, "{status} {body}");
            world.interceptor.clock.set(at(NOW + 10));
        }
        let output = world.alice_calls().await;
        assert_eq!(forwarded(&output), Some("Bearer gho_new"), "{status} {body}: {output}");
    }
}

#[tokio::test]
async fn t7_a_server_that_is_not_there_or_hangs_up_leaves_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hangs_up = tokio::spawn(async move {
        loop {
            drop(listener.accept().await.unwrap());
        }
    });
    let world = expired_at(&url).await;
    says_try_again(&world.alice_calls().await);
    hangs_up.abort();
    let _ = hangs_up.await;
    world.interceptor.clock.set(at(NOW + 10));
    says_try_again(&world.alice_calls().await);
    assert!(matches!(status(&world).await, Status::Active { .. }));
}

#[tokio::test]
async fn t7_a_server_that_does_not_answer_leaves_the_connection() {
    let asked = Arc::new(Notify::new());
    let (tell, never) = (Arc::clone(&asked), Arc::new(Notify::new()));
    let server = Server::start(move |_: Asked| {
        tell.notify_one();
        let never = Arc::clone(&never);
        async move {
            never.notified().await;
            Response::new(Body::empty())
        }
    })
    .await;
    let world = expired_at(&server.url).await;
    let (output, ()) = tokio::join!(world.alice_calls(), async {
        asked.notified().await;
        // The rest is waiting.
        tokio::time::pause();
    });
    says_try_again(&output);
    assert!(matches!(status(&world).await, Status::Active { .. }));
    assert!(world.store.calls().contains(&"release"), "the lease is given back");
}

#[tokio::test]
async fn t8_what_only_an_operator_can_mend_is_not_the_persons_problem() {
    for error in ["invalid_client", "unauthorized_client", "invalid_scope", "invalid_target"] {
        let (world, _, says) = expired(400, &json!({ "error": error }).to_string()).await;
        let output = world.alice_calls().await;
        assert!(said(&output).contains("Ask your administrator"), "{error}: {output}");
        assert!(!output.to_string().contains("/authorize/"), "{error}: {output}");
        says.now(200, NEW);
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new"), "{error}");
    }
}

#[tokio::test]
async fn t9_without_a_refresh_token_an_expired_one_asks() {
    let (world, server, _) = expired(200, NEW).await;
    let github = world.target("github").await;
    let mut tokens = tokens("alice", 0);
    tokens.refresh = None::<RefreshToken>;
    let subject = world.subject("alice");
    let connection = Connection::active(&token_keys(), subject, &github, &tokens, at(NOW)).unwrap();
    world.store.connect(&connection).await.unwrap();
    asks_to_connect(&world.alice_calls().await);
    assert_eq!(server.times("/token"), 0);
}

/// T6: tokens that could not be written are not used: the next call would not have them.
#[tokio::test]
async fn t6_a_renewal_that_cannot_be_written_forwards_nothing() {
    for verbs in [&["lease"][..], &["journal"], &["settle", "amend"]] {
        let (world, _, _) = expired(200, NEW).await;
        for verb in verbs {
            world.store.breaks(verb);
        }
        says_try_again(&world.alice_calls().await);
    }
}

/// The renewed token of one person is not another's, whoever is renewed first.
#[tokio::test]
async fn u2_people_who_are_renewed_at_once_get_their_own() {
    let server = Server::start(async |asked: Asked| {
        let spent = asked.fields("refresh_token").remove(0);
        let new = format!("gho_new_{}", spent.trim_start_matches("ghr_"));
        answer(200, &json!({ "access_token": new, "token_type": "Bearer", "expires_in": 3600 }))
    })
    .await;
    let world = Arc::new(World::at_authorization_server(&server.url).await);
    let github = world.target("github").await;
    let people = ["alice", "bob", "carol", "dave"];
    for name in people {
        world.connect(name, &github, 0).await;
    }
    let calls = people.map(|name| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let output = world.call(&world.jwt(&json!({ "sub": name })), &get_me()).await;
            assert_eq!(forwarded(&output), Some(&*format!("Bearer gho_new_{name}")));
        })
    });
    for call in calls {
        call.await.unwrap();
    }
}

impl Says {
    fn now(&self, status: u16, body: &str) {
        *self.0.lock().unwrap() = (status, body.to_owned());
    }
}

/// Alice's token has expired, and the token endpoint answers so.
async fn expired(status: u16, body: &str) -> (World, Server, Says) {
    let says = Says(Arc::new(Mutex::new((status, body.to_owned()))));
    let told = says.clone();
    let server = Server::start(move |_| {
        let (status, body) = told.0.lock().unwrap().clone();
        async move { answer(status, &body) }
    })
    .await;
    (expired_at(&server.url).await, server, says)
}

async fn expired_at(authorization_server: &str) -> World {
    let world = World::at_authorization_server(authorization_server).await;
    world.connect("alice", &world.target("github").await, 0).await;
    world
}

/// Somebody else renews Alice's connection, or died while they did.
async fn lease(world: &World) -> broker::store::Lease {
    let (subject, github) = (world.subject("alice"), "github".parse().unwrap());
    let until = at(NOW) + Duration::from_mins(5);
    world.store.lease(&subject, &github, at(NOW), until).await.unwrap().unwrap()
}

async fn status(world: &World) -> Status {
    let (subject, github) = (world.subject("alice"), "github".parse().unwrap());
    world.store.find_connection(&subject, &github).await.unwrap().unwrap().status
}

const NEW: &str = r#"{
    "access_token": "gho_new",
    "refresh_token": "ghr_new",
    "token_type": "Bearer",
    "expires_in": 3600
}"#;
