//! What a function is told at deployment, read once.

mod catalog;
mod outbound;
mod refresh;

pub use catalog::CatalogConfig;
pub use outbound::Outbound;
pub use refresh::RefreshConfig;

use crate::http::{NotAHost, NotAName, NotRoots};
use crate::identity::IdentitySettings;
use crate::target::SecretName;
use std::time::Duration;

/// The broker's own address and everything the functions share. `from_env` passes the environment, a
/// test passes a map.
#[derive(Clone, Debug)]
pub struct Config {
    /// `BASE_URL`: the origin under which browsers reach us, without a final slash. Redirect URIs and
    /// links are built from it, never from a request's `Host`.
    pub base_url: BaseUrl,
    /// `IDP_ISSUER`, `IDP_CLIENT_ID`, `IDP_AUDIENCES`, `IDP_CLIENTS`, `IDP_SUBJECT_CLAIMS`; lists are
    /// separated by commas.
    pub identity: IdentitySettings,
    /// `IDP_CLIENT_SECRET`: where the browser sign-in's client secret lies, if it has one.
    pub identity_secret: Option<SecretName>,
    /// Whom they may speak to.
    pub outbound: Outbound,
    /// `URL_ELICITATION_CLIENTS`: inbound OAuth clients known to understand the 2025-11-25 error
    /// `-32042`, or `*`. A request of that revision does not say what its client can do.
    pub url_elicitation_clients: Vec<String>,
    /// `TOKEN_MEMORY_SECONDS`: how long a token that was read may be forwarded without another look at
    /// the table, and so how long it may outlive a disconnect or another consent; 0 to 60, and
    /// [`TOKEN_MEMORY`] unless given.
    pub token_memory: Duration,
}

/// Long enough for an agent's burst of calls, and shorter than a consent takes.
pub const TOKEN_MEMORY: Duration = Duration::from_secs(5);

impl Config {
    /// Reads the environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads each variable once.
    pub fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let given = |name| var(name).filter(|value| !value.trim().is_empty());
        let needed = |name| given(name).ok_or(ConfigError::Missing(name));
        let list = |name| split(&given(name).unwrap_or_default());
        let subject_claims = match list("IDP_SUBJECT_CLAIMS") {
            claims if claims.is_empty() => vec!["sub".to_owned()],
            claims => claims,
        };
        let identity = IdentitySettings {
            issuer: needed("IDP_ISSUER")?,
            client_id: needed("IDP_CLIENT_ID")?,
            client_secret: None,
            audiences: list("IDP_AUDIENCES"),
            clients: list("IDP_CLIENTS"),
            subject_claims,
        };
        if identity.audiences.is_empty() && identity.clients.is_empty() {
            return Err(ConfigError::NobodyAdmitted);
        }
        Ok(Self {
            base_url: BaseUrl::new(&needed("BASE_URL")?)?,
            identity,
            identity_secret: given("IDP_CLIENT_SECRET").map(SecretName),
            outbound: Outbound::read(given)?,
            url_elicitation_clients: list("URL_ELICITATION_CLIENTS"),
            token_memory: match given("TOKEN_MEMORY_SECONDS") {
                Some(seconds) => seconds
                    .trim()
                    .parse()
                    .map_err(|_| ConfigError::NotTokenMemory)
                    .and_then(token_memory)?,
                None => TOKEN_MEMORY,
            },
        })
    }
}

/// So many seconds, if a token may be remembered for as long.
pub fn token_memory(seconds: u64) -> Result<Duration, ConfigError> {
    if seconds <= 60 { Ok(Duration::from_secs(seconds)) } else { Err(ConfigError::NotTokenMemory) }
}

/// The origin under which browsers reach us.
#[derive(Clone, Debug)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// An `https` origin, or a plain one on the loopback interface.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        let url = url.trim_end_matches('/');
        let parsed = url::Url::parse(url).map_err(|_| ConfigError::NotAnOrigin)?;
        let secure = parsed.scheme() == "https" || crate::target::is_loopback_http(&parsed);
        let origin = parsed.origin().ascii_serialization();
        if secure && origin == url { Ok(Self(origin)) } else { Err(ConfigError::NotAnOrigin) }
    }

    /// The origin.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where a target's authorization server sends its answers: one address for each.
    pub fn redirect_uri(&self, target: &crate::target::TargetName) -> String {
        format!("{}/callback/{target}", self.0)
    }

    /// Where the identity provider sends a browser that signed in.
    pub fn sign_in_redirect_uri(&self) -> String {
        format!("{}/login/callback", self.0)
    }

    /// The page on which a person connects a target.
    pub fn connect_url(&self, target: &crate::target::TargetName, ticket: &str) -> String {
        format!("{}/authorize/{target}?ticket={ticket}", self.0)
    }
}

