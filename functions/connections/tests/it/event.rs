//! Events of API Gateway's HTTP API, payload format 2.0, through the runtime's own translation.

use crate::support::browser::guarded;
use crate::world::{DISCONNECT, World, csrf, location};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Response, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn a_person_looks_and_disconnects_by_events() {
    let world = World::new().await;
    let cookies = json!(["theme=dark", world.signed_in("alice")]);
    let mut look: Value = serde_json::from_str(include_str!("events/get.json")).unwrap();
    look["cookies"] = cookies.clone();
    let page = handle(&world, &look).await;
    assert_eq!(page.status(), StatusCode::OK);

    let csrf = csrf(page.body(), DISCONNECT).unwrap();
    let mut answer: Value = serde_json::from_str(include_str!("events/post.json")).unwrap();
    answer["cookies"] = cookies;
    answer["body"] = STANDARD.encode(format!("csrf={csrf}")).into();
    let after = handle(&world, &answer).await;
    assert_eq!(after.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&after), "/connections");
    assert!(!world.is_connected("alice").await);
}

#[tokio::test]
async fn an_event_without_cookies_or_with_a_broken_body_is_answered_by_a_page() {
    let world = World::new().await;
    let mut look: Value = serde_json::from_str(include_str!("events/get.json")).unwrap();
    look.as_object_mut().unwrap().remove("cookies");
    assert_eq!(handle(&world, &look).await.status(), StatusCode::SEE_OTHER);
    let mut answer: Value = serde_json::from_str(include_str!("events/post.json")).unwrap();
    answer["cookies"] = json!([world.signed_in("alice")]);
    assert_eq!(handle(&world, &answer).await.status(), StatusCode::FORBIDDEN);
    answer.as_object_mut().unwrap().remove("body");
    assert_eq!(handle(&world, &answer).await.status(), StatusCode::FORBIDDEN);
    // The gateway has decoded the path.
    for path in ["/connections/a b/disconnect", "/connections/\u{e9}<\"/disconnect"] {
        answer["rawPath"] = path.into();
        assert_eq!(handle(&world, &answer).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert!(world.is_connected("alice").await);
}

async fn handle(world: &World, event: &Value) -> Response<String> {
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = world.function.handle(request.map(|body| body.to_vec())).await;
    guarded(&response);
    response
}
