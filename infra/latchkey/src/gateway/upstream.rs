//! The gateway as a client of its targets.

use super::fault::Fault;
use super::mcp::{
    INTERNAL_ERROR, METHOD_HEADER, Message, NAME_HEADER, PARAMETER_HEADERS, Revision,
    SESSION_HEADER, VERSION_HEADER, name_header,
};
use super::outbound::{Outbound, Silence, whole};
use super::sse::Events;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Calls targets, each in the revision that client and target share.
pub(crate) struct Upstream {
    outbound: Outbound,
    /// An era belongs to a server, not to a request: it is asked for once.
    eras: Mutex<HashMap<String, Era>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Era {
    Legacy,
    Modern,
}

/// What a target answered.
pub(crate) struct Answer {
    /// The words, all at once or one by one.
    pub(crate) body: Body,
    /// The session to end when they have been heard.
    pub(crate) session: Option<Session>,
}

/// The two forms of an answer.
pub(crate) enum Body {
    /// One JSON-RPC message, with the HTTP status that it came with.
    Json(StatusCode, Value),
    /// A stream of messages.
    Stream(Events),
}

impl Upstream {
    /// Knows nothing of any target yet.
    pub(crate) fn new(outbound: Outbound) -> Self {
        Self { outbound, eras: Mutex::default() }
    }

    /// Sends `message` to `endpoint`, with `headers` and nothing else of the client's.
    pub(crate) async fn call(
        &self,
        endpoint: &str,
        headers: &HeaderMap,
        message: Message,
    ) -> Result<Answer, CallError> {
        let revision = message.revision();
        if !revision.is_modern() {
            return self.call_in_session(endpoint, headers, message, revision).await;
        }
        let known = self.eras().get(endpoint).copied();
        let era = match known {
            Some(era) => era,
            None => self.discover(endpoint, headers).await?,
        };
        self.eras().insert(endpoint.to_owned(), era);
        match era {
            Era::Legacy => {
                self.call_in_session(endpoint, headers, message, Revision::November2025).await
            }
            Era::Modern => self.call_at_once(endpoint, headers, &message).await,
        }
    }

    /// Asks a server for its era in a way that only one of 2026-07-28 understands.
    /// <https://modelcontextprotocol.io/specification/2026-07-28/server/discover>
    async fn discover(&self, endpoint: &str, headers: &HeaderMap) -> Result<Era, CallError> {
        let id = Value::from("discover");
        let discover = json!({
            "jsonrpc": "2.0",
            "id": id,
            "method": "server/discover",
            "params": { "_meta": {
                "io.modelcontextprotocol/protocolVersion": Revision::July2026.as_str(),
                "io.modelcontextprotocol/clientInfo": client_info(),
                "io.modelcontextprotocol/clientCapabilities": {},
            } },
        });
        let mut headers = headers.clone();
        let version = Revision::July2026.as_str();
        headers.insert(VERSION_HEADER, HeaderValue::from_static(version));
        headers.insert(METHOD_HEADER, HeaderValue::from_static("server/discover"));
        let response = self.post(endpoint, &headers, &discover).await?;
        let status = response.status();
        if status.is_client_error() && !MAY_BE_LEGACY.contains(&status) || status.is_server_error()
        {
            return Err(CallError::of(&response));
        }
        let answer = match read(response, &id).await {
            Ok(Body::Json(_, answer)) => answer,
            Ok(Body::Stream(mut events)) => events.answer(&id).await?,
            Err(_) => return Ok(Era::Legacy),
        };
        let versions = answer["result"]["supportedVersions"].as_array();
        let modern = versions.is_some_and(|names| names.iter().any(|name| name == version));
        Ok(if modern { Era::Modern } else { Era::Legacy })
    }

    /// 2026-07-28: the request says everything.
    async fn call_at_once(
        &self,
        endpoint: &str,
        headers: &HeaderMap,
        message: &Message,
    ) -> Result<Answer, CallError> {
        let mut headers = headers.clone();
        let version = message.revision().as_str();
        headers.insert(VERSION_HEADER, HeaderValue::from_static(version));
        let method = HeaderValue::from_str(message.method()).map_err(|_| CallError::NotMcp)?;
        headers.insert(METHOD_HEADER, method);
        if let Some(name) = message.subject_matter() {
            headers.insert(NAME_HEADER, name_header(name).ok_or(CallError::NotMcp)?);
        }
        let response = self.post(endpoint, &headers, message.body()).await?;
        let status = response.status();
        // Its errors about the request itself come in these two, and are the client's to read.
        let explained = matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND);
        if !status.is_success() && !explained {
            return Err(CallError::of(&response));
        }
        match read(response, message.id().unwrap_or(&Value::Null)).await {
            Ok(body) => Ok(Answer { body, session: None }),
            Err(_) if explained => {
                // Nothing of 2026-07-28 answers like that. Another server may have moved in.
                self.eras().remove(endpoint);
                Err(CallError::Status(status))
            }
            Err(error) => Err(error),
        }
    }

    /// 2025-11-25 and before: a handshake, the call, and the end of the session.
    async fn call_in_session(
        &self,
        endpoint: &str,
        headers: &HeaderMap,
        message: Message,
        revision: Revision,
    ) -> Result<Answer, CallError> {
        let message = message.into_legacy(revision);
        let mut headers = headers.clone();
        let mirrored = |name: &http::HeaderName| name.as_str().starts_with(PARAMETER_HEADERS);
        for name in headers.keys().filter(|name| mirrored(name)).cloned().collect::<Vec<_>>() {
            headers.remove(name);
        }
        let session = self.open(endpoint, headers, revision).await?;
        let response = self.post(endpoint, &session.headers, message.body()).await;
        let body = match response {
            Ok(response) if response.status().is_success() => {
                read(response, message.id().unwrap_or(&Value::Null)).await
            }
            Ok(response) => Err(CallError::of(&response)),
            Err(error) => Err(error),
        };
        match body {
            Ok(body) => Ok(Answer { body, session: Some(session) }),
            Err(error) => {
                session.end();
                Err(error)
            }
        }
    }

