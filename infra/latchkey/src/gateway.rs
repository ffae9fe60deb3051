//! A stand-in for Amazon Bedrock `AgentCore` Gateway, to try an interceptor against on one machine.
//!
//! It does what the service documents: it verifies the inbound token, shows every MCP message to the
//! REQUEST interceptor, refuses output that the service refuses, and calls the target with the
//! `Authorization` that the interceptor gave, never with the client's. It keeps no sessions and lists
//! its tools on one page. It retries nothing: what fails here failed once.
//!
//! <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-interceptors-types.html>

mod authorizer;
mod door;
mod face;
mod fault;
mod interception;
mod mcp;
mod outbound;
mod relay;
mod sse;
mod target;
mod upstream;

pub use authorizer::Authorizer;
pub use target::{GatewayTarget, Targets};

pub(crate) use authorizer::{Denied, Verifier};
pub(crate) use face::{Face, Reply};
pub(crate) use fault::Fault;
pub(crate) use mcp::{INVALID_PARAMS, Message};
pub(crate) use outbound::{Outbound, PAYLOAD_LIMIT, whole};

use axum::Router;
use axum::routing::{get, post};
use broker::clock::Clock;
use serde_json::value::RawValue;
use std::pin::Pin;
use std::sync::Arc;

/// Calls the interceptor with an event, as Lambda would. `Err` is a function error.
pub type Interceptor = Arc<dyn Fn(Box<RawValue>) -> Invocation + Send + Sync>;

/// An interceptor at work.
pub type Invocation = Pin<Box<dyn Future<Output = Result<Box<RawValue>, String>> + Send>>;

/// A gateway before it opens.
pub struct Gateway {
    /// Its MCP endpoint as clients know it, for instance `http://127.0.0.1:8700/mcp`.
    pub url: String,
    /// Whose tokens it lets in.
    pub authorizer: Authorizer,
    /// The MCP servers behind it.
    pub targets: Targets,
    /// What sees every message first.
    pub interceptor: Interceptor,
    /// Whether the interceptor sees the answers as well.
    pub response_interception: bool,
    /// Decides whether a token has expired.
    pub clock: Arc<dyn Clock>,
}

/// Serves `/mcp` and the metadata that a client without a token is sent to.
pub fn router(gateway: Gateway) -> Router {
    Router::new()
        .route("/mcp", post(door::message).fallback(door::no_such_method))
        .route("/.well-known/oauth-protected-resource", get(door::metadata))
        .route("/.well-known/oauth-protected-resource/mcp", get(door::metadata))
        .with_state(Arc::new(door::Door::new(gateway)))
}
