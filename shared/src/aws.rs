//! The only module that names an AWS crate: the stores on `DynamoDB`, the secrets of Secrets
//! Manager, the queue on SQS, the gateway's control plane, the bucket on S3.

#[cfg(feature = "aws-gateway")]
mod bucket;
mod dynamodb;
mod endpoint;
mod environment;
#[cfg(feature = "aws-gateway")]
mod gateway;
mod https;
#[cfg(feature = "aws-queue")]
mod queue;
mod quick;
mod roots;
mod secrets;
mod signature;
mod tables;

#[cfg(feature = "aws-gateway")]
pub use bucket::SchemaBucket;
pub use dynamodb::{Cursor, DynamoStore, Scanned, Tables};
#[cfg(feature = "aws-gateway")]
pub use gateway::ControlPlane;
#[cfg(feature = "aws-queue")]
pub use queue::SqsQueue;
pub use secrets::Secrets;

use crate::config::ConfigError;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::Credentials;
use https::Https;
use rustls::RootCertStore;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// How AWS's services are reached: by clients of the SDK, and, where there are connections of our own,
/// by requests that are made without them.
#[derive(Clone, Debug)]
pub struct Aws {
    sdk: SdkConfig,
    https: Option<Https>,
}

impl Aws {
    /// As a function's environment says.
    #[expect(clippy::disallowed_methods, reason = "as AWS's own tools read it")]
    pub async fn from_env() -> Result<Self, ConfigError> {
        let bundle = std::env::var("AWS_CA_BUNDLE").ok().filter(|file| !file.is_empty());
        Self::trusting(bundle.as_deref().map(Path::new)).await
    }

    /// The same, where AWS's endpoints show certificates of the authorities in the file `bundle`, and
    /// not of Amazon's.
    pub async fn trusting(bundle: Option<&Path>) -> Result<Self, ConfigError> {
        let https = Https::trusting(roots::trusted(bundle)?);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let sdk = environment::sdk_config(https.clone(), timeouts).await;
        Ok(Self { sdk, https: Some(https) })
    }

    /// An engine on this machine.
    pub async fn at(endpoint: &str) -> Self {
        let https = Https::trusting(RootCertStore::empty());
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(endpoint)
            .http_client(https.clone())
            .load()
            .await;
        Self { sdk, https: Some(https) }
    }

    /// The same connections, used as `sdk` says.
    #[must_use]
    pub fn configured(self, sdk: SdkConfig) -> Self {
        Self { sdk, ..self }
    }

    /// Waits for `start`: for what a function must have before its first call. Until then, or
    /// until one is slow or not found, AWS's names are looked up in the thread that asks, which they hold up.
    pub async fn starting<T>(&self, start: impl Future<Output = T>) -> T {
        let _start = self.https.as_ref().map(Https::starting);
        start.await
    }

    /// The configuration for clients of the SDK.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }
}

/// The SDK alone is asked.
impl From<SdkConfig> for Aws {
    fn from(sdk: SdkConfig) -> Self {
        Self { sdk, https: None }
    }
}

/// A client of the SDK that is made when it is first needed, which in most starts it is not.
type Lazily<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

fn lazily<C: 'static>(aws: &Aws, client: fn(&SdkConfig) -> C) -> Lazily<C> {
    let sdk = aws.sdk.clone();
    Arc::new(LazyLock::new(Box::new(move || client(&sdk))))
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
