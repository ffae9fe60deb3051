//! `POST`: what the person decided.

use crate::support::browser::{
    FLOW, NOW, SESSION, SIGN_IN, at, browser_keys, ends_cookie, set_cookie,
};
use crate::world::{BASE, World, onward, query};
use aws_lc_rs::digest::{SHA256, digest};
use broker::pending::{BrowserBinding, State};
use broker::seal::text;
use broker::store::PendingStore;
use broker::subject::Subject;
use http::{Response, StatusCode, header};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a1_a4_to_connect_remembers_once_and_leads_to_the_authorization_server() {
    let world = World::new().await;
    let (answer, _) = connect(&world, &[]).await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(world.store.calls(), ["find_target", "find_connection", "put_pending"]);
    let url = onward(&answer);
    assert!(url.as_str().starts_with("https://as.example/authorize?tenant=a%2Fb&"), "{url}");
    let asked = query(&url);
    for (name, value) in [
        ("tenant", "a/b"),
        ("response_type", "code"),
        ("client_id", "latchkey"),
        ("redirect_uri", "https://broker.example/callback/notes"),
        ("resource", "https://notes.example"),
        ("scope", "notes:read notes:write"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    assert_eq!((asked["state"].len(), asked["code_challenge"].len()), (43, 43));
    assert_eq!(asked.len(), 9, "{asked:?}");

    let state = State::returned(asked["state"].clone());
    let sealed = world.store.take_pending(&state).await.unwrap().unwrap();
    let pending = sealed.open(&browser_keys(), &state).unwrap();
    let alice = Subject::new(world.idp.issuer(), vec!["alice".into()]).unwrap().id();
    assert_eq!(pending.subject, alice);
    assert_eq!(pending.target.as_str(), "notes");
    assert_eq!(pending.issuer, "https://as.example");
    assert_eq!(pending.redirect_uri, asked["redirect_uri"]);
    assert_eq!(pending.resource.as_str(), asked["resource"]);
    assert_eq!(pending.scopes, ["notes:read", "notes:write"]);
    assert_eq!(pending.expires, at(NOW) + Duration::from_mins(10));
    let verifier = pending.code_verifier.into_secret();
    assert_eq!(verifier.len(), 43);
    assert_eq!(text(digest(&SHA256, verifier.as_bytes()).as_ref()), asked["code_challenge"]);
    let cookie = set_cookie(&answer, FLOW).unwrap();
    let secret = cookie.split_once('=').unwrap().1;
    assert_eq!(pending.browser, BrowserBinding::returned(secret).digest());
    assert!(!cookie.contains(&asked["state"]) && !url.as_str().contains(secret));
    assert!(set_cookie(&answer, SESSION).is_none() && !ends_cookie(&answer, SESSION));
}

#[tokio::test]
async fn a1_every_consent_has_a_state_a_verifier_and_a_cookie_of_its_own() {
    let world = World::new().await;
    let (first, second) = (connect(&world, &[]).await.0, connect(&world, &[]).await.0);
    let (one, two) = (query(&onward(&first)), query(&onward(&second)));
    assert_ne!(one["state"], two["state"]);
    assert_ne!(one["code_challenge"], two["code_challenge"]);
    let (one, two) = (set_cookie(&first, FLOW).unwrap(), set_cookie(&second, FLOW).unwrap());
    let (one, two) = (one.split_once('=').unwrap(), two.split_once('=').unwrap());
    assert_ne!(one.0, two.0, "one tab would spoil the other's flow");
    assert_ne!(one.1, two.1);
}

#[tokio::test]
async fn a5_consent_is_asked_for_again_only_where_a_refresh_token_is_wanted() {
    for (scopes, scope, prompt) in [
        (json!([]), None, None),
        (json!(["a"]), Some("a"), None),
        (json!(["a", "offline_access"]), Some("a offline_access"), Some("consent")),
        (json!(["offline_access_not"]), Some("offline_access_not"), None),
    ] {
        let world = World::with(&json!({ "scopes": scopes })).await;
        let asked = query(&onward(&connect(&world, &[]).await.0));
        assert_eq!(asked.get("scope").map(String::as_str), scope);
        assert_eq!(asked.get("prompt").map(String::as_str), prompt);
    }
}

#[tokio::test]
async fn a6_a_parameter_of_the_endpoints_own_is_kept_but_never_given_twice() {
    let endpoint =
        "https://as.example/authorize?p=B2C_1&resource=https%3A%2F%2Fx.example&prompt=none";
    let world = World::with(&json!({
        "scopes": ["offline_access"],
        "authorization_server": {
            "issuer": "https://as.example",
            "authorization_endpoint": endpoint,
            "token_endpoint": "https://as.example/token",
        },
    }))
    .await;
    let asked = query(&onward(&connect(&world, &[]).await.0));
    assert_eq!(asked["p"], "B2C_1");
    assert_eq!(asked["resource"], "https://notes.example");
    assert_eq!(asked["prompt"], "consent");
}

#[tokio::test]
async fn a13_addresses_are_the_configured_ones_whatever_the_request_says() {
    let world = World::new().await;
    let headers = [("host", "evil.example"), ("x-forwarded-host", "evil.example")];
    let (answer, _) = connect(&world, &headers).await;
    assert!(!answer.body().contains("evil.example"));
}

#[tokio::test]
async fn e12_a_ticket_is_checked_again_when_the_person_answers() {
    let mut world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = world.csrf("/authorize/notes", &alice).await;
    world.store.calls();
    let answer = async |world: &World, ticket: &str| {
        world.post(&alice, &[("decision", "connect"), ("csrf", &csrf), ("ticket", ticket)]).await
    };
    let (hers, bobs) =
        (world.ticket("alice", "notes", at(NOW)), world.ticket("bob", "notes", at(NOW)));
    let elsewhere = world.ticket("alice", "files", at(NOW));

    let refused = answer(&world, &bobs).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert!(refused.body().contains("Not the right account") && !refused.body().contains("bob"));
    assert_eq!(answer(&world, &elsewhere).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(answer(&world, "").await.status(), StatusCode::BAD_REQUEST);
    world.authorize.clock = at(NOW) + Duration::from_mins(30);
    assert_eq!(answer(&world, &hers).await.status(), StatusCode::GONE);
    assert_eq!(world.store.calls(), ["find_target"; 4]);

    world.authorize.clock = at(NOW) + Duration::from_mins(29);
    assert!(set_cookie(&answer(&world, &hers).await, FLOW).is_some());
}

#[tokio::test]
async fn e13_a_form_that_is_not_this_sessions_and_targets_own_is_refused() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let alice_elsewhere = world.signed_in("alice");
    let others = [
        String::new(),
        "x".into(),
        "x".repeat(39),
        world.csrf("/authorize/files", &alice).await,
        world.csrf("/authorize/notes", &world.signed_in("bob")).await,
        world.csrf("/authorize/notes", &alice_elsewhere).await,
        world.ticket("alice", "notes", at(NOW)),
        alice.split_once('=').unwrap().1.to_owned(),
    ];
    world.store.calls();
    for csrf in others {
        for decision in ["connect", "decline", "switch"] {
            let answer = world.post(&alice, &[("decision", decision), ("csrf", &csrf)]).await;
            nothing_happened(&world, &answer, &csrf);
        }
    }
    let answer = world.post(&alice, &[("decision", "connect")]).await;
    nothing_happened(&world, &answer, "none");
}

#[tokio::test]
async fn e13_a_form_from_another_origin_is_refused() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = world.csrf("/authorize/notes", &alice).await;
    world.store.calls();
    let form = [("decision", "connect"), ("csrf", csrf.as_str())];
    let subdomain = [("origin", "https://evil.broker.example"), ("sec-fetch-site", "same-site")];
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "https://broker.example:8443")],
        &[("origin", "http://broker.example")],
        &[("origin", "https://broker.example.evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", BASE), ("sec-fetch-site", "cross-site")],
        &subdomain,
    ] {
        let answer = world.post_from(&alice, headers, &form).await;
        nothing_happened(&world, &answer, &format!("{headers:?}"));
    }
    // A browser that says nothing of where a form was still has the session and its proof.
    assert!(set_cookie(&world.post_from(&alice, &[], &form).await, FLOW).is_some());
}

