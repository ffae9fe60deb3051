//! A command that is cut off at any request, and run again.

use super::world::World;
use crate::connect::world::metadata;
use crate::support::Place;
use axum::Router;
use axum::routing::{get, post};
use latchkey::connect::ByHand;
use latchkey::connect::Wish;
use oauth2::ClientSecret;
use serde_json::json;

/// As many requests as no command makes.
const MANY: usize = 60;

#[tokio::test]
async fn connect_cut_off_at_any_request_is_made_good_by_running_it_again() {
    let (mut cut_off, mut lost) = (0, 0);
    for carry_out in [false, true] {
        for request in 0..MANY {
            let world = World::new().await;
            world.servers.says().distinct = true;
            let wish = world.servers.wish();
            if !world.cut_off(request, carry_out, Box::pin(world.connect(&wish))).await {
                break;
            }
            cut_off += 1;
            let at = format!("request {request}, carried out: {carry_out}");

            let verdict = world.connect(&wish).await.unwrap_or_else(|no| panic!("{at}: {no}"));

            assert!(verdict.notes.is_empty(), "{at}: {:?}", verdict.notes);
            assert_eq!(world.secrets(), world.named_secrets().await, "{at}");
            let registered = world.servers.times("POST /register");
            let given_back = world.servers.times("DELETE");
            // What ends a registration is written down after it was made: in between it is lost.
            assert!(registered - given_back <= 2, "{at}: {registered} {given_back}");
            lost += registered - given_back - 1;
        }
    }
    assert!(cut_off > 10, "{cut_off}");
    // That is when the first secret was not written any more.
    assert_eq!(lost, 1);
}

/// Its former client is at another authorization server, which is told as well.
#[tokio::test]
async fn a_change_of_clients_cut_off_at_any_request_is_made_good_by_running_it_again() {
    for request in 0..MANY {
        let world = World::new().await;
        let wish = world.servers.wish();
        world.connect(&wish).await.unwrap();
        let place = Place::new().await;
        let (issuer, document) = (place.url.clone(), metadata(&place.url));
        let made = json!({ "client_id": "another", "client_secret": "another secret" });
        let router = Router::new()
            .route("/.well-known/oauth-authorization-server", get(async || axum::Json(document)))
            .route("/register", post(async || (http::StatusCode::CREATED, axum::Json(made))));
        place.serve(router);
        world.servers.resource("authorization_servers", json!([issuer]));
        let finished = !world.cut_off(request, true, Box::pin(world.connect(&wish))).await;

        world.connect(&wish).await.unwrap_or_else(|no| panic!("request {request}: {no}"));

        assert_eq!(world.target().await.unwrap().client.client_id, "another");
        assert_eq!(world.secrets(), world.named_secrets().await, "request {request}");
        assert!(world.servers.times("DELETE /register/made") > 0, "request {request}");
        if finished {
            assert!(request > 10, "{request}");
            return;
        }
    }
    panic!("it never ended");
}

#[tokio::test]
async fn removal_cut_off_at_any_request_is_made_good_by_running_it_again() {
    for carry_out in [false, true] {
        for request in 0..MANY {
            let world = World::new().await;
            world.connect(&world.servers.wish()).await.unwrap();
            world.at_gateway(&world.servers.mcp, "READY");
            let catalog = json!({ "gateway_target": "TARGET0001", "created": true });
            world.catalog(&catalog).await;
            let finished = !world.cut_off(request, carry_out, Box::pin(world.remove())).await;

            let again = world.remove().await;

            let at = format!("request {request}, carried out: {carry_out}");
            if let Err(refusal) = again {
                assert_eq!(refusal.kind, "unknown_target", "{at}");
            }
            assert_eq!(world.target().await, None, "{at}");
            assert_eq!(world.secrets(), [""; 0], "{at}");
            assert!(world.aws.account().gateway_targets.is_empty(), "{at}");
            assert!(world.servers.times("DELETE /register/made") > 0, "{at}");
            if finished {
                assert!(request > 8, "{request}");
                break;
            }
        }
    }
}

/// Another operator may be at work: what is young is left alone, and said.
#[tokio::test]
async fn a_secret_that_was_made_a_moment_ago_is_not_taken_for_left_behind() {
    let world = World::new().await;
    let young = format!("{}notes/somebody-elses", super::world::PREFIX);
    let now = broker::clock::unix_seconds(super::world::later().now);
    world.aws.account().secrets.insert(young.clone(), ("secret".into(), now - 60));

    let verdict = world.connect(&world.servers.wish()).await.unwrap();

    assert!(world.secrets().contains(&young));
    assert!(verdict.notes.iter().any(|note| note.contains(&young)), "{:?}", verdict.notes);
}

/// Whoever ends it there would end the one that is in use.
#[tokio::test]
async fn a_registration_that_was_given_by_hand_since_is_not_ended_as_left_behind() {
    for request in 0..MANY {
        let world = World::new().await;
        world.connect(&world.servers.wish()).await.unwrap();
        let by_hand = ByHand {
            client_id: "made".into(),
            client_secret: Some(ClientSecret::new("a newer secret".into())),
            method: None,
        };
        let wish = Wish { by_hand: Some(by_hand), ..world.servers.wish() };
        let finished = !world.cut_off(request, true, Box::pin(world.connect(&wish))).await;

        world.connect(&wish).await.unwrap();

        assert_eq!(world.servers.times("DELETE"), 0, "request {request}");
        assert_eq!(world.target().await.unwrap().client.client_id, "made");
        if finished {
            assert!(request > 8, "{request}");
            return;
        }
    }
    panic!("it never ended");
}
