//! Whose forms count: those of our page, from our origin, of this session, for this target.

use crate::support::browser::{NOW, SESSION, SIGN_IN, at, person, session, set_cookie};
use crate::world::{BASE, DISCONNECT, World, csrf};
use http::{Response, StatusCode, header};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn e13_a_form_that_is_not_this_sessions_and_targets_own_is_refused() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    world.connect("alice", "files", &crate::world::tokens("alice")).await;
    let page = world.page(&[&alice]).await;
    let elsewhere = csrf(&page, "/connections/files/disconnect").unwrap();
    let own = async |cookie: &str| csrf(&world.page(&[cookie]).await, DISCONNECT).unwrap();
    let others = [
        String::new(),
        "x".into(),
        elsewhere,
        own(&world.signed_in("bob")).await,
        // The same person at another browser.
        own(&world.signed_in("alice")).await,
        alice.split_once('=').unwrap().1.to_owned(),
    ];
    world.store.calls();
    for csrf in others {
        let answer = world.post(DISCONNECT, &alice, &[("csrf", &csrf)]).await;
        nothing_happened(&world, &answer, &csrf).await;
    }
    let answer = world.post(DISCONNECT, &alice, &[]).await;
    nothing_happened(&world, &answer, "none").await;
}

#[tokio::test]
async fn e13_a_form_from_another_origin_is_refused() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = csrf(&world.page(&[&alice]).await, DISCONNECT).unwrap();
    world.store.calls();
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", "http://broker.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", BASE), ("sec-fetch-site", "cross-site")],
    ] {
        let answer = world.post_from(DISCONNECT, &alice, headers, &[("csrf", &csrf)]).await;
        nothing_happened(&world, &answer, &format!("{headers:?}")).await;
    }
}

#[tokio::test]
async fn a_field_that_is_given_twice_is_refused() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = csrf(&world.page(&[&alice]).await, DISCONNECT).unwrap();
    let answer = world.post(DISCONNECT, &alice, &[("csrf", &csrf), ("csrf", &csrf)]).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let json = json!({ "csrf": csrf }).to_string();
    world.store.calls();
    for body in [vec![], json.into_bytes(), vec![0xff; 1000], vec![b'&'; 6_000_000]] {
        let answer = world.send("POST", DISCONNECT, &[("cookie", &alice)], body).await;
        nothing_happened(&world, &answer, "no form").await;
    }
}

#[tokio::test]
async fn a_form_without_a_session_leads_to_sign_in_and_is_not_counted() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = csrf(&world.page(&[&alice]).await, DISCONNECT).unwrap();
    world.store.calls();
    let ended = session(
        person(world.idp.issuer(), "alice"),
        &world.function.browser_keys,
        at(NOW) - Duration::from_hours(1),
    );
    for cookie in ["", &ended, &format!("{SESSION}=x")] {
        let answer = world.post(DISCONNECT, cookie, &[("csrf", &csrf)]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.body().contains(&format!("url={}", world.idp.issuer())));
        assert!(set_cookie(&answer, SIGN_IN).is_some());
        assert_eq!(world.store.calls(), [""; 0]);
    }
    assert!(world.is_connected("alice").await);
    assert_eq!(world.server.asked().len(), 0);
}

/// U2, E12: Bob's browser with Alice's form disconnects nobody, and with his own only himself.
#[tokio::test]
async fn e12_another_persons_session_ends_only_its_own() {
    let world = World::new().await;
    let (alice, bob) = (world.signed_in("alice"), world.signed_in("bob"));
    let hers = csrf(&world.page(&[&alice]).await, DISCONNECT).unwrap();
    world.store.calls();
    let answer = world.post(DISCONNECT, &bob, &[("csrf", &hers)]).await;
    nothing_happened(&world, &answer, "Alice's form").await;
    assert_eq!(world.press(&bob).await.status(), StatusCode::SEE_OTHER);
    assert!(world.is_connected("alice").await && !world.is_connected("bob").await);
    assert_eq!(world.given_back(), ["bob-refresh", "bob-access"]);
}

#[track_caller]
fn refused(answer: &Response<String>, what: &str) {
    assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{what}");
    assert!(answer.body().contains("This page is out of date"), "{what}");
    assert!(answer.headers().get(header::SET_COOKIE).is_none(), "{what}");
}

async fn nothing_happened(world: &World, answer: &Response<String>, what: &str) {
    refused(answer, what);
    assert_eq!(world.store.calls(), [""; 0], "{what}");
    assert_eq!(world.server.asked().len(), 0, "{what}");
    assert!(world.is_connected("alice").await && world.is_connected("bob").await, "{what}");
}
