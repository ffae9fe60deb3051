//! What the function that sweeps is told.

use super::{ConfigError, Outbound};
use std::time::Duration;

/// Its own settings.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RefreshConfig {
    /// `REFRESH_USED_WITHIN_DAYS`: how long after its last use a connection is renewed ahead of
    /// expiry; 30 days unless given. With 0 none is.
    pub used_within: Duration,
    /// Whom it may speak to.
    pub outbound: Outbound,
    /// `AWS_LAMBDA_FUNCTION_NAME`, as Lambda sets it: its metrics go by this name.
    pub function_name: String,
}

impl RefreshConfig {
    /// Reads the environment.
    #[expect(clippy::disallowed_methods, reason = "the function is configured at deployment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads each variable once.
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let given = |name| var(name).filter(|value| !value.trim().is_empty());
        let days = match given(USED_WITHIN) {
            Some(days) => {
                days.trim().parse::<u16>().map_err(|_| ConfigError::NotDays(USED_WITHIN))?
            }
            None => 30,
        };
        Ok(Self {
            outbound: Outbound::read(given)?,
            used_within: Duration::from_hours(24) * u32::from(days),
            function_name: given(FUNCTION_NAME).ok_or(ConfigError::Missing(FUNCTION_NAME))?,
        })
    }
}

const USED_WITHIN: &str = "REFRESH_USED_WITHIN_DAYS";
const FUNCTION_NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(days: Option<&str>) -> Result<RefreshConfig, ConfigError> {
        RefreshConfig::read(|name| match name {
            USED_WITHIN => days.map(str::to_owned),
            FUNCTION_NAME => Some("the-function".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn reads_days_and_a_default() {
        let days = |days| read(days).unwrap().used_within.as_secs() / 86_400;
        assert_eq!([days(None), days(Some("")), days(Some("0")), days(Some("7"))], [30, 30, 0, 7]);
        for wrong in ["-1", "1.5", "a week", "100000"] {
            assert_eq!(read(Some(wrong)), Err(ConfigError::NotDays(USED_WITHIN)));
        }
        let missing = RefreshConfig::read(|_| None);
        assert_eq!(missing, Err(ConfigError::Missing("AWS_LAMBDA_FUNCTION_NAME")));
    }
}
