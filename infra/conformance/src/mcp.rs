//! MCP over HTTP, as little as it takes to be asked for a token.

use crate::Failure;
use broker::discovery::www_authenticate::WwwAuthenticate;
use broker::http::Http;
use broker::target::Endpoint;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// The client's side of one server.
pub struct Mcp {
    http: Http,
    server: Endpoint,
    revision: String,
    session: Option<HeaderValue>,
    sent: u64,
}

/// What the server made of a request.
pub enum Answer {
    /// It took it. What it says does not matter here.
    Taken,
    /// It wants a token, or another one.
    Refused(WwwAuthenticate),
}

impl Mcp {
    /// A client that has not said anything yet.
    pub fn new(http: Http, server: Endpoint, revision: String) -> Self {
        Self { http, server, revision, session: None, sent: 0 }
    }

    /// Whether the revision begins with `initialize`. Revisions are dates.
    pub fn has_handshake(&self) -> bool {
        self.revision.as_str() < FIRST_WITHOUT_HANDSHAKE
    }

    /// Sends one request or notification.
    pub async fn send(&mut self, method: &str, bearer: Option<String>) -> Result<Answer, Failure> {
        let body = self.message(method);
        let mut request = http::Request::post(self.server.as_str())
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json");
        if method != "initialize" {
            request = request.header("mcp-protocol-version", &self.revision);
        }
        if !self.has_handshake() {
            request = request.header("mcp-method", method);
            if let Some(name) = body["params"]["name"].as_str() {
                request = request.header("mcp-name", name);
            }
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        let request = request
            .body(body.to_string().into_bytes())
            .map_err(|_| Failure::SetUp("a request cannot be built"))?;
        let answer = self.http.send(request).await?;
        if let Some(session) = answer.headers().get("mcp-session-id") {
            self.session = Some(session.clone());
        }
        match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Ok(Answer::Refused(WwwAuthenticate::read(answer.headers())))
            }
            status if status.is_success() => Ok(Answer::Taken),
            status => Err(Failure::Mcp(status)),
        }
    }

    fn message(&mut self, method: &str) -> Value {
        let me = json!({ "name": "latchkey-conformance", "version": env!("CARGO_PKG_VERSION") });
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        if !method.starts_with("notifications/") {
            self.sent += 1;
            message["id"] = self.sent.into();
        }
        if method == "tools/call" {
            message["params"] = json!({ "name": TOOL, "arguments": {} });
        }
        if method == "initialize" {
            message["params"] = json!({
                "protocolVersion": self.revision,
                "capabilities": {},
                "clientInfo": me,
            });
        } else if !self.has_handshake() {
            // Each request says who asks.
            message["params"]["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.revision,
                "io.modelcontextprotocol/clientInfo": me,
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        message
    }
}

const FIRST_WITHOUT_HANDSHAKE: &str = "2026-07-28";
/// The tool that the suite's servers have.
const TOOL: &str = "test-tool";
