//! `POST`: the row is ended, whatever else happens.

use crate::list::target_named;
use crate::support::browser::{NOW, at};
use crate::world::{DISCONNECT, World, csrf, location, row, token_keys, tokens};
use broker::connection::{Attempt, Connection, Reason, Status};
use broker::store::ConnectionStore;
use http::{StatusCode, header};
use std::time::Duration;

#[tokio::test]
async fn t11_the_row_is_ended_before_the_server_is_told_and_then_both_tokens_are_given_back() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let answer = world.press(&alice).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&answer), "/connections");
    assert_eq!(world.store.calls()[..2], ["disconnect", "find_target"]);
    assert_eq!(world.given_back(), ["alice-refresh", "alice-access"]);
    assert!(world.ended_before_it_was_told());

    let ended = world.connection("alice").await.unwrap();
    let by_subject = Status::Disconnected { reason: Reason::BySubject, since: at(NOW) };
    assert_eq!(ended.status, by_subject);
    assert!(world.is_connected("bob").await, "another person's connection is untouched");
    let notes = row(&world.page(&[&alice]).await, "Our Notes");
    assert!(notes.contains("Disconnected by you") && notes.contains("/authorize/notes"), "{notes}");
}

#[tokio::test]
async fn a_second_click_ends_nothing_and_tells_nobody_again() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = csrf(&world.page(&[&alice]).await, DISCONNECT).unwrap();
    let form = [("csrf", csrf.as_str())];
    let clicks = tokio::join!(
        world.post(DISCONNECT, &alice, &form),
        world.post(DISCONNECT, &alice, &form),
        world.post(DISCONNECT, &alice, &form),
    );
    for answer in [clicks.0, clicks.1, clicks.2] {
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    }
    assert_eq!(world.given_back(), ["alice-refresh", "alice-access"]);
    assert!(!world.is_connected("alice").await);
}

#[tokio::test]
async fn who_connected_again_can_disconnect_again_and_the_new_tokens_are_given_back() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    world.press(&alice).await;
    world.connect("alice", "notes", &tokens("new")).await;
    world.press(&alice).await;
    assert!(!world.is_connected("alice").await);
    assert_eq!(world.given_back()[2..], ["new-refresh", "new-access"]);
}

/// The holder of a lease finds that its tokens are nobody's any more.
#[tokio::test]
async fn t11_a_renewal_that_is_under_way_cannot_bring_the_connection_back() {
    let world = World::new().await;
    let (subject, notes) = (world.subject("alice"), "notes".parse().unwrap());
    let until = at(NOW) + Duration::from_secs(30);
    let lease = world.store.lease(&subject, &notes, at(NOW), until).await.unwrap().unwrap();
    let attempt = Attempt { began_at: at(NOW), requests: 1 };
    assert!(world.store.journal(&lease, attempt).await.unwrap());
    let spent = lease.connection.lineage().unwrap();

    assert_eq!(world.press(&world.signed_in("alice")).await.status(), StatusCode::SEE_OTHER);

    let target = world.put("notes", &serde_json::json!({})).await;
    let won = Connection::active(&token_keys(), subject, &target, &tokens("won"), at(NOW)).unwrap();
    assert!(!world.store.settle(lease, &won).await.unwrap());
    assert!(!world.store.amend(&spent, &won).await.unwrap());
    assert!(!world.is_connected("alice").await);
    assert_eq!(world.given_back(), ["alice-refresh", "alice-access"]);
}

#[tokio::test]
async fn a_store_that_does_not_answer_ends_nothing_and_tells_nobody() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    world.store.breaks("disconnect");
    let answer = world.press(&alice).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers().get(header::SET_COOKIE).is_none());
    assert!(!answer.body().contains("is disconnected") && !answer.body().contains("told to"));
    assert_eq!(world.server.asked().len(), 0, "tokens of a connection that goes on stay good");
    assert!(world.is_connected("alice").await);
}

#[tokio::test]
async fn a_target_that_is_unknown_is_disconnected_from_nobody() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    let csrf = csrf(&world.page(&[&alice]).await, DISCONNECT).unwrap();
    world.store.calls();
    for name in ["nobody", "files"] {
        let path = format!("/connections/{name}/disconnect");
        let answer = world.post(&path, &alice, &[("csrf", &csrf)]).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "our page has no such form");
        assert_eq!(world.store.calls(), [""; 0]);
    }
    // One that was there yesterday is.
    let gone = target_named(&world, "gone").await;
    let path = "/connections/gone/disconnect";
    let csrf = crate::world::csrf(&world.page(&[&alice]).await, path).unwrap();
    let answer = world.post(path, &alice, &[("csrf", &csrf)]).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let ended = world.store.find_connection(&world.subject("alice"), &gone).await.unwrap().unwrap();
    assert!(!ended.is_active());
    let ended = row(&world.page(&[&alice]).await, gone.as_str());
    assert!(ended.contains("Disconnected by you") && !ended.contains("/authorize/"), "{ended}");
    assert!(world.is_connected("alice").await, "notes is not gone");
    assert_eq!(world.server.asked().len(), 0);
}
