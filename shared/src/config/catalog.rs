//! What the function that keeps the gateway's tool lists is told.

use super::{ConfigError, Outbound};

/// Its own settings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CatalogConfig {
    /// Whom it may speak to.
    pub outbound: Outbound,
    /// `CLIENT_CREDENTIALS_PROVIDER_ARN`: with which the gateway may list tools itself, if it may.
    pub client_credentials_provider: Option<String>,
    /// `PLACEHOLDER_PROVIDER_ARN`: a provider of an API key that means nothing, if there is one.
    pub placeholder_provider: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_NAME`, as Lambda sets it: its metrics go by this name.
    pub function_name: String,
}

impl CatalogConfig {
    /// Reads the environment.
    #[expect(clippy::disallowed_methods, reason = "the function is configured at deployment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads each variable once.
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let given =
            |name: &str| var(name).map(|v| v.trim().to_owned()).filter(|value| !value.is_empty());
        Ok(Self {
            outbound: Outbound::read(given)?,
            client_credentials_provider: given("CLIENT_CREDENTIALS_PROVIDER_ARN"),
            placeholder_provider: given("PLACEHOLDER_PROVIDER_ARN"),
            function_name: given(FUNCTION_NAME).ok_or(ConfigError::Missing(FUNCTION_NAME))?,
        })
    }
}

const FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_is_not_named_is_none() {
        let config = |arn: &str| {
            let arn = arn.to_owned();
            CatalogConfig::read(move |name| match name {
                "AWS_LAMBDA_FUNCTION_NAME" => Some("the-function".to_owned()),
                name if name.ends_with("_PROVIDER_ARN") => Some(arn.clone()),
                _ => None,
            })
        };
        assert_eq!(config(" ").unwrap().placeholder_provider, None);
        assert_eq!(config("").unwrap().client_credentials_provider, None);
        let named = config("arn:aws:example").unwrap();
        assert_eq!(named.placeholder_provider.as_deref(), Some("arn:aws:example"));
        let missing = CatalogConfig::read(|_| None);
        assert_eq!(missing, Err(ConfigError::Missing(FUNCTION_NAME)));
    }
}