/// What is wrong with the deployment's settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A variable is not set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// `BASE_URL` is no origin.
    #[error("BASE_URL is not an https origin such as https://broker.example.com")]
    NotAnOrigin,
    /// A number of days was expected.
    #[error("{0} is not a whole number of days")]
    NotDays(&'static str),
    /// `TOKEN_MEMORY_SECONDS` is something else: nobody knows how long a disconnect may take.
    #[error(
        "TOKEN_MEMORY_SECONDS, how long a token is remembered, is not a whole number from 0 to 60"
    )]
    NotTokenMemory,
    /// No inbound token could ever be accepted.
    #[error("neither IDP_AUDIENCES nor IDP_CLIENTS is set: no caller could be admitted")]
    NobodyAdmitted,
    /// `OUTBOUND_HOSTS` is something else: nobody knows whom it would admit.
    #[error("OUTBOUND_HOSTS is {0}")]
    OutboundHosts(#[from] NotAHost),
    /// `OUTBOUND_PRIVATE_HOSTS` is something else: nobody knows whom it would admit.
    #[error("OUTBOUND_PRIVATE_HOSTS is {0}")]
    OutboundPrivateHosts(#[from] NotAName),
    /// `OUTBOUND_ROOTS` is of no use, and whoever set it relies on it.
    #[error("OUTBOUND_ROOTS names {0}")]
    OutboundRoots(#[from] NotRoots),
    /// `AWS_CA_BUNDLE` is of no use, and no request of ours could be answered.
    #[error("AWS_CA_BUNDLE names {0}")]
    CaBundle(NotRoots),
}

fn split(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let defaults = [
                ("BASE_URL", "https://broker.example/"),
                ("IDP_ISSUER", "https://idp.example"),
                ("IDP_CLIENT_ID", "browser"),
                ("IDP_AUDIENCES", "a, b"),
            ];
            let find = |of: &[(&str, &str)]| {
                of.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            find(changes).or_else(|| find(&defaults))
        })
    }

    #[test]
    fn reads_lists_and_defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.base_url.as_str(), "https://broker.example");
        assert_eq!(config.identity.audiences, ["a", "b"]);
        assert_eq!(config.identity.subject_claims, ["sub"]);
        assert!(config.identity_secret.is_none());
        assert_eq!(config.outbound, Outbound::default());
    }

    #[test]
    fn a_token_is_kept_for_seconds_and_never_for_longer_than_a_minute() {
        let kept = |seconds| Ok(read(&[("TOKEN_MEMORY_SECONDS", seconds)])?.token_memory.as_secs());
        assert_eq!(["", "0", "5", "60"].map(|s| kept(s).unwrap()), [5, 0, 5, 60]);
        for wrong in ["61", "-1", "1.5", "5s"] {
            assert_eq!(kept(wrong), Err(ConfigError::NotTokenMemory), "{wrong}");
        }
    }

    #[test]
    fn says_what_is_missing_or_wrong() {
        let refused = |changes: &[_]| read(changes).map(|_| ()).unwrap_err();
        assert_eq!(refused(&[("IDP_ISSUER", " ")]), ConfigError::Missing("IDP_ISSUER"));
        assert_eq!(refused(&[("IDP_AUDIENCES", "")]), ConfigError::NobodyAdmitted);
        for url in ["http://broker.example", "https://broker.example/path", "broker.example"] {
            assert_eq!(refused(&[("BASE_URL", url)]), ConfigError::NotAnOrigin, "{url}");
        }
        for hosts in ["*.example", ",", "https://as.example"] {
            let error = refused(&[("OUTBOUND_HOSTS", hosts)]);
            assert!(matches!(error, ConfigError::OutboundHosts(_)), "{hosts}: {error}");
            assert!(error.to_string().starts_with("OUTBOUND_HOSTS is not a list"), "{error}");
        }
        for hosts in ["*.example", ".example", ",", "10.0.0.1"] {
            let error = refused(&[("OUTBOUND_PRIVATE_HOSTS", hosts)]);
            assert!(matches!(error, ConfigError::OutboundPrivateHosts(_)), "{hosts}: {error}");
            assert!(
                error.to_string().starts_with("OUTBOUND_PRIVATE_HOSTS is not a list"),
                "{error}"
            );
        }
        let error = refused(&[("OUTBOUND_ROOTS", "/nowhere/roots.pem")]);
        assert_eq!(error.to_string(), "OUTBOUND_ROOTS names a file that cannot be read");
    }
}
