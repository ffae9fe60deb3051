//! What the server says of itself: <https://www.rfc-editor.org/rfc/rfc8414#section-2>

use super::Server;
use axum::Json;
use axum::extract::State;
use jsonwebtoken::jwk::JwkSet;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn metadata(State(server): State<Arc<Server>>) -> Json<Value> {
    let issuer = &server.issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let scopes: Vec<_> = server.role.scopes().iter().map(|scope| scope.name).collect();
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/jwks"),
        "registration_endpoint": at("/register"),
        "revocation_endpoint": at("/revoke"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "name", "email"],
    }))
}

pub(super) async fn jwks(State(server): State<Arc<Server>>) -> Json<JwkSet> {
    Json(server.key.set())
}
