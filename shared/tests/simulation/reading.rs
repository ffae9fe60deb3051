//! What the broker's own client makes of a reply. That it does is a test of `outcomes`.

use crate::authorization_server::Reply;
use broker::http::HttpError;
use broker::oauth::token::TokenError;
use broker::tokens::Granted;
use http::StatusCode;
use oauth2::{AccessToken, RefreshToken};
use std::time::{Duration, SystemTime};

pub(crate) fn read(reply: Reply, now: SystemTime) -> Result<Granted, TokenError> {
    let status = |status, seconds: Option<u64>| {
        let retry_after = seconds.map(Duration::from_secs);
        Err(TokenError::Unavailable(Some(HttpError::Status { status, retry_after })))
    };
    match reply {
        Reply::Granted { access, refresh, expires_in } => Ok(Granted {
            access: AccessToken::new(access),
            refresh: refresh.map(RefreshToken::new),
            expires_at: now + Duration::from_secs(expires_in.unwrap_or(3600)),
            scopes: None,
        }),
        Reply::InvalidGrant => Err(TokenError::InvalidGrant),
        Reply::InvalidClient => Err(TokenError::InvalidClient),
        Reply::TooManyRequests(seconds) => status(StatusCode::TOO_MANY_REQUESTS, seconds),
        Reply::ServerError => status(StatusCode::INTERNAL_SERVER_ERROR, None),
        Reply::Html => Err(TokenError::Unavailable(None)),
        Reply::EmptyBadRequest => status(StatusCode::BAD_REQUEST, None),
        // The client's own error for a refused connection cannot be made by hand.
        Reply::Unsent => Err(TokenError::Unavailable(Some(HttpError::Refused("no connection")))),
        Reply::Silence => Err(TokenError::Unavailable(Some(HttpError::TimedOut))),
    }
}
