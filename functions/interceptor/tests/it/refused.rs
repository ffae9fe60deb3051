//! U5: an MCP server that refuses our token leads to one renewal, or to a new consent, and to no
//! more.

use crate::support::server::{Asked, Server, json as answer};
use crate::world::{
    NOW, World, answered, asks_to_connect, at, event, forwarded, get_me, said, says_try_again,
    token_keys, tokens,
};
use broker::clock::Clock as _;
use broker::connection::{Attempt, Connection, Reason, Status};
use broker::store::ConnectionStore;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn u5_a_401_after_a_forward_leads_to_one_renewal_and_a_successful_retry() {
    for response in [
        http_401(),
        json!({ "statusCode": 200, "body": error("The target github answered HTTP 401.") }),
        json!({ "isStreamingResponse": true, "body": error("HTTP 401 Unauthorized") }),
        json!({ "statusCode": 200, "body": tool_error("Request failed with status code 401") }),
    ] {
        for shown in [Shown::Jwt, Shown::Token] {
            let (world, server) = connected().await;
            assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"));
            world.store.calls();

            refused_token(&world.answer(&shown.by(&world).await, &get_me(), &response).await);
            assert_eq!(world.store.calls(), ["find_connection", "expire"]);
            assert_eq!(server.times("/token"), 0, "nothing is renewed while an answer waits");

            assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new1"));
            goes_on(&world, &success()).await;
            assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new1"));
            assert_eq!(server.times("/token"), 1);
        }
    }
}

#[tokio::test]
async fn u5_many_401s_for_one_token_lead_to_one_renewal() {
    for shown in [Shown::Jwt, Shown::Token] {
        let (world, server) = connected().await;
        // A token that has been in use for a while.
        world.interceptor.clock.set(at(NOW + 300));
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"));
        let world = Arc::new(world);
        let authorization = shown.by(&world).await;
        let answers = (0..20).map(|_| {
            let (world, authorization) = (Arc::clone(&world), authorization.clone());
            tokio::spawn(async move { world.answer(&authorization, &get_me(), &http_401()).await })
        });
        for answer in answers.collect::<Vec<_>>() {
            refused_token(&answer.await.unwrap());
        }
        for _ in 0..3 {
            assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new1"));
        }
        assert_eq!(server.times("/token"), 1);
    }
}

/// The token that a call came with is refused late, when there is a new one.
#[tokio::test]
async fn u5_a_late_401_does_not_mark_the_token_that_came_after() {
    for shown in [Shown::Jwt, Shown::Token] {
        let (world, server) = connected().await;
        world.alice_calls().await;
        let authorization = shown.by(&world).await;
        refused_token(&world.answer(&authorization, &get_me(), &http_401()).await);
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new1"));
        for _ in 0..10 {
            let late = world.answer(&authorization, &get_me(), &http_401()).await;
            assert!(said(&late).contains("ry again"), "{late}");
        }
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new1"));
        assert_eq!(server.times("/token"), 1);
    }
}

/// Refused for as long as a fault lasts, and longer: consent is what is left to try.
#[tokio::test]
async fn u5_a_server_that_refuses_every_token_costs_two_renewals_and_ends_after_minutes() {
    for shown in [Shown::Jwt, Shown::Token] {
        let (world, server) = connected().await;
        let mut ended = None;
        for second in 0..600 {
            world.interceptor.clock.set(at(NOW + second));
            let output = world.alice_calls().await;
            if forwarded(&output).is_none() {
                asks_to_connect(&output);
                ended.get_or_insert(second);
                continue;
            }
            assert_eq!(ended, None);
            let refused = world.answer(&shown.by(&world).await, &get_me(), &http_401()).await;
            assert!(said(&refused).contains("ry again"), "{refused}");
        }
        assert_eq!(server.times("/token"), 2);
        assert!((300..400).contains(&ended.unwrap()), "{ended:?}");
        let Status::Disconnected { reason: Reason::TokenRefused, .. } = world.alices().await.status
        else {
            panic!("still connected");
        };
        says_try_again(&world.answer(&Shown::Jwt.by(&world).await, &get_me(), &http_401()).await);
    }
}

