//! The one place that turns failure into words for a client.
//!
//! A model reads these, and so may its user: they say what happened and what to do, and hold no
//! internals.

use broker::target::Target;

/// Why a call is answered instead of forwarded, other than for want of consent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// A JSON-RPC batch with a call in it.
    Batch,
    /// The authorization server refuses our own client; an operator must look.
    BrokerMisconfigured,
    /// The MCP server wants more than the subject will grant, or than there is to grant.
    InsufficientScope,
    /// A call without an id, a name or readable parameters.
    MalformedCall,
    /// A list is asked for without an id or readable parameters.
    MalformedList,
    /// The gateway passed no `Authorization` header on.
    NoAuthorization,
    /// The gateway's token speaks for nobody here.
    NotIdentified(&'static str),
    /// A `requestState` of ours that is not, or was for another call.
    RequestState,
    /// The MCP server did not accept the token that the call came with.
    TokenRefused,
    /// Something that we depend on does not answer.
    TryAgain,
    /// The MCP server did not accept the token, and another one or a consent may not help.
    TryLater,
    /// Not JSON-RPC.
    Unreadable,
}

impl Refusal {
    /// The JSON-RPC error code: <https://www.jsonrpc.org/specification#error_object>
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Batch | Self::Unreadable => -32600,
            Self::MalformedCall | Self::MalformedList | Self::RequestState => -32602,
            Self::BrokerMisconfigured
            | Self::InsufficientScope
            | Self::NoAuthorization
            | Self::NotIdentified(_)
            | Self::TokenRefused
            | Self::TryAgain
            | Self::TryLater => -32603,
        }
    }

    /// What happened and what to do.
    pub(crate) fn message(self, target: Option<&Target>) -> String {
        let title = target.map_or("The MCP server", |target| target.title.as_str());
        match self {
            Self::Batch => "Send one message at a time: batches are not supported.".into(),
            Self::BrokerMisconfigured => format!(
                "{title} refused the connection broker's own registration. Ask your administrator to \
                 check it; your connection is not affected."
            ),
            Self::InsufficientScope => format!(
                "{title} does not permit this, even after its user was asked for more permissions. Do \
                 not try again: the user's own rights there may not reach so far. Disconnecting and \
                 connecting {title} anew starts over."
            ),
            Self::MalformedCall => {
                "Invalid params: the call needs an id, a name and parameters.".into()
            }
            Self::MalformedList => {
                "Invalid params: a list needs an id, and its parameters are an object.".into()
            }
            Self::NoAuthorization => "The connection broker was not told who is calling. Ask your \
                 administrator to set passRequestHeaders to true on the gateway's interceptor."
                .into(),
            Self::NotIdentified(why) => format!(
                "The connection broker cannot tell who is calling: the gateway's access token was not \
                 accepted ({why}). Sign in to the gateway again; if that does not help, ask your \
                 administrator."
            ),
            Self::RequestState => "Invalid or expired requestState".into(),
            Self::TokenRefused => format!(
                "{title} did not accept the access token that this call came with. Try again: the next \
                 call gets a new one, or says how to connect."
            ),
            Self::TryAgain => format!(
                "{title} could not be reached on your behalf right now. Nothing is lost; try again in a \
                 moment."
            ),
            Self::TryLater => format!(
                "{title} did not accept the access token that this call came with. Nothing is lost: this \
                 may pass; try again in a few minutes."
            ),
            Self::Unreadable => "The message is not a JSON-RPC request.".into(),
        }
    }

    /// The outcome as it is logged: a closed set.
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Self::Batch => "refused_batch",
            Self::BrokerMisconfigured => "broker_misconfigured",
            Self::InsufficientScope => "insufficient_scope",
            Self::MalformedCall | Self::MalformedList => "malformed_call",
            Self::NoAuthorization => "no_authorization",
            Self::NotIdentified(_) => "not_identified",
            Self::RequestState => "bad_request_state",
            Self::TokenRefused => "token_refused",
            Self::TryAgain => "try_again",
            Self::TryLater => "try_later",
            Self::Unreadable => "unreadable",
        }
    }
}
