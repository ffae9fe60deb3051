//! What both ends of MCP over HTTP agree on: one message, its revision, and how it is refused.

use super::fault::Fault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

/// An MCP revision, oldest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Revision {
    /// The first whose messages carry a version header, and the first without batches.
    June2025,
    /// The last that opens with a handshake.
    November2025,
    /// The first in which every request stands alone.
    July2026,
}

impl Revision {
    /// As it is written on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::June2025 => "2025-06-18",
            Self::November2025 => "2025-11-25",
            Self::July2026 => "2026-07-28",
        }
    }

    /// The revision of that name, if it is spoken here.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|revision| revision.as_str() == name)
    }

    /// Whether each request declares itself, and there is no handshake.
    /// <https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning>
    pub(crate) const fn is_modern(self) -> bool {
        matches!(self, Self::July2026)
    }

    /// What `initialize` settles on: the revision asked for, or else the newest with a handshake.
    pub(crate) fn negotiated(asked: Option<&str>) -> Self {
        asked
            .and_then(Self::named)
            .filter(|revision| !revision.is_modern())
            .unwrap_or(Self::November2025)
    }

    /// Every revision spoken here, newest first.
    pub(crate) fn supported() -> [&'static str; 3] {
        ALL.map(Self::as_str)
    }
}

/// One JSON-RPC request or notification.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    body: Map<String, Value>,
    revision: Revision,
}

impl Message {
    /// Reads what a client posted, and refuses what its revision says must be refused.
    pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Fault> {
        let body = serde_json::from_slice(body)
            .map_err(|_| Fault::bad_request(PARSE_ERROR, "The body is not JSON."))?;
        let Value::Object(body) = body else {
            return Err(Fault::bad_request(INVALID_REQUEST, "The body must be one JSON object."));
        };
        let id = body.get("id").filter(|id| is_id(id)).cloned();
        Self::shaped(body)
            .and_then(|body| {
                let revision = declared(headers, &body)?;
                let message = Self { body, revision };
                if revision.is_modern() && !message.is_notification() {
                    message.agree_with(headers)?;
                }
                Ok(message)
            })
            .map_err(|fault| fault.answering(id))
    }

    /// The same message with another body, if that is still a request or a notification.
    pub(crate) fn with_body(&self, body: Map<String, Value>) -> Option<Self> {
        Self::shaped(body).ok().map(|body| Self { body, revision: self.revision })
    }

    /// The message as JSON.
    pub(crate) const fn body(&self) -> &Map<String, Value> {
        &self.body
    }

    /// The revision that the client speaks.
    pub(crate) const fn revision(&self) -> Revision {
        self.revision
    }

    /// The method, which every message has.
    pub(crate) fn method(&self) -> &str {
        self.body.get("method").and_then(Value::as_str).unwrap_or_default()
    }

    /// The id to echo, type and all. A notification has none.
    pub(crate) fn id(&self) -> Option<&Value> {
        self.body.get("id")
    }

    /// Whether nobody waits for an answer.
    pub(crate) fn is_notification(&self) -> bool {
        self.id().is_none()
    }

    /// A parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&Value> {
        self.body.get("params")?.get(name)
    }

    /// The tool that is called.
    pub(crate) fn tool(&self) -> Option<&str> {
        self.param("name").and_then(Value::as_str)
    }

    /// What `Mcp-Name` repeats: the name of a tool or prompt, the URI of a resource.
    pub(crate) fn subject_matter(&self) -> Option<&str> {
        let key = match self.method() {
            "tools/call" | "prompts/get" => "name",
            "resources/read" => "uri",
            _ => return None,
        };
        self.param(key).and_then(Value::as_str)
    }

    /// The same call, of a tool by another name.
    pub(crate) fn renamed(mut self, tool: &str) -> Self {
        if let Some(Value::Object(params)) = self.body.get_mut("params") {
            params.insert("name".to_owned(), Value::from(tool));
        }
        self
    }

    /// The same call for a server that knows only handshakes: what 2026-07-28 added is taken out.
    pub(crate) fn into_legacy(mut self, revision: Revision) -> Self {
        if let Some(Value::Object(params)) = self.body.get_mut("params") {
            params.remove("inputResponses");
            params.remove("requestState");
            if let Some(Value::Object(meta)) = params.get_mut("_meta") {
                meta.retain(|key, _| !key.starts_with(RESERVED_META));
                if meta.is_empty() {
                    params.remove("_meta");
                }
            }
        }
        Self { revision, ..self }
    }

    /// A result as this message's revision writes it.
    pub(crate) fn result(&self, mut result: Map<String, Value>) -> Value {
        if self.revision.is_modern() {
            result.entry("resultType").or_insert_with(|| Value::from("complete"));
        }
        json!({ "jsonrpc": "2.0", "id": self.id(), "result": result })
    }

    /// A fault in answer to this message.
    pub(crate) fn fault(&self, status: StatusCode, code: i64, message: impl Into<String>) -> Fault {
        Fault::new(status, code, message).answering(self.id().cloned())
    }

    fn shaped(body: Map<String, Value>) -> Result<Map<String, Value>, Fault> {
        let refuse = |why| Err(Fault::bad_request(INVALID_REQUEST, why));
        if body.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return refuse("\"jsonrpc\" must be \"2.0\".");
        }
        if !body.get("method").is_some_and(Value::is_string) {
            return refuse("\"method\" must be a string.");
        }
        if !body.get("id").is_none_or(is_id) {
            return refuse("\"id\" must be a string or an integer.");
        }
        if !body.get("params").is_none_or(Value::is_object) {
            return refuse("\"params\" must be an object.");
        }
        Ok(body)
    }

    /// Headers and body must say the same, lest two readers of one request see two requests.
    /// <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation>
    fn agree_with(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let agrees = |header: &str, expected: &str| match headers.get(header) {
            None => Err(mismatch(&format!("{header} is missing"))),
            Some(value) if named(value).as_deref() == Some(expected) => Ok(()),
            Some(_) => Err(mismatch(&format!("{header} does not match the body"))),
        };
        agrees(VERSION_HEADER, self.revision.as_str())?;
        agrees(METHOD_HEADER, self.method())?;
        if let Some(name) = self.subject_matter() {
            agrees(NAME_HEADER, name)?;
        }
        if meta(&self.body, CAPABILITIES).is_some_and(Value::is_object) {
            Ok(())
        } else {
            Err(invalid_params("_meta names no client capabilities."))
        }
    }
}