/// However rarely somebody calls, and whatever the event shows.
#[tokio::test]
async fn u5_a_server_that_refuses_every_token_costs_a_bounded_number_of_renewals() {
    for shown in [Shown::Jwt, Shown::Token] {
        for pause in [20, 45, 119, 121, 200, 301, 901] {
            let (world, server) = connected().await;
            let mut renewed_at = vec![];
            for second in (0..3500).step_by(pause) {
                world.interceptor.clock.set(at(NOW + second));
                let before = server.times("/token");
                if forwarded(&world.alice_calls().await).is_none() {
                    break;
                }
                if server.times("/token") > before {
                    renewed_at.push(second);
                }
                world.answer(&shown.by(&world).await, &get_me(), &http_401()).await;
            }
            let close = renewed_at.windows(2).any(|two| two[1] - two[0] < 120);
            assert!(!close, "{pause}: {renewed_at:?}");
        }
    }
}

/// Consent could not have mended what was over after a minute.
#[tokio::test]
async fn u5_a_fault_of_a_minute_ends_nobody_and_costs_one_renewal() {
    for shown in [Shown::Jwt, Shown::Token] {
        for renewable in [true, false] {
            let (world, server) = connected().await;
            if !renewable {
                connect_unrenewable(&world).await;
            }
            for hour in 0..2 {
                for second in 0..60 {
                    world.interceptor.clock.set(at(NOW + 150 + hour * 1800 + second));
                    assert!(forwarded(&world.alice_calls().await).is_some());
                    let authorization = shown.by(&world).await;
                    world.answer(&authorization, &get_me(), &http_401()).await;
                }
                assert!(forwarded(&world.alice_calls().await).is_some());
                let renewals = if renewable { usize::try_from(hour).unwrap() + 1 } else { 0 };
                assert_eq!(server.times("/token"), renewals);
            }
        }
    }
}

/// A token that served for minutes was not got for nothing, though its server did not say that it
/// would end so soon.
#[tokio::test]
async fn u5_tokens_that_live_for_five_unsaid_minutes_end_nobody() {
    for shown in [Shown::Jwt, Shown::Token] {
        for pause in [7, 10, 100] {
            let (world, server) = connected().await;
            let jwt = world.jwt(&json!({ "exp": NOW + 7200 }));
            let mut serving = (String::new(), 0);
            let mut refusals = 0;
            for second in (0..3590).step_by(pause) {
                world.interceptor.clock.set(at(NOW + second));
                let output = world.call(&jwt, &get_me()).await;
                let token = forwarded(&output).expect("still connected").to_owned();
                if serving.0 != token {
                    serving = (token, second);
                }
                if second - serving.1 >= 300 {
                    let authorization = shown.by(&world).await;
                    refused_token(&world.answer(&authorization, &get_me(), &http_401()).await);
                    refusals += 1;
                }
            }
            assert!(world.alices().await.is_active());
            assert!(refusals >= 8 && server.times("/token") <= 12, "{refusals}");
            // Each refusal is mended by the call that follows.
            assert!(refusals - server.times("/token") <= 1, "{refusals}");
        }
    }
}

#[tokio::test]
async fn u5_a_refusal_long_after_another_is_a_first_one() {
    let (world, server) = connected().await;
    let authorization = Shown::Jwt.by(&world).await;
    for round in 0..3 {
        let now = NOW + round * 601;
        world.interceptor.clock.set(at(now));
        assert!(forwarded(&world.alice_calls().await).is_some());
        refused_token(&world.answer(&authorization, &get_me(), &http_401()).await);
        assert!(forwarded(&world.alice_calls().await).is_some());
        assert_eq!(server.times("/token"), usize::try_from(round).unwrap() + 1);
    }
}

#[tokio::test]
async fn u5_a_new_consent_starts_over() {
    let (world, server) = connected().await;
    let authorization = Shown::Jwt.by(&world).await;
    refused_token(&world.answer(&authorization, &get_me(), &http_401()).await);
    world.connect("alice", &world.target("github").await, 3600).await;
    refused_token(&world.answer(&authorization, &get_me(), &http_401()).await);
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new1"));
    assert_eq!(server.times("/token"), 1);
}

#[tokio::test]
async fn u5_without_a_refresh_token_a_401_that_lasts_for_minutes_asks() {
    let (world, server) = connected().await;
    connect_unrenewable(&world).await;
    for second in [31, 32, 290, 340] {
        world.interceptor.clock.set(at(NOW + second));
        assert!(forwarded(&world.alice_calls().await).is_some());
        refused_token(&world.answer(&Shown::Jwt.by(&world).await, &get_me(), &http_401()).await);
    }
    asks_to_connect(&world.alice_calls().await);
    assert_eq!(server.times("/token"), 0);
}

