//! The control plane's adapter, as the service sees it.
#![cfg(feature = "aws-gateway")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use broker::aws::{Aws, ControlPlane, SchemaBucket};
use broker::gateway::{GatewayError, GatewayTargets, Settings, Status, ToolSchema, ToolSchemas};
use http::{Method, StatusCode, Uri};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// A service that gives these answers, in this order.
struct Service {
    endpoint: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Service {
    async fn answering(answers: impl IntoIterator<Item = Response>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::clone(&asked);
        let router = Router::new().fallback(async move |method: Method, uri: Uri, body: Bytes| {
            let body = String::from_utf8(body.to_vec()).unwrap();
            seen.lock().unwrap().push((format!("{method} {uri}"), body));
            let answer = answers.lock().unwrap().pop_front();
            answer.unwrap_or_else(|| StatusCode::IM_A_TEAPOT.into_response())
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { endpoint, asked }
    }

    async fn gateway(&self) -> ControlPlane {
        ControlPlane::new(&Aws::at(&self.endpoint).await, GATEWAY)
    }

    /// The lines of the requests, and forgets nothing.
    fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    fn body(&self, place: usize) -> Value {
        serde_json::from_str(&self.asked.lock().unwrap()[place].1).unwrap()
    }
}

const GATEWAY: &str = "latchkey-abcdefghij";

fn says(status: u16, body: &Value) -> Response {
    let head = [("content-type", "application/json")];
    (StatusCode::from_u16(status).unwrap(), head, body.to_string()).into_response()
}

fn refuses(status: u16, code: &str, message: &str) -> Response {
    let head = [("content-type", "application/json"), ("x-amzn-errortype", code)];
    let body = json!({ "message": message }).to_string();
    (StatusCode::from_u16(status).unwrap(), head, body).into_response()
}

/// A target as the service tells of it, with members that no SDK knows yet.
fn told() -> Value {
    json!({
        "gatewayArn": "arn:aws:bedrock-agentcore:us-east-1:123456789012:gateway/latchkey-abcdefghij",
        "targetId": "ABCDEFGHIJ",
        "createdAt": "2026-11-01T00:00:00Z",
        "updatedAt": "2026-11-01T00:00:00Z",
        "status": "UPDATE_UNSUCCESSFUL",
        "statusReasons": ["too many tools"],
        "name": "notes",
        "description": "Our notes",
        "credentialProviderConfigurations": [],
        "metadataConfiguration": { "allowedRequestHeaders": ["x-trace"] },
        "targetConfiguration": { "mcp": { "mcpServer": {
            "endpoint": "https://notes.example/mcp",
            "listingMode": "DEFAULT",
            "resourcePriority": 7,
            "ofTheFuture": { "kept": true },
            "mcpToolSchema": { "inlinePayload": "{\"tools\":[]}" },
        } } },
    })
}

fn summary(name: &str, id: &str) -> Value {
    json!({
        "targetId": id, "name": name, "status": "READY",
        "createdAt": "2026-11-01T00:00:00Z", "updatedAt": "2026-11-01T00:00:00Z",
    })
}

#[tokio::test]
async fn a_target_is_found_by_name_on_any_page() {
    let service = Service::answering([
        says(200, &json!({ "items": [summary("files", "0000000000")], "nextToken": "more" })),
        says(200, &json!({ "items": [summary("notes", "ABCDEFGHIJ")] })),
        says(200, &told()),
    ])
    .await;

    let found = service.gateway().await.find_by_name(&"notes".parse().unwrap()).await;

    let found = found.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.status), ("ABCDEFGHIJ", Status::Unsuccessful));
    assert_eq!(found.reasons, ["too many tools"]);
    assert_eq!(found.settings.endpoint(), Some("https://notes.example/mcp"));
    assert_eq!(
        service.lines(),
        [
            "GET /gateways/latchkey-abcdefghij/targets",
            "GET /gateways/latchkey-abcdefghij/targets?nextToken=more",
            "GET /gateways/latchkey-abcdefghij/targets/ABCDEFGHIJ",
        ]
    );
}

#[tokio::test]
async fn a_change_sends_everything_back_that_it_does_not_mean_to_change() {
    let service = Service::answering([says(200, &told()), says(202, &told())]).await;
    let gateway = service.gateway().await;
    let mut settings = gateway.find_by_id("ABCDEFGHIJ").await.unwrap().unwrap().settings;
    settings.set_schema(Some(ToolSchema::S3("s3://bucket/key.json".into())));

    gateway.update("ABCDEFGHIJ", &settings).await.unwrap();

    assert_eq!(service.lines()[1], "PUT /gateways/latchkey-abcdefghij/targets/ABCDEFGHIJ");
    assert_eq!(
        service.body(1),
        json!({
            "name": "notes",
            "description": "Our notes",
            "metadataConfiguration": { "allowedRequestHeaders": ["x-trace"] },
            "targetConfiguration": { "mcp": { "mcpServer": {
                "endpoint": "https://notes.example/mcp",
                "listingMode": "DEFAULT",
                "resourcePriority": 7,
                "ofTheFuture": { "kept": true },
                "mcpToolSchema": { "s3": { "uri": "s3://bucket/key.json" } },
            } } },
        })
    );
}

#[tokio::test]
async fn a_target_is_made_with_a_token_by_which_a_repetition_is_known() {
    // The first attempt is not answered well: the SDK repeats it.
    let service =
        Service::answering([refuses(500, "InternalServerException", "oh"), says(202, &told())])
            .await;
    let endpoint = "https://notes.example/mcp".parse().unwrap();
    let mut settings = Settings::new(&"notes".parse().unwrap(), &endpoint);
    settings.set_schema(Some(ToolSchema::Inline(r#"{"tools":[]}"#.into())));
    let token = "0123456789abcdef0123456789abcdef-1";

    let id = service.gateway().await.create(&settings, token).await.unwrap();

    assert_eq!(id, "ABCDEFGHIJ");
    assert_eq!(service.lines(), ["POST /gateways/latchkey-abcdefghij/targets"; 2]);
    for attempt in [0, 1] {
        assert_eq!(
            service.body(attempt),
            json!({
                "clientToken": token,
                "name": "notes",
                "targetConfiguration": { "mcp": { "mcpServer": {
                    "endpoint": "https://notes.example/mcp",
                    "mcpToolSchema": { "inlinePayload": "{\"tools\":[]}" },
                } } },
            })
        );
    }
}

#[tokio::test]
async fn what_is_not_there_is_none_and_is_removed() {
    let absent = || refuses(404, "ResourceNotFoundException", "no such target");
    let service = Service::answering([
        absent(),
        absent(),
        says(202, &told()),
        says(200, &json!({ "items": [] })),
    ])
    .await;
    let gateway = service.gateway().await;

    assert_eq!(gateway.find_by_id("ABCDEFGHIJ").await.unwrap(), None);
    gateway.remove("ABCDEFGHIJ").await.unwrap();
    gateway.remove("ABCDEFGHIJ").await.unwrap();
    assert_eq!(gateway.names().await.unwrap(), [""; 0]);

    assert_eq!(service.lines()[2], "DELETE /gateways/latchkey-abcdefghij/targets/ABCDEFGHIJ");
}

#[tokio::test]
async fn errors_are_told_apart_by_what_is_done_next() {
    let settings = Settings::default();
    let update = async |answers: Vec<Response>| {
        let service = Service::answering(answers).await;
        let error = service.gateway().await.update("ABCDEFGHIJ", &settings).await.unwrap_err();
        (error, service.lines().len())
    };
    let (error, times) = update(vec![refuses(400, "ValidationException", "only for OAUTH")]).await;
    assert!(matches!(&error, GatewayError::Refused(why) if why == "only for OAUTH"), "{error:?}");
    assert_eq!(times, 1);
    let (error, times) = update(vec![refuses(409, "ConflictException", "busy")]).await;
    assert!(matches!(error, GatewayError::Later(_)), "{error:?}");
    assert_eq!(times, 1);
    let throttled = || refuses(429, "ThrottlingException", "slow down");
    let (error, times) = update(vec![throttled(), throttled(), throttled()]).await;
    assert!(matches!(error, GatewayError::Later(_)), "{error:?}");
    assert_eq!(times, 3, "a throttled request is repeated");
    for (status, code) in [
        (402, "ServiceQuotaExceededException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
    ] {
        let (error, _) = update(vec![refuses(status, code, "no")]).await;
        assert!(matches!(&error, GatewayError::Denied(why) if why.contains(code)), "{error:?}");
    }
}

#[tokio::test]
async fn a_schema_goes_to_the_bucket_or_nowhere() {
    let service = Service::answering([StatusCode::OK.into_response()]).await;
    let aws = Aws::at(&service.endpoint).await;
    let none = ControlPlane::new(&aws, GATEWAY);
    assert_eq!(none.put_schema("notes/1.json", "{}").await.unwrap(), None);
    assert_eq!(service.lines(), [""; 0]);

    let bucket = none.with_bucket(Some(SchemaBucket::new(&aws, "schemas")));
    let uri = bucket.put_schema("notes/1.json", r#"{"tools":[]}"#).await.unwrap();

    assert_eq!(uri.as_deref(), Some("s3://schemas/notes/1.json"));
    let asked = service.asked.lock().unwrap();
    assert!(asked[0].0.starts_with("PUT /schemas/notes/1.json"), "{}", asked[0].0);
    assert_eq!(asked[0].1, r#"{"tools":[]}"#);
}
