//! Where an object is put.
//! <https://docs.aws.amazon.com/general/latest/gr/s3.html>

use crate::aws::endpoint::named;
use aws_config::SdkConfig;
use aws_sdk_bedrockagentcorecontrol::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

#[derive(Debug, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) url: String,
    pub(super) path: String,
}

/// Where the SDK's client for S3 would put it in an ordinary bucket; at an endpoint that is named the bucket is part of the
/// path, for emulators have no name for each bucket.
pub(super) async fn place(sdk: &SdkConfig, bucket: &str, key: &str) -> Result<Place, &'static str> {
    let key = utf8_percent_encode(key, RESERVED);
    let in_the_path = format!("/{}/{key}", utf8_percent_encode(bucket, RESERVED));
    if let Some(url) = named(sdk, "S3") {
        return Ok(Place { url, path: in_the_path });
    }
    let region = sdk.region().ok_or("there is no region: AWS_REGION")?.as_ref();
    let suffix = suffix(region).await.ok_or("nothing is known of the region")?;
    let fips = sdk.use_fips() == Some(true);
    if fips && suffix == WITHOUT_FIPS {
        return Err("S3 has no FIPS endpoints there");
    }
    let service = if fips { "s3-fips" } else { "s3" };
    let stack = if sdk.use_dual_stack() == Some(true) { "dualstack." } else { "" };
    let host = format!("{service}.{stack}{region}.{suffix}");
    Ok(if is_label(bucket) {
        Place { url: format!("https://{bucket}.{host}"), path: format!("/{key}") }
    } else {
        Place { url: format!("https://{host}"), path: in_the_path }
    })
}

/// What the names of the region's hosts end with. The SDK has the list of partitions in each of its
/// clients, but shows it in none; so the client that is linked anyway is asked for its own endpoint.
async fn suffix(region: &str) -> Option<String> {
    let params = Params::builder().region(region).build().ok()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.ok()?;
    let (_, suffix) = endpoint.url().split_once(&format!(".{region}."))?;
    Some(suffix.trim_end_matches('/').to_owned())
}

/// Whether a bucket's name can be the first part of a host's. With a dot in it no certificate holds.
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (3..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// All that S3 reads encoded when it checks a signature.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
const WITHOUT_FIPS: &str = "amazonaws.com.cn";

#[cfg(test)]
mod tests {
    use super::*;
    use aws_config::Region;

    fn at(region: &'static str) -> aws_types::sdk_config::Builder {
        SdkConfig::builder().region(Region::from_static(region))
    }

    async fn url(sdk: aws_types::sdk_config::Builder) -> Result<String, &'static str> {
        let place = place(&sdk.build(), "schemas", "notes/1.json").await?;
        assert_eq!(place.path, "/notes/1.json");
        Ok(place.url)
    }

    /// These are what the rules of `aws-sdk-s3` 1.157 gave for a region of each partition.
    #[tokio::test]
    async fn a_bucket_is_where_the_sdk_had_it_in_every_partition() {
        for (region, suffix) in [
            ("us-east-1", "amazonaws.com"),
            ("eu-central-1", "amazonaws.com"),
            ("us-north-99", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("us-isof-south-1", "csp.hci.ic.gov"),
            ("eu-isoe-west-1", "cloud.adc-e.uk"),
            ("eusc-de-east-1", "amazonaws.eu"),
        ] {
            let there = |host: &str| Ok(format!("https://schemas.{host}.{region}.{suffix}"));
            assert_eq!(url(at(region)).await, there("s3"));
            assert_eq!(url(at(region).use_fips(true)).await, there("s3-fips"));
            assert_eq!(url(at(region).use_dual_stack(true)).await, there("s3.dualstack"));
            let both = at(region).use_fips(true).use_dual_stack(true);
            assert_eq!(url(both).await, there("s3-fips.dualstack"));
        }
        let there = |host: &str| Ok(format!("https://schemas.{host}.cn-north-1.amazonaws.com.cn"));
        assert_eq!(url(at("cn-north-1")).await, there("s3"));
        assert_eq!(url(at("cn-north-1").use_dual_stack(true)).await, there("s3.dualstack"));
        url(at("cn-north-1").use_fips(true)).await.unwrap_err();
        url(SdkConfig::builder()).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_name_that_is_no_label_is_in_the_path() {
        for (bucket, label) in [
            ("abc", true),
            ("latchkey-schemabucket-1a2b", true),
            ("ab", false),
            ("a.b.c", false),
            ("Schemas", false),
            ("-abc", false),
            ("abc-", false),
            ("a_bc", false),
            (&"a".repeat(63), true),
            (&"a".repeat(64), false),
        ] {
            let found = place(&at("us-east-1").build(), bucket, "k").await.unwrap();
            let host = "s3.us-east-1.amazonaws.com";
            let expected = if label {
                Place { url: format!("https://{bucket}.{host}"), path: "/k".into() }
            } else {
                Place { url: format!("https://{host}"), path: format!("/{bucket}/k") }
            };
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_is_named_comes_first_with_the_bucket_in_the_path() {
        let sdk = at("cn-north-1").endpoint_url("http://localhost:4566").build();
        let found = place(&sdk, "schemas", "notes/1.json").await.unwrap();
        let path = "/schemas/notes/1.json".into();
        assert_eq!(found, Place { url: "http://localhost:4566".into(), path });
    }

    #[tokio::test]
    async fn a_key_is_encoded_once() {
        let found = place(&at("us-east-1").build(), "schemas", "a b/é+(1)%.json").await.unwrap();
        assert_eq!(found.path, "/a%20b/%C3%A9%2B%281%29%25.json");
    }
}
