//! Servers that need no token, say nothing, or are in trouble.

use super::server::{Asked, Server, json as answer};
use super::{
    ANY, AT_PATH, AT_ROOT, OAUTH, Wish, about, discovered, failed, found, issuer, usual, world,
};
use axum::body::Body;
use broker::discovery::probe::ProbeError;
use broker::discovery::{Finding, Problem};
use http::Response;
use serde_json::{Value, json};

#[tokio::test]
async fn a_server_that_answers_strangers_needs_no_token_unless_it_publishes_who_issues_them() {
    let open = |page: fn(&str, &str) -> Option<Value>| {
        Server::start(move |asked: Asked| async move {
            let url = format!("http://{}", asked.header("host").unwrap());
            match page(&asked.path, &url) {
                Some(body) => answer(200, &body),
                None if asked.path == "/mcp" => {
                    assert_eq!(asked.header("authorization"), None);
                    let body: Value = serde_json::from_str(&asked.body).unwrap();
                    answer(200, &json!({ "jsonrpc": "2.0", "id": body["id"], "result": {} }))
                }
                None => answer(404, "{}"),
            }
        })
    };
    let free = open(|_, _| None).await;
    assert!(matches!(found(&free, &ANY).await, Ok(Finding::NeedsNoToken)));
    let greeter = open(usual).await;
    assert_eq!(discovered(&greeter, &ANY).await.metadata.server.issuer, greeter.url);
}

#[tokio::test]
async fn a_server_that_publishes_nothing_is_taken_at_the_operators_word() {
    let at = world("Bearer", |path, url| (path == OAUTH).then(|| issuer(url))).await;
    let error = failed(&at, &ANY).await;
    assert!(matches!(error.problem, Problem::NoResourceMetadata), "{error}");
    assert!(error.to_string().contains("name its authorization server's issuer"), "{error}");

    let url = at.url.clone();
    let discovery = discovered(&at, &Wish { issuer: Some(&url), strict: false }).await;
    assert_eq!(discovery.published, None);
    assert_eq!(discovery.resource.as_str(), format!("{}/mcp", at.url));
    assert!(discovery.scopes.is_empty());
}

#[tokio::test]
async fn a_server_in_trouble_has_said_nothing() {
    let at = Server::start(async |asked: Asked| {
        answer(if asked.path == "/mcp" { 401 } else { 503 }, "{}")
    })
    .await;
    let url = at.url.clone();
    for issuer in [None, Some(&*url)] {
        let error = failed(&at, &Wish { issuer, strict: false }).await;
        assert!(matches!(error.problem, Problem::Unavailable), "{error}");
    }
}

#[tokio::test]
async fn what_a_token_is_for_does_not_depend_on_who_is_down() {
    let at = Server::start(async |asked: Asked| {
        let url = format!("http://{}", asked.header("host").unwrap());
        match &*asked.path {
            "/mcp" => answer(401, "{}"),
            AT_PATH => answer(503, "{}"),
            AT_ROOT => answer(200, &about(&url, std::slice::from_ref(&url))),
            path => usual(path, &url).map_or_else(|| answer(404, "{}"), |body| answer(200, &body)),
        }
    })
    .await;
    let url = at.url.clone();
    for issuer in [None, Some(&*url)] {
        let error = failed(&at, &Wish { issuer, strict: false }).await;
        assert!(matches!(error.problem, Problem::Unavailable), "{error}");
    }
    assert_eq!(at.times(AT_ROOT), 0);
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let elsewhere = Server::start(async |_| answer(200, "{}")).await;
    let location = format!("{}/mcp", elsewhere.url);
    let at = Server::start(move |_| {
        let redirect = Response::builder().status(308).header("location", &location);
        let redirect = redirect.body(Body::empty()).unwrap();
        async move { redirect }
    })
    .await;
    let error = failed(&at, &ANY).await;
    assert!(matches!(error.problem, Problem::Probe(ProbeError::Moved(_))), "{error}");
    assert!(error.to_string().ends_with(&format!("{}/mcp", elsewhere.url)), "{error}");
    assert!(elsewhere.asked().is_empty());
}
