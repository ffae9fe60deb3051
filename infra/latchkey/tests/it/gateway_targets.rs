//! The gateway as a client of its targets.

use crate::gateway_interception::{Bench, call, forward, interceptor, modern, pass, target};
use crate::support::{Place, open};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use latchkey::gateway::Targets;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// A target that remembers what it heard.
#[derive(Clone)]
struct Target {
    heard: Arc<Mutex<Vec<Heard>>>,
    answer: Arc<dyn Fn(&Heard) -> Response + Send + Sync>,
}

#[derive(Clone, Debug)]
struct Heard {
    method: Method,
    headers: HeaderMap,
    body: Value,
}

impl Heard {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn says(&self, method: &str) -> bool {
        self.body["method"] == method
    }

    fn result(&self, result: &Value) -> Response {
        Json(json!({ "jsonrpc": "2.0", "id": self.body["id"], "result": result })).into_response()
    }
}

impl Target {
    async fn serve(answer: impl Fn(&Heard) -> Response + Send + Sync + 'static) -> (Self, String) {
        let this = Self { heard: Arc::default(), answer: Arc::new(answer) };
        let router = Router::new().fallback(hear).with_state(this.clone());
        let url = Place::new().await.serve(router);
        (this, format!("{url}/mcp"))
    }

    fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

async fn hear(State(target): State<Target>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let heard = Heard { method: parts.method, headers: parts.headers, body };
    target.heard.lock().unwrap().push(heard.clone());
    (target.answer)(&heard)
}

/// A server of 2025-11-25 that insists on its sessions.
fn legacy(heard: &Heard) -> Response {
    let in_session = heard.header("mcp-session-id") == Some("s1");
    if heard.says("initialize") {
        let mut response = heard.result(&json!({
            "protocolVersion": heard.body["params"]["protocolVersion"],
            "capabilities": {}, "serverInfo": { "name": "t", "version": "1" },
        }));
        response.headers_mut().insert("mcp-session-id", "s1".parse().unwrap());
        return response;
    }
    match (&heard.method, in_session) {
        (_, false) => StatusCode::BAD_REQUEST.into_response(),
        (&Method::DELETE, _) => StatusCode::NO_CONTENT.into_response(),
        _ if heard.body["id"].is_null() => StatusCode::ACCEPTED.into_response(),
        _ => heard.result(&json!({ "content": [] })),
    }
}

/// A server of 2026-07-28 and nothing else.
fn stateless(heard: &Heard) -> Response {
    match heard.header("mcp-protocol-version") {
        Some("2026-07-28") if heard.says("server/discover") => heard.result(&json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {},
        })),
        Some("2026-07-28") => heard.result(&json!({ "resultType": "complete", "content": [] })),
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn bench(endpoint: &str) -> Bench {
    Bench::with(|gateway| {
        gateway.targets = Targets::from(vec![target(endpoint)]);
        gateway.interceptor = interceptor(|event| Ok(forward(event)));
    })
    .await
}

#[tokio::test]
async fn a_legacy_call_is_made_in_a_session_that_is_ended() {
    let (target, endpoint) = Target::serve(legacy).await;
    let bench = bench(&endpoint).await;

    let answer = bench.post(&call("7")).await;

    assert_eq!(answer.json(), json!({ "jsonrpc": "2.0", "id": "7", "result": { "content": [] } }));
    // Nobody waits for the end of a session, so the test must.
    while target.heard().len() < 4 {
        tokio::task::yield_now().await;
    }
    let heard = target.heard();
    let methods: Vec<_> = heard.iter().map(|heard| heard.body["method"].as_str()).collect();
    let expected =
        [Some("initialize"), Some("notifications/initialized"), Some("tools/call"), None];
    assert_eq!(methods, expected);
    assert_eq!(heard[3].method, Method::DELETE);
    assert_eq!(heard[0].body["params"]["protocolVersion"], "2025-11-25");
    assert_eq!(heard[2].header("mcp-protocol-version"), Some("2025-11-25"));
    assert_eq!(heard[2].body["params"]["name"], "add", "the prefix is the gateway's own");
}

#[tokio::test]
async fn a_target_whose_tools_nobody_knows_lists_none_and_is_called_all_the_same() {
    let (target, endpoint) = Target::serve(legacy).await;
    let bench = Bench::with(|gateway| {
        let mut notes = super::gateway_interception::target(&endpoint);
        notes.tools = None;
        gateway.targets = Targets::from(vec![notes]);
    })
    .await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(bench.post(&list).await.json()["result"]["tools"], json!([]));

    assert_eq!(bench.post(&call(2)).await.json()["result"], json!({ "content": [] }));

    let called = target.heard().into_iter().find(|heard| heard.says("tools/call")).unwrap();
    assert_eq!(called.body["params"]["name"], "add");
}

#[tokio::test]
async fn the_callers_token_reaches_no_target() {
    let (target, endpoint) = Target::serve(legacy).await;
    let bench = bench(&endpoint).await;
    bench.post(&call(1)).await;
    assert!(
        target
            .heard()
            .iter()
            .all(|heard| heard.header("authorization") == Some("Bearer of-the-user"))
    );

    let (target, endpoint) = Target::serve(legacy).await;
    let anonymous = Bench::with(|gateway| {
        let mut notes = super::gateway_interception::target(&endpoint);
        notes.allowed_request_headers.push("authorization".parse().unwrap());
        gateway.targets = Targets::from(vec![notes]);
        gateway.interceptor = interceptor(|event| Ok(pass(event)));
    })
    .await;
    anonymous.post(&call(1)).await;
    assert!(target.heard().iter().all(|heard| heard.header("authorization").is_none()));
}

#[tokio::test]
async fn other_headers_reach_the_target_only_when_allowed() {
    let (target, endpoint) = Target::serve(legacy).await;
    let bench = Bench::with(|gateway| {
        gateway.targets = Targets::from(vec![super::gateway_interception::target(&endpoint)]);
        gateway.interceptor = interceptor(|event| {
            let mut output = pass(event);
            output["mcp"]["transformedGatewayRequest"]["headers"] =
                json!({ "X-Tenant": "of-the-interceptor", "X-Other": "dropped" });
            Ok(output)
        });
    })
    .await;

    bench.post_with(&[("x-tenant", "of-the-client"), ("x-more", "dropped")], &call(1)).await;

    let heard = target.heard();
    let request = heard.iter().find(|heard| heard.says("tools/call")).unwrap();
    assert_eq!(request.header("x-tenant"), Some("of-the-interceptor"));
    assert_eq!((request.header("x-other"), request.header("x-more")), (None, None));
}

#[tokio::test]
async fn a_modern_call_stays_modern_and_names_the_tool_as_the_target_does() {
    let (target, endpoint) = Target::serve(stateless).await;
    let bench = bench(&endpoint).await;
    let call = modern(
        7,
        "tools/call",
        json!({ "name": "notes___add", "arguments": {}, "requestState": "theirs" }),
    );
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "notes___add"),
        ("mcp-param-region", "us-west1"),
    ];

    let answer = bench.post_with(&headers, &call).await;
    bench.post_with(&headers, &call).await;

    assert_eq!(answer.json()["result"]["resultType"], "complete");
    let heard = target.heard();
    let methods: Vec<_> = heard.iter().map(|heard| heard.body["method"].clone()).collect();
    assert_eq!(methods, ["server/discover", "tools/call", "tools/call"], "the era is asked once");
    assert_eq!(heard[1].header("mcp-method"), Some("tools/call"));
    assert_eq!(heard[1].header("mcp-name"), Some("add"));
    assert_eq!(heard[1].header("mcp-param-region"), Some("us-west1"));
    assert_eq!(heard[1].body["params"]["name"], "add");
    assert_eq!(heard[1].body["params"]["requestState"], "theirs");
    assert_eq!(heard[1].body["params"]["_meta"], call["params"]["_meta"]);
}

