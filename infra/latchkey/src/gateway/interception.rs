//! What passes between the gateway and its interceptor, and how strictly the answer is read.
//!
//! The service answers HTTP 500 to an interceptor whose output it does not understand, and says why
//! only in its log. Everything that it is known to refuse is refused here too, so that an interceptor
//! which passes here is not surprised there.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// What the interceptor is told of a client's message.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    raw: String,
    headers: Map<String, Value>,
    body: Map<String, Value>,
}

impl Event {
    /// A client's request. Every header is shown, as `passRequestHeaders` asks for.
    pub(crate) fn new(raw: &[u8], headers: &HeaderMap, body: &Map<String, Value>) -> Self {
        Self {
            raw: String::from_utf8_lossy(raw).into_owned(),
            headers: readable(headers),
            body: body.clone(),
        }
    }

    /// As the REQUEST interception point sends it.
    pub(crate) fn of_request(&self) -> Value {
        self.with_response(&Value::Null)
    }

    /// As the RESPONSE interception point sends it.
    pub(crate) fn of_response(&self, response: &Response) -> Value {
        self.with_response(&json!({
            "statusCode": response.status.as_u16(),
            "headers": readable(&response.headers),
            "body": response.body,
        }))
    }

    /// As the RESPONSE interception point sends one event of a stream. Only the first has a head.
    pub(crate) fn of_streamed(&self, body: &Value, first: bool) -> Value {
        let mut response = json!({ "isStreamingResponse": true, "body": body });
        if first {
            response["statusCode"] = StatusCode::OK.as_u16().into();
            response["headers"] = json!({ "content-type": "text/event-stream" });
        }
        self.with_response(&response)
    }

    fn with_response(&self, response: &Value) -> Value {
        json!({
            "interceptorInputVersion": "1.0",
            "mcp": {
                "rawGatewayRequest": { "body": self.raw },
                "gatewayRequest": {
                    "path": "/mcp",
                    "httpMethod": "POST",
                    "headers": self.headers,
                    "body": self.body,
                    "context": null,
                },
                "gatewayResponse": response,
            },
        })
    }
}

/// What the REQUEST interceptor wants done.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The client is answered at once; the target hears nothing.
    Answer(Response),
    /// The message goes on, with these headers at most.
    Forward {
        /// Headers that the interceptor adds.
        headers: HeaderMap,
        /// What is sent instead of the client's body.
        body: Map<String, Value>,
    },
}

/// An answer to the client, as an interceptor may write or rewrite it.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// Headers besides those that HTTP itself needs.
    pub(crate) headers: HeaderMap,
    /// The JSON-RPC answer.
    pub(crate) body: Value,
}

impl Verdict {
    /// Reads the REQUEST interceptor's output.
    pub(crate) fn read(output: &RawValue) -> Result<Self, Malformed> {
        let mut mcp = envelope(output)?;
        // "the gateway will respond with that content immediately, even if
        // `transformedGatewayRequest` is also provided"
        if let Some(response) = mcp.remove(RESPONSE) {
            return Response::read(response).map(Self::Answer);
        }
        let request = mcp.remove(REQUEST).ok_or(Malformed("mcp holds no transformation".into()))?;
        let mut request = object(request, REQUEST)?;
        only(&request, REQUEST, &["headers", "body"])?;
        Ok(Self::Forward {
            headers: headers(request.remove("headers"))?,
            body: body(&mut request)?,
        })
    }
}

impl Response {
    /// Reads the RESPONSE interceptor's output. Of later events in a stream only the body counts.
    pub(crate) fn rewritten(output: &RawValue) -> Result<Self, Malformed> {
        let response = envelope(output)?.remove(RESPONSE);
        Self::read(response.ok_or_else(|| Malformed(format!("{RESPONSE} is missing")))?)
    }

    fn read(response: Value) -> Result<Self, Malformed> {
        let mut response = object(response, RESPONSE)?;
        only(&response, RESPONSE, &["statusCode", "headers", "body"])?;
        let status = response
            .get("statusCode")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok())
            .filter(|status| (200..=599).contains(status))
            .and_then(|status| StatusCode::from_u16(status).ok())
            .ok_or_else(|| Malformed("statusCode is not an HTTP status".into()))?;
        let headers = headers(response.remove("headers"))?;
        Ok(Self { status, headers, body: Value::Object(body(&mut response)?) })
    }
}

/// Why the gateway cannot use what its interceptor said. Names keys, never shows values.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) String);

fn envelope(output: &RawValue) -> Result<Map<String, Value>, Malformed> {
    let output = serde_json::from_str(output.get())
        .map_err(|_| Malformed("the output is not JSON".into()))?;
    let mut output = object(output, "the output")?;
    if output.contains_key("http") {
        return Err(Malformed("the http envelope answers an mcp request".into()));
    }
    only(&output, "the output", &["interceptorOutputVersion", "mcp"])?;
    if output.get("interceptorOutputVersion").and_then(Value::as_str) != Some("1.0") {
        return Err(Malformed("interceptorOutputVersion is not \"1.0\"".into()));
    }
    let mcp = object(output.remove("mcp").unwrap_or_default(), "mcp")?;
    only(&mcp, "mcp", &[REQUEST, RESPONSE])?;
    Ok(mcp)
}

fn object(value: Value, name: &str) -> Result<Map<String, Value>, Malformed> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Malformed(format!("{name} is not an object"))),
    }
}

fn only(object: &Map<String, Value>, name: &str, known: &[&str]) -> Result<(), Malformed> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(Malformed(format!("{name} has the unknown key {key:?}"))),
        None => Ok(()),
    }
}

fn body(parent: &mut Map<String, Value>) -> Result<Map<String, Value>, Malformed> {
    object(parent.remove("body").unwrap_or_default(), "body")
}

fn headers(headers: Option<Value>) -> Result<HeaderMap, Malformed> {
    let Some(headers) = headers else { return Ok(HeaderMap::new()) };
    object(headers, "headers")?.into_iter().map(|(name, value)| header(&name, &value)).collect()
}

fn header(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), Malformed> {
    let refuse = |why| Malformed(format!("the header {name:?} {why}"));
    let parsed =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse("has no valid name"))?;
    if parsed == http::header::HOST || parsed == http::header::CONTENT_LENGTH {
        return Err(refuse("belongs to the gateway's own request"));
    }
    let text = value.as_str().ok_or_else(|| refuse("is not a string"))?;
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(refuse("is not printable ASCII"));
    }
    // Whether the service exempts Authorization from this limit is not documented. Here it does.
    if text.len() > LONGEST_HEADER && parsed != http::header::AUTHORIZATION {
        return Err(refuse("is longer than 4 KB"));
    }
    let mut value = HeaderValue::from_str(text).map_err(|_| refuse("is not a header value"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// Header names come from [`HeaderMap`] in lower case, as the service sends most of them.
fn readable(headers: &HeaderMap) -> Map<String, Value> {
    headers
        .keys()
        .map(|name| {
            let values = headers.get_all(name).iter();
            let values: Vec<_> = values.map(|v| String::from_utf8_lossy(v.as_bytes())).collect();
            (name.as_str().to_owned(), Value::from(values.join(", ")))
        })
        .collect()
}

const REQUEST: &str = "transformedGatewayRequest";
const RESPONSE: &str = "transformedGatewayResponse";
const LONGEST_HEADER: usize = 4096;
