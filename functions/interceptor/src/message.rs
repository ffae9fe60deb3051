//! The JSON-RPC message inside an event: what it asks for, and whether that needs a token.

use crate::event::raw;
use crate::members::{Members, Named};
use broker::seal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a body turned out to be.
pub(crate) enum Body {
    /// Several messages. MCP dropped them in 2025-06-18; none of them gets a token.
    Batch {
        /// Whether one of them would need a token.
        needs_token: bool,
        /// Whether one of them asks for a list, which needs one at some gateways.
        lists: bool,
        /// All of them as the client sent them.
        whole: Box<RawValue>,
    },
    /// A message that acts at a target.
    Call(Call),
    /// Nothing at all.
    Empty,
    /// Such a message without an id, or with parameters that cannot be read.
    MalformedCall {
        /// What to answer to.
        id: Option<Box<RawValue>>,
    },
    /// A message that asks for a list, without an id or with parameters that cannot be read.
    MalformedList {
        /// What to answer to.
        id: Option<Box<RawValue>>,
        /// The message as the client sent it.
        whole: Box<RawValue>,
    },
    /// A message that needs no token.
    Other(Box<RawValue>),
    /// Something that no MCP client sends.
    Unreadable,
}

/// A member that is given twice makes a message unreadable: the gateway might read the other one.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Members<'a, Params, 5>,
}

/// What is read of the parameters.
#[derive(Clone, Copy)]
struct Params;

impl Named<5> for Params {
    const NAMES: [&'static str; 5] = ["name", "uri", "_meta", INPUT_RESPONSES, REQUEST_STATE];
}

/// A message that acts at a target, or asks for a list of what is there: the ones that may need a
/// token, and the only ones that may be answered by a challenge.
pub(crate) struct Call {
    pub(crate) id: Box<RawValue>,
    pub(crate) method: Method,
    /// The tool's, prompt's or resource's name with the target's prefix; empty for a list.
    pub(crate) name: String,
    pub(crate) meta: Map<String, Value>,
    pub(crate) input_responses: BTreeMap<String, Value>,
    pub(crate) request_state: Option<String>,
    whole: Box<RawValue>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Method {
    GetPrompt,
    ReadResource,
    CallTool,
    ListPrompts,
    ListResources,
    ListResourceTemplates,
    ListTools,
}

impl Body {
    pub(crate) fn read(body: Option<&RawValue>) -> Self {
        let Some(body) = body else { return Self::Empty };
        match body.get().as_bytes().first() {
            Some(b'{') => Self::object(body.to_owned()),
            Some(b'[') => Self::batch(body.to_owned()).unwrap_or(Self::Unreadable),
            // The raw text instead of the parsed object: read what it says.
            Some(b'"') => serde_json::from_str::<String>(body.get())
                .ok()
                .and_then(|text| RawValue::from_string(text).ok())
                .filter(|inner| inner.get().starts_with('{'))
                .map_or(Self::Unreadable, Self::object),
            _ => Self::Unreadable,
        }
    }

    fn batch(whole: Box<RawValue>) -> Option<Self> {
        let (mut needs_token, mut lists) = (false, false);
        for message in serde_json::from_str::<Vec<&RawValue>>(whole.get()).ok()? {
            // A list would be read as the members of a message in their order.
            let object = message.get().starts_with('{');
            let message: Message = object.then(|| serde_json::from_str(message.get()).ok())??;
            match message.method() {
                Some(method) if method.lists() => lists = true,
                Some(_) => needs_token = true,
                None => {}
            }
        }
        Some(Self::Batch { needs_token, lists, whole })
    }

    fn object(whole: Box<RawValue>) -> Self {
        let Ok(message) = serde_json::from_str::<Message>(whole.get()) else {
            return Self::Unreadable;
        };
        let Some(method) = message.method() else { return Self::Other(whole) };
        let id = message.id.filter(|id| is_id(id)).map(ToOwned::to_owned);
        match (id, Call::read(method, message.params)) {
            (Some(id), Some(call)) => Self::Call(call(id, whole)),
            (id, _) if method.lists() => Self::MalformedList { id, whole },
            (id, _) => Self::MalformedCall { id },
        }
    }
}

impl Method {
    /// As it is written on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::GetPrompt => "prompts/get",
            Self::ReadResource => "resources/read",
            Self::CallTool => "tools/call",
            Self::ListPrompts => "prompts/list",
            Self::ListResources => "resources/list",
            Self::ListResourceTemplates => "resources/templates/list",
            Self::ListTools => "tools/list",
        }
    }

