//! What passes between gateway and interceptor.

use crate::support::{Answer, Place, TestClock, issuer, send, token_of};
use http::StatusCode;
use latchkey::demo::Role;
use latchkey::gateway::{Authorizer, Gateway, GatewayTarget, Interceptor, Targets, router};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// A gateway with an interceptor that the test writes, and a target that the test may serve.
pub(crate) struct Bench {
    pub(crate) url: String,
    pub(crate) idp: String,
    pub(crate) token: String,
    pub(crate) clock: TestClock,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Bench {
    /// The interceptor lets everything pass unchanged.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// The interceptor gives this output to every request.
    pub(crate) async fn answering(output: Value) -> Self {
        Self::with(|gateway| gateway.interceptor = interceptor(move |_| Ok(output.clone()))).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Gateway)) -> Self {
        let clock = TestClock::new();
        let place = Place::new().await;
        let url = format!("{}/mcp", place.url);
        let idp = issuer(Role::IdentityProvider, &url, &clock).await;
        let token = token_of(&idp, "alice").await;
        let mut gateway = Gateway {
            url: url.clone(),
            authorizer: Authorizer {
                discovery_url: format!("{idp}/.well-known/openid-configuration"),
                allowed_audience: vec![url.clone()],
                allowed_clients: vec!["terminal".to_owned()],
            },
            targets: Targets::from(vec![target("http://127.0.0.1:9/mcp")]),
            interceptor: interceptor(|event| Ok(pass(event))),
            response_interception: false,
            clock: Arc::new(clock.clone()),
        };
        change(&mut gateway);
        let events = Arc::new(Mutex::new(Vec::new()));
        let (seen, inner) = (Arc::clone(&events), gateway.interceptor);
        gateway.interceptor = Arc::new(move |event| {
            seen.lock().unwrap().push(serde_json::from_str(event.get()).unwrap());
            inner(event)
        });
        place.serve(router(gateway));
        Self { url, idp, token, clock, events }
    }

    /// What the interceptor has been told.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    pub(crate) async fn post(&self, message: &Value) -> Answer {
        self.post_with(&[("mcp-protocol-version", "2025-11-25")], message).await
    }

    pub(crate) async fn post_modern(&self, message: &Value) -> Answer {
        let name = message["params"]["name"].as_str();
        let mut headers = vec![
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", message["method"].as_str().unwrap()),
        ];
        headers.extend(name.map(|name| ("mcp-name", name)));
        self.post_with(&headers, message).await
    }

    pub(crate) async fn post_with(&self, headers: &[(&str, &str)], message: &Value) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        let mut headers = headers.to_vec();
        headers.push(("Authorization", &authorization));
        headers.push(("Accept", "application/json, text/event-stream"));
        headers.push(("Content-Type", "application/json"));
        send("POST", &self.url, &headers, message.to_string()).await
    }
}

/// An interceptor as a plain function.
pub(crate) fn interceptor(
    answer: impl Fn(&Value) -> Result<Value, String> + Send + Sync + 'static,
) -> Interceptor {
    Arc::new(move |event| {
        let answer = answer(&serde_json::from_str(event.get()).unwrap());
        Box::pin(async move { answer.map(|output| to_raw_value(&output).unwrap()) })
    })
}

/// The output that changes nothing.
pub(crate) fn pass(event: &Value) -> Value {
    json!({ "interceptorOutputVersion": "1.0", "mcp": { "transformedGatewayRequest": {
        "body": event["mcp"]["gatewayRequest"]["body"],
    } } })
}

/// The output that puts a token on the request.
pub(crate) fn forward(event: &Value) -> Value {
    let mut output = pass(event);
    output["mcp"]["transformedGatewayRequest"]["headers"] =
        json!({ "Authorization": "Bearer of-the-user" });
    output
}

pub(crate) fn target(endpoint: &str) -> GatewayTarget {
    GatewayTarget {
        name: "notes".to_owned(),
        endpoint: endpoint.to_owned(),
        tools: Some(vec![json!({ "name": "add", "inputSchema": { "type": "object" } })]),
        allowed_request_headers: vec!["x-tenant".parse().unwrap()],
    }
}

pub(crate) fn call(id: impl Into<Value>) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": "tools/call", "params": {
        "name": "notes___add", "arguments": { "text": "hello" },
    } })
}

/// A request of 2026-07-28.
pub(crate) fn modern(id: impl Into<Value>, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

#[tokio::test]
async fn the_interceptor_sees_every_message_as_documented() {
    let bench = Bench::start().await;
    let messages = [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }),
        call(3),
    ];
    for message in &messages {
        bench.post(message).await;
    }

    let events = bench.events();

    assert_eq!(events.len(), messages.len());
    for (event, message) in events.iter().zip(&messages) {
        assert_eq!(event["interceptorInputVersion"], "1.0");
        let mcp = &event["mcp"];
        assert_eq!(mcp["rawGatewayRequest"], json!({ "body": message.to_string() }));
        assert_eq!(mcp["gatewayResponse"], Value::Null);
        let request = &mcp["gatewayRequest"];
        assert_eq!(request["path"], "/mcp");
        assert_eq!(request["httpMethod"], "POST");
        assert_eq!(request["context"], Value::Null);
        assert_eq!(request["body"], *message);
        assert_eq!(request["headers"]["authorization"], format!("Bearer {}", bench.token));
        assert_eq!(request["headers"]["mcp-protocol-version"], "2025-11-25");
        assert!(request["headers"]["host"].is_string());
    }
}

