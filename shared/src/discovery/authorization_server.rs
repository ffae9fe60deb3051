//! Authorization server metadata: <https://www.rfc-editor.org/rfc/rfc8414>

use super::attempt::{Quote, Rejection};
use super::document::{fitness, text, texts};
use crate::target::{AuthorizationServer, Endpoint};
use serde_json::Value;

/// What an authorization server says of itself, as far as it concerns a client.
#[derive(Clone, Debug)]
pub struct ServerMetadata {
    /// What every request to it needs.
    pub server: AuthorizationServer,
    /// Where a client registers itself: <https://www.rfc-editor.org/rfc/rfc7591#section-3>
    pub registration_endpoint: Option<Endpoint>,
    /// Whether a URL can be a client's id:
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document>
    pub client_id_metadata_document_supported: bool,
    /// How a client may prove itself. Absent means `client_secret_basic`.
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// How a client's JWT may be signed, where it proves itself by one.
    pub token_endpoint_auth_signing_alg_values_supported: Option<Vec<String>>,
    /// What it says that it can grant.
    pub scopes_supported: Vec<String>,
    /// What it says that a client can bring to its token endpoint.
    pub grant_types_supported: Option<Vec<String>>,
}

/// Where the metadata of `issuer` may be, in order. `None` if it is no issuer.
///
/// The slash that may end an issuer is left out here and counts in every comparison.
/// <https://modelcontextprotocol.io/specification/2026-07-28/basic/authorization/authorization-server-discovery>
pub(super) fn addresses(endpoint: &Endpoint, issuer: &str) -> Option<Vec<String>> {
    let parsed = fitness(endpoint, issuer)?;
    let url = parsed.url();
    if url.query().is_some() {
        return None;
    }
    let origin = url.origin().ascii_serialization();
    let path = url.path().strip_suffix('/').unwrap_or(url.path());
    let mut addresses = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        addresses.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    Some(addresses)
}

/// Reads a document found at one of the addresses of `issuer`. Nothing of a document that names
/// another issuer is looked at: <https://www.rfc-editor.org/rfc/rfc8414#section-3.3>
pub(super) fn read(
    document: &Value,
    endpoint: &Endpoint,
    issuer: &str,
) -> Result<ServerMetadata, Rejection> {
    let named = text(document, "issuer").ok_or(Rejection::Malformed("issuer"))?;
    if named != issuer {
        return Err(Rejection::AnotherIssuer(Quote::of(named)));
    }
    let list = |member| texts(document, member);
    let flag = |member| match document.get(member) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or(Rejection::Malformed(member)),
    };
    let optional = |member| match document.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_str()
            .and_then(|url| fitness(endpoint, url))
            .map(Some)
            .ok_or(Rejection::UnfitEndpoint(member)),
    };
    let needed = |member| optional(member)?.ok_or(Rejection::Malformed(member));
    let challenges = list("code_challenge_methods_supported")?.unwrap_or_default();
    if !challenges.iter().any(|method| method == "S256") {
        return Err(Rejection::NoS256);
    }
    Ok(ServerMetadata {
        server: AuthorizationServer {
            issuer: issuer.to_owned(),
            authorization_endpoint: needed("authorization_endpoint")?,
            token_endpoint: needed("token_endpoint")?,
            revocation_endpoint: optional("revocation_endpoint")?,
            authorization_response_iss_parameter_supported: flag(
                "authorization_response_iss_parameter_supported",
            )?,
        },
        registration_endpoint: optional("registration_endpoint")?,
        client_id_metadata_document_supported: flag("client_id_metadata_document_supported")?,
        token_endpoint_auth_methods_supported: list("token_endpoint_auth_methods_supported")?,
        token_endpoint_auth_signing_alg_values_supported: list(
            "token_endpoint_auth_signing_alg_values_supported",
        )?,
        scopes_supported: list("scopes_supported")?.unwrap_or_default(),
        grant_types_supported: list("grant_types_supported")?,
    })
}

#[cfg(test)]
mod tests;
