//! What is delivered is renewed, ended or put off, and goes back to the queue only where that helps.

use crate::world::{HOUR, NOW, World, at, delivery, keys, message, notes, person, renewed};
use broker::clock::Clock;
use broker::connection::{Connection, Reason, Status};
use broker::due::DAY;
use broker::queue::Delivery;
use broker::queue::Message;
use broker::store::{ConnectionStore, TargetStore, UsedConnections};
use broker::target::Target;
use broker::tokens::TokenSet;
use oauth2::{AccessToken, RefreshToken};
use refresh::{Renewals, Swept};
use serde_json::json;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn what_is_due_is_renewed_ahead_of_its_expiry_once() {
    let world = World::new().await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    let before = world.found("alice").await;
    assert!(before.is_fresh(world.watch.now()));
    let (staying, report) = world.deliver(&["alice"]).await;
    assert_eq!((staying, report), (0, Renewals { renewed: 1, ..Renewals::default() }));

    let after = world.found("alice").await;
    let tokens = after.open(&keys(), &person("alice"), &world.target().await).unwrap();
    assert_eq!(tokens.access.into_secret(), "a2");
    assert!(after.due().unwrap().due_at > world.watch.now() + HOUR / 2);

    // A message that comes twice, or late, costs no request.
    let (staying, report) = world.deliver(&["alice"]).await;
    assert_eq!((staying, report), (0, Renewals { current: 1, ..Renewals::default() }));
    assert_eq!(world.server.times("/token"), 1);
    let asked = &world.server.asked()[0];
    assert_eq!(asked.fields("refresh_token"), ["r1"]);
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(world.refresh.sweep(world.deadline()).await, Swept::default());
}

#[tokio::test]
async fn a_short_token_is_not_renewed_over_and_over() {
    let short = json!({
        "access_token": "a2", "token_type": "Bearer", "refresh_token": "r2", "expires_in": 300,
    });
    let world = World::answering(200, short).await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    assert_eq!(world.deliver(&["alice"]).await.1.renewed, 1);
    world.watch.set(world.watch.now() + 30 * DAY);
    assert_eq!(world.refresh.sweep(world.deadline()).await, Swept::default());
}

#[tokio::test]
async fn t5_a_renewal_forgets_neither_the_consent_nor_the_use() {
    let world = World::new().await;
    world.put_target(&json!({ "refresh_token_absolute": 30 * 86400 })).await;
    world.connect(&["alice"], HOUR).await;
    let before = world.found("alice").await;
    world.watch.set(at(NOW) + 2 * DAY);
    assert!(world.store.note_use(&before, world.watch.now()).await.unwrap());
    world.watch.set(at(NOW) + 3 * DAY);
    assert_eq!(world.deliver(&["alice"]).await.1.renewed, 1);
    let Status::Active { obtained_at, consented_at, used_at, .. } =
        world.found("alice").await.status
    else {
        panic!()
    };
    assert_eq!((consented_at, used_at), (at(NOW), at(NOW) + 2 * DAY));
    assert_eq!(obtained_at, world.watch.now());
}

#[tokio::test]
async fn one_that_nobody_uses_is_let_go() {
    let world = World::new().await;
    let due = world.connect(&["alice"], 40 * DAY).await;
    world.wait_for(&due[0]);
    assert!(due[0].due_at > at(NOW) + 30 * DAY);
    let (staying, report) = world.deliver(&["alice"]).await;
    assert_eq!((staying, report), (0, Renewals { let_go: 1, ..Renewals::default() }));
    assert!(world.server.asked().is_empty());
    assert_eq!(world.due(at(NOW) + 400 * DAY).await, []);
    assert!(world.found("alice").await.is_active());
}

