//! One message through the gateway: authorizer, interceptor, target, interceptor again.

use super::authorizer::{Denied, Verifier};
use super::face::{Face, Reply};
use super::fault::Fault;
use super::interception::{Event, Malformed, Response as Intercepted, Verdict};
use super::mcp::{INVALID_PARAMS, INVALID_REQUEST, Message, PARAMETER_HEADERS};
use super::outbound::{Outbound, PAYLOAD_LIMIT};
use super::relay::Relay;
use super::target::Targets;
use super::upstream::{Answer, Body, Upstream};
use super::{Gateway, Interceptor};
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use std::sync::Arc;

/// The gateway at work.
pub(crate) struct Door {
    url: String,
    verifier: Verifier,
    targets: Targets,
    upstream: Upstream,
    interceptor: Interceptor,
    response_interception: bool,
}

/// `POST /mcp`
pub(crate) async fn message(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if let Err(refusal) = door.admit(&head.headers).await {
        return refusal;
    }
    let Ok(body) = axum::body::to_bytes(body, PAYLOAD_LIMIT).await else {
        let words = "The body is larger than 6 MB or broke off.";
        return Fault::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, words).into_response();
    };
    match Message::read(&head.headers, &body) {
        Ok(message) => door.carry(&head.headers, &body, message).await,
        Err(fault) => fault.into_response(),
    }
}

/// Any other method of `/mcp`: there are no sessions to listen to or to end.
pub(crate) async fn no_such_method(State(door): State<Arc<Door>>, headers: HeaderMap) -> Response {
    match door.admit(&headers).await {
        Ok(()) => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")]).into_response(),
        Err(refusal) => refusal,
    }
}

