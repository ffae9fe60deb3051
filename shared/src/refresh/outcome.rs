//! What a failed token request says about the refresh token that it carried.

use crate::http::HttpError;
use crate::oauth::token::TokenError;

/// A failure, divided by what it says about the refresh token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The authorization server says that the grant is no longer good.
    Dead,
    /// The server understood, and would not: the broker's own fault. The token is as it was.
    Ours,
    /// The server is not well, and said so, or the request never left. The token is as it was, or else
    /// it is spent and what it was spent for is gone: either way, no answer is under way any more that
    /// a second request could spoil, so the journal's entry is taken back. An authorization server in
    /// trouble would else end every connection where a replay is punished.
    Unwell,
    /// The request left, or may have, and no answer came: the server may still act on it.
    Unanswered,
}

impl Outcome {
    pub(super) fn of(error: &TokenError) -> Self {
        match error {
            TokenError::InvalidGrant => Self::Dead,
            TokenError::InvalidClient | TokenError::Misconfigured | TokenError::Refused(_) => {
                Self::Ours
            }
            TokenError::Unavailable(None) => Self::Unwell,
            TokenError::Unavailable(Some(error)) if error.is_unsent() => Self::Unwell,
            TokenError::Unavailable(Some(HttpError::Status { .. } | HttpError::NotJson)) => {
                Self::Unwell
            }
            TokenError::Unavailable(Some(_)) => Self::Unanswered,
        }
    }
}
