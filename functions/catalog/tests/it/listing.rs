//! All tools or none, in both eras, and no server can keep us for ever.

use crate::mcp_server::{McpServer, tool};
use broker::http::{Http, HttpError, Reach};
use catalog::{ListingError, list_tools};
use serde_json::{Value, json};
use std::time::Duration;

async fn list(server: &McpServer) -> Result<Vec<Value>, ListingError> {
    let endpoint = server.url().parse().unwrap();
    let patience = Duration::from_secs(30);
    list_tools(&Http::new(Reach::Loopback), &endpoint, Some("Bearer a1"), patience).await
}

#[tokio::test]
async fn every_page_is_read_in_both_eras_and_both_forms() {
    for (handshake, streams) in [(false, false), (false, true), (true, false), (true, true)] {
        let server = McpServer::start().await;
        let tools: Vec<_> = (0..7).map(|number| tool(&format!("t{number}"))).collect();
        server.tell(|mood| {
            (mood.handshake, mood.streams, mood.page) = (handshake, streams, 3);
            mood.tools = tools.clone();
        });

        assert_eq!(list(&server).await.unwrap(), tools, "{handshake} {streams}");

        let expected: &[&str] = if handshake {
            &[
                "server/discover",
                "initialize",
                "notifications/initialized",
                "tools/list",
                "tools/list",
                "tools/list",
                "DELETE",
            ]
        } else {
            &["server/discover", "tools/list", "tools/list", "tools/list"]
        };
        assert_eq!(server.methods(), expected);
    }
}

#[tokio::test]
async fn a_server_whose_list_never_ends_is_given_up() {
    let again = json!({ "jsonrpc": "2.0", "result": { "tools": [], "nextCursor": "again" } });
    let server = McpServer::start().await;
    server.tell(|mood| mood.always = Some((200, again)));
    assert!(matches!(list(&server).await, Err(ListingError::Endless)));
    assert_eq!(server.methods().len(), 3, "a cursor that comes twice is the end");

    let endless = McpServer::start().await;
    endless.tell(|mood| {
        for number in 0..2000 {
            let result = json!({ "tools": [], "nextCursor": format!("c{number}") });
            mood.instead.push_back((200, json!({ "jsonrpc": "2.0", "result": result })));
        }
    });
    assert!(matches!(list(&endless).await, Err(ListingError::Endless)));
}

#[tokio::test]
async fn more_than_a_gateway_target_may_have_is_not_read_on() {
    let server = McpServer::start().await;
    let tools: Vec<_> = (0..1500).map(|number| tool(&format!("t{number}"))).collect();
    server.tell(|mood| mood.tools = tools);
    assert!(matches!(list(&server).await, Err(ListingError::TooMany)));
    assert_eq!(server.methods().len(), 12, "the eleventh page is the last");

    let server = McpServer::start().await;
    let mut long = tool("long");
    long["description"] = "x".repeat(3 * 1024 * 1024).into();
    server.tell(|mood| (mood.tools, mood.page) = (vec![long; 5], 1));
    assert!(matches!(list(&server).await, Err(ListingError::TooLarge)));
}

#[tokio::test]
async fn half_a_list_is_no_list() {
    for (status, body) in [
        (500, json!({})),
        (200, json!({ "jsonrpc": "2.0", "error": { "code": -32603, "message": "no" } })),
        (200, json!({ "jsonrpc": "2.0", "result": { "tools": "none" } })),
        (200, json!({ "jsonrpc": "2.0", "result": {} })),
        (200, json!({ "jsonrpc": "2.0", "result": { "tools": [], "nextCursor": 7 } })),
    ] {
        let server = McpServer::start().await;
        let first = json!({ "tools": [tool("read")], "nextCursor": "1" });
        server.tell(|mood| {
            mood.instead.push_back((200, json!({ "jsonrpc": "2.0", "result": first })));
            mood.always = Some((status, body.clone()));
        });
        assert!(list(&server).await.is_err(), "{status} {body}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_apart_from_trouble() {
    for handshake in [false, true] {
        let server = McpServer::start().await;
        server
            .tell(|mood| (mood.handshake, mood.accepts) = (handshake, Some(vec!["Bearer other"])));
        assert!(matches!(list(&server).await, Err(ListingError::Unauthorized)));
        server.tell(|mood| {
            mood.accepts = None;
            mood.always = Some((403, json!({})));
        });
        assert!(matches!(list(&server).await, Err(ListingError::Forbidden(None))));
        server.tell(|mood| mood.always = Some((503, json!({}))));
        let error = list(&server).await.unwrap_err();
        assert!(matches!(error, ListingError::Http(HttpError::Status { .. })), "{error:?}");
        let error = json!({ "jsonrpc": "2.0", "error": { "code": -32001, "message": "no" } });
        server.tell(|mood| mood.always = Some((200, error)));
        assert!(matches!(list(&server).await, Err(ListingError::Refused(-32001))));
    }
    let nobody = "http://127.0.0.1:9/mcp".parse().unwrap();
    let error = list_tools(&Http::new(Reach::Loopback), &nobody, None, Duration::from_secs(30))
        .await
        .unwrap_err();
    assert!(matches!(error, ListingError::Http(HttpError::Unreachable(_))), "{error:?}");
}
