//! Whether an answer says that the MCP server refused our token, or wants more of it.
//!
//! How the gateway shows a target's 401 or 403 is not documented, so every shape that it may have is
//! read, and each of them narrowly: an answer that is taken for a refusal by mistake costs a renewal.
//!
//! | Shape | Read as |
//! |---|---|
//! | HTTP 401 | refused, unless its `WWW-Authenticate` says `insufficient_scope` |
//! | HTTP 403 whose `WWW-Authenticate` has a `Bearer` error | what that error says |
//! | JSON-RPC error whose code, or whose data's status, is 401 | refused |
//! | JSON-RPC error whose message or data quotes a `Bearer` challenge with an error | what that error says |
//! | JSON-RPC error of which only the message tells of an HTTP 401 | perhaps refused: it may be a tool's exception about somebody else's 401 |
//! | `isError` result with `_meta["mcp/www_authenticate"]` | what the challenge's error says |
//! | `isError` result of one short text that tells of an HTTP 401 | perhaps refused: the tool may speak of somebody else's 401 |
//!
//! Whatever else a status or text may mean (a bare 403, a 404, "forbidden") is the MCP server's own
//! affair and goes on to the client.
//!
//! An ordinary success is told by its status and, if it is short enough to be an error at all, by a
//! search of its bytes for [`MARKS`]. Only what has one of them is parsed.

use crate::event::{GatewayResponse, structured};
use crate::json::Json;
use broker::discovery::www_authenticate::WwwAuthenticate;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What an MCP server has against the token that its call came with.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Objection {
    /// It is no good, or no longer: <https://www.rfc-editor.org/rfc/rfc6750#section-3.1>
    Refused {
        /// Whether protocol said so, and not a tool's words.
        sure: bool,
    },
    /// It is good, and opens too little.
    InsufficientScope {
        /// What it should open besides, in the server's words.
        scope: Option<String>,
    },
}

impl Objection {
    /// Reads an answer, or one event of a streamed answer.
    pub(crate) fn read(response: &GatewayResponse<'_>) -> Option<Self> {
        let status = response.status_code;
        if matches!(status, Some(401 | 403)) {
            let says = Self::of_challenge(&WwwAuthenticate::of(response.www_authenticate()));
            if says.is_some() {
                return says;
            }
        }
        if status == Some(401) {
            return Some(Self::Refused { sure: true });
        }
        Self::of_body(response.body?)
    }

    fn of_challenge(challenge: &WwwAuthenticate) -> Option<Self> {
        match challenge.error.as_deref() {
            Some("insufficient_scope") => {
                Some(Self::InsufficientScope { scope: challenge.scope.clone() })
            }
            Some("invalid_token") => Some(Self::Refused { sure: true }),
            _ => None,
        }
    }

    fn of_body(body: Json<'_>) -> Option<Self> {
        let text = body.text();
        if text.len() > LARGEST || !MARKS.iter().any(|mark| text.contains(mark)) {
            return None;
        }
        let reply: Reply = serde_json::from_str(structured(body)?.get()).ok()?;
        match reply {
            Reply { error: Some(error), .. } => Self::of_error(&error),
            Reply { result: Some(result), .. } if result.is_error => Self::of_result(&result),
            Reply { .. } => None,
        }
    }

    fn of_error(error: &RpcError) -> Option<Self> {
        let data = error.data.iter().flat_map(texts);
        let mut texts = std::iter::once(error.message.as_str()).chain(data);
        let quoted = texts.find_map(Self::of_text);
        if quoted.is_some() {
            return quoted;
        }
        let status = |data: &Value| STATUS_MEMBERS.iter().any(|name| is_401(&data[name]));
        let sure = is_401(&error.code) || error.data.as_ref().is_some_and(status);
        (sure || tells_of_401(&error.message)).then_some(Self::Refused { sure })
    }

