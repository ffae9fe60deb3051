//! Events as the gateway sends them.

use serde_json::{Value, json};

/// What the arguments of a call hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// Source text: many line ends and quotes, each of them escaped.
    Text,
    /// Base64: nothing to escape.
    Base64,
    /// Rows of small objects.
    Rows,
}

/// A call of a tool of `target` by the holder of `jwt`.
pub(crate) fn call(jwt: &str, target: &str, arguments: &Value) -> Vec<u8> {
    message(
        jwt,
        &json!({
            "jsonrpc": "2.0",
            "id": 7,
            "method": "tools/call",
            "params": {
                "name": format!("{target}___search_issues"),
                "arguments": arguments,
                "_meta": { "progressToken": 7 },
            },
        }),
    )
}

/// A message that needs no token.
pub(crate) fn list(jwt: &str) -> Vec<u8> {
    message(jwt, &json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {} }))
}

/// The arguments of an ordinary call.
pub(crate) fn small() -> Value {
    json!({
        "owner": "example",
        "repo": "agents",
        "query": "is:open label:bug \"connection reset\"",
        "sort": "updated",
        "perPage": 30,
    })
}

/// Arguments of about `size` bytes.
pub(crate) fn arguments(content: Content, size: usize) -> Value {
    let line = "    let answer = ask(\"where\", &place)?; // \u{2026}\n";
    let row = |i: usize| json!({ "id": i, "open": i.is_multiple_of(2), "title": "A title", "votes": [i, 2] });
    match content {
        Content::Text => json!({ "content": line.repeat(size / (line.len() + 4)) }),
        Content::Base64 => json!({ "content": "QUJDREVGR0hJSktMTU5P".repeat(size / 20) }),
        Content::Rows => json!({ "rows": (0..size / 55).map(row).collect::<Vec<_>>() }),
    }
}

fn message(jwt: &str, body: &Value) -> Vec<u8> {
    json!({
        "interceptorInputVersion": "1.0",
        "mcp": {
            "rawGatewayRequest": { "body": body.to_string() },
            "gatewayRequest": {
                "path": "/mcp",
                "httpMethod": "POST",
                "headers": {
                    "Accept": "application/json, text/event-stream",
                    "Accept-Encoding": "gzip, deflate, br",
                    "Authorization": format!("Bearer {jwt}"),
                    "Content-Type": "application/json",
                    "Host": "agents-abc123.gateway.bedrock-agentcore.us-east-1.amazonaws.com",
                    "Mcp-Protocol-Version": "2025-11-25",
                    "Mcp-Session-Id": "4f7f0e6e-3a8e-4a0b-9a6f-1d2c3b4a5968",
                    "User-Agent": "python-httpx/0.28.1",
                },
                "body": body,
            },
        },
    })
    .to_string()
    .into_bytes()
}
