//! Who the operator is to AWS, and in which region.

use crate::answer::Refusal;
use aws_config::SdkConfig;
use broker::http::{Reach, Roots};

/// An AWS account and a region, as AWS's own tools find them.
pub struct Account {
    pub(crate) config: SdkConfig,
    pub(crate) region: String,
    pub(super) reach: Reach,
    pub(super) roots: Roots,
}

impl Account {
    /// The account of a profile, or of the environment.
    pub async fn of(profile: Option<&str>, region: Option<&str>) -> Result<Self, Refusal> {
        Self::with(broker::aws::sdk_config_of(profile, region).await)
    }

    /// The account of `config`.
    pub fn with(config: SdkConfig) -> Result<Self, Refusal> {
        let region = config.region().map(ToString::to_string);
        let Some(region) = region.filter(|region| !region.is_empty()) else {
            return Err(Refusal::usage(
                "no region is named",
                "Name the stack's with --region, with AWS_REGION, or in the profile.",
            ));
        };
        Ok(Self { config, region, reach: Reach::Public, roots: Roots::default() })
    }

    /// The same, where the deployment's servers may have certificates of `roots` as well.
    #[must_use]
    pub fn believing(self, roots: Roots) -> Self {
        Self { roots, ..self }
    }
}
