//! What the person is told: never more than the authorization server said.

use crate::support::browser::{NOW, at, set_cookie};
use crate::world::{DISCONNECT, World, csrf, tokens};
use broker::connection::Attempt;
use broker::store::ConnectionStore;
use serde_json::json;
use std::time::Duration;

const NOTE: &str = "__Host-latchkey-disconnected";
const CONFIRMED: &str = "confirmed that the permission is withdrawn";
const UNCONFIRMED: &str = "did not confirm that the permission is withdrawn";
const NO_WAY: &str = "offers no way to be told";
const BEFORE: &str = "It was disconnected before";

#[tokio::test]
async fn t11_a_confirmation_is_told_as_one() {
    let world = World::new().await;
    let html = told(&world).await;
    said(&html, CONFIRMED);
    assert!(html.contains("<title>Our Notes is disconnected"), "{html}");
    assert!(html.contains(world.server.url.trim_start_matches("http://")), "{html}");
}

#[tokio::test]
async fn t11_whatever_else_the_server_says_the_person_is_sent_there() {
    for (status, body) in [
        (503, ""),
        (500, "<b>in-body</b>"),
        (429, ""),
        (400, r#"{"error":"invalid_request","error_description":"<b>in-body</b>"}"#),
        (401, r#"{"error":"invalid_client"}"#),
        (404, "in-body"),
        (302, ""),
    ] {
        let world = World::new().await;
        world.answers(status, body);
        let html = told(&world).await;
        said(&html, UNCONFIRMED);
        assert!(html.contains("remove Latchkey there yourself"), "{status}");
        assert!(!html.contains("in-body"), "what the server said is shown: {html}");
        assert!(!world.is_connected("alice").await, "{status}");
        assert!(world.ended_before_it_was_told(), "{status}");
    }
}

#[tokio::test]
async fn t11_a_server_that_cannot_be_reached_leaves_the_connection_ended() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/revoke", nobody.local_addr().unwrap());
    drop(nobody);
    let world = World::with(&json!({ "quirks": { "revocation": { "at": url } } })).await;
    said(&told(&world).await, UNCONFIRMED);
    assert!(!world.is_connected("alice").await);
}

#[tokio::test]
async fn t11_a_server_that_never_answers_leaves_the_connection_ended() {
    let stuck = crate::support::server::Server::start(|_| std::future::pending()).await;
    let revocation = json!({ "at": format!("{}/revoke", stuck.url) });
    let world = World::with(&json!({ "quirks": { "revocation": revocation } })).await;
    said(&told(&world).await, UNCONFIRMED);
    assert_eq!(stuck.asked().len(), 1);
    assert!(!world.is_connected("alice").await);
}

#[tokio::test]
async fn t11_a_server_without_a_way_is_named_as_one() {
    let world = World::new().await;
    world.answers(400, r#"{"error":"unsupported_token_type"}"#);
    said(&told(&world).await, NO_WAY);
    assert!(!world.is_connected("alice").await);
}

#[tokio::test]
async fn t11_what_keeps_us_from_telling_leaves_the_connection_ended() {
    // A secret that is not there, a target whose tokens do not open any more, a registry that fails.
    let confidential = json!({ "client": {
        "client_id": "latchkey",
        "client_secret": "gone",
        "token_endpoint_auth_method": "client_secret_basic",
    } });
    let world = World::with(&confidential).await;
    said(&told(&world).await, UNCONFIRMED);
    assert!(!world.is_connected("alice").await);

    let world = World::new().await;
    world.put("notes", &json!({ "resource": "https://elsewhere.example" })).await;
    said(&told(&world).await, UNCONFIRMED);
    assert!(!world.is_connected("alice").await);

    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = csrf(&world.page(&[&alice]).await, DISCONNECT).unwrap();
    world.store.breaks("find_target");
    let answer = world.post(DISCONNECT, &alice, &[("csrf", &csrf)]).await;
    let note = set_cookie(&answer, NOTE).unwrap();
    said(&world.page(&[&alice, &note]).await, UNCONFIRMED);
    assert!(!world.is_connected("alice").await);
    assert_eq!(world.server.asked().len(), 0);
}

/// The holder may win newer tokens than those that were given back.
#[tokio::test]
async fn t11_during_a_renewal_a_confirmation_is_not_taken_for_one() {
    let world = World::new().await;
    let (alice, notes) = (world.subject("alice"), "notes".parse().unwrap());
    let until = at(NOW) + Duration::from_secs(30);
    let lease = world.store.lease(&alice, &notes, at(NOW), until).await.unwrap().unwrap();
    let attempt = Attempt { began_at: at(NOW), requests: 1 };
    assert!(world.store.journal(&lease, attempt).await.unwrap());
    said(&told(&world).await, UNCONFIRMED);
    assert_eq!(world.given_back(), ["alice-refresh", "alice-access"]);
}

#[tokio::test]
async fn a_second_click_is_told_that_it_came_second() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = csrf(&world.page(&[&alice]).await, DISCONNECT).unwrap();
    world.post(DISCONNECT, &alice, &[("csrf", &csrf)]).await;
    let second = world.post(DISCONNECT, &alice, &[("csrf", &csrf)]).await;
    let note = set_cookie(&second, NOTE).unwrap();
    said(&world.page(&[&alice, &note]).await, BEFORE);
}

#[tokio::test]
async fn a_note_is_for_its_session_and_for_as_long_as_it_is_true() {
    let mut world = World::new().await;
    let alice = world.signed_in("alice");
    let note = set_cookie(&world.press(&alice).await, NOTE).unwrap();
    said(&world.page(&[&alice, &note]).await, CONFIRMED);
    said(&world.page(&[&alice, &note]).await, CONFIRMED);
    // Nobody else's browser is told, nor is this one when somebody else signs in at it.
    for other in [world.signed_in("bob"), world.signed_in("alice")] {
        silent(&world.page(&[&other, &note]).await);
    }
    for bad in [format!("{NOTE}="), format!("{NOTE}=confirmed"), format!("{note}x")] {
        silent(&world.page(&[&alice, &bad]).await);
    }
    world.connect("alice", "notes", &tokens("alice")).await;
    silent(&world.page(&[&alice, &note]).await);
    // Disconnected once more, later, elsewhere: an old note says nothing of that.
    world.function.clock = at(NOW + 1);
    world.answers(503, "");
    world.press(&alice).await;
    silent(&world.page(&[&alice, &note]).await);
}

/// What Alice reads after she pressed the button.
async fn told(world: &World) -> String {
    let alice = world.signed_in("alice");
    let answer = world.press(&alice).await;
    let note = set_cookie(&answer, NOTE).unwrap_or_else(|| panic!("{}", answer.body()));
    world.page(&[&alice, &note]).await
}

#[track_caller]
fn said(html: &str, sentence: &str) {
    for other in [CONFIRMED, UNCONFIRMED, NO_WAY, BEFORE] {
        assert_eq!(html.contains(other), other == sentence, "{other}: {html}");
    }
    assert!(html.contains("is disconnected"));
}

#[track_caller]
fn silent(html: &str) {
    assert!(!html.contains("is disconnected"), "{html}");
}
