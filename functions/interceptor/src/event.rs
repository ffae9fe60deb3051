//! The gateway's JSON: lenient on the way in, strict on the way out.
//!
//! Unknown members are ignored and `null` is absence, because live events hold more than the
//! documentation says. What goes out holds only what we add, because the gateway answers 500 to
//! anything else.

use crate::members::{Members, Named};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// One invocation by the gateway. To read one never fails: the function that is called with it has an
/// answer for each.
///
/// It is read in one pass over its bytes, straight from what Lambda hands over; the message in it is
/// looked at once more, for its method and its target. Nothing becomes a tree: what goes on stays the text
/// that it was.
pub struct Event<'a>(pub(crate) Phase<'a>);

/// What there is to do. The phase is told by `gatewayResponse` being there, not by a name.
pub(crate) enum Phase<'a> {
    /// The HTTP envelope: targets that are no MCP servers. They are none of our business.
    Http,
    /// A message on its way to the target.
    Request(GatewayRequest<'a>),
    /// An answer on its way to the client, and the request that it answers, if that is shown.
    Response(Option<GatewayRequest<'a>>, GatewayResponse),
    /// Not an event of the gateway's.
    Unreadable,
}

/// The part of `gatewayRequest` that we read.
pub(crate) struct GatewayRequest<'a> {
    headers: Option<&'a RawValue>,
    pub(crate) body: Option<&'a RawValue>,
}

/// `gatewayResponse`, to be passed on. The later events of a stream have a body only.
#[derive(Deserialize)]
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
    /// Reads what Lambda hands over.
    pub fn read(event: &'a [u8]) -> Self {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            #[serde(borrow, default)]
            mcp: Option<Mcp<'a>>,
            #[serde(default)]
            http: Option<IgnoredAny>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Mcp<'a> {
            #[serde(borrow, default)]
            gateway_request: Members<'a, Seen, 2>,
            #[serde(default)]
            gateway_response: Option<GatewayResponse>,
        }
        let Ok(Envelope { mcp, http }) = serde_json::from_slice(event) else {
            return Self(Phase::Unreadable);
        };
        Self(match (mcp, http) {
            (Some(Mcp { gateway_request, gateway_response: Some(response) }), _) => {
                Phase::Response(GatewayRequest::of(gateway_request), response)
            }
            (Some(Mcp { gateway_request, gateway_response: None }), _) => {
                GatewayRequest::of(gateway_request).map_or(Phase::Unreadable, Phase::Request)
            }
            (None, Some(_)) => Phase::Http,
            (None, None) => Phase::Unreadable,
        })
    }
}

/// What is read of `gatewayRequest`.
#[derive(Clone, Copy)]
struct Seen;

impl Named<2> for Seen {
    const NAMES: [&'static str; 2] = ["headers", "body"];
}

impl<'a> GatewayRequest<'a> {
    fn of(members: Members<'a, Seen, 2>) -> Option<Self> {
        let Members::Found([headers, body], _) = members else { return None };
        Some(Self { headers, body })
    }

    /// A header, its name in any case. A header that is there twice has no value.
    pub(crate) fn header(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut headers = serde_json::Deserializer::from_str(self.headers?.get());
        headers.deserialize_map(Sole(name)).ok()?
    }
}

/// Looks for the only header of this name. `null` is absence.
struct Sole<'n>(&'n str);

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Sole<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let (mut found, mut twice) = (None, false);
        while let Some(Text(name)) = map.next_key()? {
            if !name.eq_ignore_ascii_case(self.0) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(Text(value)) = map.next_value()? {
                twice |= found.replace(value).is_some();
            }
        }
        Ok(found.filter(|_| !twice))
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
pub struct Output(Envelope);

enum Envelope {
    Mcp(Action),
    Http(Nothing),
}

/// Not derived: `flatten`, which it would take, keeps a second copy of what is written.
impl Serialize for Output {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut output = to.serialize_struct("Output", 2)?;
        output.serialize_field("interceptorOutputVersion", "1.0")?;
        match &self.0 {
            Envelope::Mcp(action) => output.serialize_field("mcp", action)?,
            Envelope::Http(nothing) => output.serialize_field("http", nothing)?,
        }
        output.end()
    }
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
    authorization: Box<RawValue>,
}

impl Output {
    /// Leave an HTTP target's message alone.
    pub(crate) fn http() -> Self {
        Self(Envelope::Http(Nothing {}))
    }

    /// Let the message go on without a token.
    pub(crate) fn pass(body: Box<RawValue>) -> Self {
        Self::of(Action::Request { headers: None, body })
    }

    /// Let the message go on with this `Authorization`, a text of JSON.
    pub(crate) fn forward(authorization: Box<RawValue>, body: Box<RawValue>) -> Self {
        let headers = Some(Added { authorization });
        Self::of(Action::Request { headers, body })
    }

    /// Answer the client at once. Always 200: a 401 would make MCP clients restart the sign-in at the
    /// gateway, and some drop the body of anything but 200.
    pub(crate) fn answer(body: Box<RawValue>) -> Self {
        Self::of(Action::Response { status_code: Some(200), body })
    }

    /// Let an answer go on as it is. A body that is missing, or that the gateway would not take back,
    /// is an empty object.
    pub(crate) fn pass_response(response: GatewayResponse) -> Self {
        let GatewayResponse { status_code, body, .. } = response;
        let body = body.and_then(structured).unwrap_or_else(empty_object);
        Self::of(Action::Response { status_code, body })
    }

    /// Whether the client is answered, and nothing goes on to the target.
    pub(crate) fn answers(&self) -> bool {
        matches!(self.0, Envelope::Mcp(Action::Response { .. }))
    }

    fn of(action: Action) -> Self {
        Self(Envelope::Mcp(action))
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