/// A tool may speak of somebody else's 401, over and over: no consent is lost over words.
#[tokio::test]
async fn u5_a_tools_words_cost_a_renewal_in_five_minutes_at_most() {
    for body in [tool_error("HTTP 401"), error("Request failed with status code 401")] {
        let response = json!({ "statusCode": 200, "body": body });
        let (world, server) = connected().await;
        let authorization = Shown::Jwt.by(&world).await;
        refused_token(&world.answer(&authorization, &get_me(), &response).await);
        for second in 0..300 {
            world.interceptor.clock.set(at(NOW + second));
            assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new1"));
            goes_on(&world, &response).await;
        }
        for second in 300..1200 {
            world.interceptor.clock.set(at(NOW + second));
            assert!(forwarded(&world.alice_calls().await).is_some());
            world.answer(&authorization, &get_me(), &response).await;
        }
        assert_eq!(server.times("/token"), 4);

        let (world, _) = connected().await;
        connect_unrenewable(&world).await;
        for second in (0..1200).step_by(10) {
            world.interceptor.clock.set(at(NOW + second));
            goes_on(&world, &response).await;
            assert!(forwarded(&world.alice_calls().await).is_some());
        }
    }
}

#[tokio::test]
async fn u5_a_401_marks_the_callers_own_token_only() {
    let (world, server) = connected().await;
    let (github, files) = (world.target("github").await, world.target("files").await);
    world.connect("bob", &github, 3600).await;
    world.connect("alice", &files, 3600).await;
    let stranger = format!("Bearer {}", world.jwt(&json!({ "sub": "carol" })));
    let expired = format!("Bearer {}", world.jwt(&json!({ "exp": NOW - 60 })));
    for authorization in [&*stranger, &*expired, "Bearer gho_alice", "Bearer gho_bob", "gho", ""] {
        says_try_again(&world.answer(authorization, &get_me(), &http_401()).await);
    }
    let bobs = format!("Bearer {}", world.jwt(&json!({ "sub": "bob" })));
    refused_token(&world.answer(&bobs, &get_me(), &http_401()).await);
    assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_alice"));
    let mut call = get_me();
    call["params"]["name"] = "files___read".into();
    let output = world.call(&world.jwt(&json!({})), &call).await;
    assert_eq!(forwarded(&output), Some("Bearer gho_alice"));
    assert_eq!(server.times("/token"), 0);
    let output = world.call(&world.jwt(&json!({ "sub": "bob" })), &get_me()).await;
    assert_eq!(forwarded(&output), Some("Bearer gho_new1"));
}

/// A token that an event shows is believed only if this instance has sent it.
#[tokio::test]
async fn u4_a_token_that_an_event_shows_is_whose_it_was_sent_for() {
    let (world, _) = connected().await;
    world.connect("bob", &world.target("github").await, 3600).await;
    world.alice_calls().await;
    for unknown in ["Bearer gho_bob", "bearer gho_alice", "Bearer gho_alice "] {
        says_try_again(&world.answer(unknown, &get_me(), &http_401()).await);
    }
    assert!(world.alices().await.is_fresh(at(NOW)));
    // More calls than are remembered: the latest are.
    for number in 0..1100 {
        let name = format!("p{number}");
        world.connect(&name, &world.target("github").await, 3600).await;
        world.call(&world.jwt(&json!({ "sub": name })), &get_me()).await;
    }
    says_try_again(&world.answer("Bearer gho_alice", &get_me(), &http_401()).await);
    assert!(world.alices().await.is_fresh(at(NOW)));
    refused_token(&world.answer("Bearer gho_p1099", &get_me(), &http_401()).await);
}

