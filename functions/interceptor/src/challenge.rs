//! The three dialects of "please connect", chosen by what this very request tells of its client.
//!
//! A client is never sent what it has not said it understands: it would show its user nothing.

use crate::event::Output;
use crate::json::Verbatim;
use crate::message::{Call, Method};
use crate::refusal::Refusal;
use broker::seal;
use broker::target::Target;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// How a client can be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    /// MCP 2026-07-28 with `elicitation.url`: an `input_required` result.
    InputRequired,
    /// MCP 2025-11-25 with URL elicitation known: error `-32042`.
    UrlElicitationRequired,
    /// Everybody else, and everybody who is at a list: a link in the text of a tool result or error.
    Text {
        /// MCP 2026-07-28, whose results say that they are complete.
        modern: bool,
    },
}

impl Dialect {
    /// The dialect for `call`. A 2026-07-28 request carries its version and capabilities; an older
    /// one carries at most its version, so `knows_urls` comes from configuration.
    pub(crate) fn of(call: &Call, protocol_version: Option<&str>, knows_urls: bool) -> Self {
        let modern = call.meta.get(META_VERSION).and_then(Value::as_str);
        match (modern, protocol_version) {
            (Some(_), _) => {
                let elicitation =
                    call.meta.get(META_CAPABILITIES).and_then(|c| c.get("elicitation"));
                // `elicitation: {}` means forms only.
                match elicitation.and_then(|elicitation| elicitation.get("url")) {
                    Some(Value::Object(_)) if !call.method.lists() => Self::InputRequired,
                    _ => Self::Text { modern: true },
                }
            }
            (None, Some("2025-11-25")) if knows_urls => Self::UrlElicitationRequired,
            (None, _) => Self::Text { modern: false },
        }
    }
}

impl Dialect {
    /// As it is logged.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InputRequired => "input_required",
            Self::UrlElicitationRequired => "url_elicitation_required",
            Self::Text { .. } => "text",
        }
    }
}

/// What is said to a client instead of forwarding its call.
pub(crate) enum Answer<'a> {
    /// Ask the person to open the link.
    Ask { link: &'a str, request_state: Option<String> },
    /// The person said no: nothing more is asked in this call.
    Declined,
    /// The person is still busy with the link.
    Wait { request_state: String },
    /// Time is up for this call; the link is still good.
    StillWaiting { link: &'a str },
}

impl Answer<'_> {
    /// The answer to `call` in `dialect`. `wider` if `target` is connected, and the question is for
    /// more.
    pub(crate) fn to_output(
        &self,
        call: &Call,
        target: &Target,
        dialect: Dialect,
        wider: bool,
    ) -> Output {
        let title = &target.title;
        let how = |to: &str| {
            if call.method.lists() {
                // No model is told of a list: the person may read this.
                format!("Open this link to {to}, and list again when you have done so")
            } else {
                format!(
                    "Show the user this link, so that they can {to}, and call the tool again when they \
                     have done so"
                )
            }
        };
        let message = if wider {
            format!("{title} needs more permissions to continue.")
        } else {
            format!("Connect {title} to continue.")
        };
        match (self, dialect) {
            (Self::Ask { link, request_state: Some(state) }, Dialect::InputRequired) => {
                let params = json!({
                    "mode": "url",
                    "url": link,
                    "message": message,
                });
                let request = json!({ "method": "elicitation/create", "params": params });
                result(
                    &call.id,
                    true,
                    json!({
                        "resultType": "input_required",
                        "inputRequests": { INPUT_KEY: request },
                        "requestState": state,
                    }),
                )
            }
            (Self::Wait { request_state }, Dialect::InputRequired) => result(
                &call.id,
                true,
                json!({
                    "resultType": "input_required",
                    "requestState": request_state,
                }),
            ),
            (Self::Ask { link, .. }, Dialect::UrlElicitationRequired) => {
                let elicitation = json!({
                    "mode": "url",
                    "elicitationId": elicitation_id(link),
                    "url": link,
                    "message": message,
                });
                let data = json!({ "elicitations": [elicitation] });
                error(
                    Some(&call.id),
                    URL_ELICITATION_REQUIRED,
                    "This request requires more information.",
                    Some(&data),
                )
            }
            (Self::Ask { link, .. } | Self::StillWaiting { link }, dialect) if wider => say(
                call,
                dialect,
                &format!(
                    "{title} needs more permissions for this than its user has given. {}: {link}",
                    how("look at them and agree")
                ),
            ),
            (Self::Ask { link, .. } | Self::StillWaiting { link }, dialect) => say(
                call,
                dialect,
                &format!("{title} is not connected. {}: {link}", how("connect it")),
            ),
            (Self::Declined, dialect) if wider => say(
                call,
                dialect,
                &format!(
                    "{title} was given no more permissions: the user declined. What worked before still \
                     works. Do not ask again unless they want to."
                ),
            ),
            (Self::Declined, dialect) => say(
                call,
                dialect,
                &format!(
                    "{title} was not connected: the user declined. Do not ask again unless they want to."
                ),
            ),
            (Self::Wait { .. }, dialect) => {
                say(call, dialect, &format!("{title} is not ready yet. Try again in a moment."))
            }
        }
    }
}

