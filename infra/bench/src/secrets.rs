//! Secrets Manager, as far as it gives the key rings.

use crate::server::{Request, Response};
use serde::Deserialize;
use serde_json::json;

/// Answers `GetSecretValue`.
pub(crate) fn answer(request: &Request) -> Response {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Query {
        secret_id: String,
    }
    if request.header("x-amz-target") != Some("secretsmanager.GetSecretValue") {
        return Response::refusal(400, r#"{"__type":"InvalidRequestException"}"#);
    }
    let query = serde_json::from_slice::<Query>(&request.body);
    let ring = query.ok().and_then(|query| ring(&query.secret_id));
    let Some(ring) = ring else {
        return Response::refusal(400, r#"{"__type":"ResourceNotFoundException"}"#);
    };
    let value = json!({
        "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:keys",
        "CreatedDate": 1_764_000_000,
        "Name": "keys",
        "SecretString": ring,
        "VersionId": "5048f49c-8cc1-4a1a-8b0a-7d1f4c9f3a11",
        "VersionStages": ["AWSCURRENT"],
    });
    Response::json("application/x-amz-json-1.1", value.to_string().into_bytes())
}

/// The ring of that name.
pub(crate) fn ring(name: &str) -> Option<String> {
    let letter = match name {
        BROWSER_KEYS => "b",
        TOKEN_KEYS => "t",
        _ => return None,
    };
    Some(json!({ "1": letter.repeat(64) }).to_string())
}

/// The secrets' names.
pub(crate) const BROWSER_KEYS: &str = "bench/browser-keys";
pub(crate) const TOKEN_KEYS: &str = "bench/token-keys";