    /// Whether it asks for a list: it names no target, and its answer cannot be a question.
    pub(crate) fn lists(self) -> bool {
        match self {
            Self::GetPrompt | Self::ReadResource | Self::CallTool => false,
            Self::ListPrompts
            | Self::ListResources
            | Self::ListResourceTemplates
            | Self::ListTools => true,
        }
    }
}

impl Message<'_> {
    fn method(&self) -> Option<Method> {
        match self.method.as_deref()? {
            "tools/call" => Some(Method::CallTool),
            "prompts/get" => Some(Method::GetPrompt),
            "resources/read" => Some(Method::ReadResource),
            "prompts/list" => Some(Method::ListPrompts),
            "resources/list" => Some(Method::ListResources),
            "resources/templates/list" => Some(Method::ListResourceTemplates),
            "tools/list" => Some(Method::ListTools),
            _ => None,
        }
    }
}

/// A member's value: none if it is not there, and nothing at all if it is of another kind.
#[expect(clippy::option_option, reason = "one who reads it takes each `?` for what it is")]
fn member<T: DeserializeOwned>(found: Option<&RawValue>) -> Option<Option<T>> {
    found.map(|raw| serde_json::from_str(raw.get())).transpose().ok()
}

/// A string or a number: <https://www.jsonrpc.org/specification#request_object>. Anything else is not
/// sent back.
fn is_id(id: &RawValue) -> bool {
    id.get().starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit())
}

impl Call {
    /// What becomes a call with its id and the message that it was read from.
    fn read(
        method: Method,
        params: Members<Params, 5>,
    ) -> Option<impl FnOnce(Box<RawValue>, Box<RawValue>) -> Self + use<>> {
        let [name, uri, meta, input_responses, request_state] = match params {
            Members::Found(found, _) => found,
            Members::Absent if method.lists() => [None; 5],
            Members::Absent | Members::Unreadable => return None,
        };
        let (name, uri): (Option<String>, Option<String>) = (member(name)?, member(uri)?);
        let name = match method {
            Method::ReadResource => uri?,
            _ if method.lists() => String::new(),
            _ => name?,
        };
        let meta = member(meta)?.unwrap_or_default();
        let input_responses = member(input_responses)?.unwrap_or_default();
        let request_state = member(request_state)?;
        Some(move |id, whole| Self {
            id,
            method,
            name,
            meta,
            input_responses,
            request_state,
            whole,
        })
    }

    /// All parameters, as they stand.
    fn params(&self) -> BTreeMap<String, Box<RawValue>> {
        #[derive(Default, Deserialize)]
        struct Whole {
            #[serde(default)]
            params: Option<BTreeMap<String, Box<RawValue>>>,
        }
        let whole: Whole = serde_json::from_str(self.whole.get()).unwrap_or_default();
        whole.params.unwrap_or_default()
    }

    /// What stays the same when a client sends the call again: method and parameters, but neither
    /// the answers to our questions nor `_meta`, whose progress token is new each time.
    pub(crate) fn digest(&self) -> String {
        let method = format!("{:?}", self.method);
        let mut fields = vec![method];
        for (name, value) in &self.params() {
            if ![REQUEST_STATE, INPUT_RESPONSES, "_meta"].contains(&name.as_str()) {
                fields.push(name.clone());
                // Parsed and written again, so that key order and spaces do not count. What is too
                // deep or too large for that counts as it stands.
                fields.push(match serde_json::from_str::<Value>(value.get()) {
                    Ok(value) => value.to_string(),
                    Err(_) => value.get().to_owned(),
                });
            }
        }
        seal::text(&seal::fingerprint(fields.iter().map(String::as_str)))
    }

    /// The message as the client sent it.
    pub(crate) fn into_whole(self) -> Box<RawValue> {
        self.whole
    }

    /// The message without what was meant for us, byte for byte otherwise: a target answers an error
    /// to a `requestState` that is not its own. `wrapped` is the target's own state, which ours had
    /// replaced.
    pub(crate) fn into_cleaned(self, our_key: &str, wrapped: Option<&str>) -> Box<RawValue> {
        let mut params = self.params();
        params.remove(REQUEST_STATE);
        if let Some(state) = wrapped {
            params.insert(REQUEST_STATE.into(), raw(&state));
        }
        if params.contains_key(INPUT_RESPONSES) {
            let mut responses = self.input_responses;
            responses.remove(our_key);
            params.remove(INPUT_RESPONSES);
            if !responses.is_empty() {
                params.insert(INPUT_RESPONSES.into(), raw(&responses));
            }
        }
        let whole = serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(self.whole.get());
        let mut whole = whole.unwrap_or_default();
        whole.insert("params".into(), raw(&params));
        raw(&whole)
    }
}

const REQUEST_STATE: &str = "requestState";
const INPUT_RESPONSES: &str = "inputResponses";
