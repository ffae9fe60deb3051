//! An identity provider: its documents and its tokens. Its token endpoint is also that of the MCP server.

use crate::Failure;
use crate::server::{Request, Response, serve};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use broker::seal;
use rustls::ServerConfig;
use serde_json::{Value, json};
use std::sync::Arc;

/// A provider that answers, and whose tokens this process can make.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    /// What it publishes of its key.
    pub(crate) jwks: String,
    key: KeyPair,
}

impl Provider {
    /// Starts one with a key of its own.
    pub(crate) fn start(tls: &Arc<ServerConfig>) -> Result<Self, Failure> {
        let key = KeyPair::generate(KeySize::Rsa2048)
            .map_err(|_| Failure::Keys("there is no RSA key".to_owned()))?;
        let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
        let jwks = json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID,
            "n": seal::text(n.big_endian_without_leading_zero()),
            "e": seal::text(e.big_endian_without_leading_zero()),
        }]})
        .to_string();
        let published = jwks.clone();
        let port =
            serve(Some(Arc::clone(tls)), move |request| Some(document(&request, &published)))?;
        Ok(Self { issuer: format!("https://localhost:{port}"), jwks, key })
    }

    /// An access token of `sub` as Cognito's are: about 1 KB.
    pub(crate) fn token(&self, sub: &str, now: u64) -> Result<String, Failure> {
        let claims = json!({
            "sub": sub,
            "cognito:groups": ["eu-central-1_ExamplePool_Engineering", "agents"],
            "iss": self.issuer,
            "version": 2,
            "client_id": CLIENT,
            "origin_jti": "6f1c3f0e-6a1d-4cf8-a9cf-0f6e6ad0f1b5",
            "event_id": "0b1b0a6c-4d0f-4c2a-8f16-7a4d1f6c2e11",
            "token_use": "access",
            "scope": "openid profile email gateway/invoke",
            "auth_time": now,
            "exp": now + 24 * 3600,
            "iat": now,
            "jti": "b7f2a2b1-0f0d-4b3e-8a57-2f0c4f6d9a3e",
            "username": sub,
        });
        let header = json!({ "alg": "RS256", "kid": KID });
        let part = |value: &Value| seal::text(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Failure::Keys("a JWT cannot be signed".to_owned()))?;
        Ok(format!("{signed}.{}", seal::text(&signature)))
    }
}

fn document(request: &Request, jwks: &str) -> Response {
    let issuer = format!("https://{}", request.header("host").unwrap_or_default());
    let metadata: Value = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks.json"),
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    match request.path.as_str() {
        "/.well-known/openid-configuration" => {
            Response::json("application/json", metadata.to_string().into_bytes())
        }
        "/jwks.json" => Response::json("application/json", jwks.as_bytes()),
        "/token" => renewal(&request.body),
        _ => Response::refusal(404, "{}"),
    }
}

fn renewal(form: &[u8]) -> Response {
    let form = String::from_utf8_lossy(form);
    let refresh = form.split('&').find_map(|field| field.strip_prefix("refresh_token="));
    let Some(refresh) = refresh.filter(|_| form.contains("grant_type=refresh_token")) else {
        return Response::refusal(400, r#"{"error":"invalid_request"}"#);
    };
    let tokens = json!({
        "access_token": granted(refresh),
        "token_type": "Bearer",
        "expires_in": 3600,
        "refresh_token": format!("{refresh}x"),
    });
    Response::json("application/json", tokens.to_string().into_bytes())
}

/// The access token that `refresh` is worth.
pub(crate) fn granted(refresh: &str) -> String {
    format!("ghu_{refresh}")
}

/// The client that holds the tokens.
pub(crate) const CLIENT: &str = "3n4b5urk1ft4fl3mg5e62d9ado";
const KID: &str = "bench-key-1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_is_worth_a_token_of_its_own_and_nothing_else_is_worth_one() {
        let renewed = renewal(b"grant_type=refresh_token&refresh_token=r1&client_id=c");
        let tokens: Value = serde_json::from_slice(&renewed.body).unwrap();
        assert_eq!(tokens["access_token"], granted("r1"));
        assert_ne!(granted("r1"), granted("r2"));
        assert_eq!(renewal(b"grant_type=authorization_code&refresh_token=r1").status, 400);
        assert_eq!(renewal(b"grant_type=refresh_token").status, 400);
    }
}
