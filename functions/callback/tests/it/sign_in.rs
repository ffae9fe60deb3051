//! The identity provider's answer: a session for who signed in, and back to where they were.

use crate::support::browser::{
    NOW, SESSION, SIGN_IN, at, browser_keys, ends_cookie, kept, set_cookie,
};
use crate::world::{BASE, World, location};
use broker::clock::SystemRandom;
use broker::session::{Session, SigningIn, Wanted};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

#[tokio::test]
async fn w6_who_signed_in_gets_a_session_and_goes_back_to_the_page() {
    let world = World::new().await;
    let begun = begin(&world, Some("tick-et")).await;
    id_token(&world, &begun, &json!({ "name": "Alice Example" }));

    let answer = back(&world, &begun, "").await;

    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(location(&answer), "/authorize/notes?ticket=tick-et");
    assert!(ends_cookie(&answer, SIGN_IN));
    let session = session(&answer, NOW).unwrap();
    assert_eq!(session.person.subject.id(), world.alice());
    assert_eq!(session.person.display_name, "Alice Example");
    assert!(self::session(&answer, NOW + 3600).is_none());
    let asked = world.idp.server.asked().into_iter().find(|asked| asked.path == "/token").unwrap();
    assert_eq!(asked.fields("redirect_uri"), [format!("{BASE}/login/callback")]);
    assert_eq!(world.store.calls(), [""; 0], "to sign in is not to consent");
}

/// W5: no parameter says where a browser goes.
#[tokio::test]
async fn w5_a_browser_returns_to_the_page_that_it_left_and_nowhere_else() {
    let world = World::new().await;
    for more in [
        "&return_to=https%3A%2F%2Fevil.example",
        "&target=files&ticket=x",
        "&redirect_uri=https%3A%2F%2Fevil.example&next=%2F%2Fevil.example",
    ] {
        let begun = begin(&world, None).await;
        id_token(&world, &begun, &json!({}));
        assert_eq!(location(&back(&world, &begun, more).await), "/authorize/notes");
        let begun = begin_at(&world, Wanted::Connections).await;
        id_token(&world, &begun, &json!({}));
        assert_eq!(location(&back(&world, &begun, more).await), "/connections");
    }
}

#[tokio::test]
async fn w6_an_answer_that_this_browser_did_not_ask_for_signs_nobody_in() {
    let mut world = World::new().await;
    let (mine, others) = (begin(&world, None).await, begin(&world, None).await);
    id_token(&world, &mine, &json!({}));
    let path = format!("/login/callback?code=c&state={}", mine.asked["state"]);

    let nobody = world.get(&path, &[]).await;
    refused(&nobody, StatusCode::BAD_REQUEST, "This sign-in was done already");
    for bad in [format!("{SIGN_IN}="), format!("{SIGN_IN}=x"), format!("{}x", mine.cookie)] {
        let answer = world.get(&path, &[&bad]).await;
        refused(&answer, StatusCode::BAD_REQUEST, "This sign-in was done already");
    }
    let sealed_as_session = world.signed_in("alice").replace(SESSION, SIGN_IN);
    let answer = world.get(&path, &[&sealed_as_session]).await;
    refused(&answer, StatusCode::BAD_REQUEST, "This sign-in was done already");

    let answer = world.get(&path, &[&others.cookie]).await;
    refused(&answer, StatusCode::FORBIDDEN, "Signing in did not work");
    for query in ["", "code=c", "code=c&state=", "code=c&state=x", "error=login_required"] {
        let answer = world.get(&format!("/login/callback?{query}"), &[&mine.cookie]).await;
        refused(&answer, StatusCode::FORBIDDEN, "Signing in did not work");
    }
    let state = &mine.asked["state"];
    for query in [
        format!("state={state}&error=access_denied"),
        format!("code=c&state={state}&error=access_denied"),
        format!("code=c&state={state}&iss=https%3A%2F%2Fevil.example"),
        format!("state={state}"),
    ] {
        let answer = world.get(&format!("/login/callback?{query}"), &[&mine.cookie]).await;
        refused(&answer, StatusCode::FORBIDDEN, "Signing in did not work");
    }
    let twice = format!("{path}&code=d");
    let answer = world.get(&twice, &[&mine.cookie]).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    world.callback.clock = at(NOW) + Duration::from_mins(10);
    let answer = world.get(&path, &[&mine.cookie]).await;
    refused(&answer, StatusCode::BAD_REQUEST, "This sign-in was done already");
    assert_eq!(world.idp.server.times("/token"), 0);

    world.callback.clock = at(NOW) + Duration::from_secs(599);
    let answer = world.get(&path, &[&mine.cookie]).await;
    assert_eq!(location(&answer), "/authorize/notes");
}

