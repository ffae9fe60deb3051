//! An MCP server as the gateway names it, with all we need to act there.

mod client;

pub use client::{Client, ClientAuthentication, PublicKey, SecretName, Unusable, Way};

use crate::quirks::Quirks;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use url::Url;

/// An MCP server that wants each user's own token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// As the gateway calls it; the prefix of its tools' names.
    pub name: TargetName,
    /// As people call it.
    pub title: String,
    /// Where the MCP server answers.
    pub endpoint: Endpoint,
    /// What its tokens are for.
    pub resource: Resource,
    /// Who issues its tokens.
    pub authorization_server: AuthorizationServer,
    /// Our registration there.
    pub client: Client,
    /// What to ask for; nothing means what the authorization server gives by default.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Where its authorization server departs from the RFCs.
    #[serde(default, skip_serializing_if = "Quirks::is_none")]
    pub quirks: Quirks,
}

/// `([0-9a-zA-Z][-]?){1,100}`: the gateway's rule, which leaves out the underscore, so that the
/// first `___` of a tool's name ends the target's.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetName(String);

impl TargetName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The target whose tool, prompt or resource `name` is: what stands before the first `___`.
    pub fn of(name: &str) -> Option<Self> {
        name.split_once("___").and_then(|(target, _)| target.parse().ok())
    }
}

impl FromStr for TargetName {
    type Err = NotATargetName;

    fn from_str(name: &str) -> Result<Self, NotATargetName> {
        let allowed = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let valid = allowed
            && (1..=100).contains(&name.len())
            && !name.starts_with('-')
            && !name.contains("--");
        valid.then(|| Self(name.to_owned())).ok_or(NotATargetName)
    }
}

impl TryFrom<String> for TargetName {
    type Error = NotATargetName;

    fn try_from(name: String) -> Result<Self, NotATargetName> {
        name.parse()
    }
}

impl From<TargetName> for String {
    fn from(name: TargetName) -> Self {
        name.0
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not a target's name.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a target's name is letters, digits and single hyphens, at most 100 of them")]
pub struct NotATargetName;

/// A URL that is used as written and fit to be requested: `https` (or `http` on the loopback
/// interface, for development), no user information, no fragment.
///
/// Kept as written: `Url` normalises, and a server may compare byte for byte.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    written: String,
    url: Url,
}

impl Endpoint {
    /// The URL as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The URL, parsed.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(written: &str) -> Result<Self, NotAnEndpoint> {
        let url = Url::parse(written).map_err(|_| NotAnEndpoint)?;
        let fit = (url.scheme() == "https" || is_loopback_http(&url))
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        fit.then(|| Self { written: written.to_owned(), url }).ok_or(NotAnEndpoint)
    }
}

impl TryFrom<String> for Endpoint {
    type Error = NotAnEndpoint;

    fn try_from(written: String) -> Result<Self, NotAnEndpoint> {
        written.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.written
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// Not a URL that may be requested.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not an https URL without user information and fragment")]
pub struct NotAnEndpoint;

/// Whether `url` is plain HTTP to this very machine. Only an [`crate::http::Http`] made for
/// development dials such a URL.
pub fn is_loopback_http(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// What a token is for: the MCP server's URI, byte for byte as its metadata has it. No URL type ever
/// touches it, for that would add a slash. <https://www.rfc-editor.org/rfc/rfc8707#section-2>
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Resource(String);

impl Resource {
    /// The URI as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Resource {
    type Error = NotAResource;

    fn try_from(uri: String) -> Result<Self, NotAResource> {
        let absolute = Url::parse(&uri).is_ok_and(|url| url.fragment().is_none());
        if absolute { Ok(Self(uri)) } else { Err(NotAResource) }
    }
}

impl From<Resource> for String {
    fn from(resource: Resource) -> Self {
        resource.0
    }
}

/// Not an absolute URI without fragment.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a resource is an absolute URI without fragment")]
pub struct NotAResource;

/// Who issues a target's tokens: the part of its metadata that we use, names verbatim. `issuer` is
/// compared as a string, never as a URL. <https://www.rfc-editor.org/rfc/rfc8414#section-2>
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuthorizationServer {
    /// Its identifier.
    pub issuer: String,
    /// Where the browser is sent.
    pub authorization_endpoint: Endpoint,
    /// Where a code or a refresh token becomes an access token.
    pub token_endpoint: Endpoint,
    /// Where a token is given back: <https://www.rfc-editor.org/rfc/rfc7009#section-2>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<Endpoint>,
    /// Whether its answers carry `iss`: <https://www.rfc-editor.org/rfc/rfc9207#section-3>
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// A target for the tests of this crate.
#[cfg(test)]
pub(crate) fn example(name: &str) -> Target {
    serde_json::from_value(serde_json::json!({
        "name": name,
        "title": name,
        "endpoint": format!("https://{name}.example/mcp"),
        "resource": format!("https://{name}.example"),
        "authorization_server": {
            "issuer": "https://as.example",
            "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token",
        },
        "client": { "client_id": "broker" },
    }))
    .unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_underscores_end_the_target() {
        let target = |tool| TargetName::of(tool).map(String::from);
        assert_eq!(target("github___get_me").as_deref(), Some("github"));
        assert_eq!(target("github___a___b").as_deref(), Some("github"));
        assert_eq!(target("github__get_me"), None);
        assert_eq!(target("x_amz_bedrock_agentcore_search"), None);
        assert_eq!(target("___get_me"), None);
        assert_eq!(target("git_hub___get_me"), None);
        assert_eq!(target(&format!("{}___x", "a".repeat(101))), None);
    }

    #[test]
    fn an_endpoint_is_https_or_loopback() {
        for fit in ["https://a.example/mcp", "http://127.0.0.1:1/mcp", "http://[::1]/mcp"] {
            assert_eq!(fit.parse::<Endpoint>().unwrap().as_str(), fit);
        }
        for unfit in [
            "http://a.example/mcp",
            "https://u:p@a.example/",
            "https://a.example/#f",
            "javascript:alert(1)",
            "http://127.0.0.1.example/",
            "",
        ] {
            assert!(unfit.parse::<Endpoint>().is_err(), "{unfit}");
        }
    }

    #[test]
    fn a_resource_is_kept_byte_for_byte() {
        let resource = Resource::try_from("https://a.example".to_owned()).unwrap();
        assert_eq!(resource.as_str(), "https://a.example");
        assert!(Resource::try_from("https://a.example/#x".to_owned()).is_err());
        assert!(Resource::try_from("/mcp".to_owned()).is_err());
    }
}
