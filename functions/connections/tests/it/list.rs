//! `GET`: it shows, opens nothing and changes nothing.

use crate::support::browser::{NOW, SESSION, SIGN_IN, at, set_cookie};
use crate::world::{BASE, DISCONNECT, World, csrf, location, row, token_keys, tokens};
use broker::connection::{Connection, Reason};
use broker::seal::KeyRing;
use broker::session::{SigningIn, Wanted};
use broker::store::{ConnectionStore, TargetStore};
use broker::target::TargetName;
use broker::tokens::TokenSet;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn w6_without_a_session_the_browser_signs_in_first_and_comes_back_here() {
    let world = World::new().await;
    let answer = world.get("/connections", &[]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(location(&answer).starts_with(&format!("{}/authorize?", world.idp.issuer())));
    assert!(location(&answer).contains("code_challenge_method=S256"));
    let cookie = set_cookie(&answer, SIGN_IN).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::try_from(cookie).unwrap());
    let signing_in = SigningIn::read(&headers, &world.function.browser_keys, at(NOW)).unwrap();
    assert_eq!(signing_in.wanted, Wanted::Connections);
    assert_eq!(signing_in.wanted.path(), "/connections");
    assert!(set_cookie(&answer, SESSION).is_none());
    assert_eq!(world.store.calls(), [""; 0], "nobody is known, nothing is read");
}