#[tokio::test]
async fn one_that_nobody_uses_is_kept_from_dying() {
    let world = World::new().await;
    world.put_target(&json!({ "refresh_token_idle": 90 * 86400 })).await;
    world.connect(&["alice"], HOUR).await;
    world.watch.set(at(NOW) + 31 * DAY);
    assert_eq!(world.deliver(&["alice"]).await.1.let_go, 1);
    let due = world.found("alice").await.due().unwrap();
    let kept = due.due_at.duration_since(at(NOW)).unwrap();
    assert!((56 * DAY..=68 * DAY).contains(&kept), "{kept:?}");

    world.wait_for(&due);
    assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 1);
    assert_eq!(world.deliver(&["alice"]).await.1.renewed, 1);
    assert_eq!(world.server.asked().len(), 1);
}

#[tokio::test]
async fn one_whose_token_was_refused_is_renewed_although_it_is_early() {
    let world = World::new().await;
    world.connect(&["alice"], 8 * HOUR).await;
    world.watch.set(at(NOW) + 5 * HOUR);
    let connection = world.found("alice").await;
    assert!(world.store.expire(&connection, world.watch.now()).await.unwrap());
    assert_eq!(world.deliver(&["alice"]).await.1.renewed, 1);
}

#[tokio::test]
async fn what_has_ended_or_was_never_there_is_done_with() {
    let world = World::new().await;
    world.connect(&["alice"], HOUR).await;
    world.store.disconnect(&person("alice"), &notes(), at(NOW)).await.unwrap();
    let (staying, report) = world.deliver(&["alice", "nobody"]).await;
    assert_eq!((staying, report), (0, Renewals { current: 2, ..Renewals::default() }));
    assert!(world.server.asked().is_empty());
}

#[tokio::test]
async fn t7_a_dead_grant_ends_the_connection_and_is_final() {
    let world = World::answering(400, json!({ "error": "invalid_grant" })).await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    let (staying, report) = world.deliver(&["alice"]).await;
    assert_eq!((staying, report.ended), (0, 1));
    let Status::Disconnected { reason, .. } = world.found("alice").await.status else { panic!() };
    assert_eq!(reason, Reason::InvalidGrant);
    assert_eq!(world.due(at(NOW) + 400 * DAY).await, []);
}

#[tokio::test]
async fn one_that_does_not_open_is_not_visited_for_ever() {
    let world = World::new().await;
    let due = world.connect(&["alice"], HOUR).await;
    let mut moved = world.target().await;
    moved.resource = "https://elsewhere.example".to_owned().try_into().unwrap();
    world.store.put_target(&moved).await.unwrap();
    world.refresh.targets.prepare(at(NOW)).await.unwrap();
    world.wait_for(&due[0]);
    assert_eq!(world.deliver(&["alice"]).await.1.ended, 1);
    assert_eq!(world.due(at(NOW) + 400 * DAY).await, []);
}

#[tokio::test]
async fn an_outage_of_the_authorization_server_is_waited_out_with_growing_pauses() {
    let world = World::answering(503, json!("busy")).await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 1);
        let (staying, report) = world.deliver(&["alice"]).await;
        assert_eq!((staying, report.deferred), (0, 1));
        // Nothing is due before the pause is over.
        assert_eq!(world.refresh.sweep(world.deadline()).await, Swept::default());
        let next = world.found("alice").await.due().unwrap();
        pauses.push(next.due_at.duration_since(world.watch.now()).unwrap().as_secs() / 60);
        world.watch.set(next.due_at);
    }
    assert_eq!(pauses, [5, 5, 10, 20, 40, 80, 160, 240]);
    assert!(world.found("alice").await.is_active());
}

#[tokio::test]
async fn an_authorization_server_that_failed_is_not_asked_for_everybody() {
    let world = World::answering(503, json!("busy")).await;
    let due = world.connect(&["alice", "bob"], HOUR).await;
    let latest = due.iter().max_by_key(|due| due.due_at).unwrap();
    world.wait_for(latest);
    for name in ["alice", "bob"] {
        let (staying, report) = world.deliver(&[name]).await;
        assert_eq!((staying, report.deferred), (0, 1));
        let next = world.found(name).await.due().unwrap().due_at;
        assert!(world.watch.now() + 4 * MINUTE < next, "{name}");
    }
    assert_eq!(world.server.asked().len(), 1);
}

