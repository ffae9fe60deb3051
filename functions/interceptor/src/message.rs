//! The JSON-RPC message inside an event: what it asks for, and whether that needs a token.

use crate::json::{Json, Members, Object, Rest, Verbatim, raw};
use broker::seal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
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
        whole: Verbatim,
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
        whole: Verbatim,
    },
    /// A message that needs no token.
    Other(Verbatim),
    /// Something that no MCP client sends.
    Unreadable,
}

/// A body as it stands, and the members of it that are looked at, if it is an object.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    whole: Json<'a>,
    object: Object,
    id: Option<Json<'a>>,
    method: Option<Json<'a>>,
    params: Members<'a, 5>,
}

/// What is read of the parameters.
const PARAMS: [&str; 5] = ["name", "uri", "_meta", INPUT_RESPONSES, REQUEST_STATE];

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
    whole: Verbatim,
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
    pub(crate) fn read(body: Option<Message<'_>>) -> Self {
        let Some(body) = body else { return Self::Empty };
        match body.whole.text().as_bytes().first() {
            Some(b'{') => Self::object(body),
            Some(b'[') => Self::batch(body.whole),
            // The raw text instead of the parsed object: read what it says.
            Some(b'"') => {
                body.whole.unwrapped().and_then(|inner| Self::object(Message::of(inner.get())?))
            }
            _ => None,
        }
        .unwrap_or(Self::Unreadable)
    }

    fn batch(whole: Json<'_>) -> Option<Self> {
        let (mut needs_token, mut lists) = (false, false);
        for message in whole.elements()? {
            match Message::of(message.text())?.method()? {
                Some(method) if method.lists() => lists = true,
                Some(_) => needs_token = true,
                None => {}
            }
        }
        Some(Self::Batch { needs_token, lists, whole: whole.to_verbatim() })
    }

    fn object(message: Message<'_>) -> Option<Self> {
        let (method, whole) = (message.method()?, message.whole.to_verbatim());
        let Some(method) = method else { return Some(Self::Other(whole)) };
        let id = message.id.and_then(id_of);
        Some(match (id, Call::read(method, message.params)) {
            (Some(id), Some(call)) => Self::Call(call(id, whole)),
            (id, _) if method.lists() => Self::MalformedList { id, whole },
            (id, _) => Self::MalformedCall { id },
        })
    }
}

impl<'a> Message<'a> {
    /// Goes through a body.
    pub(crate) fn read(rest: &mut Rest<'a>) -> Option<Self> {
        let (mut id, mut method, mut params) = (None, None, Members::Absent);
        rest.skip_space();
        let before = *rest;
        let object = rest.object(["id", "method", "params"], |name, rest| {
            match name {
                "id" => id = Some(rest.value()?),
                "method" => method = Some(rest.value()?),
                _ => params = rest.members(PARAMS)?,
            }
            Some(())
        })?;
        Some(Self { whole: rest.since(&before)?, object, id, method, params })
    }

    fn of(text: &'a str) -> Option<Self> {
        Self::read(&mut Rest::new(text))
    }

    /// The method, if it is one of ours; nothing at all if the message cannot be read.
    #[expect(clippy::option_option, reason = "one who reads it takes each `?` for what it is")]
    fn method(self) -> Option<Option<Method>> {
        let method = self.method.map(Json::read::<String>).transpose().ok()?;
        (self.object == Object::Found).then(|| method.as_deref().and_then(Method::of))
    }
}

impl Method {
    fn of(method: &str) -> Option<Self> {
        match method {
            "tools/call" => Some(Self::CallTool),
            "prompts/get" => Some(Self::GetPrompt),
            "resources/read" => Some(Self::ReadResource),
            "prompts/list" => Some(Self::ListPrompts),
            "resources/list" => Some(Self::ListResources),
            "resources/templates/list" => Some(Self::ListResourceTemplates),
            "tools/list" => Some(Self::ListTools),
            _ => None,
        }
    }

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

/// What a member says: none if it is not there, and nothing at all if it is of another kind.
#[expect(clippy::option_option, reason = "one who reads it takes each `?` for what it is")]
fn member<T: DeserializeOwned>(found: Option<Json<'_>>) -> Option<Option<T>> {
    found.map(Json::read).transpose().ok()
}

/// A string or a number: <https://www.jsonrpc.org/specification#request_object>. Anything else is not
/// sent back.
fn id_of(id: Json<'_>) -> Option<Box<RawValue>> {
    let is_id = |first: char| first == '"' || first == '-' || first.is_ascii_digit();
    id.read().ok().filter(|_| id.text().starts_with(is_id))
}

impl Call {
    /// What becomes a call with its id and the message that it was read from.
    fn read(
        method: Method,
        params: Members<'_, 5>,
    ) -> Option<impl FnOnce(Box<RawValue>, Verbatim) -> Self + use<>> {
        let [name, uri, meta, input_responses, request_state] = match params {
            Members::Found(found) => found,
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
    pub(crate) fn into_whole(self) -> Verbatim {
        self.whole
    }

    /// The message without what was meant for us, byte for byte otherwise: a target answers an error
    /// to a `requestState` that is not its own. `wrapped` is the target's own state, which ours had
    /// replaced.
    pub(crate) fn into_cleaned(self, our_key: &str, wrapped: Option<&str>) -> Verbatim {
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
        Verbatim::of(&whole)
    }
}

const REQUEST_STATE: &str = "requestState";
const INPUT_RESPONSES: &str = "inputResponses";