impl Answer<'_> {
    /// The outcome as it is logged: a closed set.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Ask { .. } => "asked",
            Self::Declined => "declined",
            Self::Wait { .. } => "waiting",
            Self::StillWaiting { .. } => "still_waiting",
        }
    }
}

/// A refusal, in the words of `call`'s method.
pub(crate) fn refuse(call: &Call, target: Option<&Target>, refusal: Refusal) -> Output {
    let message = refusal.message(target);
    match (call.method, refusal) {
        // What the model may act on, it must see: clients keep protocol errors to themselves.
        (
            Method::CallTool,
            Refusal::TryAgain
            | Refusal::BrokerMisconfigured
            | Refusal::InsufficientScope
            | Refusal::TokenRefused
            | Refusal::TryLater,
        ) => {
            let modern = call.meta.contains_key(META_VERSION);
            say(call, Dialect::Text { modern }, &message)
        }
        _ => error(Some(&call.id), refusal.code(), &message, None),
    }
}

/// A refusal of something that is no call. Where there is no id to answer to, the answer has none:
/// MCP's schemas leave it out where JSON-RPC would say `null`.
pub(crate) fn refuse_message(id: Option<&RawValue>, refusal: Refusal) -> Output {
    error(id, refusal.code(), &refusal.message(None), None)
}

fn say(call: &Call, dialect: Dialect, text: &str) -> Output {
    // Only a tool result can say that it failed in words for the model.
    if call.method != Method::CallTool {
        return error(Some(&call.id), -32603, text, None);
    }
    let modern = matches!(dialect, Dialect::InputRequired | Dialect::Text { modern: true });
    let mut said = json!({ "content": [{ "type": "text", "text": text }], "isError": true });
    if modern {
        said["resultType"] = "complete".into();
    }
    result(&call.id, modern, said)
}

fn result(id: &RawValue, modern: bool, mut result: Value) -> Output {
    if modern {
        let info = json!({ "name": "latchkey", "version": env!("CARGO_PKG_VERSION") });
        result["_meta"] = json!({ "io.modelcontextprotocol/serverInfo": info });
    }
    Output::answer(Verbatim::of(&Reply {
        jsonrpc: "2.0",
        id: Some(id),
        result: Some(&result),
        error: None,
    }))
}

fn error(id: Option<&RawValue>, code: i32, message: &str, data: Option<&Value>) -> Output {
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data.clone();
    }
    Output::answer(Verbatim::of(&Reply { jsonrpc: "2.0", id, result: None, error: Some(&error) }))
}

#[derive(serde::Serialize)]
struct Reply<'a> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Value>,
}

/// Tells one elicitation from another, and nothing else.
fn elicitation_id(link: &str) -> String {
    seal::text(&seal::fingerprint(["elicitation", link]))
}

/// Under which key we ask, and are answered.
pub(crate) const INPUT_KEY: &str = "latchkey.connect";
/// <https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation>
const URL_ELICITATION_REQUIRED: i32 = -32042;
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
