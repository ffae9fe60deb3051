//! What a token endpoint answers: <https://www.rfc-editor.org/rfc/rfc6749#section-5>
//!
//! Servers disagree with the RFC in a handful of ways that cost nothing to understand, whoever runs
//! them. The one that must be known beforehand is in the target's record.

use super::token::TokenError;
use crate::tokens::Granted;
use http::{HeaderValue, StatusCode, header};
use oauth2::basic::{BasicTokenResponse, BasicTokenType};
use oauth2::{HttpResponse, Scope, TokenResponse};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime};

/// Rewrites an answer into what the RFC says it should have been: an error has an error's status
/// whatever it came with, JSON says that it is JSON, `expires_in` is a number, `token_type` is there,
/// scopes are separated by spaces, and the subject's own token, which may be in the member
/// `token_within`, is on top.
pub(super) fn normalised(mut response: HttpResponse, token_within: Option<&str>) -> HttpResponse {
    let Some(mut answer) = object(&response) else {
        // Nor will the library read it, which would go deeper than we do.
        response.body_mut().clear();
        return response;
    };
    // Slack's `ok` is false where there is an error, and an error it is if it does not say which.
    let fails = answer.get("error").is_some_and(Value::is_string)
        || answer.get("ok").and_then(Value::as_bool) == Some(false);
    if fails {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    } else if response.status().is_success() {
        if let Some(own) = token_within.and_then(|member| own(&mut answer, member)) {
            answer = own;
        }
        if answer.contains_key("access_token") {
            *response.status_mut() = StatusCode::OK;
            normalise_grant(&mut answer, token_within.is_some());
        }
    }
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    *response.body_mut() = Value::Object(answer).to_string().into_bytes();
    response
}

/// The answer's members: JSON whatever its header says, or else a form that says that it is one.
fn object(response: &HttpResponse) -> Option<Map<String, Value>> {
    if let Ok(answer) = serde_json::from_slice(response.body()) {
        return if let Value::Object(answer) = answer { Some(answer) } else { None };
    }
    let kind = response.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded").then(|| {
        let fields = url::form_urlencoded::parse(response.body());
        fields.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect()
    })
}

/// What stands in `member`, if a token does.
fn own(answer: &mut Map<String, Value>, member: &str) -> Option<Map<String, Value>> {
    let holds_token = answer.get(member)?.get("access_token").is_some();
    match answer.remove(member).filter(|_| holds_token) {
        Some(Value::Object(own)) => Some(own),
        _ => None,
    }
}

fn normalise_grant(answer: &mut Map<String, Value>, of_several: bool) {
    let seconds = answer.remove("expires_in").and_then(|value| match value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        value => value.as_f64(),
    });
    if let Some(seconds) = seconds.filter(|seconds| (0.0..MAX_LIFETIME).contains(seconds)) {
        let whole = Duration::from_secs_f64(seconds).as_secs();
        answer.insert("expires_in".into(), whole.into());
    }
    // Some servers leave it out. Where there are tokens of several kinds, it says whose this one is,
    // and only the subject's will do.
    let bearer = match answer.get("token_type").and_then(Value::as_str) {
        Some(kind) if of_several && kind.eq_ignore_ascii_case("user") => true,
        Some(kind) => kind.eq_ignore_ascii_case("bearer"),
        None => !of_several,
    };
    let kind = if bearer { "Bearer" } else { "another" };
    answer.insert("token_type".into(), kind.into());
    if answer.get("refresh_token").is_some_and(|token| token.as_str().is_none_or(str::is_empty)) {
        answer.remove("refresh_token");
    }
    let scopes = answer.remove("scope").map(scopes).unwrap_or_default();
    if !scopes.is_empty() {
        answer.insert("scope".into(), scopes.into());
    }
}

/// Scopes in one line, whatever stood between them, or a list of them:
/// <https://linear.app/developers/oauth-2-0-authentication>
fn scopes(written: Value) -> String {
    let lines = match written {
        Value::String(line) => vec![line],
        Value::Array(lines) => {
            lines.into_iter().filter_map(|line| line.as_str().map(str::to_owned)).collect()
        }
        _ => vec![],
    };
    let apart = |c: char| c == ',' || c.is_whitespace();
    let scopes = lines.iter().flat_map(|line| line.split(apart)).filter(|scope| !scope.is_empty());
    scopes.collect::<Vec<_>>().join(" ")
}

/// What an answer grants. A token of a kind that we do not understand must not be used:
/// <https://www.rfc-editor.org/rfc/rfc6749#section-7.1>
pub(super) fn granted(
    answer: &BasicTokenResponse,
    now: SystemTime,
    unstated: Duration,
) -> Result<Granted, TokenError> {
    if *answer.token_type() != BasicTokenType::Bearer {
        return Err(TokenError::Refused("with a token that is not a bearer token".to_owned()));
    }
    let (lifetime, scopes) = (answer.expires_in().unwrap_or(unstated), answer.scopes());
    Ok(Granted {
        access: answer.access_token().clone(),
        refresh: answer.refresh_token().cloned(),
        expires_at: now.checked_add(lifetime).unwrap_or(now),
        scopes: scopes.map(|scopes| scopes.iter().map(|s: &Scope| s.to_string()).collect()),
    })
}

/// A hundred years: what is longer is a mistake.
const MAX_LIFETIME: f64 = 3.2e9;