#[tokio::test]
async fn an_answer_without_a_session_leads_to_sign_in_and_is_not_counted() {
    let world = World::new().await;
    let csrf = world.csrf("/authorize/notes", &world.signed_in("alice")).await;
    let ticket = world.ticket("alice", "notes", at(NOW));
    world.store.calls();
    for decision in ["connect", "decline", "switch"] {
        let form = [("decision", decision), ("csrf", &csrf), ("ticket", &ticket)];
        let answer = world.post("", &form).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(onward(&answer).as_str().starts_with(world.idp.issuer()));
        assert!(set_cookie(&answer, SIGN_IN).is_some() && set_cookie(&answer, FLOW).is_none());
        assert_eq!(world.store.calls(), ["find_target"]);
    }
}

#[tokio::test]
async fn nobody_signs_in_for_a_ticket_that_leads_nowhere() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = world.csrf("/authorize/notes", &alice).await;
    for ticket in ["", "x", "a b\r\nset-cookie: c=d", "#", &"x".repeat(100_000)] {
        for (cookie, decision) in [("", "connect"), (&alice, "switch")] {
            let form = [("decision", decision), ("csrf", &csrf), ("ticket", ticket)];
            let answer = world.post(cookie, &form).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
            assert!(answer.headers().get(header::SET_COOKIE).is_none());
        }
    }
}

