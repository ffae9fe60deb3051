//! U5: a person who is connected is asked for what they agreed to before and what is wanted now.

use crate::support::browser::{NOW, at, browser_keys};
use crate::support::target::target;
use crate::world::{World, field, onward, query};
use broker::connection::Connection;
use broker::pending::State;
use broker::seal::KeyRing;
use broker::step_up::StepUp;
use broker::store::{ConnectionStore, PendingStore, TargetStore};
use broker::subject::Subject;
use broker::tokens::TokenSet;
use http::{Response, StatusCode, header};
use oauth2::AccessToken;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn u5_the_union_is_shown_and_asked_for_and_what_is_new_is_marked() {
    let world = World::new().await;
    wants(&world, "alice", &["mail:send", "notes:read"], &["files:read"]).await;

    let alice = world.signed_in("alice");
    let page = world.get("/authorize/notes", &alice).await;
    for scope in ["notes:read", "notes:write", "files:read"] {
        assert!(page.body().contains(&format!("{scope}</bdi></code></li>")), "{scope}");
    }
    assert!(page.body().contains("mail:send</bdi></code> <strong>new</strong></li>"));
    assert!(page.body().contains("If you decline, what works now still works."));
    assert_eq!(page.body().matches("<strong>new</strong></li>").count(), 1);

    let answer = agree(&world, &alice, &page).await;
    let asked = query(&onward(&answer));
    assert_eq!(asked["scope"], "notes:read notes:write files:read mail:send");
    let state = State::returned(asked["state"].clone());
    let sealed = world.store.take_pending(&state).await.unwrap().unwrap();
    let pending = sealed.open(&browser_keys(), &state).unwrap();
    assert_eq!(pending.scopes.join(" "), asked["scope"]);
}

#[tokio::test]
async fn u5_what_one_person_is_asked_for_is_not_asked_of_another() {
    let world = World::new().await;
    wants(&world, "alice", &["mail:send"], &[]).await;
    let bob = world.signed_in("bob");
    let page = world.get("/authorize/notes", &bob).await;
    assert!(!page.body().contains("mail:send") && !page.body().contains("<strong>new"));
    let answer = agree(&world, &bob, &page).await;
    assert_eq!(query(&onward(&answer))["scope"], "notes:read notes:write");
    // Nor does a stranger's ticket show it.
    let ticket = world.ticket("alice", "notes", at(NOW));
    let path = format!("/authorize/notes?ticket={ticket}");
    let page = world.get(&path, &bob).await;
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    assert!(!page.body().contains("mail:send"));
}

/// A target's name can come to mean another server, which the person was never asked about.
#[tokio::test]
async fn u5_what_another_server_wanted_is_not_asked_for() {
    let elsewhere = json!({
        "issuer": "https://other.example",
        "authorization_endpoint": "https://other.example/authorize",
        "token_endpoint": "https://other.example/token",
    });
    let resource = json!({ "resource": "https://other.example/mcp" });
    for changes in [json!({ "authorization_server": elsewhere }), resource] {
        let world = World::new().await;
        let alice = world.signed_in("alice");
        wants(&world, "alice", &["mail:send"], &["files:read"]).await;
        let page = world.get("/authorize/notes", &alice).await;
        assert!(page.body().contains("mail:send") && page.body().contains("files:read"));
        world.store.put_target(&target("https://as.example", &changes)).await.unwrap();
        let again = agree(&world, &alice, &page).await;
        let page = world.get("/authorize/notes", &alice).await;
        for page in [&again, &page] {
            assert!(page.body().contains("notes:write</bdi>"), "{}", page.body());
            assert!(!page.body().contains("mail:send") && !page.body().contains("files:read"));
        }
        let answer = agree(&world, &alice, &page).await;
        assert_eq!(query(&onward(&answer))["scope"], "notes:read notes:write");
    }
}

/// Nobody agrees to what they were not shown: neither by a page of before, nor by a server that wants
/// more while the person reads.
#[tokio::test]
async fn u5_consent_is_to_what_the_page_showed() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let page = world.get("/authorize/notes", &alice).await;
    wants(&world, "alice", &["mail:send"], &[]).await;
    world.store.calls();

    let again = agree(&world, &alice, &page).await;
    assert!(again.body().contains("mail:send</bdi></code> <strong>new</strong>"));
    assert!(again.headers().get(header::SET_COOKIE).is_none());
    assert_eq!(world.store.calls(), ["find_target", "find_connection", "find_connection"]);
    let csrf = world.csrf("/authorize/notes", &alice).await;
    let without = world.post(&alice, &[("decision", "connect"), ("csrf", &csrf)]).await;
    assert!(without.body().contains("mail:send"));

    let answer = agree(&world, &alice, &again).await;
    assert_eq!(query(&onward(&answer))["scope"], "notes:read notes:write mail:send");
}

#[tokio::test]
async fn u6_connections_that_cannot_be_read_are_a_page_that_says_to_try_again() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let page = world.get("/authorize/notes", &alice).await;
    world.store.breaks("find_connection");
    for answer in [world.get("/authorize/notes", &alice).await, agree(&world, &alice, &page).await]
    {
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().get(header::SET_COOKIE).is_none());
    }
    let declined = [("decision", "decline"), ("csrf", &*field(page.body(), "csrf").unwrap())];
    assert_eq!(world.post(&alice, &declined).await.status(), StatusCode::OK);
}

/// `name` is connected to `notes`, and an agent of theirs needs more.
async fn wants(world: &World, name: &str, wanted: &[&str], widened: &[&str]) {
    let subject = Subject::new(world.idp.issuer(), vec![name.to_owned()]).unwrap().id();
    let notes = world.store.find_target(&"notes".parse().unwrap()).await.unwrap().unwrap();
    let tokens = TokenSet {
        access: AccessToken::new("a1".into()),
        refresh: None,
        expires_at: at(NOW) + Duration::from_hours(1),
        scopes: notes.scopes.clone(),
    };
    let ring = KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "t".repeat(64))).unwrap();
    let connection = Connection::active(&ring, subject, &notes, &tokens, at(NOW)).unwrap();
    world.store.connect(&connection).await.unwrap();
    let set = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let more = StepUp { wanted: set(wanted), widened: set(widened), attempts: set(&["x:1"]) };
    assert!(world.store.step_up(&connection, &more).await.unwrap());
}

/// Sends the form of `page` as it is.
async fn agree(world: &World, cookie: &str, page: &Response<String>) -> Response<String> {
    let [csrf, shown] = ["csrf", "shown"].map(|name| field(page.body(), name).unwrap());
    let form = [("decision", "connect"), ("csrf", &*csrf), ("shown", &*shown)];
    world.post(cookie, &form).await
}
