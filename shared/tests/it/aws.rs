//! Whom the clients of AWS's services believe.

use crate::support::server::json;
use crate::support::tls::Certificate;
use aws_sdk_dynamodb::config::{Credentials, Region};
use broker::aws::{DynamoStore, Tables, sdk_config_trusting};
use broker::config::ConfigError;
use broker::http::NotRoots;
use broker::store::TargetStore;
use std::path::Path;

#[tokio::test]
async fn who_shows_no_certificate_of_amazons_is_not_taken_for_aws() {
    let (own, other) = (Certificate::of(&["localhost"]), Certificate::of(&["localhost"]));
    let (bundle, another) = (own.file(), other.file());
    for (trusted, believed) in [(None, false), (Some(&another), false), (Some(&bundle), true)] {
        let server = own.serve("localhost", async |_| json(200, "{}")).await;
        let config = sdk_config_trusting(trusted.map(Path::new)).await.unwrap().to_builder();
        let config = config
            .endpoint_url(&server.url)
            .region(Region::new("us-east-1"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
                Credentials::new("a", "b", None, None, "test"),
            ))
            .build();
        let store = DynamoStore::new(&config, Tables::named("latchkey"));
        let found = store.find_target(&"notes".parse().unwrap()).await;
        assert_eq!(found.is_ok(), believed, "{trusted:?}: {found:?}");
        assert_eq!(!server.asked().is_empty(), believed, "{trusted:?}");
    }
}

#[tokio::test]
async fn a_bundle_that_holds_no_certificates_is_not_taken_for_one() {
    let empty = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for (bundle, why) in
        [(&*empty, NotRoots::Empty), (Path::new("/nowhere/roots.pem"), NotRoots::Unreadable)]
    {
        let error = sdk_config_trusting(Some(bundle)).await.map(|_| ()).unwrap_err();
        assert_eq!(error, ConfigError::CaBundle(why));
    }
}
