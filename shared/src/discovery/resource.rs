//! Protected resource metadata: <https://www.rfc-editor.org/rfc/rfc9728>

use super::attempt::{Quote, Rejection};
use super::document::{fitness, text, texts};
use crate::target::{Endpoint, Resource};
use serde_json::Value;
use url::Url;

/// What an MCP server says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResourceMetadata {
    /// What its tokens are for, byte for byte.
    pub resource: Resource,
    /// How that relates to the address that was asked.
    pub identity: Identity,
    /// The issuers of its tokens, in its order. At least one.
    pub authorization_servers: Vec<String>,
    /// What its tokens can open.
    pub scopes_supported: Vec<String>,
}

/// How a resource relates to the address that was asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Identity {
    /// It is what the RFC wants: the very string.
    Exact,
    /// It encloses it: the same origin, and a path that the address continues. Many servers publish
    /// their origin, and the official MCP clients take it.
    Prefix,
}

/// Where the metadata of an MCP server may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// Where the challenge says.
    Challenge,
    /// At the well-known address of the endpoint's path.
    Path,
    /// At the well-known address of the origin.
    Root,
}

/// Every place to look at, in order, no address twice.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery>
pub(super) fn places(
    endpoint: &Endpoint,
    challenged: Option<&str>,
) -> Vec<(Place, Result<String, Rejection>)> {
    let root = format!("{}{WELL_KNOWN}", origin(endpoint.url()));
    let mut places = Vec::new();
    if let Some(url) = challenged {
        places.push((Place::Challenge, same_origin(endpoint, url)));
    }
    for (place, url) in [(Place::Path, of_path(endpoint.url())), (Place::Root, root)] {
        let known =
            |(_, other): &(Place, Result<String, _>)| other.as_ref().is_ok_and(|o| *o == url);
        if !places.iter().any(known) {
            places.push((place, Ok(url)));
        }
    }
    places
}

/// Between host and path: <https://www.rfc-editor.org/rfc/rfc9728#section-3.1>
fn of_path(endpoint: &Url) -> String {
    let path = if endpoint.path() == "/" { "" } else { endpoint.path() };
    let query = endpoint.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{WELL_KNOWN}{path}{query}", origin(endpoint))
}

/// The address that a challenge gives. Anybody may run an MCP server, and its challenge makes us send
/// a request: to itself, and nowhere else.
fn same_origin(endpoint: &Endpoint, url: &str) -> Result<String, Rejection> {
    let given: Endpoint = fitness(endpoint, url).ok_or(Rejection::AnotherOrigin)?;
    let same = given.url().origin() == endpoint.url().origin();
    if same { Ok(given.into()) } else { Err(Rejection::AnotherOrigin) }
}

/// Reads a document found at `place`.
pub(super) fn read(
    document: &Value,
    endpoint: &Endpoint,
    place: Place,
    strict: bool,
) -> Result<ResourceMetadata, Rejection> {
    let malformed = Rejection::Malformed;
    let written = text(document, "resource").ok_or(malformed("resource"))?;
    let identity = relation(endpoint, written, place)
        .ok_or_else(|| Rejection::AnotherResource(Quote::of(written)))?;
    if strict && identity != Identity::Exact {
        return Err(Rejection::NotIdentical(Quote::of(written)));
    }
    let resource = Resource::try_from(written.to_owned()).map_err(|_| malformed("resource"))?;
    let authorization_servers = texts(document, "authorization_servers")?.unwrap_or_default();
    if authorization_servers.is_empty() {
        return Err(Rejection::NoAuthorizationServer);
    }
    let scopes_supported = texts(document, "scopes_supported")?.unwrap_or_default();
    Ok(ResourceMetadata { resource, identity, authorization_servers, scopes_supported })
}

/// <https://www.rfc-editor.org/rfc/rfc9728#section-3.3>: the string from which the document's address
/// was made. At the root that is the origin, with or without the slash that was left out.
fn relation(endpoint: &Endpoint, resource: &str, place: Place) -> Option<Identity> {
    let origin = origin(endpoint.url());
    let exact = match place {
        Place::Challenge | Place::Path => resource == endpoint.as_str(),
        Place::Root => resource.strip_suffix('/').unwrap_or(resource) == origin,
    };
    if exact {
        return Some(Identity::Exact);
    }
    let parsed = fitness(endpoint, resource)?;
    let (parsed, endpoint) = (parsed.url(), endpoint.url());
    let encloses = parsed.origin() == endpoint.origin()
        && continues(endpoint.path(), parsed.path())
        && (parsed.query().is_none() || parsed.query() == endpoint.query());
    encloses.then_some(Identity::Prefix)
}

/// Whether `path` is `start` or goes on from it with a whole segment.
fn continues(path: &str, start: &str) -> bool {
    let start = start.strip_suffix('/').unwrap_or(start);
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What to name an MCP server that publishes no metadata: its address, in the form that MCP calls
/// canonical. Cut from the text, for a URL type would give back another.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization#canonical-server-uri>
pub(super) fn canonical(endpoint: &Endpoint) -> Option<Resource> {
    let written = endpoint.as_str();
    let authority = written.find("://")? + "://".len();
    let end = written[authority..].find(['/', '?']).map_or(written.len(), |at| authority + at);
    let path = match &written[end..] {
        "/" => "",
        path => path,
    };
    Resource::try_from(format!("{}{path}", written[..end].to_ascii_lowercase())).ok()
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

#[cfg(test)]
mod tests;
