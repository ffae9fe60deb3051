//! MCP over HTTP, as much of it as a list takes.
//!
//! A server of 2026-07-28 is told all with each request; one of before begins with a handshake and
//! may want a session. Which it is, it is asked in a way that only the former understand.

use super::ListingError;
use broker::discovery::www_authenticate::WwwAuthenticate;
use broker::http::sse::Unread;
use broker::http::{Answer, Http, HttpError};
use broker::target::Endpoint;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use serde_json::{Map, Value, json};

/// The client's side of one server.
pub(super) struct Mcp {
    http: Http,
    endpoint: String,
    /// With each request.
    headers: HeaderMap,
    era: Era,
    sent: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Era {
    Handshake,
    Stateless,
}

/// The answer to a request.
pub(super) struct Message {
    pub(super) result: Map<String, Value>,
    /// How many bytes it took.
    pub(super) length: usize,
}

/// What came of a request, whoever is to make sense of it.
struct Said {
    status: StatusCode,
    headers: HeaderMap,
    answer: Option<Value>,
    length: usize,
}

impl Mcp {
    pub(super) fn new(
        http: Http,
        endpoint: &Endpoint,
        authorization: Option<&str>,
    ) -> Result<Self, ListingError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let accept = "application/json, text/event-stream";
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(authorization) = authorization {
            let mut value =
                HeaderValue::try_from(authorization).map_err(|_| ListingError::Unauthorized)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let endpoint = endpoint.as_str().to_owned();
        Ok(Self { http, endpoint, headers, era: Era::Stateless, sent: 0 })
    }

    /// Finds out how the server wants to be spoken to, and begins.
    /// <https://modelcontextprotocol.io/specification/2026-07-28/server/discover>
    pub(super) async fn begin(&mut self) -> Result<(), ListingError> {
        let said = self.send("server/discover", Map::new()).await?;
        let versions =
            said.answer.as_ref().and_then(|a| a["result"]["supportedVersions"].as_array());
        if versions.is_some_and(|versions| versions.iter().any(|version| version == STATELESS)) {
            return Ok(());
        }
        if !said.status.is_success() && !MAY_BE_OLDER.contains(&said.status) {
            return Err(said.refusal());
        }
        self.era = Era::Handshake;
        self.initialize().await
    }

    /// <https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#initialization>
    async fn initialize(&mut self) -> Result<(), ListingError> {
        let parameters = json!({
            "protocolVersion": HANDSHAKE,
            "capabilities": {},
            "clientInfo": client(),
        });
        let Value::Object(parameters) = parameters else { return Ok(()) };
        let said = self.send("initialize", parameters).await?;
        let session = said.headers.get(SESSION).cloned();
        let Message { result, .. } = said.message()?;
        let version = result.get("protocolVersion").and_then(Value::as_str);
        let version = version.and_then(|version| HeaderValue::from_str(version).ok());
        let version = version.ok_or(ListingError::NotMcp("it names no protocol version"))?;
        self.headers.insert(VERSION, version);
        if let Some(session) = session {
            self.headers.insert(SESSION, session);
        }
        let said = self.send("notifications/initialized", Map::new()).await?;
        if said.status.is_success() { Ok(()) } else { Err(said.refusal()) }
    }

    /// Asks for something.
    pub(super) async fn request(
        &mut self,
        method: &str,
        parameters: Map<String, Value>,
    ) -> Result<Message, ListingError> {
        self.send(method, parameters).await?.message()
    }

    /// Lets the server forget the session, if it named one. It need not agree.
    pub(super) async fn end(self) {
        if self.headers.contains_key(SESSION) {
            let request = Request::builder().method(Method::DELETE).uri(&self.endpoint);
            if let Ok(mut request) = request.body(Vec::new()) {
                *request.headers_mut() = self.headers;
                // Its answer is nobody's to wait for.
                let _ = self.http.within(FAREWELL).open(request).await;
            }
        }
    }