/// `Mcp-Name`, encoded where a header could not carry it as it is.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#value-encoding>
pub(crate) fn name_header(name: &str) -> Option<HeaderValue> {
    let plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && name.trim() == name
        && !(name.starts_with(ENCODED_START) && name.ends_with(ENCODED_END));
    if plain {
        HeaderValue::from_str(name).ok()
    } else {
        HeaderValue::try_from(format!("{ENCODED_START}{}{ENCODED_END}", STANDARD.encode(name))).ok()
    }
}

fn named(value: &HeaderValue) -> Option<String> {
    let value = value.to_str().ok()?;
    match value.strip_prefix(ENCODED_START).and_then(|rest| rest.strip_suffix(ENCODED_END)) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// Which revision a message is written in. One without any sign is as old as can be.
fn declared(headers: &HeaderMap, body: &Map<String, Value>) -> Result<Revision, Fault> {
    let header = headers.get(VERSION_HEADER).map(|value| value.to_str().unwrap_or_default());
    let is_request = body.contains_key("id");
    match (meta(body, VERSION).and_then(Value::as_str), header) {
        (Some(version), Some(header)) if version != header => {
            Err(mismatch(&format!("{VERSION_HEADER} does not match the body")))
        }
        (Some(_), None) if is_request => Err(mismatch(&format!("{VERSION_HEADER} is missing"))),
        (Some(version), _) => Revision::named(version).ok_or_else(|| unsupported(version)),
        (None, _) if body.get("method").is_some_and(|method| method == "initialize") => {
            Ok(Revision::negotiated(body.get("params").and_then(|p| p["protocolVersion"].as_str())))
        }
        (None, Some(header)) => match Revision::named(header) {
            None => Err(unsupported(header)),
            Some(revision) if revision.is_modern() && is_request => {
                Err(invalid_params("_meta names no protocol version."))
            }
            Some(revision) => Ok(revision),
        },
        (None, None) => Ok(Revision::June2025),
    }
}

fn meta<'a>(body: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    body.get("params")?.get("_meta")?.get(key)
}

fn is_id(id: &Value) -> bool {
    id.is_string() || id.is_i64() || id.is_u64()
}

fn mismatch(what: &str) -> Fault {
    Fault::bad_request(HEADER_MISMATCH, format!("Header mismatch: {what}"))
}

fn invalid_params(why: &str) -> Fault {
    Fault::bad_request(INVALID_PARAMS, why)
}

fn unsupported(requested: &str) -> Fault {
    Fault::bad_request(UNSUPPORTED_VERSION, "Unsupported protocol version")
        .with(json!({ "supported": Revision::supported(), "requested": requested }))
}

const ALL: [Revision; 3] = [Revision::July2026, Revision::November2025, Revision::June2025];

pub(crate) const VERSION_HEADER: &str = "mcp-protocol-version";
pub(crate) const METHOD_HEADER: &str = "mcp-method";
pub(crate) const NAME_HEADER: &str = "mcp-name";
pub(crate) const SESSION_HEADER: &str = "mcp-session-id";
/// Tool arguments mirrored into headers; an intermediary must pass them on.
pub(crate) const PARAMETER_HEADERS: &str = "mcp-param-";

const RESERVED_META: &str = "io.modelcontextprotocol/";
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const ENCODED_START: &str = "=?base64?";
const ENCODED_END: &str = "?=";

pub(crate) const PARSE_ERROR: i64 = -32700;
pub(crate) const INVALID_REQUEST: i64 = -32600;
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
pub(crate) const INVALID_PARAMS: i64 = -32602;
pub(crate) const INTERNAL_ERROR: i64 = -32603;
pub(crate) const HEADER_MISMATCH: i64 = -32020;
pub(crate) const UNSUPPORTED_VERSION: i64 = -32022;