#[tokio::test]
async fn every_target_is_listed_with_its_state_and_what_can_be_done() {
    let world = World::new().await;
    let html = world.page(&[&world.signed_in("alice")]).await;
    for fact in ["alice@corp.example", world.idp.issuer().trim_start_matches("http://")] {
        assert!(html.contains(fact), "{fact}");
    }
    let notes = row(&html, "Our Notes");
    assert!(notes.contains(">notes.example<"));
    assert!(notes.contains("Connected since"), "{notes}");
    assert!(notes.contains(r#"<time datetime="2027-01-15T08:00Z">15 January 2027, 08:00 UTC<"#));
    assert!(notes.contains(&format!(r#"method="post" action="{DISCONNECT}""#)));
    assert!(!notes.contains("/authorize/"));
    let files = row(&html, "Our Files");
    assert!(files.contains("Not connected."), "{files}");
    assert!(files.contains(r#"<a href="/authorize/files">Connect"#));
    assert!(!files.contains("<form") && !files.contains("<time"));
}

#[tokio::test]
async fn e12_a_person_sees_only_their_own() {
    let world = World::new().await;
    let html = world.page(&[&world.signed_in("carol")]).await;
    assert!(row(&html, "Our Notes").contains("Not connected."));
    assert!(!html.contains("alice") && !html.contains("bob") && !html.contains("<form"));
}

#[tokio::test]
async fn to_look_opens_no_token_and_changes_nothing() {
    let mut world = World::new().await;
    world.function.token_keys =
        KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "x".repeat(64))).unwrap();
    let alice = world.signed_in("alice");
    for method in ["GET", "HEAD"] {
        let cookies = [("cookie", alice.as_str())];
        let answer = world.send(method, "/connections?csrf=x", &cookies, vec![]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.headers().get(header::SET_COOKIE).is_none());
        assert!(!answer.body().contains("alice-"), "a token is shown");
        assert_eq!(world.store.calls(), ["connections_of", "targets"]);
    }
    assert_eq!(world.server.asked().len(), 0);
    assert!(world.is_connected("alice").await);
}

#[tokio::test]
async fn why_a_connection_ended_is_said_in_plain_words() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    for (reason, words) in [
        (Reason::BySubject, "Disconnected by you"),
        (Reason::InvalidGrant, "the authorization server withdrew the permission, or it ran out"),
        (Reason::RotationLost, "an answer of the authorization server was lost on its way"),
        (Reason::TokenRefused, "the server refused the permission that it was given"),
    ] {
        let ended = world.connection("alice").await.unwrap().disconnected(reason, at(NOW - 3600));
        world.store.connect(&ended).await.unwrap();
        let notes = row(&world.page(&[&alice]).await, "Our Notes");
        assert!(notes.contains(words), "{notes}");
        assert!(notes.contains("15 January 2027, 07:00 UTC"), "{notes}");
        assert!(
            notes.contains(r#"href="/authorize/notes""#) && !notes.contains("<form"),
            "{notes}"
        );
    }
}

#[tokio::test]
async fn a_permission_that_ran_out_can_be_given_anew_or_ended() {
    let mut world = World::new().await;
    let alice = world.signed_in("alice");
    world.connect("alice", "notes", &TokenSet { refresh: None, ..tokens("alice") }).await;
    let notes = row(&world.page(&[&alice]).await, "Our Notes");
    assert!(notes.contains("Connected since") && !notes.contains("/authorize/"), "{notes}");
    world.function.clock = at(NOW) + Duration::from_mins(59);
    let notes = row(&world.page(&[&alice]).await, "Our Notes");
    assert!(notes.contains("The permission has run out"), "{notes}");
    assert!(notes.contains("/authorize/notes") && notes.contains("<form"), "{notes}");
    // What can be renewed is renewed when it is needed.
    world.connect("alice", "notes", &tokens("alice")).await;
    let notes = row(&world.page(&[&alice]).await, "Our Notes");
    assert!(notes.contains("Connected since"), "{notes}");
}

#[tokio::test]
async fn a_renewal_is_not_another_consent() {
    let world = World::new().await;
    let target = world.put("notes", &json!({})).await;
    let (before, later) = (world.connection("alice").await.unwrap(), at(NOW + 3600));
    let renewed = before.renewed(&token_keys(), &target, &tokens("alice"), later).unwrap();
    world.store.connect(&renewed).await.unwrap();
    let notes = row(&world.page(&[&world.signed_in("alice")]).await, "Our Notes");
    assert!(notes.contains(">15 January 2027, 08:00 UTC<"), "{notes}");
}

#[tokio::test]
async fn u2_a_target_that_changed_since_consent_is_to_be_connected_anew() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    for changes in [
        json!({ "resource": "https://elsewhere.example" }),
        json!({ "authorization_server": {
            "issuer": "https://as2.example",
            "authorization_endpoint": "https://as2.example/authorize",
            "token_endpoint": "https://as2.example/token",
        } }),
    ] {
        world.put("notes", &changes).await;
        let notes = row(&world.page(&[&alice]).await, "Our Notes");
        assert!(notes.contains("settings of this server were changed"), "{notes}");
        assert!(notes.contains("/authorize/notes") && notes.contains(DISCONNECT), "{notes}");
    }
}

#[tokio::test]
async fn a_connection_to_a_target_that_is_gone_can_still_be_ended() {
    let world = World::new().await;
    let gone = target_named(&world, "gone").await;
    let html = world.page(&[&world.signed_in("alice")]).await;
    let row = row(&html, gone.as_str());
    assert!(row.contains("Connected since") && !row.contains("/authorize/"), "{row}");
    assert!(csrf(&html, "/connections/gone/disconnect").is_some());
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    for path in [
        "/",
        "/connections/",
        "/connections/notes",
        "/connections/notes/",
        "/connections/notes/disconnect/",
        "/connections/notes/disconnect/disconnect",
        "/connections//disconnect",
        "/connections/disconnect",
        "/connections/%6eotes/disconnect",
        "/connections/a_b/disconnect",
        "/connections/../notes/disconnect",
        "/connectionsnotes/disconnect",
        "/Connections",
        "/authorize/notes",
    ] {
        for method in ["GET", "POST"] {
            let answer = world.send(method, path, &[("cookie", &alice)], vec![]).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{method} {path}");
            assert!(answer.body().contains("There is nothing here"));
        }
    }
    assert_eq!(world.get(DISCONNECT, &[&alice]).await.status(), StatusCode::NOT_FOUND);
    let answer = world.send("POST", "/connections", &[("cookie", &alice)], vec![]).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(world.store.calls(), [""; 0]);
}

#[tokio::test]
async fn an_outage_is_a_page_that_says_to_try_again() {
    for verb in ["connections_of", "targets"] {
        let world = World::new().await;
        world.store.breaks(verb);
        let answer = world.get("/connections", &[&world.signed_in("alice")]).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{verb}");
        assert!(!answer.body().contains("told to"), "an internal error is shown");
        assert!(!answer.body().contains("Not connected"), "an outage is not an end");
    }
    let world = World::new().await;
    world.idp.tell(|says| says.down = true);
    let answer = world.get("/connections", &[]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().get(header::SET_COOKIE).is_none());
    // Who is signed in already needs no identity provider.
    world.page(&[&world.signed_in("alice")]).await;
}

#[tokio::test]
async fn w5_addresses_are_the_configured_ones_whatever_the_request_says() {
    let world = World::new().await;
    let headers = [("host", "evil.example"), ("x-forwarded-host", "evil.example")];
    let answer = world.send("GET", "/connections", &headers, vec![]).await;
    assert!(location(&answer).contains(&BASE.replace("://", "%3A%2F%2F")));
    assert!(!location(&answer).contains("evil.example"));
}

#[tokio::test]
async fn a_target_whose_record_cannot_be_read_is_left_out_and_hides_no_other() {
    let world = World::new().await;
    world.store.memory.spoil_target(&"files".parse().unwrap());
    let page = world.page(&[&world.signed_in("alice")]).await;
    assert!(!page.contains("Our Files") && !page.contains("/authorize/files"), "{page}");
    assert!(page.contains("/connections/notes/disconnect"), "{page}");
}

/// A connection of Alice to a target that is not set up.
pub(crate) async fn target_named(world: &World, name: &str) -> TargetName {
    let mut target = world.store.find_target(&"notes".parse().unwrap()).await.unwrap().unwrap();
    target.name = name.parse().unwrap();
    let alice = world.subject("alice");
    let connection =
        Connection::active(&token_keys(), alice, &target, &tokens("alice"), at(NOW)).unwrap();
    world.store.connect(&connection).await.unwrap();
    world.store.calls();
    target.name
}
