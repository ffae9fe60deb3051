//! The port through which a refresh token is spent.

use crate::clock::SystemRandom;
use crate::http::Http;
use crate::oauth::token::{TokenEndpoint, TokenError};
use crate::target::Target;
use crate::tokens::Granted;
use oauth2::{ClientSecret, RefreshToken};
use std::time::SystemTime;

/// How to reach token endpoints.
pub trait TokenRequests: Send + Sync {
    /// Spends `refresh` at `target`'s authorization server.
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-6>
    fn refresh(
        &self,
        target: &Target,
        client_secret: Option<ClientSecret>,
        refresh: &RefreshToken,
        now: SystemTime,
    ) -> impl Future<Output = Result<Granted, TokenError>> + Send;
}

impl TokenRequests for Http {
    async fn refresh(
        &self,
        target: &Target,
        client_secret: Option<ClientSecret>,
        refresh: &RefreshToken,
        now: SystemTime,
    ) -> Result<Granted, TokenError> {
        let random = &SystemRandom;
        TokenEndpoint { http: self, target, client_secret, random }.refresh(refresh, now).await
    }
}
