//! The only module that names an AWS crate: the stores on `DynamoDB`, the secrets of Secrets
//! Manager, the queue on SQS, the gateway's control plane.

mod dynamodb;
mod environment;
#[cfg(feature = "aws-gateway")]
mod gateway;
#[cfg(feature = "aws-queue")]
mod queue;
mod roots;
mod secrets;
mod signature;
mod tables;

pub use dynamodb::{Cursor, DynamoStore, Scanned, Tables};
#[cfg(feature = "aws-gateway")]
pub use gateway::{ControlPlane, SchemaBucket};
#[cfg(feature = "aws-queue")]
pub use queue::SqsQueue;
pub use secrets::Secrets;

use crate::config::ConfigError;
use crate::http::NotRoots;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedHttpClient};
use aws_smithy_http_client::tls;
use std::path::Path;
use std::time::Duration;

/// Clients' configuration for a function, read from its environment.
#[expect(clippy::disallowed_methods, reason = "as AWS's own tools read it")]
pub async fn sdk_config() -> Result<SdkConfig, ConfigError> {
    let bundle = std::env::var("AWS_CA_BUNDLE").ok().filter(|file| !file.is_empty());
    sdk_config_trusting(bundle.as_deref().map(Path::new)).await
}

/// The same, where AWS's endpoints show certificates of the authorities in the file `bundle`, and not
/// of Amazon's.
pub async fn sdk_config_trusting(bundle: Option<&Path>) -> Result<SdkConfig, ConfigError> {
    let trusted = tls::TlsContext::builder().with_trust_store(roots::trust_store(bundle)?);
    // There is nothing that it might refuse.
    let trusted = trusted.build().map_err(|_| ConfigError::CaBundle(NotRoots::Broken))?;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(trusted)
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    Ok(environment::sdk_config(http, timeouts).await)
}

/// Clients' configuration for an operator, who signs in as with AWS's own tools and can wait.
pub async fn sdk_config_of(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(OPERATORS_PATIENCE).build();
    loader.timeout_config(timeouts).load().await
}

fn https() -> SharedHttpClient {
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()
}

/// Clients' configuration for an engine on this machine.
pub async fn sdk_config_at(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}

/// The tables' names, from `TARGETS_TABLE`, `PENDING_TABLE` and `CONNECTIONS_TABLE`.
impl Tables {
    /// Reads the environment.
    #[expect(clippy::disallowed_methods, reason = "the tables are named at deployment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        let needed = |name| std::env::var(name).map_err(|_| ConfigError::Missing(name));
        Ok(Self {
            targets: needed("TARGETS_TABLE")?,
            pending: needed("PENDING_TABLE")?,
            connections: needed("CONNECTIONS_TABLE")?,
        })
    }
}

/// A slow answer is asked for again while there is time.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The shortest function is stopped after ten seconds, and has more to do than one request.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
/// No function's time is running out while an operator waits.
const OPERATORS_PATIENCE: Duration = Duration::from_secs(10);