    /// <https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization>
    async fn open(
        &self,
        endpoint: &str,
        mut headers: HeaderMap,
        revision: Revision,
    ) -> Result<Session, CallError> {
        let id = Value::from("initialize");
        let initialize = json!({
            "jsonrpc": "2.0",
            "id": id,
            "method": "initialize",
            "params": {
                "protocolVersion": revision.as_str(),
                "capabilities": {},
                "clientInfo": client_info(),
            },
        });
        let response = self.post(endpoint, &headers, &initialize).await?;
        if !response.status().is_success() {
            return Err(CallError::of(&response));
        }
        let session = response.headers().get(SESSION_HEADER).cloned();
        let answer = match read(response, &id).await? {
            Body::Json(_, answer) => answer,
            Body::Stream(mut events) => events.answer(&id).await?,
        };
        let version = answer["result"]["protocolVersion"].as_str().ok_or(CallError::NotMcp)?;
        let version = HeaderValue::from_str(version).map_err(|_| CallError::NotMcp)?;
        headers.insert(VERSION_HEADER, version);
        let session_named = session.is_some();
        if let Some(session) = session {
            headers.insert(SESSION_HEADER, session);
        }
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let response = self.post(endpoint, &headers, &initialized).await?;
        let session = Session {
            outbound: self.outbound.clone(),
            endpoint: endpoint.to_owned(),
            headers,
            named: session_named,
        };
        if response.status().is_success() {
            Ok(session)
        } else {
            session.end();
            Err(CallError::of(&response))
        }
    }

    async fn post(
        &self,
        endpoint: &str,
        headers: &HeaderMap,
        body: &impl serde::Serialize,
    ) -> Result<Response<Incoming>, CallError> {
        let body = serde_json::to_vec(body).map_err(|_| CallError::NotMcp)?;
        let mut request = Request::post(endpoint)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| CallError::Unreachable)?;
        request.headers_mut().clone_from(headers);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        Ok(self.outbound.send(request).await?)
    }

    fn eras(&self) -> MutexGuard<'_, HashMap<String, Era>> {
        self.eras.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A legacy session with a target. Only one that the target named needs an end.
pub(crate) struct Session {
    outbound: Outbound,
    endpoint: String,
    headers: HeaderMap,
    named: bool,
}

impl Session {
    /// Lets the target forget the session. It need not agree, and nobody waits for it.
    pub(crate) fn end(self) {
        if !self.named {
            return;
        }
        let request = Request::builder().method(Method::DELETE).uri(&self.endpoint);
        if let Ok(mut request) = request.body(Full::default()) {
            *request.headers_mut() = self.headers;
            tokio::spawn(async move { self.outbound.send(request).await });
        }
    }
}

/// Why there is no answer from the target. Its own words stay with it: they may hold anything.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// It refused the token for what it does not open, and says what would.
    #[error("answered HTTP 403")]
    Challenge(HeaderValue),
    /// It answered something that is not MCP.
    #[error("gave an answer that is not MCP")]
    NotMcp,
    /// It refused.
    #[error("answered HTTP {}", .0.as_u16())]
    Status(StatusCode),
    /// It did not answer.
    #[error("cannot be reached")]
    Unreachable,
}

impl CallError {
    /// A refusal. How the service shows one to the RESPONSE interception point is not documented:
    /// here it is an error, whose data holds the challenge of a 403.
    fn of(response: &Response<Incoming>) -> Self {
        match response.headers().get(WWW_AUTHENTICATE) {
            Some(value) if response.status() == StatusCode::FORBIDDEN => {
                Self::Challenge(value.clone())
            }
            _ => Self::Status(response.status()),
        }
    }

    /// For the client: HTTP 200, since the gateway itself is well.
    pub(crate) fn into_fault(self, target: &str, id: Option<Value>) -> Fault {
        let words = format!("The target {target} {self}.");
        let fault = Fault::new(StatusCode::OK, INTERNAL_ERROR, words).answering(id);
        match self {
            Self::Challenge(value) => {
                fault.with(json!({ "www-authenticate": String::from_utf8_lossy(value.as_bytes()) }))
            }
            Self::NotMcp | Self::Status(_) | Self::Unreachable => fault,
        }
    }
}

impl From<Silence> for CallError {
    fn from(Silence: Silence) -> Self {
        Self::Unreachable
    }
}

async fn read(response: Response<Incoming>, id: &Value) -> Result<Body, CallError> {
    let (head, body) = response.into_parts();
    let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type.is_some_and(|name| name.starts_with("text/event-stream")) {
        return Ok(Body::Stream(Events::new(body)));
    }
    let answer: Map<String, Value> =
        serde_json::from_slice(&whole(body).await?).map_err(|_| CallError::NotMcp)?;
    let is_answer = answer.contains_key("result") || answer.contains_key("error");
    if is_answer && answer.get("id") == Some(id) {
        Ok(Body::Json(head.status, Value::Object(answer)))
    } else {
        Err(CallError::NotMcp)
    }
}

fn client_info() -> Value {
    json!({ "name": "latchkey-gateway", "version": env!("CARGO_PKG_VERSION") })
}

/// How servers of the handshake era refuse a request that opens no session.
const MAY_BE_LEGACY: [StatusCode; 6] = [
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_ACCEPTABLE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];