/// The browser forgets the sign-in; who kept a copy of its cookie meets a code that is spent.
#[tokio::test]
async fn w6_an_answer_that_is_replayed_signs_nobody_in() {
    let world = World::new().await;
    let begun = begin(&world, None).await;
    id_token(&world, &begun, &json!({}));
    assert!(session(&back(&world, &begun, "").await, NOW).is_some());
    world.idp.tell(|says| says.token = (400, json!({ "error": "invalid_grant" })));
    refused(&back(&world, &begun, "").await, StatusCode::FORBIDDEN, "Signing in did not work");
    // Nor does the code of one sign-in end another: the ID token holds the first one's nonce.
    id_token(&world, &begun, &json!({}));
    let other = begin(&world, None).await;
    refused(&back(&world, &other, "").await, StatusCode::FORBIDDEN, "Signing in did not work");
}

#[tokio::test]
async fn w6_an_id_token_with_a_fault_signs_nobody_in() {
    let world = World::new().await;
    for fault in [
        json!({ "nonce": "another" }),
        json!({ "aud": "another" }),
        json!({ "azp": "another" }),
        json!({ "iss": "https://evil.example" }),
        json!({ "exp": NOW - 60 }),
        json!({ "sub": null }),
    ] {
        let begun = begin(&world, None).await;
        id_token(&world, &begun, &fault);
        refused(&back(&world, &begun, "").await, StatusCode::FORBIDDEN, "Signing in did not work");
    }
}

#[tokio::test]
async fn an_outage_of_the_provider_is_not_the_persons_fault() {
    let world = World::new().await;
    let begun = begin(&world, None).await;
    world.idp.tell(|says| says.token = (503, json!({})));
    let answer = back(&world, &begun, "").await;
    refused(&answer, StatusCode::SERVICE_UNAVAILABLE, "That did not work just now");

    let world = World::new().await;
    let begun = begin(&world, None).await;
    world.idp.tell(|says| says.metadata = json!({ "issuer": "https://other.example" }));
    let answer = back(&world, &begun, "").await;
    refused(&answer, StatusCode::INTERNAL_SERVER_ERROR, "This is our fault");
}

#[tokio::test]
async fn to_sign_in_again_replaces_the_session() {
    let world = World::new().await;
    let begun = begin(&world, None).await;
    id_token(&world, &begun, &json!({ "sub": "bob" }));
    let path = format!("/login/callback?code=c&state={}", begun.asked["state"]);
    let answer = world.get(&path, &[&world.signed_in("alice"), &begun.cookie]).await;
    let session = session(&answer, NOW).unwrap();
    assert_ne!(session.person.subject.id(), world.alice());
    assert_eq!(session.person.display_name, "bob");
}

/// A sign-in under way: what the provider and the browser hold of it.
struct Begun {
    asked: BTreeMap<String, String>,
    cookie: String,
}

/// A browser on its way to sign in, from the page of `notes`.
async fn begin(world: &World, ticket: Option<&str>) -> Begun {
    let (target, ticket) = ("notes".parse().unwrap(), ticket.map(str::to_owned));
    begin_at(world, Wanted::Authorize { target, ticket }).await
}

async fn begin_at(world: &World, wanted: Wanted) -> Begun {
    let redirect_uri = format!("{BASE}/login/callback");
    // With a memory of its own, as `authorize` has.
    let provider = world.idp.provider();
    let begun = provider.sign_in(&redirect_uri, false, &SystemRandom, at(NOW)).await;
    let (sign_in, url) = begun.unwrap();
    let signing_in = SigningIn::new(sign_in, wanted, at(NOW));
    let cookie = kept(signing_in.set_cookie(&browser_keys()).unwrap());
    Begun { asked: url.query_pairs().into_owned().collect(), cookie }
}

async fn back(world: &World, begun: &Begun, more: &str) -> Response<String> {
    let path = format!("/login/callback?code=c&state={}{more}", begun.asked["state"]);
    world.get(&path, &[&begun.cookie]).await
}

/// Makes the provider answer with Alice's ID token, but for `changes`.
fn id_token(world: &World, begun: &Begun, changes: &Value) {
    let mut claims = json!({
        "iss": world.idp.issuer(),
        "sub": "alice",
        "aud": "latch key",
        "nonce": begun.asked["nonce"],
        "exp": NOW + 3600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let token = world.idp.key.sign(&claims);
    world.idp.tell(|says| says.token = (200, json!({ "id_token": token })));
}

/// The session that the answer begins, as a page sees it at `seconds`.
fn session(answer: &Response<String>, seconds: u64) -> Option<Session> {
    let cookie = set_cookie(answer, SESSION)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::try_from(cookie).unwrap());
    Session::read(&headers, &browser_keys(), at(seconds))
}

#[track_caller]
fn refused(answer: &Response<String>, status: StatusCode, heading: &str) {
    assert_eq!(answer.status(), status, "{}", answer.body());
    assert!(answer.body().contains(heading), "{}", answer.body());
    assert!(session(answer, NOW).is_none());
}
