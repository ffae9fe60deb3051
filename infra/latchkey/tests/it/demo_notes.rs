//! The demo MCP server: alone, and behind the gateway.

use crate::flow::Flow;
use crate::gateway_interception::{Bench, interceptor, modern, pass};
use crate::support::{Answer, Place, TestClock, get, issuer, send};
use http::StatusCode;
use latchkey::demo::{McpServer, Role, mcp_server, mcp_tools};
use latchkey::gateway::{GatewayTarget, Targets};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The server with its authorization server, and Alice's token for it.
struct Notes {
    url: String,
    issuer: String,
    token: String,
    clock: TestClock,
}

impl Notes {
    async fn start() -> Self {
        let place = Place::new().await;
        let url = format!("{}/mcp", place.url);
        let clock = TestClock::new();
        let role = Role::AuthorizationServer;
        let issuer = issuer(role, &url, &clock).await;
        place.serve(mcp_server(McpServer {
            resource: url.clone(),
            issuer: issuer.clone(),
            clock: Arc::new(clock.clone()),
        }));
        let flow =
            Flow { issuer: issuer.clone(), role, resource: url.clone(), clock: clock.clone() };
        let token = flow.connected().await["access_token"].as_str().unwrap().to_owned();
        Self { url, issuer, token, clock }
    }

    async fn post(&self, token: &str, version: &str, message: &Value) -> Answer {
        let authorization = format!("Bearer {token}");
        let method = message["method"].as_str().unwrap();
        let mut headers = vec![
            ("authorization", authorization.as_str()),
            ("mcp-protocol-version", version),
            ("mcp-method", method),
        ];
        headers.extend(message["params"]["name"].as_str().map(|name| ("mcp-name", name)));
        send("POST", &self.url, &headers, message.to_string()).await
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": tool, "arguments": arguments,
        } });
        self.post(&self.token, "2025-11-25", &call).await.json()["result"].clone()
    }
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn without_a_token_the_server_names_its_authorization_server() {
    let notes = Notes::start().await;

    let answer = send("POST", &notes.url, &[], "{}").await;

    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer scope=\"notes\", "));
    let (_, metadata) = challenge.split_once("resource_metadata=\"").unwrap();
    let metadata = get(metadata.strip_suffix('"').unwrap()).await.json();
    assert_eq!(metadata["resource"], notes.url);
    assert_eq!(metadata["authorization_servers"], json!([notes.issuer]));
}

#[tokio::test]
async fn a_token_for_something_else_is_refused() {
    let notes = Notes::start().await;
    let other = Notes::start().await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    for token in [other.token.as_str(), "no-token", ""] {
        let answer = notes.post(token, "2025-11-25", &list).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }

    // One issuer, two resources: the signature is good, the audience is not.
    let clock = TestClock::new();
    let place = Place::new().await;
    let url = format!("{}/mcp", place.url);
    let issuer = issuer(Role::AuthorizationServer, "https://other.example/mcp", &clock).await;
    place.serve(mcp_server(McpServer {
        resource: url.clone(),
        issuer: issuer.clone(),
        clock: Arc::new(clock.clone()),
    }));
    let resource = "https://other.example/mcp".to_owned();
    let flow = Flow { issuer, role: Role::AuthorizationServer, resource, clock };
    let token = flow.connected().await["access_token"].as_str().unwrap().to_owned();
    let answer = Notes { url, ..notes }.post(&token, "2025-11-25", &list).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn a_token_dies_with_its_hour() {
    let notes = Notes::start().await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let answer = notes.post(&notes.token, "2025-11-25", &list).await;
    assert_eq!(answer.json()["result"]["tools"], Value::from(mcp_tools()));

    notes.clock.advance(Duration::from_hours(1));

    let answer = notes.post(&notes.token, "2025-11-25", &list).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn notes_are_kept_for_whoever_wrote_them() {
    let notes = Notes::start().await;

    assert!(text(&notes.call("whoami", json!({})).await).starts_with("You are Alice Example"));
    assert_eq!(text(&notes.call("list_notes", json!({})).await), "You have no notes.");
    notes.call("add_note", json!({ "text": "buy milk" })).await;
    assert_eq!(text(&notes.call("list_notes", json!({})).await), "- buy milk");
    assert_eq!(notes.call("add_note", json!({})).await["isError"], true);
}

#[tokio::test]
async fn the_server_speaks_three_revisions() {
    let notes = Notes::start().await;
    for version in ["2025-06-18", "2025-11-25"] {
        let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": version, "capabilities": {}, "clientInfo": {"name":"t","version":"1"},
        } });
        let answer = notes.post(&notes.token, version, &initialize).await;
        assert_eq!(answer.json()["result"]["protocolVersion"], version);
    }
    let discover = modern(1, "server/discover", json!({}));
    let answer = notes.post(&notes.token, "2026-07-28", &discover).await;
    assert_eq!(answer.json()["result"]["supportedVersions"][0], "2026-07-28");
    let call = modern(2, "tools/call", json!({ "name": "whoami" }));
    let answer = notes.post(&notes.token, "2026-07-28", &call).await;
    assert_eq!(answer.json()["result"]["resultType"], "complete");
}

#[tokio::test]
async fn the_gateway_brings_the_users_token_to_the_server() {
    let notes = Notes::start().await;
    let authorization = format!("Bearer {}", notes.token);
    let bench = Bench::with(|gateway| {
        gateway.targets = Targets::from(vec![GatewayTarget {
            name: "notes".to_owned(),
            endpoint: notes.url.clone(),
            tools: Some(mcp_tools()),
            allowed_request_headers: Vec::new(),
        }]);
        gateway.interceptor = interceptor(move |event| {
            let mut output = pass(event);
            output["mcp"]["transformedGatewayRequest"]["headers"] =
                json!({ "Authorization": authorization });
            Ok(output)
        });
    })
    .await;
    let params = json!({ "name": "notes___whoami", "arguments": {} });
    let legacy = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });

    let legacy = bench.post(&legacy).await.json();
    let modern = bench.post_modern(&modern(7, "tools/call", params)).await.json();

    for answer in [legacy, modern] {
        assert!(text(&answer["result"]).starts_with("You are Alice Example"));
    }
}
