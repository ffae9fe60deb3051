//! What the clients of a function are told: by its environment, and by nothing else.
//!
//! The SDK's own loader asks the files of profiles for each setting as well, and links all that could
//! sign for a machine or a person: roles, containers, metadata. A function has none of these.

use super::https::Https;
use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::meta::region::ProvideRegion;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{IdentityCache, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

/// Region, credentials, and which of AWS's endpoints, in the variables that AWS's own tools read.
#[expect(clippy::disallowed_methods, reason = "as AWS's own tools read it")]
pub(super) async fn sdk_config(http: Https, timeouts: TimeoutConfig) -> SdkConfig {
    let variable: Variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(
            EnvironmentVariableCredentialsProvider::new(),
        ))
        .identity_cache(IdentityCache::lazy().build())
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .http_client(http)
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts)
        .sleep_impl(TokioSleep::new())
        .service_config(Endpoints(variable));
    config.set_use_fips(is_true(variable("AWS_USE_FIPS_ENDPOINT")));
    config.set_use_dual_stack(is_true(variable("AWS_USE_DUALSTACK_ENDPOINT")));
    config.build()
}

fn is_true(said: Option<String>) -> Option<bool> {
    said.map(|said| said.eq_ignore_ascii_case("true"))
}

/// `AWS_ENDPOINT_URL_DYNAMODB` before `AWS_ENDPOINT_URL`, and so on.
#[derive(Debug)]
struct Endpoints(Variable);

type Variable = fn(&str) -> Option<String>;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace(' ', "_");
        (self.0)(&format!("{}_{service}", key.env())).or_else(|| (self.0)(key.env()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(service: &str) -> Option<String> {
        let variable: Variable = |name| {
            let url = match name {
                "AWS_ENDPOINT_URL" => "https://all.example.com",
                "AWS_ENDPOINT_URL_SECRETS_MANAGER" => "https://secrets.example.com",
                _ => return None,
            };
            Some(url.to_owned())
        };
        let key = ServiceConfigKey::builder().service_id(service).env("AWS_ENDPOINT_URL");
        Endpoints(variable).load_config(key.profile("endpoint_url").build().unwrap())
    }

    #[test]
    fn a_services_own_endpoint_comes_before_that_of_all() {
        let of = |service| endpoint(service).unwrap();
        assert_eq!(of("Secrets Manager"), "https://secrets.example.com");
        assert_eq!(of("DynamoDB"), "https://all.example.com");
    }

    #[test]
    fn what_is_asked_for_of_the_endpoints_is_said_as_a_truth() {
        let said = ["true", "TRUE", "false"].map(|said| is_true(Some(said.to_owned())));
        assert_eq!(said, [Some(true), Some(true), Some(false)]);
        assert_eq!(is_true(None), None);
    }
}
