//! An MCP server of either era, which lists its tools to whom it likes, as it is told.

use crate::support::server::{Asked, Server, json};
use axum::body::{Body, Bytes};
use http::Response;
use hyper_body::Open;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How it is.
#[derive(Clone, Debug)]
pub(crate) struct Mood {
    /// Of 2025-11-25, with a session that it insists on; or of 2026-07-28.
    pub(crate) handshake: bool,
    /// Answers in a stream, which it does not close.
    pub(crate) streams: bool,
    /// Which tokens it takes. `None`: it asks for none.
    pub(crate) accepts: Option<Vec<&'static str>>,
    pub(crate) tools: Vec<Value>,
    /// How many to a page.
    pub(crate) page: usize,
    /// How long it takes over each answer.
    pub(crate) takes: Duration,
    /// Gives no token any more.
    pub(crate) ends: bool,
    /// The next answers to `tools/list`, in place of its own.
    pub(crate) instead: VecDeque<(u16, Value)>,
    /// The same, for ever after.
    pub(crate) always: Option<(u16, Value)>,
}

#[derive(Clone)]
pub(crate) struct McpServer {
    pub(crate) server: Arc<Server>,
    mood: Arc<Mutex<Mood>>,
}

impl McpServer {
    pub(crate) async fn start() -> Self {
        let mood = Mood {
            handshake: false,
            streams: false,
            accepts: Some(vec!["Bearer a1"]),
            tools: vec![tool("read"), tool("write")],
            page: 100,
            takes: Duration::ZERO,
            ends: false,
            instead: VecDeque::new(),
            always: None,
        };
        let mood = Arc::new(Mutex::new(mood));
        let told = Arc::clone(&mood);
        let server = Server::start(move |asked| {
            let answer = answer(&mut told.lock().unwrap(), &asked);
            let takes = told.lock().unwrap().takes;
            async move {
                tokio::time::sleep(takes).await;
                answer
            }
        })
        .await;
        Self { server: Arc::new(server), mood }
    }

    pub(crate) fn tell(&self, change: impl FnOnce(&mut Mood)) {
        change(&mut self.mood.lock().unwrap());
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/mcp", self.server.url)
    }

    /// The methods that it was asked, in order; `DELETE` for the end of a session.
    pub(crate) fn methods(&self) -> Vec<String> {
        let asked = self.server.asked().into_iter().filter(|asked| asked.path == "/mcp");
        asked.map(|asked| method(&message(&asked))).collect()
    }
}

pub(crate) fn tool(name: &str) -> Value {
    json!({
        "name": name,
        "description": format!("Can {name}"),
        "inputSchema": { "type": "object", "properties": { "id": { "type": "string" } } },
    })
}

fn message(asked: &Asked) -> Value {
    serde_json::from_str(&asked.body).unwrap_or_default()
}

fn method(message: &Value) -> String {
    message["method"].as_str().unwrap_or("DELETE").to_owned()
}

fn answer(mood: &mut Mood, asked: &Asked) -> Response<Body> {
    if asked.path != "/mcp" {
        if mood.ends {
            return json(400, &json!({ "error": "invalid_grant" }));
        }
        return json(
            200,
            &json!({
                "access_token": "a2", "token_type": "Bearer", "refresh_token": "r2", "expires_in": 3600,
            }),
        );
    }
    let message = message(asked);
    let method = method(&message);
    if let Some(accepted) = &mood.accepts {
        let shown = asked.header("authorization").unwrap_or_default();
        if !accepted.contains(&shown) {
            return json(401, &json!({ "error": "invalid_token" }));
        }
    }
    let answers = |result: Value| {
        let body = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
        reply(mood.streams, 200, &body)
    };
    let fails = |status, code: i64| {
        let error = json!({ "code": code, "message": "no" });
        json(status, &json!({ "jsonrpc": "2.0", "id": message["id"], "error": error }))
    };
    if mood.handshake {
        let session = asked.header("mcp-session-id") == Some("s1");
        match method.as_str() {
            "initialize" => {
                let mut answer =
                    answers(json!({ "protocolVersion": "2025-06-18", "capabilities": {} }));
                answer.headers_mut().insert("mcp-session-id", "s1".parse().unwrap());
                return answer;
            }
            _ if !session => return fails(400, -32000),
            "notifications/initialized" | "DELETE" => return json(202, ""),
            _ if asked.header("mcp-protocol-version") != Some("2025-06-18") => {
                return fails(400, -32000);
            }
            _ => {}
        }
    } else {
        let meta = &message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
        let agrees = asked.header("mcp-protocol-version") == Some("2026-07-28")
            && asked.header("mcp-method") == Some(&method)
            && meta == "2026-07-28";
        if !agrees {
            return fails(400, -32600);
        }
        if method == "server/discover" {
            return answers(json!({ "supportedVersions": ["2026-07-28"] }));
        }
    }
    if method != "tools/list" {
        return fails(404, -32601);
    }
    if let Some((status, mut body)) = mood.instead.pop_front().or_else(|| mood.always.clone()) {
        body["id"] = message["id"].clone();
        return reply(mood.streams, status, &body);
    }
    let start: usize = message["params"]["cursor"].as_str().map_or(0, |c| c.parse().unwrap());
    let end = (start + mood.page).min(mood.tools.len());
    let mut result = json!({ "tools": mood.tools[start..end] });
    if end < mood.tools.len() {
        result["nextCursor"] = end.to_string().into();
    }
    answers(result)
}

fn reply(streams: bool, status: u16, body: &Value) -> Response<Body> {
    if !streams {
        return json(status, body);
    }
    let noise = json!({ "jsonrpc": "2.0", "method": "notifications/message", "params": {} });
    let text = format!(": hello\n\nevent: message\ndata: {noise}\n\ndata: {body}\n\n");
    Response::builder()
        .status(status)
        .header("content-type", "text/event-stream")
        .body(Body::new(Open(Some(Bytes::from(text)))))
        .unwrap()
}

/// A body that has more to say and never does.
mod hyper_body {
    use super::{Bytes, Infallible};
    use axum::body::HttpBody;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    pub(super) struct Open(pub(super) Option<Bytes>);

    impl HttpBody for Open {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
            match self.0.take() {
                Some(bytes) => Poll::Ready(Some(Ok(hyper::body::Frame::data(bytes)))),
                None => Poll::Pending,
            }
        }
    }
}
