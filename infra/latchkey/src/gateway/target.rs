//! The MCP servers behind the gateway.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use serde_json::Value;
use std::sync::{Arc, PoisonError, RwLock};

/// An MCP server with a list of tools that does not change by itself.
#[derive(Clone, Debug)]
pub struct GatewayTarget {
    /// The name before `___`: letters, digits and hyphens.
    pub name: String,
    /// Where it is called.
    pub endpoint: String,
    /// Its tools, as its own `tools/list` shows them. Where nobody knows them, none is listed and
    /// every call is passed on: the server says itself what it does not have. The service is
    /// stricter and refuses a target without tools.
    pub tools: Option<Vec<Value>>,
    /// Headers that may reach it besides `Authorization`.
    pub allowed_request_headers: Vec<HeaderName>,
}

impl GatewayTarget {
    /// The headers that go to the target. The client's own `Authorization` cannot be allowed.
    /// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-headers.html>
    pub(crate) fn headers(&self, of_client: &HeaderMap, of_interceptor: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for name in self.allowed_request_headers.iter().filter(|name| **name != AUTHORIZATION) {
            if let Some(value) = of_interceptor.get(name).or_else(|| of_client.get(name)) {
                headers.insert(name, value.clone());
            }
        }
        if let Some(value) = of_interceptor.get(AUTHORIZATION) {
            headers.insert(AUTHORIZATION, value.clone());
        }
        headers
    }

    /// Its tools as the gateway lists them.
    fn prefixed(&self) -> impl Iterator<Item = Value> {
        self.tools.iter().flatten().filter_map(|tool| {
            let name = tool.get("name")?.as_str()?;
            let mut tool = tool.clone();
            tool["name"] = Value::from(format!("{}{SEPARATOR}{name}", self.name));
            Some(tool)
        })
    }

    fn has(&self, tool: &str) -> bool {
        self.tools.as_ref().is_none_or(|tools| tools.iter().any(|known| known["name"] == tool))
    }
}

/// The targets of a gateway. May be replaced while it runs; all copies see the same.
#[derive(Clone, Debug, Default)]
pub struct Targets(Arc<RwLock<Arc<[GatewayTarget]>>>);

impl Targets {
    /// From now on, these and no others.
    pub fn replace(&self, targets: Vec<GatewayTarget>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = targets.into();
    }

    /// Every tool there is.
    pub(crate) fn tools(&self) -> Vec<Value> {
        self.now().iter().flat_map(GatewayTarget::prefixed).collect()
    }

    /// The target of a tool, and the tool's name there.
    pub(crate) fn find(&self, tool: &str) -> Option<(GatewayTarget, String)> {
        let (target, tool) = tool.split_once(SEPARATOR)?;
        let target = self.now().iter().find(|known| known.name == target)?.clone();
        target.has(tool).then(|| (target, tool.to_owned()))
    }

    fn now(&self) -> Arc<[GatewayTarget]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Vec<GatewayTarget>> for Targets {
    fn from(targets: Vec<GatewayTarget>) -> Self {
        let these = Self::default();
        these.replace(targets);
        these
    }
}

/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-tool-naming.html>
const SEPARATOR: &str = "___";
