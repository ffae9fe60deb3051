//! The gateway's JSON: lenient on the way in, strict on the way out.
//!
//! Unknown members are ignored and `null` is absence, because live events hold more than the
//! documentation says. What goes out holds only what we add, because the gateway answers 500 to
//! anything else.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One invocation by the gateway.
pub(crate) enum Event<'a> {
    /// The HTTP envelope: targets that are no MCP servers. They are none of our business.
    Http,
    /// A message on its way to the target.
    Request(GatewayRequest),
    /// An answer on its way to the client, and the request that it answers, if that is shown. Most
    /// answers need no look at their requests.
    Response(Option<&'a RawValue>, GatewayResponse),
}

/// The part of `gatewayRequest` that we read.
#[derive(Default, Deserialize)]
pub(crate) struct GatewayRequest {
    #[serde(default)]
    headers: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) body: Option<Box<RawValue>>,
}

/// `gatewayResponse`, to be passed on. The later events of a stream have a body only.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayResponse {
    #[serde(default)]
    pub(crate) status_code: Option<u16>,
    #[serde(default)]
    headers: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) body: Option<Box<RawValue>>,
}

impl<'a> Event<'a> {
    /// Reads an event. The phase is told by `gatewayResponse` being there, not by a name.
    pub(crate) fn read(event: &'a RawValue) -> Result<Self, NotAnEvent> {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow, default)]
            mcp: Option<Mcp<'a>>,
            #[serde(default)]
            http: Option<serde::de::IgnoredAny>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mcp<'a> {
            #[serde(borrow, default)]
            gateway_request: Option<&'a RawValue>,
            #[serde(default)]
            gateway_response: Option<GatewayResponse>,
        }
        let envelope: Envelope = serde_json::from_str(event.get()).map_err(|_| NotAnEvent)?;
        match envelope {
            Envelope {
                mcp: Some(Mcp { gateway_request, gateway_response: Some(response) }),
                ..
            } => Ok(Self::Response(gateway_request, response)),
            Envelope { mcp: Some(Mcp { gateway_request: Some(request), .. }), .. } => {
                Ok(Self::Request(GatewayRequest::read(request)?))
            }
            Envelope { mcp: None, http: Some(_) } => Ok(Self::Http),
            Envelope { .. } => Err(NotAnEvent),
        }
    }
}

/// Not an event of the gateway's.
#[derive(Debug)]
pub(crate) struct NotAnEvent;

impl GatewayRequest {
    pub(crate) fn read(request: &RawValue) -> Result<Self, NotAnEvent> {
        serde_json::from_str(request.get()).map_err(|_| NotAnEvent)
    }

    /// A header, its name in any case. A header that is there twice has no value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .flatten()
            .filter(|(key, value)| key.eq_ignore_ascii_case(name) && !value.is_null());
        let (_, value) = found.next()?;
        if found.next().is_some() { None } else { value.as_str() }
    }
}

impl GatewayResponse {
    /// The values of its `WWW-Authenticate` headers.
    pub(crate) fn www_authenticate(&self) -> Vec<String> {
        let headers = self.headers.as_ref().map(|headers| serde_json::from_str(headers.get()));
        let Some(Ok(headers)) = headers else { return vec![] };
        let headers: Map<String, Value> = headers;
        let named = |name: &String| name.eq_ignore_ascii_case("www-authenticate");
        let values = headers.into_iter().filter(|(name, _)| named(name)).map(|(_, value)| value);
        let values = values.flat_map(|value| match value {
            Value::Array(values) => values,
            value => vec![value],
        });
        values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }

    /// Whether it says nothing at all.
    pub(crate) fn is_silent(&self) -> bool {
        self.body.is_none() && matches!(self.status_code, None | Some(200))
    }
}

/// What the gateway is to do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    interceptor_output_version: &'static str,
    #[serde(flatten)]
    envelope: Envelope,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Envelope {
    Mcp(Action),
    Http(Nothing),
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
enum Action {
    #[serde(rename = "transformedGatewayRequest")]
    Request {
        #[serde(skip_serializing_if = "Option::is_none")]
        headers: Option<Added>,
        body: Box<RawValue>,
    },
    #[serde(rename = "transformedGatewayResponse")]
    Response {
        #[serde(rename = "statusCode", skip_serializing_if = "Option::is_none")]
        status_code: Option<u16>,
        body: Box<RawValue>,
    },
}

#[derive(Serialize)]
struct Added {
    #[serde(rename = "Authorization")]
    authorization: String,
}

impl Output {
    /// Leave an HTTP target's message alone.
    pub(crate) fn http() -> Self {
        Self::of(Envelope::Http(Nothing {}))
    }

    /// Let the message go on without a token.
    pub(crate) fn pass(body: Box<RawValue>) -> Self {
        Self::of(Envelope::Mcp(Action::Request { headers: None, body }))
    }

    /// Let the message go on with this `Authorization`.
    pub(crate) fn forward(authorization: String, body: Box<RawValue>) -> Self {
        let headers = Some(Added { authorization });
        Self::of(Envelope::Mcp(Action::Request { headers, body }))
    }

    /// Answer the client at once. Always 200: a 401 would make MCP clients restart the sign-in at the
    /// gateway, and some drop the body of anything but 200.
    pub(crate) fn answer(body: Box<RawValue>) -> Self {
        Self::of(Envelope::Mcp(Action::Response { status_code: Some(200), body }))
    }

    /// Let an answer go on as it is. A body that is missing, or that the gateway would not take back,
    /// is an empty object.
    pub(crate) fn pass_response(response: GatewayResponse) -> Self {
        let GatewayResponse { status_code, body, .. } = response;
        let body = body.and_then(structured).unwrap_or_else(empty_object);
        Self::of(Envelope::Mcp(Action::Response { status_code, body }))
    }

    /// Whether the client is answered, and nothing goes on to the target.
    pub(crate) fn answers(&self) -> bool {
        matches!(self.envelope, Envelope::Mcp(Action::Response { .. }))
    }

    fn of(envelope: Envelope) -> Self {
        Self { interceptor_output_version: "1.0", envelope }
    }
}

/// An object or an array, or the one that a text holds: what the gateway takes for a body.
pub(crate) fn structured(body: Box<RawValue>) -> Option<Box<RawValue>> {
    let body = match body.get().as_bytes().first() {
        Some(b'"') => RawValue::from_string(serde_json::from_str(body.get()).ok()?).ok()?,
        _ => body,
    };
    body.get().starts_with(['{', '[']).then_some(body)
}

/// `{}`
pub(crate) fn empty_object() -> Box<RawValue> {
    raw(&Map::new())
}

/// A value that serialises, as JSON.
pub(crate) fn raw(value: &impl Serialize) -> Box<RawValue> {
    // Only maps with keys that are no strings fail to serialise, and we have none.
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
