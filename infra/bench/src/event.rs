//! Events as the gateway sends them.

use serde_json::{Value, json};
use std::sync::Arc;

/// One event.
pub(crate) struct Event {
    pub(crate) bytes: Arc<[u8]>,
    /// How long the part is that must be passed on, as JSON is shortest.
    pub(crate) body: usize,
}

impl Event {
    fn of(event: &Value, passed_on: &Value) -> Self {
        let bytes = event.to_string().into_bytes().into();
        Self { bytes, body: passed_on.to_string().len() }
    }
}

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
pub(crate) fn call(jwt: &str, target: &str, arguments: &Value) -> Event {
    let body = of_tool(target, arguments);
    Event::of(&message(jwt, &body), &body)
}

fn of_tool(target: &str, arguments: &Value) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {
            "name": format!("{target}___search_issues"),
            "arguments": arguments,
            "_meta": { "progressToken": 7 },
        },
    })
}

/// What came back of it, on its way to the caller.
pub(crate) fn answered(jwt: &str, target: &str, arguments: &Value) -> Event {
    let mut event = message(jwt, &of_tool(target, arguments));
    let content = [json!({ "type": "text", "text": "No open issue mentions it. ".repeat(20) })];
    event["mcp"]["gatewayResponse"] = json!({
        "statusCode": 200,
        "headers": { "Content-Type": "application/json" },
        "body": { "jsonrpc": "2.0", "id": 7, "result": { "content": content, "isError": false } },
    });
    Event::of(&event, &event["mcp"]["gatewayResponse"]["body"])
}

/// A message that needs no token.
pub(crate) fn list(jwt: &str) -> Event {
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {} });
    Event::of(&message(jwt, &list), &list)
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

/// Arguments that fill an event of `size` bytes, in which they stand twice: as they are, and escaped.
pub(crate) fn arguments(content: Content, size: usize) -> Value {
    let line = "    let answer = ask(\"where\", &place)?; // \u{2026}\n";
    let row = |i: usize| {
        let votes = [i, i];
        json!({ "id": i, "open": i.is_multiple_of(2), "title": "A title", "votes": votes })
    };
    let room = size.saturating_sub(REST);
    let times = |unit: &Value| {
        let once = unit.to_string();
        room / (once.len() + Value::from(once).to_string().len())
    };
    match content {
        Content::Text => json!({ "content": line.repeat(times(&line.into())) }),
        Content::Base64 => json!({ "content": BASE64.repeat(times(&BASE64.into())) }),
        Content::Rows => json!({ "rows": (0..times(&row(room))).map(row).collect::<Vec<_>>() }),
    }
}

fn message(jwt: &str, body: &Value) -> Value {
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
}

/// About what the rest of an event takes.
const REST: usize = 3_000;
const BASE64: &str = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_as_large_as_it_is_said_to_be_and_lambda_takes_it() {
        for content in [Content::Text, Content::Base64, Content::Rows] {
            for size in [32_000, 1_000_000, 6_000_000] {
                let Event { bytes, body } = call("jwt", "github", &arguments(content, size));
                let (range, length) = (size * 8 / 10..=size, bytes.len());
                assert!(range.contains(&length), "{content:?} {size}: {length}");
                assert!((length / 3..length / 2).contains(&body), "{content:?} {size}: {body}");
            }
        }
    }
}
