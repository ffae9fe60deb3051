//! What an authorization server gave us.

use crate::clock;
use oauth2::{AccessToken, RefreshToken};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// How long before its expiry an access token is no longer used: the call has yet to travel, and
/// clocks differ.
pub const EXPIRY_MARGIN: Duration = Duration::from_mins(1);

/// An access token, what renews it, until when it is good and what it opens. `Debug` prints no token.
#[derive(Debug)]
pub struct TokenSet {
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-1.4>
    pub access: AccessToken,
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-1.5>
    pub refresh: Option<RefreshToken>,
    /// When the access token expires.
    pub expires_at: SystemTime,
    /// What was granted: <https://www.rfc-editor.org/rfc/rfc6749#section-3.3>
    pub scopes: Vec<String>,
}

impl TokenSet {
    /// The value of an `Authorization` header:
    /// <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>. `None` if the token holds anything but
    /// visible ASCII: it could end the header and begin another.
    #[expect(clippy::disallowed_methods, reason = "the MCP server needs the token itself")]
    pub fn bearer(&self) -> Option<String> {
        let token = self.access.secret();
        let sound = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        sound.then(|| format!("Bearer {token}"))
    }

    /// The answer to a refresh, with what it left out carried over: an omitted refresh token stays
    /// (<https://www.rfc-editor.org/rfc/rfc6749#section-6>), and so do the scopes.
    #[must_use]
    pub fn renewed(self, answer: Granted) -> Self {
        Self {
            access: answer.access,
            refresh: answer.refresh.or(self.refresh),
            expires_at: answer.expires_at,
            scopes: answer.scopes.unwrap_or(self.scopes),
        }
    }

    /// The plain form, to be sealed at once and nowhere else.
    pub(crate) fn to_plain(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Plain {
            access: self.access.clone(),
            refresh: self.refresh.clone(),
            expires_at: self.expires_at,
            scopes: self.scopes.clone(),
        })
    }

    /// The inverse of [`TokenSet::to_plain`].
    pub(crate) fn from_plain(plain: &[u8]) -> Result<Self, serde_json::Error> {
        let Plain { access, refresh, expires_at, scopes } = serde_json::from_slice(plain)?;
        Ok(Self { access, refresh, expires_at, scopes })
    }
}

/// Whether something that expires at `expires_at` can still be used for a call that starts `now`.
pub fn is_fresh(expires_at: SystemTime, now: SystemTime) -> bool {
    now + EXPIRY_MARGIN < expires_at
}

/// A token endpoint's answer, absent members left absent.
#[derive(Debug)]
pub struct Granted {
    /// The new access token.
    pub access: AccessToken,
    /// The new refresh token, if there is one.
    pub refresh: Option<RefreshToken>,
    /// When the access token expires.
    pub expires_at: SystemTime,
    /// The granted scopes, if the answer names them.
    pub scopes: Option<Vec<String>>,
}

impl Granted {
    /// The first token set of a connection: no scopes in the answer means those asked for.
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>
    #[must_use]
    pub fn first(self, requested: &[String]) -> TokenSet {
        TokenSet {
            access: self.access,
            refresh: self.refresh,
            expires_at: self.expires_at,
            scopes: self.scopes.unwrap_or_else(|| requested.to_vec()),
        }
    }
}

/// Kept apart from [`TokenSet`] so that nothing but sealing can serialise a token.
#[derive(Deserialize, Serialize)]
struct Plain {
    access: AccessToken,
    refresh: Option<RefreshToken>,
    #[serde(with = "clock::unix")]
    expires_at: SystemTime,
    scopes: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn tokens(access: &str) -> TokenSet {
        TokenSet {
            access: AccessToken::new(access.into()),
            refresh: Some(RefreshToken::new("r1".into())),
            expires_at: UNIX_EPOCH + Duration::from_secs(1000),
            scopes: vec!["read".into()],
        }
    }

    #[test]
    fn t5_an_omitted_refresh_token_stays_and_a_new_one_replaces() {
        let granted = |refresh: Option<&str>| Granted {
            access: AccessToken::new("a2".into()),
            refresh: refresh.map(|r| RefreshToken::new(r.into())),
            expires_at: UNIX_EPOCH,
            scopes: None,
        };
        let kept = tokens("a1").renewed(granted(None));
        assert_eq!(kept.refresh.unwrap().into_secret(), "r1");
        assert_eq!(kept.access.into_secret(), "a2");
        assert_eq!(kept.scopes, ["read"]);
        let rotated = tokens("a1").renewed(granted(Some("r2")));
        assert_eq!(rotated.refresh.unwrap().into_secret(), "r2");
    }

    #[test]
    fn a_token_cannot_end_its_header() {
        assert_eq!(tokens("abc.def").bearer().as_deref(), Some("Bearer abc.def"));
        for broken in ["a\r\nHost: x", "", "a b", "\u{e9}"] {
            assert_eq!(tokens(broken).bearer(), None);
        }
    }

    #[test]
    fn t10_nothing_printed_holds_a_token() {
        let printed = format!("{:?}", tokens("very-secret"));
        assert!(!printed.contains("very-secret") && !printed.contains("r1"));
    }

    #[test]
    fn a_minute_before_expiry_is_too_late() {
        let expiry = UNIX_EPOCH + Duration::from_secs(1000);
        assert!(is_fresh(expiry, UNIX_EPOCH + Duration::from_secs(939)));
        assert!(!is_fresh(expiry, UNIX_EPOCH + Duration::from_secs(940)));
    }
}
