//! Events of API Gateway's HTTP API, payload format 2.0, through the runtime's own translation.

use crate::support::browser::{FLOW, guarded, set_cookie};
use crate::world::{World, field, onward};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Response, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn a_person_looks_and_connects_by_events() {
    let world = World::new().await;
    let cookies = json!(["theme=dark", world.signed_in("alice")]);
    let mut look: Value = serde_json::from_str(include_str!("events/get.json")).unwrap();
    look["cookies"] = cookies.clone();
    let page = handle(&world, &look).await;
    assert_eq!(page.status(), StatusCode::OK);

    let csrf = field(page.body(), "csrf").unwrap();
    let mut answer: Value = serde_json::from_str(include_str!("events/post.json")).unwrap();
    answer["cookies"] = cookies;
    answer["body"] = STANDARD.encode(format!("csrf={csrf}&decision=connect")).into();
    let sent_on = handle(&world, &answer).await;
    assert_eq!(sent_on.status(), StatusCode::OK);
    assert_eq!(onward(&sent_on).host_str(), Some("as.example"));
    assert!(set_cookie(&sent_on, FLOW).is_some());

    answer["body"] = format!("csrf={csrf}&decision=decline").into();
    answer["isBase64Encoded"] = false.into();
    assert!(handle(&world, &answer).await.body().contains("Our Notes"));
}

#[tokio::test]
async fn an_event_without_cookies_or_with_a_broken_body_is_answered_by_a_page() {
    let world = World::new().await;
    let mut look: Value = serde_json::from_str(include_str!("events/get.json")).unwrap();
    look.as_object_mut().unwrap().remove("cookies");
    assert_eq!(handle(&world, &look).await.status(), StatusCode::SEE_OTHER);
    look["rawQueryString"] = "ticket=%zz&x=%00".into();
    assert_eq!(handle(&world, &look).await.status(), StatusCode::BAD_REQUEST);
    // The gateway has decoded the path.
    look["rawQueryString"] = "".into();
    for path in ["/authorize/a b", "/authorize/\u{e9}<\"", "/authorize/../x", "/authorize/a?b#c"] {
        look["rawPath"] = path.into();
        assert_eq!(handle(&world, &look).await.status(), StatusCode::NOT_FOUND, "{path}");
    }

    let mut answer: Value = serde_json::from_str(include_str!("events/post.json")).unwrap();
    answer["cookies"] = json!([world.signed_in("alice")]);
    assert_eq!(handle(&world, &answer).await.status(), StatusCode::FORBIDDEN);
    answer.as_object_mut().unwrap().remove("body");
    assert_eq!(handle(&world, &answer).await.status(), StatusCode::FORBIDDEN);
}

async fn handle(world: &World, event: &Value) -> Response<String> {
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = world.authorize.handle(request.map(|body| body.to_vec())).await;
    guarded(&response);
    response
}