#[tokio::test]
async fn a_modern_client_can_use_a_legacy_target() {
    let (target, endpoint) = Target::serve(legacy).await;
    let bench = bench(&endpoint).await;

    let answer =
        bench.post_modern(&modern(7, "tools/call", json!({ "name": "notes___add" }))).await;

    assert_eq!(answer.json()["result"], json!({ "resultType": "complete", "content": [] }));
    let heard = target.heard();
    let request = heard.iter().find(|heard| heard.says("tools/call")).unwrap();
    assert_eq!(request.body["params"], json!({ "name": "add" }));
    assert_eq!(request.header("mcp-protocol-version"), Some("2025-11-25"));
    assert_eq!(request.header("mcp-name"), None);
}

#[tokio::test]
async fn a_modern_targets_own_refusal_reaches_the_client() {
    let (_, endpoint) = Target::serve(|heard| {
        if heard.says("server/discover") {
            return stateless(heard);
        }
        let error = json!({ "code": -32602, "message": "Invalid or expired requestState" });
        let body = json!({ "jsonrpc": "2.0", "id": heard.body["id"], "error": error });
        (StatusCode::BAD_REQUEST, Json(body)).into_response()
    })
    .await;
    let bench = bench(&endpoint).await;

    let answer =
        bench.post_modern(&modern(7, "tools/call", json!({ "name": "notes___add" }))).await;

    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["error"]["message"], "Invalid or expired requestState");
}

#[tokio::test]
async fn a_targets_http_error_becomes_a_json_rpc_error_without_its_words() {
    let (_, endpoint) =
        Target::serve(|_| (StatusCode::UNAUTHORIZED, "token abc is bad").into_response()).await;
    let bench = bench(&endpoint).await;
    for answer in [
        bench.post(&call(7)).await,
        bench.post_modern(&modern(7, "tools/call", json!({ "name": "notes___add" }))).await,
    ] {
        assert_eq!(answer.status, StatusCode::OK);
        let error = &answer.json()["error"];
        assert_eq!(error["code"], -32603);
        assert_eq!(error["message"], "The target notes answered HTTP 401.");
        assert_eq!(answer.json()["id"], 7);
        assert!(!answer.text.contains("abc"));
    }
}