#[tokio::test]
async fn e8_to_decline_stores_nothing() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = world.csrf("/authorize/notes", &alice).await;
    world.store.calls();
    let answer = world.post(&alice, &[("decision", "decline"), ("csrf", &csrf)]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.body().contains("Our Notes"));
    assert!(answer.headers().get(header::SET_COOKIE).is_none());
    assert_eq!(world.store.calls(), ["find_target"]);
}

#[tokio::test]
async fn to_switch_ends_the_session_and_makes_the_provider_ask_again() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let ticket = world.ticket("bob", "notes", at(NOW));
    let csrf = world.csrf(&format!("/authorize/notes?ticket={ticket}"), &alice).await;
    world.store.calls();
    let form = [("decision", "switch"), ("csrf", &csrf), ("ticket", &ticket)];
    let answer = world.post(&alice, &form).await;
    assert!(ends_cookie(&answer, SESSION));
    assert!(set_cookie(&answer, SIGN_IN).is_some());
    assert_eq!(query(&onward(&answer))["prompt"], "login");
    assert_eq!(world.store.calls(), ["find_target"]);
}

#[tokio::test]
async fn what_is_no_answer_of_ours_is_refused() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = world.csrf("/authorize/notes", &alice).await;
    let ticket = world.ticket("alice", "notes", at(NOW));
    world.store.calls();
    let forms: [(&[(&str, &str)], StatusCode); 7] = [
        (&[("csrf", &csrf)], StatusCode::BAD_REQUEST),
        (&[("csrf", &csrf), ("decision", "")], StatusCode::BAD_REQUEST),
        (&[("csrf", &csrf), ("decision", "Connect")], StatusCode::BAD_REQUEST),
        (
            &[("csrf", &csrf), ("decision", "decline"), ("decision", "connect")],
            StatusCode::BAD_REQUEST,
        ),
        (&[("csrf", &csrf), ("csrf", &csrf), ("decision", "connect")], StatusCode::BAD_REQUEST),
        (
            &[("csrf", &csrf), ("ticket", &ticket), ("ticket", ""), ("decision", "connect")],
            StatusCode::BAD_REQUEST,
        ),
        (&[], StatusCode::FORBIDDEN),
    ];
    for (form, status) in forms {
        let answer = world.post(&alice, form).await;
        assert_eq!(answer.status(), status, "{form:?}");
        assert!(answer.headers().get(header::SET_COOKIE).is_none());
        assert_eq!(world.store.calls(), ["find_target"]);
    }
    let json = json!({ "decision": "connect", "csrf": csrf }).to_string();
    for body in [vec![], json.into_bytes(), vec![0xff; 1000], vec![b'&'; 6_000_000]] {
        let answer = world.send("POST", "/authorize/notes", &[("cookie", &alice)], body).await;
        nothing_happened(&world, &answer, "no form");
    }
    let mut huge = format!("decision=connect&csrf={csrf}&x=").into_bytes();
    huge.resize(6_000_000, b'x');
    let answer = world.send("POST", "/authorize/notes", &[("cookie", &alice)], huge).await;
    assert!(set_cookie(&answer, FLOW).is_some());
}

#[tokio::test]
async fn in_an_outage_no_cookie_is_set_and_nothing_is_sent_on() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = world.csrf("/authorize/notes", &alice).await;
    world.store.breaks("put_pending");
    let answer = world.post(&alice, &[("decision", "connect"), ("csrf", &csrf)]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.body().contains("as.example"));
    assert!(answer.headers().get(header::SET_COOKIE).is_none());

    world.idp.tell(|says| says.down = true);
    let answer = world.post(&alice, &[("decision", "switch"), ("csrf", &csrf)]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().get(header::SET_COOKIE).is_none());
    world.store.breaks("find_target");
    let answer = world.post(&alice, &[("decision", "connect"), ("csrf", &csrf)]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

/// Alice's consent, and her cookie.
async fn connect(world: &World, headers: &[(&str, &str)]) -> (Response<String>, String) {
    let alice = world.signed_in("alice");
    let csrf = world.csrf("/authorize/notes", &alice).await;
    world.store.calls();
    let form = [("decision", "connect"), ("csrf", csrf.as_str())];
    (world.post_from(&alice, headers, &form).await, alice)
}

#[track_caller]
fn nothing_happened(world: &World, answer: &Response<String>, what: &str) {
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{what}");
    assert!(answer.body().contains("This page is out of date"), "{what}");
    assert!(answer.headers().get(header::SET_COOKIE).is_none(), "{what}");
    assert_eq!(world.store.calls(), ["find_target"], "{what}");
}
