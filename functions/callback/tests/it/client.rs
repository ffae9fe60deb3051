//! An answer for a client that is not good at the target's authorization server.

use crate::support::browser::NOW;
use crate::world::World;
use http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn r5_no_code_is_exchanged_by_a_client_of_another_server_or_address() {
    let world = World::new().await;
    let alice = world.signed_in("alice");
    for changes in [
        json!({ "issuer": "https://another.example" }),
        json!({ "issuer": format!("{}/", world.server.url) }),
        json!({ "issuer": world.server.url, "redirect_uri": "https://old.example/callback/notes" }),
    ] {
        // A secret that is asked for is not found, and that makes another page.
        let mut client = json!({ "client_id": "latchkey", "client_secret": "arn" });
        client.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        world.change(&json!({ "client": client })).await;
        let flow = world.consent().await;
        let path = format!("/callback/notes?code=c&state={}", flow.state);
        let answer = world.get(&path, &[&flow.cookie, &alice]).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.body().contains("own registration at this server is no longer good"));
        assert_eq!(world.server.asked().len(), 0);
        assert!(world.connection().await.is_none());
    }
}

#[tokio::test]
async fn r6_what_began_with_a_good_secret_is_finished() {
    let world = World::new().await;
    let client = json!({
        "client_id": "latchkey",
        "token_endpoint_auth_method": "none",
        "issuer": world.server.url,
        "redirect_uri": "https://broker.example/callback/notes",
        "client_secret_expires_at": NOW + 1,
    });
    world.change(&json!({ "client": client })).await;
    let flow = world.consent().await;
    let path = format!("/callback/notes?code=c&state={}", flow.state);
    let answer = world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;
    assert_eq!(answer.headers()["location"], "/connected/notes");
}