/// Who is renewing may be about to win tokens that are good.
#[tokio::test]
async fn u5_a_connection_that_is_being_renewed_does_not_end() {
    for journal in [true, false] {
        let (world, server) = connected().await;
        let authorization = about_to_end(&world).await;
        let now = world.interceptor.clock.now();
        let (subject, github) = (world.subject("alice"), "github".parse().unwrap());
        // One who wrote that a request was about to leave may have won tokens, and be gone.
        let until = if journal { now } else { now + Duration::from_mins(5) };
        let lease = world.store.lease(&subject, &github, now, until).await.unwrap().unwrap();
        if journal {
            let attempt = Attempt { began_at: now, requests: 1 };
            assert!(world.store.journal(&lease, attempt).await.unwrap());
        }
        let refused = world.answer(&authorization, &get_me(), &http_401()).await;
        assert!(said(&refused).contains("ry again"), "{refused}");
        assert!(world.alices().await.is_active());
        assert_eq!(server.times("/token"), 2);
    }
}

/// The person consents anew between the look at the row and what is written about it.
#[tokio::test]
async fn u5_a_consent_that_comes_between_is_neither_marked_nor_ended() {
    for verb in ["expire", "lease"] {
        let (world, _) = connected().await;
        let authorization = match verb {
            "lease" => about_to_end(&world).await,
            _ => Shown::Jwt.by(&world).await,
        };
        let (subject, github) = (world.subject("alice"), world.target("github").await);
        let newer = tokens("newer", 3600);
        let newer = Connection::active(&token_keys(), subject, &github, &newer, at(NOW)).unwrap();
        *world.store.meanwhile.lock().unwrap() = Some((verb, newer));
        world.store.calls();
        refused_token(&world.answer(&authorization, &get_me(), &http_401()).await);
        // A row that is no longer what was looked at is not written, only let go.
        let calls = world.store.calls();
        assert!(calls.contains(&verb) && !calls.contains(&"settle"), "{calls:?}");
        assert_eq!(calls.contains(&"release"), verb == "lease", "{calls:?}");
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_newer"), "{verb}");
    }
}

/// Where the event shows only who called, a new token has half a minute for late answers about the
/// one before.
#[tokio::test]
async fn u5_a_late_401_ends_nothing() {
    let (world, server) = connected().await;
    let authorization = about_to_end(&world).await;
    for second in [340, 345, 365] {
        world.interceptor.clock.set(at(NOW + second));
        says_try_again(&world.answer(&authorization, &get_me(), &http_401()).await);
        assert_eq!(forwarded(&world.alice_calls().await), Some("Bearer gho_new2"));
    }
    assert_eq!(server.times("/token"), 2);
}

/// The person disconnects between the look at the row and its end.
#[tokio::test]
async fn u5_a_connection_that_somebody_else_ended_stays_as_they_ended_it() {
    let (world, _) = connected().await;
    let authorization = about_to_end(&world).await;
    let ended = world.alices().await.disconnected(Reason::BySubject, at(NOW + 380));
    *world.store.meanwhile.lock().unwrap() = Some(("lease", ended.clone()));
    refused_token(&world.answer(&authorization, &get_me(), &http_401()).await);
    assert_eq!(world.alices().await.status, ended.status);
}

#[tokio::test]
async fn u6_a_store_that_does_not_answer_turns_a_401_into_try_again() {
    for verb in ["find_connection", "expire"] {
        let (world, _) = connected().await;
        world.store.breaks(verb);
        says_try_again(&world.answer(&Shown::Jwt.by(&world).await, &get_me(), &http_401()).await);
    }
    for verb in ["note_refusal", "lease", "settle"] {
        let (world, _) = connected().await;
        let authorization = match verb {
            "note_refusal" => {
                connect_unrenewable(&world).await;
                world.interceptor.clock.set(at(NOW + 60));
                Shown::Jwt.by(&world).await
            }
            _ => about_to_end(&world).await,
        };
        world.store.breaks(verb);
        says_try_again(&world.answer(&authorization, &get_me(), &http_401()).await);
    }
}

