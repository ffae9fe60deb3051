//! A server that was connected before.

use super::world::{SECRET, World, metadata, moment, now};
use crate::support::Place;
use axum::Router;
use axum::routing::get;
use broker::store::TargetStore;
use broker::target::{Target, Way};
use latchkey::answer::Exit;
use latchkey::connect::{ByHand, Wish};
use latchkey::stack::Pace;
use latchkey::verdict::Outcome;
use oauth2::ClientSecret;
use serde_json::json;
use std::time::Duration;

/// Another authorization server, to which the MCP server goes over.
async fn another(world: &World) -> String {
    let place = Place::new().await;
    let issuer = place.url.clone();
    let document = metadata(&issuer);
    let made = json!({ "client_id": "another", "client_secret": "another secret" });
    let router = Router::new()
        .route("/.well-known/oauth-authorization-server", get(async || axum::Json(document)))
        .route(
            "/register",
            axum::routing::post(async || (http::StatusCode::CREATED, axum::Json(made))),
        );
    place.serve(router);
    world.resource("authorization_servers", json!([issuer]));
    issuer
}

fn managed(world: &World) {
    let uri = format!("{}/register/made", world.issuer);
    world.says().registration.1["registration_client_uri"] = uri.into();
    world.says().registration.1["registration_access_token"] = "token".into();
}

#[tokio::test]
async fn r7_the_same_server_is_checked_again_and_its_client_kept() {
    let world = World::new().await;
    let wish = Wish { title: Some("My notes".into()), ..world.wish() };
    world.connect(&wish).await.unwrap();
    let before = world.target().await;

    let verdict = world.connect(&world.wish()).await.unwrap();

    assert_eq!((verdict.outcome, verdict.registration.kept), (Outcome::Unchanged, true));
    assert_eq!(world.target().await, before);
    assert_eq!(world.times("POST /register"), 1);
    assert_eq!(world.secrets(), [SECRET]);
}

#[tokio::test]
async fn what_the_server_changed_is_brought_up_to_date_with_the_client_kept() {
    let world = World::new().await;
    world.connect(&world.wish()).await.unwrap();
    let revoke = format!("{}/revoke", world.issuer);
    world.server("revocation_endpoint", json!(revoke));

    let verdict = world.connect(&world.wish()).await.unwrap();

    assert_eq!((verdict.outcome, verdict.registration.kept), (Outcome::Updated, true));
    let target = world.target().await.unwrap();
    let revocation = target.authorization_server.revocation_endpoint.unwrap();
    assert_eq!(revocation.as_str(), revoke);
}

#[tokio::test]
async fn d11_r5_at_another_issuer_another_client_is_made_and_the_old_one_given_back() {
    let world = World::new().await;
    managed(&world);
    world.connect(&world.wish()).await.unwrap();
    let issuer = another(&world).await;

    let verdict = world.connect(&world.wish()).await.unwrap();

    assert_eq!((verdict.outcome, verdict.registration.kept), (Outcome::Updated, false));
    assert!(verdict.notes.iter().any(|note| note.contains("connect again")), "{:?}", verdict.notes);
    let target = world.target().await.unwrap();
    assert_eq!(target.client.client_id, "another");
    assert_eq!(target.client.issuer, Some(issuer));
    assert_eq!(world.secrets(), ["another secret"]);
    assert_eq!(world.times("DELETE /register/made"), 1);
}

/// The tools are kept apart, and a fault there must not lose what ends a registration.
#[tokio::test]
async fn r6_an_old_client_is_given_back_even_where_the_tools_cannot_be_kept() {
    let world = World::new().await;
    managed(&world);
    world.connect(&world.wish()).await.unwrap();
    another(&world).await;
    std::fs::create_dir_all(world.folder.join("tools/notes.json/in-the-way")).unwrap();

    let verdict = world.connect(&Wish { tools: Some(vec![]), ..world.wish() }).await.unwrap();

    assert_eq!(world.times("DELETE /register/made"), 1);
    assert_eq!(world.secrets(), ["another secret"]);
    let told = verdict.notes.iter().any(|note| note.contains("tools could not be kept"));
    assert!(told && verdict.tools.is_none(), "{:?}", verdict.notes);
    // Nor is it in the way of a look.
    let verdict = world.connect(&Wish { dry_run: true, ..world.wish() }).await.unwrap();
    assert!(verdict.notes.iter().any(|note| note.contains("tools")), "{:?}", verdict.notes);
}

#[tokio::test]
async fn r6_a_removed_client_is_given_back_even_where_its_tools_cannot_be_forgotten() {
    let world = World::new().await;
    managed(&world);
    world.connect(&world.wish()).await.unwrap();
    std::fs::create_dir_all(world.folder.join("tools/notes.json")).unwrap();
    let operator = world.operator().await;

    let removed = operator.remove(&"notes".parse().unwrap(), moment(), Pace::USUAL).await.unwrap();
    operator.close().await;

    assert_eq!(world.times("DELETE /register/made"), 1);
    assert_eq!(world.secrets(), [""; 0]);
    assert!(removed.to_string().contains("tools"), "{removed}");
}

