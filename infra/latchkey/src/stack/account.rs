//! Who the operator is to AWS, and in which region.

use crate::answer::Refusal;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls;
use broker::aws::Aws;
use broker::http::{Reach, Roots};
use std::time::Duration;

/// An AWS account and a region, as AWS's own tools find them.
pub struct Account {
    pub(crate) aws: Aws,
    pub(crate) region: String,
    pub(super) reach: Reach,
    pub(super) roots: Roots,
}

impl Account {
    /// The account of a profile, or of the environment.
    pub async fn of(profile: Option<&str>, region: Option<&str>) -> Result<Self, Refusal> {
        Self::with(sdk_config(profile, region).await)
    }

    /// The account of `aws`.
    pub fn with(aws: impl Into<Aws>) -> Result<Self, Refusal> {
        let aws = aws.into();
        let region = aws.sdk().region().map(ToString::to_string);
        let Some(region) = region.filter(|region| !region.is_empty()) else {
            return Err(Refusal::usage(
                "no region is named",
                "Name the stack's with --region, with AWS_REGION, or in the profile.",
            ));
        };
        Ok(Self { aws, region, reach: Reach::Public, roots: Roots::default() })
    }

    /// The same, where the deployment's servers may have certificates of `roots` as well.
    #[must_use]
    pub fn believing(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }
}

/// Clients' configuration for an operator, who signs in as with AWS's own tools and can wait.
async fn sdk_config(profile: Option<&str>, region: Option<&str>) -> SdkConfig {
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let https = aws_smithy_http_client::Builder::new().tls_provider(tls).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https);
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build();
    loader.timeout_config(timeouts).load().await
}

/// No function's time is running out while an operator waits.
const PATIENCE: Duration = Duration::from_secs(10);
