//! Knocking at the MCP server's door without a token.

use super::attempt::{Quote, is_passing};
use super::www_authenticate::WwwAuthenticate;
use crate::http::{Http, HttpError};
use crate::target::Endpoint;
use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use oauth2::HttpResponse;
use serde_json::{Value, json};

/// What an MCP server says to a stranger.
#[derive(Debug)]
pub enum Door {
    /// It answers: at least its first request needs no token.
    Open(StatusCode),
    /// It wants a token, and perhaps says which.
    Closed(StatusCode, WwwAuthenticate),
}

/// Sends the request with which every client before 2026-07-28 begins. A server that knows no such
/// request refuses strangers all the same, or answers it with an error of MCP's own.
pub(super) async fn knock(http: &Http, endpoint: &Endpoint) -> Result<Door, ProbeError> {
    let body = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": REVISION,
            "capabilities": {},
            "clientInfo": { "name": "latchkey", "version": env!("CARGO_PKG_VERSION") },
        },
    });
    let request = http::Request::post(endpoint.as_str())
        .header(ACCEPT, "application/json, text/event-stream")
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .map_err(|_| HttpError::Refused("the URL cannot be requested"))?;
    read(&http.send(request).await?)
}

fn read(answer: &HttpResponse) -> Result<Door, ProbeError> {
    let status = answer.status();
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return Ok(Door::Closed(status, WwwAuthenticate::read(answer.headers())));
    }
    if is_passing(status) {
        return Err(HttpError::status(answer).into());
    }
    if status.is_success() || speaks_json_rpc(answer.body()) {
        return Ok(Door::Open(status));
    }
    if let Some(location) = answer.headers().get(LOCATION).filter(|_| status.is_redirection()) {
        return Err(ProbeError::Moved(Quote::of(&String::from_utf8_lossy(location.as_bytes()))));
    }
    Err(ProbeError::NotMcp(status))
}

fn speaks_json_rpc(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|answer| answer["jsonrpc"] == "2.0")
}

/// Why the MCP server says nothing, divided by what the operator does next.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Use the other address. It is not followed: whoever is redirected may be led anywhere.
    #[error("the MCP server has moved; if this is right, use its new address: {0}")]
    Moved(Quote),
    /// Look at the address again.
    #[error("no MCP server is there: it answered {0}")]
    NotMcp(StatusCode),
    /// Try again.
    #[error("the MCP server did not answer: {0}")]
    Unavailable(#[from] HttpError),
}

/// The last revision that begins with a handshake.
const REVISION: &str = "2025-11-25";

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, header: (&str, &str), body: &str) -> Result<Door, ProbeError> {
        let response = http::Response::builder().status(status).header(header.0, header.1);
        read(&response.body(body.as_bytes().to_vec()).unwrap())
    }

    const PLAIN: (&str, &str) = ("content-type", "text/plain");

    #[test]
    fn d1_a_refusal_is_read_on_401_and_403() {
        for status in [401, 403] {
            let header = ("www-authenticate", "Bearer scope=\"a\"");
            let Ok(Door::Closed(_, says)) = answered(status, header, "") else { panic!("open") };
            assert_eq!(says.scope.as_deref(), Some("a"));
        }
        assert!(
            matches!(answered(401, PLAIN, ""), Ok(Door::Closed(_, says)) if says == WwwAuthenticate::default())
        );
    }

    #[test]
    fn a_server_that_talks_to_strangers_is_open() {
        let fault = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no handshake"}}"#;
        assert!(matches!(answered(200, PLAIN, "event: message\n"), Ok(Door::Open(_))));
        assert!(matches!(answered(404, PLAIN, fault), Ok(Door::Open(_))));
        assert!(matches!(answered(400, PLAIN, fault), Ok(Door::Open(_))));
    }

    #[test]
    fn anything_else_is_a_matter_for_the_operator() {
        assert!(matches!(answered(404, PLAIN, "<html>"), Err(ProbeError::NotMcp(_))));
        assert!(matches!(answered(405, PLAIN, ""), Err(ProbeError::NotMcp(_))));
        assert!(matches!(answered(503, PLAIN, ""), Err(ProbeError::Unavailable(_))));
        assert!(matches!(answered(429, PLAIN, ""), Err(ProbeError::Unavailable(_))));
        let fault = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"sorry"}}"#;
        assert!(matches!(answered(500, PLAIN, fault), Err(ProbeError::Unavailable(_))));
        let moved = answered(307, ("location", "https://b.example/\tmcp"), "").unwrap_err();
        assert!(moved.to_string().ends_with("address: https://b.example/?mcp"), "{moved}");
    }
}
