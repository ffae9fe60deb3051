//! The gateway's JSON: lenient on the way in, strict on the way out.
//!
//! Unknown members are ignored and `null` is absence, because live events hold more than the
//! documentation says. What goes out holds only what we add, because the gateway answers 500 to
//! anything else.

use crate::json::{Json, Members, Object, Rest, Verbatim};
use crate::message::Message;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// One invocation by the gateway. To read one never fails: the function that is called with it has an
/// answer for each.
///
/// It is read from the bytes that Lambda hands over, which once they are known to be text are gone through
/// once, and nothing becomes a tree: what goes on stays the text that it was.
pub struct Event<'a>(pub(crate) Phase<'a>);

/// What there is to do. The phase is told by `gatewayResponse` being there, not by a name.
pub(crate) enum Phase<'a> {
    /// The HTTP envelope: targets that are no MCP servers. They are none of our business.
    Http,
    /// A message on its way to the target.
    Request(GatewayRequest<'a>),
    /// An answer on its way to the client, and the request that it answers, if that is shown.
    Response(Option<GatewayRequest<'a>>, GatewayResponse<'a>),
    /// Not an event of the gateway's.
    Unreadable,
}

/// The part of `gatewayRequest` that we read.
#[derive(Clone, Copy, Default)]
pub(crate) struct GatewayRequest<'a> {
    pub(crate) headers: Headers<'a>,
    pub(crate) body: Option<Message<'a>>,
}

/// The headers of a `gatewayRequest`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Headers<'a>(Option<Json<'a>>);

/// `gatewayResponse`, to be passed on. The later events of a stream have a body only.
#[derive(Clone, Copy)]
pub(crate) struct GatewayResponse<'a> {
    pub(crate) status_code: Option<u16>,
    headers: Option<Json<'a>>,
    pub(crate) body: Option<Json<'a>>,
}

impl<'a> Event<'a> {
    /// Reads what Lambda hands over.
    pub fn read(event: &'a [u8]) -> Self {
        let text = std::str::from_utf8(event).ok();
        Self(text.and_then(Phase::read).unwrap_or(Phase::Unreadable))
    }
}

impl<'a> Phase<'a> {
    fn read(event: &'a str) -> Option<Self> {
        let mut rest = Rest::new(event);
        let (mut mcp, mut http) = (None, false);
        let object = rest.object(["mcp", "http"], |name, rest| {
            match name {
                "mcp" => mcp = Some(Self::read_mcp(rest)?),
                _ => http = rest.value().map(|_| true)?,
            }
            Some(())
        });
        match (object?, mcp) {
            (Object::Found, Some(phase)) if rest.is_empty() => Some(phase),
            (Object::Found, None) if rest.is_empty() && http => Some(Self::Http),
            _ => None,
        }
    }

    fn read_mcp(rest: &mut Rest<'a>) -> Option<Self> {
        let (mut request, mut response) = (None, None);
        let object = rest.object(["gatewayRequest", "gatewayResponse"], |name, rest| {
            match name {
                "gatewayRequest" => {
                    let (object, read) = GatewayRequest::read(rest)?;
                    request = (object == Object::Found).then_some(read);
                }
                _ => response = Some(GatewayResponse::read(rest)?),
            }
            Some(())
        })?;
        match (object, response) {
            (Object::Found, Some(response)) => Some(Self::Response(request, response)),
            (Object::Found, None) => request.map(Self::Request),
            _ => None,
        }
    }
}

impl<'a> GatewayRequest<'a> {
    fn read(rest: &mut Rest<'a>) -> Option<(Object, Self)> {
        let mut request = Self::default();
        let object = rest.object(["headers", "body"], |name, rest| {
            match name {
                "headers" => request.headers = Headers(Some(rest.value()?)),
                _ => request.body = Some(Message::read(rest)?),
            }
            Some(())
        })?;
        Some((object, request))
    }
}

impl<'a> Headers<'a> {
    /// A header, its name in any case. A header that is there twice has no value.
    pub(crate) fn get(self, name: &str) -> Option<Cow<'a, str>> {
        let mut headers = serde_json::Deserializer::from_str(self.0?.text());
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

impl<'a> GatewayResponse<'a> {
    fn read(rest: &mut Rest<'a>) -> Option<Self> {
        let Members::Found([status_code, headers, body]) =
            rest.members(["statusCode", "headers", "body"])?
        else {
            return None;
        };
        let status_code = status_code.map(Json::read).transpose().ok()?;
        Some(Self { status_code, headers, body })
    }

    /// The values of its `WWW-Authenticate` headers.
    pub(crate) fn www_authenticate(&self) -> Vec<String> {
        let Some(Ok(headers)) = self.headers.map(Json::read::<Map<String, Value>>) else {
            return vec![];
        };
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
        body: Verbatim,
    },
    #[serde(rename = "transformedGatewayResponse")]
    Response {
        #[serde(rename = "statusCode", skip_serializing_if = "Option::is_none")]
        status_code: Option<u16>,
        body: Verbatim,
    },
}

#[derive(Serialize)]
struct Added {
    #[serde(rename = "Authorization")]
    authorization: Verbatim,
}

impl Output {
    /// Leave an HTTP target's message alone.
    pub(crate) fn http() -> Self {
        Self(Envelope::Http(Nothing {}))
    }

    /// Let the message go on without a token.
    pub(crate) fn pass(body: Verbatim) -> Self {
        Self::of(Action::Request { headers: None, body })
    }

    /// Let the message go on with this `Authorization`, a text of JSON.
    pub(crate) fn forward(authorization: Verbatim, body: Verbatim) -> Self {
        let headers = Some(Added { authorization });
        Self::of(Action::Request { headers, body })
    }

    /// Answer the client at once. Always 200: a 401 would make MCP clients restart the sign-in at the
    /// gateway, and some drop the body of anything but 200.
    pub(crate) fn answer(body: Verbatim) -> Self {
        Self::of(Action::Response { status_code: Some(200), body })
    }

    /// Let an answer go on as it is. A body that is missing, or that the gateway would not take back,
    /// is an empty object.
    pub(crate) fn pass_response(response: GatewayResponse<'_>) -> Self {
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
pub(crate) fn structured(body: Json<'_>) -> Option<Verbatim> {
    let body = body.unwrapped()?;
    body.get().starts_with(['{', '[']).then_some(body)
}

/// `{}`
pub(crate) fn empty_object() -> Verbatim {
    Verbatim::of(&Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_behind_an_event_makes_it_no_event() {
        let unreadable = |text: &str| matches!(Event::read(text.as_bytes()).0, Phase::Unreadable);
        for event in [r#"{"mcp":{"gatewayRequest":{}}}"#, r#"{"http":{}}"#] {
            assert!(!unreadable(event) && !unreadable(&format!(" {event}\r\n")), "{event}");
            for behind in ["x", "}", "{}", ","] {
                assert!(unreadable(&format!("{event} {behind}")), "{event} {behind}");
            }
        }
        assert!(matches!(Event::read(b"{\"http\":\"\xff\"}").0, Phase::Unreadable));
    }
}