#[tokio::test]
async fn an_unknown_tool_is_nobodys_to_call() {
    let (target, endpoint) = Target::serve(legacy).await;
    let bench = bench(&endpoint).await;
    for name in ["add", "notes__add", "other___add", "notes___other", "notes____add"] {
        let mut message = call(7);
        message["params"]["name"] = name.into();
        let answer = bench.post(&message).await;
        assert_eq!(answer.json()["error"]["code"], -32602, "{name}");
    }
    assert!(target.heard().is_empty());
}

/// A target that streams what the test sends, after a handshake.
async fn streaming() -> (String, mpsc::Sender<Value>) {
    let (sender, receiver) = mpsc::channel::<Value>(1);
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let (_, endpoint) = Target::serve(move |heard| {
        if !heard.says("tools/call") {
            return legacy(heard);
        }
        let mut receiver = receiver.lock().unwrap().take().unwrap();
        let (mut frames, body) = channel();
        tokio::spawn(async move {
            while let Some(message) = receiver.recv().await {
                let event = format!(": a comment\r\nid: 1\r\ndata: {message}\r\n\r\n");
                // Cut in the middle: events do not respect packets.
                let (head, tail) = event.split_at(20);
                frames.send(Bytes::from(head.to_owned())).await;
                frames.send(Bytes::from(tail.to_owned())).await;
            }
        });
        ([("content-type", "text/event-stream")], body).into_response()
    })
    .await;
    (endpoint, sender)
}

struct Frames(mpsc::Sender<Bytes>);

impl Frames {
    async fn send(&mut self, bytes: Bytes) {
        self.0.send(bytes).await.unwrap();
    }
}

fn channel() -> (Frames, Body) {
    struct Receiving(mpsc::Receiver<Bytes>);
    impl axum::body::HttpBody for Receiving {
        type Data = Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
            self.0.poll_recv(context).map(|bytes| bytes.map(|b| Ok(hyper::body::Frame::data(b))))
        }
    }
    let (sender, receiver) = mpsc::channel(1);
    (Frames(sender), Body::new(Receiving(receiver)))
}

#[tokio::test]
async fn a_stream_is_passed_on_event_by_event() {
    let (endpoint, target) = streaming().await;
    let bench = bench(&endpoint).await;
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {} });
    let result = json!({ "jsonrpc": "2.0", "id": 7, "result": { "content": [] } });
    let authorization = format!("Bearer {}", bench.token);
    let headers = [("authorization", authorization.as_str())];

    let answer = tokio::spawn({
        let (url, call) = (bench.url.clone(), call(7).to_string());
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        async move {
            let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            open("POST", &url, &headers, call).await
        }
    });
    target.send(progress.clone()).await.unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.ends_with(format!("data: {progress}\r\n\r\n").as_bytes()));

    target.send(result.clone()).await.unwrap();
    let last = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(last.ends_with(format!("data: {result}\r\n\r\n").as_bytes()));
    assert!(body.frame().await.is_none(), "the answer ends the stream");
}

#[tokio::test]
async fn the_response_point_sees_the_events_with_an_id() {
    let (endpoint, target) = streaming().await;
    let bench = Bench::with(|gateway| {
        gateway.targets = Targets::from(vec![super::gateway_interception::target(&endpoint)]);
        gateway.response_interception = true;
        gateway.interceptor = interceptor(|event| {
            let response = &event["mcp"]["gatewayResponse"];
            if response.is_null() {
                return Ok(forward(event));
            }
            let body = json!({ "jsonrpc": "2.0", "id": 7, "result": { "told": response } });
            Ok(json!({ "interceptorOutputVersion": "1.0", "mcp": {
                "transformedGatewayResponse": { "statusCode": 200, "body": body },
            } }))
        });
    })
    .await;
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {} });
    let result = json!({ "jsonrpc": "2.0", "id": 7, "result": { "content": [] } });
    tokio::spawn(async move {
        target.send(progress).await.unwrap();
        target.send(result).await.unwrap();
    });

    let answer = bench.post(&call(7)).await;

    assert!(answer.text.contains("notifications/progress"));
    let data = answer.text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let told = &serde_json::from_str::<Value>(data).unwrap()["result"]["told"];
    assert_eq!(told["isStreamingResponse"], true);
    assert_eq!(told["statusCode"], 200);
    assert_eq!(told["body"]["result"], json!({ "content": [] }));
    assert_eq!(bench.events().len(), 2, "a notification is not shown");
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error() {
    let (endpoint, target) = streaming().await;
    let bench = bench(&endpoint).await;
    let progress = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": {} });
    tokio::spawn(async move { target.send(progress).await.unwrap() });

    let answer = bench.post(&call(7)).await;

    let data = answer.text.lines().rev().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let last: Value = serde_json::from_str(data).unwrap();
    assert_eq!((&last["id"], &last["error"]["code"]), (&json!(7), &json!(-32603)));
}
