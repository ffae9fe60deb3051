//! `GET /client/{target}`, and what a client that is not good keeps from beginning.

use crate::support::browser::{NOW, at};
use crate::world::{BASE, World};
use http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

const ID: &str = "https://broker.example/client/notes";

fn by_document(changes: &Value) -> Value {
    let mut client = json!({
        "client_id": ID,
        "way": "document",
        "token_endpoint_auth_method": "none",
        "issuer": "https://as.example",
        "redirect_uri": "https://broker.example/callback/notes",
    });
    client.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!({ "client": client })
}

/// As an authorization server asks, or a browser with everything that it has.
async fn fetch(world: &World, method: &str, path: &str) -> Response<String> {
    let request = Request::builder().method(method).uri(format!("{BASE}{path}"));
    let request = request.header("cookie", world.signed_in("alice"));
    world.authorize.handle(request.body(vec![]).unwrap()).await
}

#[tokio::test]
async fn r2_r3_the_document_is_served_directly_to_everybody_and_changes_nothing() {
    let world = World::with(&by_document(&json!({}))).await;
    for method in ["GET", "HEAD"] {
        let answer = fetch(&world, method, "/client/notes").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "public, max-age=300");
        assert_eq!(answer.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        for absent in [header::SET_COOKIE, header::LOCATION, header::VARY] {
            assert!(!answer.headers().contains_key(&absent), "{absent}");
        }
        assert_eq!(world.store.calls(), ["find_target"]);
        let document: Value = serde_json::from_str(answer.body()).unwrap();
        assert_eq!(
            document,
            json!({
                "client_id": ID,
                "client_name": "Latchkey",
                "redirect_uris": ["https://broker.example/callback/notes"],
                "grant_types": ["authorization_code", "refresh_token"],
                "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            })
        );
    }
}

#[tokio::test]
async fn r8_a_client_with_keys_publishes_their_public_halves_and_nothing_of_its_secret() {
    let keys =
        json!([{ "kid": "new", "x": "x1", "y": "y1" }, { "kid": "old", "x": "x2", "y": "y2" }]);
    let world = World::with(&by_document(&json!({
        "token_endpoint_auth_method": "private_key_jwt",
        "client_secret": "clients/notes/key",
        "public_keys": keys,
    })))
    .await;
    let answer = fetch(&world, "GET", "/client/notes").await;
    assert!(!answer.body().contains("secret") && !answer.body().contains("clients/notes/key"));
    let document: Value = serde_json::from_str(answer.body()).unwrap();
    assert_eq!(document["token_endpoint_auth_method"], "private_key_jwt");
    assert_eq!(document["token_endpoint_auth_signing_alg"], "ES256");
    let key = |kid: &str, x: &str, y: &str| {
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": x, "y": y,
        })
    };
    assert_eq!(
        document["jwks"],
        json!({ "keys": [key("new", "x1", "y1"), key("old", "x2", "y2")] })
    );
}

#[tokio::test]
async fn r2_where_there_is_no_document_there_is_a_page_that_says_so() {
    let elsewhere = by_document(&json!({ "client_id": "https://old.example/client/notes" }));
    let by_hand = by_document(&json!({ "way": "by_hand" }));
    for target in [elsewhere, by_hand] {
        let answer = fetch(&World::with(&target).await, "GET", "/client/notes").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{target}");
    }
    let world = World::with(&by_document(&json!({}))).await;
    for path in [
        "/client",
        "/client/",
        "/client/nobody",
        "/client/notes/",
        "/client/files",
        "/client/%6eotes",
    ] {
        let answer = world.get(path, "").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let answer = world.send("POST", "/client/notes", &[], vec![]).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_outage_is_no_absence_of_a_document() {
    let world = World::with(&by_document(&json!({}))).await;
    world.store.breaks("find_target");
    let answer = world.get("/client/notes", "").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn r5_with_a_client_of_another_server_or_address_nothing_begins() {
    for changes in [
        json!({ "issuer": "https://another.example" }),
        json!({ "issuer": "https://as.example/" }),
        json!({ "redirect_uri": "https://old.example/callback/notes" }),
    ] {
        let world = World::with(&by_document(&changes)).await;
        refuses(&world).await;
    }
}

#[tokio::test]
async fn r6_with_a_secret_that_ends_before_consent_can_nothing_begins() {
    let expires = |after: Duration| {
        let expiry = NOW + after.as_secs();
        json!({ "client": { "client_id": "latchkey", "client_secret_expires_at": expiry } })
    };
    refuses(&World::with(&expires(Duration::from_mins(10))).await).await;
    refuses(&World::with(&expires(Duration::ZERO)).await).await;
    let mut world = World::with(&expires(Duration::from_secs(601))).await;
    let alice = world.signed_in("alice");
    assert_eq!(world.get("/authorize/notes", &alice).await.status(), StatusCode::OK);
    let csrf = world.csrf("/authorize/notes", &alice).await;
    world.authorize.clock = at(NOW) + Duration::from_secs(1);
    let answer = world.post(&alice, &[("csrf", &csrf), ("decision", "connect")]).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

/// Neither who is signed in nor who is not gets anywhere, and nothing is remembered.
async fn refuses(world: &World) {
    world.store.calls();
    for cookie in [String::new(), world.signed_in("alice")] {
        let looked = world.get("/authorize/notes", &cookie).await;
        let answered = world.post(&cookie, &[("decision", "connect")]).await;
        for answer in [looked, answered] {
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert!(answer.body().contains("own registration at this server is no longer good"));
            assert!(answer.body().contains("Tell your administrator"));
            assert!(!answer.headers().contains_key(header::SET_COOKIE));
        }
        assert_eq!(world.store.calls(), ["find_target", "find_target"]);
    }
    let other = world.get("/authorize/files", &world.signed_in("alice")).await;
    assert_eq!(other.status(), StatusCode::OK);
    world.store.calls();
}
