//! Where a service is, where that can be told without the SDK's rules.
//!
//! To read those rules and the list of AWS's partitions costs as much as all else that a client of the
//! SDK costs at the start.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use http::Uri;

/// A service that speaks JSON.
pub(super) struct Service {
    /// As the variables have it that name an endpoint.
    pub(super) id: &'static str,
    pub(super) signing_name: &'static str,
    pub(super) content_type: &'static str,
    /// What comes before an operation in `x-amz-target`.
    pub(super) target: &'static str,
}

pub(super) const DYNAMODB: Service = Service {
    id: "DynamoDB",
    signing_name: "dynamodb",
    content_type: "application/x-amz-json-1.0",
    target: "DynamoDB_20120810",
};

pub(super) const SECRETS_MANAGER: Service = Service {
    id: "Secrets Manager",
    signing_name: "secretsmanager",
    content_type: "application/x-amz-json-1.1",
    target: "secretsmanager",
};

#[derive(Debug, Eq, PartialEq)]
pub(super) struct Endpoint {
    pub(super) uri: Uri,
    /// As the `Host` header has it: without a port that goes without saying.
    pub(super) host: String,
}

/// Where the SDK would send requests to `service`; `None` where it must be asked. Of an account that has
/// an endpoint of its own it is the region's, which serves it as well.
pub(super) fn endpoint(sdk: &SdkConfig, service: &Service) -> Option<Endpoint> {
    let url = match named(sdk, service.id) {
        Some(url) => url,
        None => by_region(sdk, service)?,
    };
    let url =
        url::Url::parse(&url).ok().filter(|url| url.path() == "/" && url.query().is_none())?;
    let host = match (url.host_str()?, url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    Some(Endpoint { uri: url.as_str().parse().ok()?, host })
}

/// In the code, or else in the environment: that of the service before that of all.
pub(super) fn named(sdk: &SdkConfig, id: &str) -> Option<String> {
    if sdk.get_origin("endpoint_url").is_client_config() {
        return sdk.endpoint_url().map(str::to_owned);
    }
    let key = ServiceConfigKey::builder().service_id(id).env("AWS_ENDPOINT_URL");
    let key = key.profile("endpoint_url").build().ok()?;
    let of_the_service = sdk.service_config().and_then(|config| config.load_config(key));
    of_the_service.or_else(|| sdk.endpoint_url().map(str::to_owned))
}

/// In the partitions of the public and the US government's regions, which are nearly all.
fn by_region(sdk: &SdkConfig, service: &Service) -> Option<String> {
    if sdk.use_fips() == Some(true) || sdk.use_dual_stack() == Some(true) {
        return None;
    }
    let region = sdk.region()?.as_ref();
    let mut parts = region.split('-');
    let (area, place, number) = (parts.next()?, parts.next()?, parts.next()?);
    let number = match parts.next() {
        Some(number) if (area, place) == ("us", "gov") => number,
        Some(_) => return None,
        None => number,
    };
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let known = AREAS.contains(&area)
        && plain(place)
        && parts.next().is_none()
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit());
    known.then(|| format!("https://{}.{region}.amazonaws.com/", service.signing_name))
}

const AREAS: [&str; 9] = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"];

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::Region;
    use aws_sdk_dynamodb::config::endpoint as dynamodb;
    use aws_sdk_secretsmanager::config::endpoint as secrets_manager;
    use aws_types::service_config::LoadServiceConfig;

    fn at(region: &str) -> aws_types::sdk_config::Builder {
        SdkConfig::builder().region(Region::new(region.to_owned()))
    }

    /// The URLs that the SDK's rules give.
    async fn by_the_sdk(region: &str) -> [String; 2] {
        use dynamodb::ResolveEndpoint as _;
        use secrets_manager::ResolveEndpoint as _;
        let params = dynamodb::Params::builder().region(region).build().unwrap();
        let table = dynamodb::DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
        let params = secrets_manager::Params::builder().region(region).build().unwrap();
        let secrets = secrets_manager::DefaultResolver::new();
        let secrets = secrets.resolve_endpoint(&params).await.unwrap();
        [table.url().to_owned(), secrets.url().to_owned()]
    }

    #[tokio::test]
    async fn a_regions_endpoints_are_those_of_the_sdk_or_left_to_it() {
        for (region, known) in [
            ("us-east-1", true),
            ("us-west-2", true),
            ("eu-central-1", true),
            ("ap-southeast-7", true),
            ("mx-central-1", true),
            ("us-gov-west-1", true),
            ("us-north-99", true),
            ("cn-north-1", false),
            ("us-iso-east-1", false),
            ("us-isob-east-1", false),
            ("eu-isoe-west-1", false),
            ("eusc-de-east-1", false),
            ("aws-global", false),
            ("us-gov", false),
            ("us-east-1-gov", false),
            ("eu-gov-west-1", false),
            ("us-east-+1", false),
            ("us-east-", false),
        ] {
            let sdk = at(region).build();
            let ours = [&DYNAMODB, &SECRETS_MANAGER].map(|service| endpoint(&sdk, service));
            assert!(ours.iter().all(|endpoint| endpoint.is_some() == known), "{region}");
            let theirs = if known { by_the_sdk(region).await } else { Default::default() };
            for (ours, theirs) in ours.iter().flatten().zip(theirs) {
                let theirs = theirs.trim_end_matches('/');
                assert_eq!(ours.uri.to_string().trim_end_matches('/'), theirs);
                assert_eq!(format!("https://{}", ours.host), theirs);
            }
        }
    }

    #[test]
    fn fips_dual_stack_and_no_region_are_left_to_the_sdk() {
        assert_eq!(endpoint(&at("us-east-1").use_fips(true).build(), &DYNAMODB), None);
        assert_eq!(endpoint(&at("us-east-1").use_dual_stack(true).build(), &DYNAMODB), None);
        assert_eq!(endpoint(&SdkConfig::builder().build(), &DYNAMODB), None);
    }

    /// As the SDK decides it: one in the code before those of the environment.
    #[tokio::test]
    async fn an_endpoint_in_the_code_comes_before_the_environments() {
        #[derive(Debug)]
        struct Environment;
        impl LoadServiceConfig for Environment {
            fn load_config(&self, _: ServiceConfigKey<'_>) -> Option<String> {
                Some("https://environment.example".to_owned())
            }
        }
        let code = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(aws_sdk_dynamodb::config::Credentials::new(
                "a", "b", None, None, "",
            ))
            .endpoint_url("https://code.example")
            .load()
            .await
            .into_builder()
            .service_config(Environment)
            .build();
        assert_eq!(endpoint(&code, &DYNAMODB).unwrap().host, "code.example");
        let environment = at("us-east-1").service_config(Environment).build();
        assert_eq!(endpoint(&environment, &DYNAMODB).unwrap().host, "environment.example");
    }

    #[test]
    fn an_endpoint_that_is_named_comes_first_and_has_no_path() {
        let at = |url: &str| {
            let sdk = at("cn-north-1").endpoint_url(url).build();
            let found = endpoint(&sdk, &DYNAMODB)?;
            Some((found.uri.to_string(), found.host))
        };
        let found = |uri: &str, host: &str| Some((uri.to_owned(), host.to_owned()));
        assert_eq!(at("http://127.0.0.1:8000"), found("http://127.0.0.1:8000/", "127.0.0.1:8000"));
        assert_eq!(at("https://a.example:443/"), found("https://a.example/", "a.example"));
        assert_eq!(at("https://a.example/dynamodb"), None);
        assert_eq!(at("https://a.example/?b"), None);
        assert_eq!(at("nonsense"), None);
    }
}