    fn of_result(result: &ToolResult) -> Option<Self> {
        let challenges = result.meta.get(CHALLENGES).into_iter().flat_map(texts);
        let says = Self::of_challenge(&WwwAuthenticate::of(challenges));
        if says.is_some() {
            return says;
        }
        let [Content { text: Some(text) }] = &result.content[..] else { return None };
        tells_of_401(text).then_some(Self::Refused { sure: false })
    }

    /// A challenge that is quoted in a sentence.
    fn of_text(text: &str) -> Option<Self> {
        let (at, _) = text.match_indices("Bearer ").next()?;
        Self::of_challenge(&WwwAuthenticate::of([&text[at..]]))
    }
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    error: Option<RpcError>,
    #[serde(default)]
    result: Option<ToolResult>,
}

#[derive(Deserialize)]
struct RpcError {
    #[serde(default)]
    code: Value,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolResult {
    #[serde(default)]
    is_error: bool,
    #[serde(default)]
    content: Vec<Content>,
    #[serde(default, rename = "_meta")]
    meta: Map<String, Value>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    text: Option<String>,
}

/// A text, those of a list, or those that are members of an object.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let (one, list, members) = (value.as_str(), value.as_array(), value.as_object());
    let list = list.into_iter().flatten().filter_map(Value::as_str);
    let members = members.into_iter().flat_map(Map::values).filter_map(Value::as_str);
    one.into_iter().chain(list).chain(members)
}

fn is_401(value: &Value) -> bool {
    value.as_u64() == Some(401) || value.as_str() == Some("401")
}

/// Whether a short text has 401 as a status: after a word for one, or before the status's name. Not
/// as a port, an amount or a number of something.
fn tells_of_401(text: &str) -> bool {
    if text.len() > LONGEST_TEXT {
        return false;
    }
    let text = text.to_ascii_lowercase();
    text.match_indices("401").any(|(at, found)| {
        let (before, after) = (&text[..at], &text[at + found.len()..]);
        let part_of_more = |c: char| c.is_alphanumeric() || "._-/#$".contains(c);
        if before.ends_with(part_of_more) || after.starts_with(|c: char| c.is_alphanumeric()) {
            return false;
        }
        let before = before.trim_end_matches(|c: char| c.is_whitespace() || ":=(\"'".contains(c));
        let after = after.trim_start_matches(|c: char| c.is_whitespace() || ":-(\"'".contains(c));
        BEFORE.iter().any(|word| before.ends_with(word)) || after.starts_with("unauthorized")
    })
}

/// Without one of these no body is a refusal.
const MARKS: [&str; 3] = ["401", "invalid_token", "insufficient_scope"];
/// More bytes than a refusal has, and few enough to be searched in no time.
const LARGEST: usize = 16 * 1024;
/// More than a status is told in.
const LONGEST_TEXT: usize = 500;
const BEFORE: [&str; 7] =
    ["http", "http/1.1", "http/2", "http error", "status", "status code", "statuscode"];
/// What servers call an HTTP status in an error's data.
const STATUS_MEMBERS: [&str; 5] =
    ["status", "statusCode", "status_code", "httpStatus", "httpStatusCode"];
/// Where a tool's result has challenges, as clients of chat products read them.
const CHALLENGES: &str = "mcp/www_authenticate";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u5_a_status_is_told_from_a_number() {
        for told in [
            "The target notes answered HTTP 401.",
            "HTTP 401",
            "Request failed with status code 401",
            "status=401",
            "Error: 401 Unauthorized",
            "401 - Unauthorized",
            "upstream error (status: 401)",
            "HTTP/1.1 401",
        ] {
            assert!(tells_of_401(told), "{told}");
        }
        let long = format!("{} HTTP 401", "a".repeat(500));
        for not in [
            "401",
            "You have 401 unread messages",
            "issue #401 is unauthorized by nobody",
            "connected to 10.0.0.1:8401 unauthorized",
            "HTTP 4010",
            "HTTP 1401",
            "row 401, status 200",
            "a form 401-k",
            "HTTP 403 Forbidden",
            "Unauthorized",
            &long,
        ] {
            assert!(!tells_of_401(not), "{not}");
        }
    }
}
