//! What the floor is told: the same variables as the interceptor's, as far as it reads them.

use crate::Failure;
use std::time::{SystemTime, UNIX_EPOCH};

/// The environment, read once.
pub(crate) struct Settings {
    pub(crate) runtime: String,
    pub(crate) region: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: String,
    pub(crate) dynamodb: String,
    pub(crate) secrets_manager: String,
    pub(crate) connections_table: String,
    pub(crate) targets_table: String,
    pub(crate) token_keys_secret: String,
    pub(crate) issuer: String,
    pub(crate) client: String,
    /// A file with the one root that is trusted.
    pub(crate) root: String,
    /// What need not be asked for: a JSON object with `jwks`, and `keys` and `targets`. With all of them the
    /// table's is the only connection that is opened.
    pub(crate) given: String,
}

impl Settings {
    #[expect(clippy::disallowed_methods, reason = "the floor has no `Config`")]
    pub(crate) fn from_env() -> Result<Self, Failure> {
        let var = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        Ok(Self {
            runtime: var("AWS_LAMBDA_RUNTIME_API")?,
            region: var("AWS_REGION")?,
            access_key: var("AWS_ACCESS_KEY_ID")?,
            secret_key: var("AWS_SECRET_ACCESS_KEY")?,
            session_token: var("AWS_SESSION_TOKEN")?,
            dynamodb: var("AWS_ENDPOINT_URL_DYNAMODB")?,
            secrets_manager: var("AWS_ENDPOINT_URL_SECRETS_MANAGER")?,
            connections_table: var("CONNECTIONS_TABLE")?,
            targets_table: var("TARGETS_TABLE")?,
            token_keys_secret: var("TOKEN_KEYS_SECRET")?,
            issuer: var("IDP_ISSUER")?,
            client: var("IDP_CLIENTS")?,
            root: var("OUTBOUND_ROOTS")?,
            given: var("FLOOR_GIVEN")?,
        })
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the floor has no clock to pass in")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