#[tokio::test]
async fn a_short_circuit_is_the_answer_whatever_else_is_said() {
    let bench = Bench::answering(json!({ "interceptorOutputVersion": "1.0", "mcp": {
        "transformedGatewayRequest": { "body": null },
        "transformedGatewayResponse": {
            "statusCode": 202,
            "headers": { "X-Said": "yes" },
            "body": { "jsonrpc": "2.0", "id": 3, "result": { "said": true } },
        },
    } }))
    .await;

    let answer = bench.post(&call(3)).await;

    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("x-said"), "yes");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json()["result"], json!({ "said": true }));
}

#[tokio::test]
async fn malformed_output_is_an_internal_error() {
    let request = |request: Value| json!({ "interceptorOutputVersion": "1.0", "mcp": { "transformedGatewayRequest": request } });
    let response = |response: Value| json!({ "interceptorOutputVersion": "1.0", "mcp": { "transformedGatewayResponse": response } });
    let headers = |headers: Value| request(json!({ "headers": headers, "body": call(3) }));
    for output in [
        json!(null),
        json!("{}"),
        json!({ "decision": "allow" }),
        json!({ "interceptorOutputVersion": "1.0" }),
        json!({ "interceptorOutputVersion": "1.0", "mcp": {} }),
        json!({ "interceptorOutputVersion": "1.0", "http": {} }),
        json!({ "interceptorOutputVersion": "1.0", "http": {}, "mcp": {
            "transformedGatewayRequest": { "body": call(3) } } }),
        json!({ "interceptorOutputVersion": "1.0", "mcp": { "gatewayRequest": { "body": call(3) } } }),
        json!({ "interceptorOutputVersion": "2.0", "mcp": {
            "transformedGatewayRequest": { "body": call(3) } } }),
        json!({ "mcp": { "transformedGatewayRequest": { "body": call(3) } } }),
        json!({ "interceptorOutputVersion": "1.0", "extra": 1, "mcp": {
            "transformedGatewayRequest": { "body": call(3) } } }),
        json!({ "interceptorOutputVersion": "1.0", "mcp": {
            "gatewayResponse": null, "transformedGatewayRequest": { "body": call(3) } } }),
        request(json!({})),
        request(json!({ "body": null })),
        request(json!({ "body": call(3).to_string() })),
        request(json!({ "body": [call(3)] })),
        request(json!({ "body": {} })),
        request(json!({ "body": call(3), "path": "/mcp" })),
        request(json!({ "body": call(3), "httpMethod": "POST" })),
        request(json!({ "body": call(3), "context": null })),
        headers(json!(null)),
        headers(json!({ "Authorization": null })),
        headers(json!({ "Authorization": ["Bearer x"] })),
        headers(json!({ "Authorization": "Bearer \u{e9}" })),
        headers(json!({ "Authorization": "Bearer x\n" })),
        headers(json!({ "X-Tenant": "x".repeat(4097) })),
        headers(json!({ "Host": "127.0.0.1" })),
        headers(json!({ "content-length": "12" })),
        headers(json!({ "not a name": "x" })),
        response(json!({ "body": {} })),
        response(json!({ "statusCode": "200", "body": {} })),
        response(json!({ "statusCode": 99, "body": {} })),
        response(json!({ "statusCode": 200, "body": null })),
        response(json!({ "statusCode": 200, "body": "{}" })),
        response(json!({ "statusCode": 200, "body": {}, "contentType": "application/json" })),
    ] {
        let bench = Bench::answering(output.clone()).await;

        let answer = bench.post(&call(3)).await;

        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{output}");
        let message = &answer.json()["error"]["message"];
        assert_eq!(message, "An internal error occurred. Please retry later.");
        assert_eq!(bench.events().len(), 1, "nothing is retried");
    }
}

#[tokio::test]
async fn a_function_error_is_an_internal_error() {
    let failing = interceptor(|_| Err("a secret reason".to_owned()));
    let bench = Bench::with(|gateway| gateway.interceptor = failing).await;

    let answer = bench.post(&call(3)).await;

    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!answer.text.contains("secret"));
}

#[tokio::test]
async fn the_response_point_sees_and_may_rewrite_every_answer() {
    let rewriting = interceptor(|event| {
        let response = &event["mcp"]["gatewayResponse"];
        if response.is_null() {
            return Ok(pass(event));
        }
        let mut body = response["body"].clone();
        body["result"]["seen"] = response["statusCode"].clone();
        Ok(json!({ "interceptorOutputVersion": "1.0", "mcp": { "transformedGatewayResponse": {
            "statusCode": 200, "body": body,
        } } }))
    });
    let bench = Bench::with(|gateway| {
        gateway.interceptor = rewriting;
        gateway.response_interception = true;
    })
    .await;

    let answer = bench.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })).await;

    assert_eq!(answer.json()["result"], json!({ "seen": 200 }));
    assert_eq!(bench.events().len(), 2);
}

#[tokio::test]
async fn the_response_point_is_asked_after_a_short_circuit_too() {
    let bench = Bench::with(|gateway| {
        gateway.response_interception = true;
        gateway.interceptor = interceptor(|event| {
            let second = !event["mcp"]["gatewayResponse"].is_null();
            Ok(json!({ "interceptorOutputVersion": "1.0", "mcp": { "transformedGatewayResponse": {
                "statusCode": 200, "body": { "second": second },
            } } }))
        });
    })
    .await;

    assert_eq!(bench.post(&call(3)).await.json(), json!({ "second": true }));
}
