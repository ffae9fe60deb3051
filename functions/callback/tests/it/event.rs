//! Events of API Gateway's HTTP API, payload format 2.0, through the runtime's own translation.

use crate::support::browser::{FLOW, ends_cookie, guarded};
use crate::world::{World, location};
use http::{Response, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn an_answer_arrives_as_an_event_and_is_connected() {
    let world = World::new().await;
    let flow = world.consent().await;
    let mut event: Value = serde_json::from_str(include_str!("events/get.json")).unwrap();
    event["rawQueryString"] = format!("code=a%2Fb%2Bc&state={}", flow.state).into();
    event["cookies"] = json!(["theme=dark", world.signed_in("alice"), flow.cookie]);

    let answer = handle(&world, &event).await;

    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&answer), "/connected/notes");
    assert!(ends_cookie(&answer, FLOW));
    assert_eq!(world.server.asked()[0].fields("code"), ["a/b+c"]);
    assert!(world.connection().await.is_some());
}

#[tokio::test]
async fn an_event_that_answers_nothing_is_answered_by_a_page() {
    let world = World::new().await;
    let mut event: Value = serde_json::from_str(include_str!("events/get.json")).unwrap();
    for query in ["", "state=%zz&code=%ff", "code", "&&&=&state", "state=x&code=y#z"] {
        event["rawQueryString"] = query.into();
        assert_eq!(handle(&world, &event).await.status(), StatusCode::BAD_REQUEST, "{query}");
    }
    event["cookies"] = json!(["\u{e9}=\u{7f}", "=", ";;"]);
    assert_eq!(handle(&world, &event).await.status(), StatusCode::BAD_REQUEST);
    // The gateway has decoded the path.
    for path in ["/callback/a b", "/callback/\u{e9}<\"", "/callback/../x", "/callback/a?b#c"] {
        event["rawPath"] = path.into();
        assert_eq!(handle(&world, &event).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

async fn handle(world: &World, event: &Value) -> Response<String> {
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = world.callback.handle(request).await;
    guarded(&response);
    response
}
