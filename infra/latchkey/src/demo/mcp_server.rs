//! An MCP server that keeps notes for whoever brings a token made for it.

use crate::gateway::{
    Authorizer, Denied, Face, Fault, INVALID_PARAMS, Message, Outbound, PAYLOAD_LIMIT, Reply,
    Verifier,
};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use broker::clock::Clock;
use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the demo MCP server is to be.
pub struct McpServer {
    /// Its URI and its address, for instance `http://127.0.0.1:8703/mcp`. The path must be `/mcp`.
    pub resource: String,
    /// Whose tokens it takes.
    pub issuer: String,
    /// Decides whether a token has expired.
    pub clock: Arc<dyn Clock>,
}

/// Serves the MCP server. Its notes are gone when it stops.
pub fn mcp_server(demo: McpServer) -> Router {
    let authorizer = Authorizer {
        discovery_url: format!("{}/.well-known/openid-configuration", demo.issuer),
        allowed_audience: vec![demo.resource.clone()],
        allowed_clients: Vec::new(),
    };
    let notes = Arc::new(Notes {
        resource: demo.resource,
        issuer: demo.issuer,
        verifier: Verifier::new(authorizer, Outbound::new(), demo.clock),
        written: Mutex::default(),
    });
    Router::new()
        .route("/mcp", post(message).fallback(no_such_method))
        .route("/.well-known/oauth-protected-resource", get(metadata))
        .route("/.well-known/oauth-protected-resource/mcp", get(metadata))
        .with_state(notes)
}

/// The tools, as `tools/list` shows them to whoever has a token.
pub fn mcp_tools() -> Vec<Value> {
    let nothing = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    vec![
        json!({
            "name": "whoami",
            "title": "Who am I?",
            "description": "Tells whose token this call was made with.",
            "inputSchema": nothing,
            "annotations": { "readOnlyHint": true },
        }),
        json!({
            "name": "add_note",
            "title": "Add a note",
            "description": "Keeps a note for the person whose token this call was made with.",
            "inputSchema": {
                "type": "object",
                "properties": { "text": { "type": "string", "description": "What to remember" } },
                "required": ["text"],
                "additionalProperties": false,
            },
            "annotations": { "readOnlyHint": false, "destructiveHint": false },
        }),
        json!({
            "name": "list_notes",
            "title": "List notes",
            "description": "Lists the notes of the person whose token this call was made with.",
            "inputSchema": nothing,
            "annotations": { "readOnlyHint": true },
        }),
    ]
}

struct Notes {
    resource: String,
    issuer: String,
    verifier: Verifier,
    /// By `sub`. There is one issuer only.
    written: Mutex<HashMap<String, Vec<String>>>,
}

async fn message(State(notes): State<Arc<Notes>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let claims = match notes.admit(&head.headers).await {
        Ok(claims) => claims,
        Err(refusal) => return refusal,
    };
    let Ok(body) = axum::body::to_bytes(body, PAYLOAD_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let answer =
        Message::read(&head.headers, &body).and_then(|message| notes.answer(&message, &claims));
    match answer {
        Ok(Reply::Accepted) => StatusCode::ACCEPTED.into_response(),
        Ok(Reply::Answer(answer)) => Json(answer).into_response(),
        Err(fault) => fault.into_response(),
    }
}

/// There are no sessions: nothing to listen to, nothing to end.
async fn no_such_method(State(notes): State<Arc<Notes>>, headers: HeaderMap) -> Response {
    match notes.admit(&headers).await {
        Ok(_) => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")]).into_response(),
        Err(refusal) => refusal,
    }
}

/// <https://www.rfc-editor.org/rfc/rfc9728#section-3>
async fn metadata(State(notes): State<Arc<Notes>>) -> Json<Value> {
    Json(json!({
        "resource": notes.resource,
        "resource_name": FACE.title,
        "authorization_servers": [notes.issuer],
        "scopes_supported": [SCOPE],
        "bearer_methods_supported": ["header"],
    }))
}

impl Notes {
    async fn admit(&self, headers: &HeaderMap) -> Result<Map<String, Value>, Response> {
        let (status, error) = match self.verifier.admit(headers).await {
            Ok(claims) if grants(&claims, SCOPE) => return Ok(claims),
            Ok(_) => (StatusCode::FORBIDDEN, "error=\"insufficient_scope\", "),
            Err(Denied::Invalid) => (StatusCode::UNAUTHORIZED, "error=\"invalid_token\", "),
            Err(Denied::Missing) => (StatusCode::UNAUTHORIZED, ""),
            Err(Denied::Unknown) => return Err(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        };
        let origin = self.resource.strip_suffix("/mcp").unwrap_or(&self.resource);
        let challenge = format!(
            "Bearer {error}scope=\"{SCOPE}\", \
             resource_metadata=\"{origin}/.well-known/oauth-protected-resource/mcp\""
        );
        Err((status, [(WWW_AUTHENTICATE, challenge)]).into_response())
    }

    fn answer(&self, message: &Message, claims: &Map<String, Value>) -> Result<Reply, Fault> {
        if message.method() != "tools/call" || message.is_notification() {
            return FACE.answer(message, mcp_tools());
        }
        let claim = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
        let said = match message.tool() {
            Some("whoami") => Ok(format!(
                "You are {} ({}), known to {}. The client is {}.",
                claim("name"),
                claim("sub"),
                claim("iss"),
                claim("client_id"),
            )),
            Some("add_note") => {
                let text =
                    message.param("arguments").and_then(|arguments| arguments["text"].as_str());
                self.add(claim("sub"), text)
            }
            Some("list_notes") => Ok(self.list(claim("sub"))),
            unknown => {
                let words = format!("Unknown tool: {}", unknown.unwrap_or_default());
                return Err(message.fault(StatusCode::OK, INVALID_PARAMS, words));
            }
        };
        let (text, is_error) = match said {
            Ok(text) => (text, false),
            Err(NotTaken(why)) => (why.to_owned(), true),
        };
        let result = Map::from_iter([
            ("content".to_owned(), json!([{ "type": "text", "text": text }])),
            ("isError".to_owned(), is_error.into()),
        ]);
        Ok(Reply::Answer(FACE.signed(message, result)))
    }

    fn add(&self, sub: &str, text: Option<&str>) -> Result<String, NotTaken> {
        let text = text.ok_or(NotTaken("A note needs a text."))?;
        if text.len() > LONGEST_NOTE {
            return Err(NotTaken("That is too long for a note."));
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let notes = written.entry(sub.to_owned()).or_default();
        if notes.len() >= MOST_NOTES {
            return Err(NotTaken("That would be too many notes."));
        }
        notes.push(text.to_owned());
        Ok(format!("Noted. You have {} note(s).", notes.len()))
    }

    fn list(&self, sub: &str) -> String {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        match written.get(sub) {
            None => "You have no notes.".to_owned(),
            Some(notes) => {
                notes.iter().map(|note| format!("- {note}")).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// Why a note was not taken.
struct NotTaken(&'static str);

fn grants(claims: &Map<String, Value>, scope: &str) -> bool {
    let granted = claims.get("scope").and_then(Value::as_str).unwrap_or_default();
    granted.split(' ').any(|one| one == scope)
}

const FACE: Face = Face {
    name: "latchkey-demo-notes",
    title: "Notes (demo)",
    instructions: "Keeps short notes, for each person separately.",
};
const SCOPE: &str = "notes";
const LONGEST_NOTE: usize = 2000;
const MOST_NOTES: usize = 100;