/// `GET /.well-known/oauth-protected-resource`: <https://www.rfc-editor.org/rfc/rfc9728#section-3>
pub(crate) async fn metadata(State(door): State<Arc<Door>>) -> Response {
    match door.verifier.issuer().await {
        Ok(issuer) => Json(json!({
            "resource": door.url,
            "authorization_servers": [issuer.name],
            "bearer_methods_supported": ["header"],
        }))
        .into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

impl Door {
    /// Opens a gateway.
    pub(crate) fn new(gateway: Gateway) -> Self {
        let outbound = Outbound::new();
        Self {
            url: gateway.url,
            verifier: Verifier::new(gateway.authorizer, outbound.clone(), gateway.clock),
            targets: gateway.targets,
            upstream: Upstream::new(outbound),
            interceptor: gateway.interceptor,
            response_interception: gateway.response_interception,
        }
    }

    async fn admit(&self, headers: &HeaderMap) -> Result<(), Response> {
        let Err(denied) = self.verifier.admit(headers).await else { return Ok(()) };
        tracing::info!(outcome = "denied", "the caller was not let in: {denied}");
        let error = match denied {
            Denied::Missing => "",
            Denied::Invalid => "error=\"invalid_token\", ",
            Denied::Unknown => return Err(Fault::internal().into_response()),
        };
        let origin = self.url.strip_suffix("/mcp").unwrap_or(&self.url);
        let challenge = format!(
            "Bearer {error}resource_metadata=\"{origin}/.well-known/oauth-protected-resource\""
        );
        Err((StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response())
    }

    async fn carry(&self, headers: &HeaderMap, raw: &[u8], message: Message) -> Response {
        let event = Event::new(raw, headers, message.body());
        let id = message.id().cloned();
        let answer = match self.pass(headers, &event, message).await {
            Ok(answer) => answer,
            Err(Refusal::Client(fault)) => Passed::of(fault.status(), fault.body()),
            Err(Refusal::Interceptor) => return Fault::internal().answering(id).into_response(),
        };
        match answer {
            Passed::Accepted => StatusCode::ACCEPTED.into_response(),
            Passed::Stream(relay) => {
                relay.into_response(id, self.response_interception.then(|| self.observer(event)))
            }
            Passed::Whole(response) if !self.response_interception => whole(response),
            Passed::Whole(response) => match self.observer(event).whole(response).await {
                Ok(response) => whole(response),
                Err(Unusable) => Fault::internal().answering(id).into_response(),
            },
        }
    }

    /// The message's way to whoever answers it.
    async fn pass(
        &self,
        of_client: &HeaderMap,
        event: &Event,
        message: Message,
    ) -> Result<Passed, Refusal> {
        let output = invoke(&self.interceptor, &event.of_request()).await?;
        let (of_interceptor, body) =
            match Verdict::read(&output).map_err(|malformed| refused(&malformed))? {
                Verdict::Answer(response) => return Ok(Passed::Whole(response)),
                Verdict::Forward { headers, body } => (headers, body),
            };
        let message = message
            .with_body(body)
            .ok_or_else(|| refused(&Malformed("body is not a JSON-RPC message".into())))?;
        if message.method() != "tools/call" || message.is_notification() {
            let reply = FACE.answer(&message, self.targets.tools()).map_err(Refusal::Client)?;
            return Ok(match reply {
                Reply::Accepted => Passed::Accepted,
                Reply::Answer(answer) => Passed::of(StatusCode::OK, answer),
            });
        }
        let (target, tool) =
            message.tool().and_then(|tool| self.targets.find(tool)).ok_or_else(|| {
                let words = format!("Unknown tool: {}", message.tool().unwrap_or_default());
                Refusal::Client(message.fault(StatusCode::OK, INVALID_PARAMS, words))
            })?;
        let mut headers = target.headers(of_client, &of_interceptor);
        let mirrored = |name: &http::HeaderName| name.as_str().starts_with(PARAMETER_HEADERS);
        for (name, value) in of_client.iter().filter(|(name, _)| mirrored(name)) {
            headers.insert(name, value.clone());
        }
        let client = message.clone();
        let Answer { body, session } =
            self.upstream.call(&target.endpoint, &headers, message.renamed(&tool)).await.map_err(
                |error| {
                    tracing::info!(
                        outcome = "target_failed",
                        target = target.name,
                        "the target {error}"
                    );
                    Refusal::Client(error.into_fault(&target.name, client.id().cloned()))
                },
            )?;
        Ok(match body {
            Body::Json(status, answer) => {
                if let Some(session) = session {
                    session.end();
                }
                Passed::of(status, in_revision(&client, answer))
            }
            Body::Stream(events) => {
                Passed::Stream(Box::new(Relay { events, session, message: client }))
            }
        })
    }

    fn observer(&self, event: Event) -> Observer {
        Observer { interceptor: Arc::clone(&self.interceptor), event }
    }
}

/// The RESPONSE interception point for the answers to one message.
pub(crate) struct Observer {
    interceptor: Interceptor,
    event: Event,
}

impl Observer {
    async fn whole(&self, response: Intercepted) -> Result<Intercepted, Unusable> {
        self.ask(&self.event.of_response(&response)).await
    }

    /// The body to send instead of a streamed one.
    pub(crate) async fn streamed(&self, body: &Value, first: bool) -> Result<Value, Unusable> {
        Ok(self.ask(&self.event.of_streamed(body, first)).await?.body)
    }

    async fn ask(&self, event: &Value) -> Result<Intercepted, Unusable> {
        let output = invoke(&self.interceptor, event).await?;
        Intercepted::rewritten(&output).map_err(|malformed| unusable(&malformed))
    }
}

/// A target's answer in the words of the client's revision.
pub(crate) fn in_revision(message: &Message, mut answer: Value) -> Value {
    if message.revision().is_modern()
        && let Some(Value::Object(result)) = answer.get_mut("result")
    {
        result.entry("resultType").or_insert_with(|| Value::from("complete"));
    }
    answer
}

enum Passed {
    Accepted,
    Stream(Box<Relay>),
    Whole(Intercepted),
}

impl Passed {
    fn of(status: StatusCode, body: Value) -> Self {
        let headers = HeaderMap::from_iter([(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        )]);
        Self::Whole(Intercepted { status, headers, body })
    }
}

enum Refusal {
    Client(Fault),
    Interceptor,
}

/// The interceptor failed, and the log says how.
pub(crate) struct Unusable;

impl From<Unusable> for Refusal {
    fn from(Unusable: Unusable) -> Self {
        Self::Interceptor
    }
}

async fn invoke(interceptor: &Interceptor, event: &Value) -> Result<Box<RawValue>, Unusable> {
    let event = to_raw_value(event).map_err(|_| Unusable)?;
    interceptor(event).await.map_err(|_| {
        // Not the error itself: it is the function's to log, and may quote its event.
        tracing::error!(outcome = "interceptor_failed", "InterceptorException - Function error");
        Unusable
    })
}

fn refused(malformed: &Malformed) -> Refusal {
    unusable(malformed).into()
}

fn unusable(malformed: &Malformed) -> Unusable {
    tracing::error!(
        outcome = "interceptor_malformed",
        "InterceptorException - Received invalid response from interceptor: {malformed}"
    );
    Unusable
}

fn whole(response: Intercepted) -> Response {
    let mut answer = (response.status, Json(response.body)).into_response();
    for (name, value) in response.headers {
        if let Some(name) = name.filter(|name| !OURS.contains(name)) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

const FACE: Face = Face {
    name: "latchkey-gateway",
    title: "Latchkey local gateway",
    instructions: "Tools are named after their target, as in target___tool.",
};

/// Headers that describe the bytes on the wire, which only the gateway knows.
const OURS: [http::HeaderName; 4] = [
    http::header::CONNECTION,
    http::header::CONTENT_ENCODING,
    http::header::CONTENT_TYPE,
    http::header::TRANSFER_ENCODING,
];