/// Whoever deletes it there would delete the one that is in use.
#[tokio::test]
async fn r6_a_registration_that_is_connected_anew_by_hand_is_not_ended() {
    let world = World::new().await;
    managed(&world);
    world.connect(&world.wish()).await.unwrap();
    let client_secret = Some(ClientSecret::new("a newer secret".into()));
    let by_hand = ByHand { client_id: "made".into(), client_secret, method: None };

    let verdict = world.connect(&Wish { by_hand: Some(by_hand), ..world.wish() }).await.unwrap();

    assert_eq!((verdict.outcome, verdict.registration.way), (Outcome::Updated, Way::ByHand));
    assert_eq!(world.times("DELETE /register/made"), 0);
    assert_eq!(world.secrets(), ["a newer secret"]);
}

#[tokio::test]
async fn r5_a_client_that_was_registered_by_hand_is_taken_to_no_other_issuer() {
    let world = World::new().await;
    let by_hand = ByHand { client_id: "ours".into(), client_secret: None, method: None };
    world.connect(&Wish { by_hand: Some(by_hand), ..world.wish() }).await.unwrap();
    let before = world.target().await;
    another(&world).await;

    let refusal = world.connect(&world.wish()).await.unwrap_err();

    assert_eq!((refusal.kind, refusal.exit), ("stale_client", Exit::Refused));
    assert!(refusal.remedy.contains("--client-id"), "{refusal:?}");
    assert_eq!(world.target().await, before);
}

#[tokio::test]
async fn r6_an_expired_secret_is_replaced_by_a_new_registration() {
    let world = World::new().await;
    let expiry = super::world::NOW + 86_400;
    world.says().registration.1["client_secret_expires_at"] = expiry.into();
    let verdict = world.connect(&world.wish()).await.unwrap();
    assert_eq!(verdict.registration.client_secret_expires_at, Some(expiry));
    world.says().registration.1 =
        json!({ "client_id": "renewed", "client_secret": "renewed secret" });

    let kept = world.connect_at(&world.wish(), now() + Duration::from_hours(1)).await.unwrap();
    assert!(kept.registration.kept);
    let renewed = world.connect_at(&world.wish(), now() + Duration::from_hours(24)).await.unwrap();

    assert_eq!(renewed.registration.client_id.as_deref(), Some("renewed"));
    assert!(renewed.notes.iter().any(|note| note.contains("expired")), "{:?}", renewed.notes);
    assert_eq!(world.secrets(), ["renewed secret"]);
}

#[tokio::test]
async fn r5_a_client_that_the_server_forgot_is_replaced_and_one_given_by_hand_is_not() {
    let world = World::new().await;
    world.connect(&world.wish()).await.unwrap();
    world.says().token = (401, json!({ "error": "invalid_client" }));
    world.says().registration.1["client_id"] = "remade".into();
    let verdict = world.connect(&world.wish()).await.unwrap();
    assert_eq!(verdict.registration.client_id.as_deref(), Some("remade"));

    let world = World::new().await;
    let by_hand = ByHand { client_id: "ours".into(), client_secret: None, method: None };
    world.connect(&Wish { by_hand: Some(by_hand), ..world.wish() }).await.unwrap();
    let before = world.target().await;
    world.says().token = (401, json!({ "error": "invalid_client" }));
    let refusal = world.connect(&world.wish()).await.unwrap_err();
    assert_eq!((refusal.kind, world.target().await), ("client_refused", before));
}

#[tokio::test]
async fn a_name_stays_with_its_server() {
    let world = World::new().await;
    world.connect(&world.wish()).await.unwrap();
    let other = Wish { endpoint: format!("{}/2", world.mcp).parse().unwrap(), ..world.wish() };
    let refusal = world.connect(&other).await.unwrap_err();
    assert_eq!(refusal.kind, "name_taken");
    assert!(refusal.remedy.contains("latchkey targets remove notes"));
}

#[tokio::test]
async fn a_target_of_the_configuration_file_is_left_to_it() {
    let world = World::new().await;
    world.connect(&world.wish()).await.unwrap();
    let mut target: Target = world.target().await.unwrap();
    target.client.issuer = None;
    let operator = world.operator().await;
    operator.store.put_target(&target).await.unwrap();

    assert_eq!(world.connect(&world.wish()).await.unwrap_err().kind, "configured");
    let name = "notes".parse().unwrap();
    let refusal = operator.remove(&name, moment(), Pace::USUAL).await.unwrap_err();
    assert_eq!(refusal.kind, "configured");
    operator.close().await;
}

#[tokio::test]
async fn r6_what_is_removed_leaves_nothing_behind() {
    let world = World::new().await;
    managed(&world);
    world.connect(&Wish { tools: Some(vec![]), ..world.wish() }).await.unwrap();
    let operator = world.operator().await;
    let name = "notes".parse().unwrap();
    assert_eq!(operator.targets().await.unwrap().targets[0].tools, Some(0));

    let removed = operator.remove(&name, moment(), Pace::USUAL).await.unwrap();

    assert!(removed.registration.contains("given back"), "{}", removed.registration);
    assert_eq!(world.times("DELETE /register/made"), 1);
    assert_eq!(world.secrets(), [""; 0]);
    assert_eq!(operator.folder().unwrap().tools(&name).unwrap(), None);
    assert!(operator.targets().await.unwrap().targets.is_empty());
    let unknown = operator.remove(&name, moment(), Pace::USUAL).await.unwrap_err();
    assert_eq!((unknown.kind, unknown.exit), ("unknown_target", Exit::Usage));
    operator.close().await;
}