#[tokio::test]
async fn t8_what_only_an_operator_can_mend_is_tried_rarely() {
    let world = World::answering(401, json!({ "error": "invalid_client" })).await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    let (staying, report) = world.deliver(&["alice"]).await;
    assert_eq!((staying, report.failed), (0, 1));
    let next = world.found("alice").await.due().unwrap().due_at;
    assert!(world.watch.now() + HOUR - MINUTE < next, "{next:?}");
    assert!(world.found("alice").await.is_active());
}

#[tokio::test]
async fn one_that_somebody_else_is_renewing_is_left_to_them() {
    let world = World::new().await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    let now = world.watch.now();
    let lease = world.store.lease(&person("alice"), &notes(), now, now + MINUTE).await.unwrap();
    let (staying, report) = world.deliver(&["alice"]).await;
    assert_eq!((staying, report), (0, Renewals { busy: 1, ..Renewals::default() }));
    assert_eq!(world.found("alice").await.due().as_ref(), Some(&due[0]));
    drop(lease);
}

#[tokio::test]
async fn a_target_that_is_gone_is_visited_no_more() {
    let world = World::new().await;
    let due = world.connect(&["alice"], HOUR).await;
    let store = crate::support::store::FaultyStore::default();
    let gone = Arc::new(refresh::Refresh {
        targets: broker::registry::Registry::new(store),
        ..crate::world::refresh(&world.store, &world.queue, &world.watch)
    });
    world.wait_for(&due[0]);
    let (staying, report) = gone.renew(vec![delivery("alice")], world.deadline()).await;
    assert_eq!((staying.len(), report.let_go), (0, 1));
    assert_eq!(world.due(at(NOW) + 400 * DAY).await, []);
}

#[tokio::test]
async fn what_a_store_gave_no_answer_for_stays_in_the_queue() {
    for verb in ["find_connection", "targets", "lease"] {
        let world = World::new().await;
        let due = world.connect(&["alice"], HOUR).await;
        world.wait_for(&due[0]);
        // A registry that was read before would do without the store.
        let cold = Arc::new(crate::world::refresh(&world.store, &world.queue, &world.watch));
        world.store.breaks(verb);
        let (staying, report) = cold.renew(vec![delivery("alice")], world.deadline()).await;
        assert_eq!(staying, ["id-alice"], "{verb}");
        assert_eq!(report, Renewals { returned: 1, ..Renewals::default() }, "{verb}");
        assert!(world.server.asked().is_empty());
    }
}

#[tokio::test]
async fn what_cannot_be_put_off_is_done_with_all_the_same() {
    let world = World::answering(503, json!("busy")).await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    world.store.breaks("postpone");
    let (staying, report) = world.deliver(&["alice"]).await;
    assert_eq!((staying, report.deferred), (0, 1));
}

