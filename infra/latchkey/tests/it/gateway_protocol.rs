//! What the gateway answers by itself: tokens, revisions, lists.

use crate::gateway_interception::{Bench, modern};
use crate::support::{get, send};
use http::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_caller_without_a_token_is_told_where_to_get_one() {
    let bench = Bench::start().await;

    let answer = send("POST", &bench.url, &[], "{}").await;

    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let challenge = answer.header("www-authenticate");
    let metadata = challenge.strip_prefix("Bearer resource_metadata=\"").unwrap();
    let metadata = get(metadata.strip_suffix('"').unwrap()).await.json();
    assert_eq!(metadata["resource"], bench.url);
    assert_eq!(metadata["authorization_servers"], json!([bench.idp]));
    assert!(bench.events().is_empty(), "the interceptor sees only what was let in");
}

#[tokio::test]
async fn a_token_that_expired_is_refused() {
    let bench = Bench::start().await;
    bench.clock.advance(Duration::from_mins(61));

    let answer = bench.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await;

    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn a_token_with_another_audience_or_client_or_signature_is_refused() {
    for change in [
        |authorizer: &mut latchkey::gateway::Authorizer| {
            authorizer.allowed_audience = vec!["https://other.example/mcp".to_owned()];
        },
        |authorizer: &mut latchkey::gateway::Authorizer| {
            authorizer.allowed_clients = vec!["not-the-terminal".to_owned()];
        },
    ] {
        let bench = Bench::with(|gateway| change(&mut gateway.authorizer)).await;
        let answer = bench.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let mut bench = Bench::start().await;
    let (signed, _) = bench.token.rsplit_once('.').unwrap();
    bench.token = format!("{signed}.{}", "A".repeat(86));
    let answer = bench.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_handshake_is_answered_by_the_gateway_in_the_revision_asked_for() {
    let bench = Bench::start().await;
    for (asked, settled) in [
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
    ] {
        let initialize = json!({ "jsonrpc": "2.0", "id": "one", "method": "initialize", "params": {
            "protocolVersion": asked, "capabilities": {}, "clientInfo": {"name":"t","version":"1"},
        } });
        let answer = bench.post(&initialize).await.json();
        assert_eq!(answer["result"]["protocolVersion"], settled);
        assert_eq!(answer["id"], "one");
    }
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let answer = bench.post(&initialized).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::ACCEPTED, ""));
    let answer = bench.post(&json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" })).await;
    assert_eq!(answer.json(), json!({ "jsonrpc": "2.0", "id": 2, "result": {} }));
}

#[tokio::test]
async fn tools_are_listed_under_their_targets_names() {
    let bench = Bench::start().await;

    let answer = bench.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).await;

    let tools = &answer.json()["result"]["tools"];
    assert_eq!(tools[0]["name"], "notes___add");
    assert_eq!(tools[0]["inputSchema"], json!({ "type": "object" }));
}

#[tokio::test]
async fn a_request_of_2026_07_28_stands_alone() {
    let bench = Bench::start().await;

    let discovered = bench.post_modern(&modern(1, "server/discover", json!({}))).await.json();
    let listed = bench.post_modern(&modern(2, "tools/list", json!({}))).await.json();

    let versions = &discovered["result"]["supportedVersions"];
    assert_eq!(*versions, json!(["2026-07-28", "2025-11-25", "2025-06-18"]));
    for result in [&discovered["result"], &listed["result"]] {
        assert_eq!(result["resultType"], "complete");
        assert!(result["ttlMs"].is_u64() && result["cacheScope"].is_string());
        assert!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"].is_string());
    }
    assert_eq!(listed["result"]["tools"][0]["name"], "notes___add");
}

#[tokio::test]
async fn a_method_that_is_not_offered_is_refused_as_the_revision_says() {
    let bench = Bench::start().await;

    let legacy = bench.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "prompts/list" })).await;
    let ping = bench.post_modern(&modern(1, "ping", json!({}))).await;

    assert_eq!((legacy.status, &legacy.json()["error"]["code"]), (StatusCode::OK, &json!(-32601)));
    assert_eq!(
        (ping.status, &ping.json()["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!(-32601))
    );
}

#[tokio::test]
async fn an_unknown_revision_is_refused_with_those_that_are_known() {
    let bench = Bench::start().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });

    let answer = bench.post_with(&[("mcp-protocol-version", "1900-01-01")], &ping).await;

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], -32022);
    assert_eq!(error["data"]["requested"], "1900-01-01");
    assert_eq!(error["data"]["supported"][0], "2026-07-28");
}

#[tokio::test]
async fn headers_that_contradict_the_body_are_refused() {
    let bench = Bench::start().await;
    let call = modern(9, "tools/call", json!({ "name": "notes___add", "arguments": {} }));
    let version = ("mcp-protocol-version", "2026-07-28");
    let method = ("mcp-method", "tools/call");
    for headers in [
        vec![version, method],
        vec![version, method, ("mcp-name", "notes___other")],
        vec![version, ("mcp-name", "notes___add")],
        vec![("mcp-protocol-version", "2025-11-25"), method, ("mcp-name", "notes___add")],
        vec![method, ("mcp-name", "notes___add")],
    ] {
        let answer = bench.post_with(&headers, &call).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{headers:?}");
        assert_eq!(answer.json()["error"]["code"], -32020, "{headers:?}");
        assert_eq!(answer.json()["id"], 9);
    }
    let encoded = ("mcp-name", "=?base64?bm90ZXNfX19hZGQ=?=");
    let answer = bench.post_with(&[version, method, encoded], &call).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_a_message_is_refused_before_the_interceptor() {
    let bench = Bench::start().await;
    let authorization = format!("Bearer {}", bench.token);
    let headers = [("authorization", authorization.as_str())];
    for (body, code) in [
        ("{", -32700),
        ("[]", -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, -32600),
        (r#"{"id":1,"method":"ping"}"#, -32600),
    ] {
        let answer = send("POST", &bench.url, &headers, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["error"]["code"], code, "{body}");
    }
    assert!(bench.events().is_empty());
}

#[tokio::test]
async fn there_is_no_session_to_listen_to_or_to_end() {
    let bench = Bench::start().await;
    let authorization = format!("Bearer {}", bench.token);
    for method in ["GET", "DELETE"] {
        let answer =
            send(method, &bench.url, &[("authorization", authorization.as_str())], "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(send(method, &bench.url, &[], "").await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_message_above_six_megabytes_is_refused() {
    let bench = Bench::start().await;
    let padding = Value::from("x".repeat(6 * 1024 * 1024));
    let large = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "x": padding } });

    let answer = bench.post(&large).await;

    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}