    async fn send(
        &mut self,
        method: &str,
        mut parameters: Map<String, Value>,
    ) -> Result<Said, ListingError> {
        let mut headers = self.headers.clone();
        if self.era == Era::Stateless {
            headers.insert(VERSION, HeaderValue::from_static(STATELESS));
            let name = HeaderValue::from_str(method);
            headers.insert(METHOD, name.map_err(|_| ListingError::NotMcp("a method's name"))?);
            parameters.insert(
                "_meta".into(),
                json!({
                    "io.modelcontextprotocol/protocolVersion": STATELESS,
                    "io.modelcontextprotocol/clientInfo": client(),
                    "io.modelcontextprotocol/clientCapabilities": {},
                }),
            );
        }
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        let id = (!method.starts_with("notifications/")).then(|| {
            self.sent += 1;
            Value::from(self.sent)
        });
        if let Some(id) = &id {
            message["id"] = id.clone();
        }
        if !parameters.is_empty() {
            message["params"] = parameters.into();
        }
        let request = Request::post(&self.endpoint).body(message.to_string().into_bytes());
        let mut request = request.map_err(|_| HttpError::Refused("the URL cannot be requested"))?;
        *request.headers_mut() = headers;
        let mut answer = self.http.open(request).await?;
        let (answer_to_it, length) = match &id {
            Some(id) => read(&mut answer, id).await?,
            None => (None, 0),
        };
        let (status, headers) = (answer.head.status, answer.head.headers);
        Ok(Said { status, headers, answer: answer_to_it, length })
    }
}

impl Said {
    fn message(self) -> Result<Message, ListingError> {
        match &self.answer {
            Some(answer) if answer.get("error").is_some() => Err(self.refusal()),
            Some(_) if self.status.is_success() => {
                let result = self.answer.and_then(|mut answer| match answer["result"].take() {
                    Value::Object(result) => Some(result),
                    _ => None,
                });
                let result = result.ok_or(ListingError::NotMcp("an answer without a result"))?;
                Ok(Message { result, length: self.length })
            }
            _ => Err(self.refusal()),
        }
    }

    fn refusal(&self) -> ListingError {
        let challenge = WwwAuthenticate::read(&self.headers);
        if let Some(refusal) = ListingError::status(self.status, challenge) {
            return refusal;
        }
        let code = self.answer.as_ref().and_then(|answer| answer["error"]["code"].as_i64());
        match code {
            Some(code) => ListingError::Refused(code),
            None if self.status.is_success() => {
                ListingError::NotMcp("an answer that is not JSON-RPC")
            }
            None => HttpError::Status { status: self.status, retry_after: None }.into(),
        }
    }
}

/// The answer to the request `id`, however it is wrapped, and how long it was.
async fn read(answer: &mut Answer, id: &Value) -> Result<(Option<Value>, usize), HttpError> {
    let is_answer =
        |message: &Value| message.get("id") == Some(id) && message.get("method").is_none();
    let media_type = answer.head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !media_type.is_some_and(|name| name.starts_with("text/event-stream")) {
        let body = answer.rest().await?;
        let message = serde_json::from_slice(&body).ok().filter(is_answer);
        return Ok((message, body.len()));
    }
    let (mut unread, mut length) = (Unread::default(), 0);
    while let Some(piece) = answer.next_piece().await? {
        length += piece.len();
        unread.push(&piece);
        while let Some(event) = unread.next_event() {
            if let Some(message) = event.message().filter(is_answer) {
                return Ok((Some(message), length));
            }
        }
    }
    Ok((None, length))
}

fn client() -> Value {
    json!({ "name": "latchkey-catalog", "version": env!("CARGO_PKG_VERSION") })
}

const STATELESS: &str = "2026-07-28";
const HANDSHAKE: &str = "2025-11-25";
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(1);
/// How servers of the handshake era refuse a request that opens no session.
const MAY_BE_OLDER: [StatusCode; 6] = [
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_ACCEPTABLE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];
