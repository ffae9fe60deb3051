//! Open registration: <https://www.rfc-editor.org/rfc/rfc7591>

use super::client::OAuthError;
use super::{Server, fresh};
use crate::demo::ledger::{Client, digest};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use url::{Host, Url};

#[derive(Deserialize)]
pub(super) struct Metadata {
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
}

pub(super) async fn register(
    State(server): State<Arc<Server>>,
    metadata: Result<Json<Metadata>, JsonRejection>,
) -> Result<Response, OAuthError> {
    let refuse = OAuthError::InvalidClientMetadata;
    let Json(metadata) =
        metadata.map_err(|_| refuse("Client metadata is JSON with redirect_uris."))?;
    if !(1..=20).contains(&metadata.redirect_uris.len())
        || !metadata.redirect_uris.iter().all(|uri| is_acceptable(uri))
    {
        return Err(OAuthError::InvalidRedirectUri);
    }
    // The default is RFC 7591's, not the one that a public client would wish for.
    let method = metadata.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
    let secret = match method {
        "none" => None,
        "client_secret_basic" | "client_secret_post" => Some(fresh()?),
        _ => return Err(refuse("That way of client authentication is not offered here.")),
    };
    let id = fresh()?;
    let name: String = metadata.client_name.unwrap_or_default().chars().take(80).collect();
    let name = if name.trim().is_empty() { "An unnamed client".to_owned() } else { name };
    let client = Client {
        name: name.clone(),
        redirect_uris: metadata.redirect_uris.clone(),
        secret: secret.as_deref().map(digest),
    };
    server.ledger.register(&id, client).map_err(|_| refuse("Too many clients have registered."))?;
    tracing::info!(outcome = "registered", "a client registered at {}", server.role.title());
    let mut answer = json!({
        "client_id": id,
        "client_id_issued_at": server.now(),
        "client_name": name,
        "redirect_uris": metadata.redirect_uris,
        "token_endpoint_auth_method": method,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
    });
    if let Some(secret) = secret {
        answer["client_secret"] = secret.into();
        answer["client_secret_expires_at"] = 0.into();
    }
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// An app's own scheme is one that no browser acts on by itself.
/// <https://www.rfc-editor.org/rfc/rfc8252#section-7>
fn is_acceptable(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else { return false };
    if url.fragment().is_some() || uri.len() > 2000 {
        return false;
    }
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        scheme => !["about", "blob", "data", "file", "ftp", "javascript", "vbscript", "ws", "wss"]
            .contains(&scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::is_acceptable;

    #[test]
    fn a_redirect_stays_with_its_app() {
        for uri in ["https://a.example/cb", "http://127.0.0.1:1/cb", "http://[::1]/", "cursor://cb"]
        {
            assert!(is_acceptable(uri), "{uri}");
        }
        for uri in ["http://a.example/cb", "javascript:alert(1)", "data:,x", "https://a/#b", "cb"] {
            assert!(!is_acceptable(uri), "{uri}");
        }
    }
}