/// The way back of every ordinary call: no store, no identity provider, no parsing.
#[tokio::test]
async fn an_answer_that_is_no_refusal_costs_no_look_at_anything() {
    let (world, _) = connected().await;
    world.idp.tell(|says| says.down = true);
    for verb in ["find_connection", "targets", "expire", "lease"] {
        world.store.breaks(verb);
    }
    let large = format!("HTTP 401 {}", "a".repeat(6 * 1024 * 1024));
    let deep = format!("{}401{}", "[".repeat(100_000), "]".repeat(100_000));
    let many: Vec<Value> =
        (0..2000).map(|n| json!({ "type": "text", "text": n.to_string() })).collect();
    for body in [
        success()["body"].to_string(),
        tool_error("No such file").to_string(),
        tool_error(&large).to_string(),
        json!({ "jsonrpc": "2.0", "id": 7, "result": { "content": many, "isError": true } })
            .to_string(),
        error("Forbidden").to_string(),
        // Neither is parsed: one is too large for a refusal, the other has no mark of one.
        json!({ "jsonrpc": "2.0", "id": 7, "error": { "code": 401, "message": "a".repeat(20_000) } })
            .to_string(),
        error("HTTP 4x1").to_string().replace('x', "\\u0030"),
        format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"a":{deep}}}}}"#),
    ] {
        let jwt = world.jwt(&json!({}));
        let mut shell = event(&format!("Bearer {jwt}"), &get_me());
        shell["mcp"]["gatewayResponse"] = json!({ "statusCode": 200, "body": "BODY" });
        let output = world.send(&shell.to_string().replace("\"BODY\"", &body)).await;
        assert!(output.contains(&body), "{}", &output[..200.min(output.len())]);
        assert!(!output.contains(&jwt));
    }
    assert_eq!(world.store.calls(), Vec::<&str>::new());
}

/// How the gateway shows the request that is answered.
#[derive(Clone, Copy)]
enum Shown {
    /// As the client sent it.
    Jwt,
    /// As it went to the target, with Alice's token of now.
    Token,
}

impl Shown {
    async fn by(self, world: &World) -> String {
        match self {
            Self::Jwt => format!("Bearer {}", world.jwt(&json!({}))),
            Self::Token => {
                let github = world.target("github").await;
                let tokens =
                    world.alices().await.open(&token_keys(), &world.subject("alice"), &github);
                tokens.unwrap().bearer().unwrap()
            }
        }
    }
}

/// Alice is connected for an hour, and the token endpoint gives `gho_new1`, `gho_new2` and so on.
async fn connected() -> (World, Server) {
    let given = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |_: Asked| {
        let number = given.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            let new = json!({
                "access_token": format!("gho_new{number}"),
                "refresh_token": format!("ghr_new{number}"),
                "token_type": "Bearer",
                "expires_in": 3600,
            });
            answer(200, &new)
        }
    })
    .await;
    let world = World::at_authorization_server(&server.url).await;
    world.connect("alice", &world.target("github").await, 3600).await;
    (world, server)
}

/// Alice's tokens were refused for minutes, and one more refusal is what it takes.
async fn about_to_end(world: &World) -> String {
    let authorization = Shown::Jwt.by(world).await;
    // The first, the one it was renewed to, and that again.
    for second in [0, 31, 340] {
        world.interceptor.clock.set(at(NOW + second));
        refused_token(&world.answer(&authorization, &get_me(), &http_401()).await);
        assert!(forwarded(&world.alice_calls().await).is_some());
    }
    world.interceptor.clock.set(at(NOW + 380));
    authorization
}

async fn connect_unrenewable(world: &World) {
    let mut tokens = tokens("alice", 3600);
    tokens.refresh = None;
    let (subject, github) = (world.subject("alice"), world.target("github").await);
    let now: SystemTime = at(NOW);
    let connection = Connection::active(&token_keys(), subject, &github, &tokens, now).unwrap();
    world.store.connect(&connection).await.unwrap();
}

#[track_caller]
fn refused_token(output: &Value) {
    assert!(said(output).starts_with("GitHub did not accept the access token"), "{output}");
}

/// Alice's client hears what the MCP server said.
async fn goes_on(world: &World, response: &Value) {
    let output = world.answer(&Shown::Jwt.by(world).await, &get_me(), response).await;
    assert_eq!(*answered(&output), response["body"]);
}

fn http_401() -> Value {
    json!({
        "statusCode": 401,
        "headers": { "WWW-Authenticate": "Bearer error=\"invalid_token\"" },
        "body": error("Unauthorized"),
    })
}

fn success() -> Value {
    let result = json!({ "content": [{ "type": "text", "text": "hello" }] });
    json!({ "statusCode": 200, "body": { "jsonrpc": "2.0", "id": 7, "result": result } })
}

fn error(message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "error": { "code": -32603, "message": message } })
}

fn tool_error(text: &str) -> Value {
    let result = json!({ "content": [{ "type": "text", "text": text }], "isError": true });
    json!({ "jsonrpc": "2.0", "id": 7, "result": result })
}
