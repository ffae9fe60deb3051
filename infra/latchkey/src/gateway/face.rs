//! What an MCP server says of itself, in every revision: all but the tool calls.

use super::fault::Fault;
use super::mcp::{METHOD_NOT_FOUND, Message, Revision};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// The face that a server shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    /// Its name for programs.
    pub(crate) name: &'static str,
    /// Its name for people.
    pub(crate) title: &'static str,
    /// What a model should know before it uses the tools.
    pub(crate) instructions: &'static str,
}

/// What to say to a message.
pub(crate) enum Reply {
    /// Nobody waits for more.
    Accepted,
    /// A JSON-RPC answer.
    Answer(Value),
}

impl Face {
    /// Answers everything that a server of tools must answer itself.
    pub(crate) fn answer(self, message: &Message, tools: Vec<Value>) -> Result<Reply, Fault> {
        if message.is_notification() {
            return Ok(Reply::Accepted);
        }
        let modern = message.revision().is_modern();
        let result = match (message.method(), modern) {
            ("initialize", false) => self.initialized(message),
            ("ping", false) => Map::new(),
            ("server/discover", true) => self.discovered(),
            ("tools/list", _) => {
                let mut result = Map::from_iter([("tools".to_owned(), Value::from(tools))]);
                if modern {
                    result.extend(uncached());
                }
                result
            }
            (method, _) => {
                // A handshake revision answers an unknown method in HTTP 200, 2026-07-28 in 404.
                let status = if modern { StatusCode::NOT_FOUND } else { StatusCode::OK };
                let words = format!("Method not found: {method}");
                return Err(message.fault(status, METHOD_NOT_FOUND, words));
            }
        };
        Ok(Reply::Answer(self.signed(message, result)))
    }

    /// `result` as an answer to `message`, naming the server where the revision asks for that.
    pub(crate) fn signed(self, message: &Message, mut result: Map<String, Value>) -> Value {
        if message.revision().is_modern() {
            let meta = json!({ "io.modelcontextprotocol/serverInfo": self.implementation() });
            result.insert("_meta".to_owned(), meta);
        }
        message.result(result)
    }

    fn initialized(self, message: &Message) -> Map<String, Value> {
        object(json!({
            "protocolVersion": message.revision().as_str(),
            "capabilities": { "tools": {} },
            "serverInfo": self.implementation(),
            "instructions": self.instructions,
        }))
    }

    fn discovered(self) -> Map<String, Value> {
        let mut result = object(json!({
            "supportedVersions": Revision::supported(),
            "capabilities": { "tools": {} },
            "instructions": self.instructions,
        }));
        result.extend(uncached());
        result
    }

    fn implementation(self) -> Value {
        json!({ "name": self.name, "title": self.title, "version": env!("CARGO_PKG_VERSION") })
    }
}

/// 2026-07-28 wants to know how long a list may be kept. Ours may change with any request.
fn uncached() -> Map<String, Value> {
    object(json!({ "ttlMs": 0, "cacheScope": "private" }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