#[tokio::test]
async fn of_a_batch_only_what_must_be_tried_again_stays() {
    let world = World::new().await;
    let due = world.connect(&["alice", "bob"], HOUR).await;
    world.watch.set(at(NOW) + HOUR);
    assert_eq!(due.len(), 2);
    let poison = |body: &str| Delivery { id: format!("poison {body}"), body: body.into() };
    let deliveries = vec![
        delivery("alice"),
        poison(""),
        poison(r#"{"subject":"alice","target":"notes"}"#),
        delivery("nobody"),
        delivery("bob"),
    ];
    let (staying, report) = world.refresh.renew(deliveries, world.deadline()).await;
    assert_eq!(staying, ["poison ", r#"poison {"subject":"alice","target":"notes"}"#]);
    let expected = Renewals { renewed: 2, current: 1, unreadable: 2, ..Renewals::default() };
    assert_eq!(report, expected);
}

#[tokio::test]
async fn nothing_is_begun_that_may_not_end_before_the_deadline() {
    let world = World::new().await;
    world.connect(&["alice", "bob"], HOUR).await;
    world.watch.set(at(NOW) + HOUR);
    let deliveries = vec![delivery("alice"), delivery("bob")];
    let deadline = world.watch.now() + Duration::from_secs(19);
    let (staying, report) = world.refresh.renew(deliveries, deadline).await;
    assert_eq!(staying, ["id-alice", "id-bob"]);
    assert_eq!(report, Renewals { returned: 2, ..Renewals::default() });
    assert!(world.server.asked().is_empty());
}

#[tokio::test]
async fn what_was_begun_is_ended_and_the_rest_goes_back() {
    // The watch is at the deadline once the authorization server was asked.
    let watch = Arc::new(OnceLock::<crate::world::Watch>::new());
    let late = Arc::clone(&watch);
    let server = crate::support::server::Server::start(move |_| {
        late.get().unwrap().set(at(NOW) + 2 * HOUR);
        async move { crate::support::server::json(200, &renewed()) }
    })
    .await;
    let world = World { server, ..World::new().await };
    assert!(watch.set(world.watch.clone()).is_ok());
    world.put_target(&json!({})).await;
    let people: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    world.connect(&people, HOUR).await;
    world.watch.set(at(NOW) + HOUR);
    let (staying, report) = world.deliver(&people).await;
    assert!((1..=5).contains(&report.renewed), "{report:?}");
    assert_eq!((staying, report.returned), (12 - report.renewed, 12 - report.renewed));
    assert_eq!(world.server.asked().len(), report.renewed);
}

#[tokio::test]
async fn one_that_dies_within_a_day_is_told() {
    let world = World::new().await;
    world.put_target(&json!({ "refresh_token_absolute": 10 * 86400 })).await;
    world.connect(&["alice"], HOUR).await;
    world.watch.set(at(NOW) + 8 * DAY);
    assert_eq!(world.deliver(&["alice"]).await.1.dying, 0);
    world.watch.set(at(NOW) + 9 * DAY);
    let report = world.deliver(&["alice"]).await.1;
    assert_eq!((report.renewed, report.dying), (1, 1));

    // What cannot be renewed dies of it.
    let world = World::answering(503, json!("busy")).await;
    world.put_target(&json!({ "refresh_token_idle": 10 * 86400 })).await;
    world.connect(&["alice"], HOUR).await;
    world.watch.set(at(NOW) + 8 * DAY);
    assert_eq!(world.deliver(&["alice"]).await.1.dying, 0);
    world.watch.set(at(NOW) + 9 * DAY);
    let report = world.deliver(&["alice"]).await.1;
    assert_eq!((report.deferred, report.dying), (1, 1));
}

#[tokio::test]
async fn t6_one_connection_delivered_many_times_at_once_is_renewed_once() {
    let world = World::new().await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    let deliveries =
        (0..10).map(|n| Delivery { id: n.to_string(), body: message("alice").to_body() });
    let (staying, report) = world.refresh.renew(deliveries.collect(), world.deadline()).await;
    assert_eq!((staying.len(), world.server.asked().len()), (0, 1));
    assert_eq!(report.renewed + report.busy + report.current, 10);
}

#[tokio::test]
async fn a_target_whose_record_cannot_be_read_keeps_nobody_from_the_others() {
    let world = World::new().await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    world.store.memory.spoil_target(&"files".parse().unwrap());
    world.refresh.targets.prepare(world.watch.now()).await.unwrap();
    let elsewhere = Message { subject: person("bob"), target: "files".parse().unwrap() };
    let lost = world.target().await;
    let lost = Target { name: elsewhere.target.clone(), ..lost };
    let tokens = TokenSet {
        access: AccessToken::new("a1".into()),
        refresh: Some(RefreshToken::new("r1".into())),
        expires_at: world.watch.now(),
        scopes: vec![],
    };
    let connection = Connection::active(&keys(), person("bob"), &lost, &tokens, at(NOW)).unwrap();
    world.store.connect(&connection).await.unwrap();
    let delivery_elsewhere = Delivery { id: "id-bob".into(), body: elsewhere.to_body() };

    let deliveries = vec![delivery_elsewhere, delivery("alice")];
    let (staying, report) = world.refresh.renew(deliveries, world.deadline()).await;

    assert_eq!(staying, [""; 0]);
    assert_eq!(report, Renewals { renewed: 1, failed: 1, ..Renewals::default() });
}
