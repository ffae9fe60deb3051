//! Whom the clients of AWS's services believe, and what they do when a connection fails them.

use crate::support::server::json;
use crate::support::tls::Certificate;
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use broker::aws::{Aws, DynamoStore, Tables};
use broker::config::ConfigError;
use broker::http::NotRoots;
use broker::store::{StoreError, TargetStore};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test]
async fn who_shows_no_certificate_of_amazons_is_not_taken_for_aws() {
    let (own, other) = (Certificate::of(&["localhost"]), Certificate::of(&["localhost"]));
    let (bundle, another) = (own.file(), other.file());
    for (trusted, believed) in [(None, false), (Some(&another), false), (Some(&bundle), true)] {
        let server = own.serve("localhost", async |_| json(200, "{}")).await;
        let aws = Aws::trusting(trusted.map(Path::new)).await.unwrap();
        let config = aws.sdk().to_builder();
        let config = config
            .endpoint_url(&server.url)
            .region(Region::new("us-east-1"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
                Credentials::new("a", "b", None, None, "test"),
            ))
            .build();
        let store = DynamoStore::new(&aws.configured(config), Tables::named("latchkey"));
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
        let error = Aws::trusting(Some(bundle)).await.map(|_| ()).unwrap_err();
        assert_eq!(error, ConfigError::CaBundle(why));
    }
}

#[test]
fn names_are_looked_up_without_a_thread_at_a_start() {
    let threads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&threads);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().on_thread_start(move || _ = counted.fetch_add(1, Ordering::Relaxed));
    runtime.build().unwrap().block_on(async {
        let (url, _) = connections([LAST; 3]).await;
        let aws = Aws::at(&url.replace("127.0.0.1", "localhost")).await;
        let read = async || {
            let store = DynamoStore::new(&aws, Tables::named("latchkey"));
            store.find_target(&"notes".parse().unwrap()).await.unwrap();
        };
        aws.starting(async { tokio::join!(read(), read()) }).await;
        assert_eq!(threads.load(Ordering::Relaxed), 0);
        read().await;
        assert_eq!(threads.load(Ordering::Relaxed), 1);
    });
}

/// What a server does with a connection.
#[derive(Clone, Copy)]
enum Does {
    /// Reads a request and closes.
    CutsOff,
    /// Answers every request that way.
    Answers(&'static str),
}

/// A server whose connections go as `does` says one after the other, the last for all that follow. Also
/// counts them.
async fn connections(does: [Does; 3]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let number = counted.fetch_add(1, Ordering::Relaxed);
            let does = *does.get(number).or(does.last()).unwrap();
            tokio::spawn(async move {
                let mut request = [0; 8192];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let Does::Answers(answer) = does else { return };
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    (url, count)
}

const WELL: Does = Does::Answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
const LAST: Does =
    Does::Answers("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}");
const DOWN: Does = Does::Answers("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}");

#[tokio::test]
async fn the_sdk_tries_again_elsewhere_what_was_cut_off_or_met_a_server_in_trouble() {
    for (does, connections_made) in [
        // The first is that of the request without the SDK.
        ([Does::CutsOff, Does::CutsOff, WELL], 3),
        // It leaves its connection to the SDK.
        ([DOWN, DOWN, WELL], 3),
        ([WELL, DOWN, DOWN], 1),
    ] {
        let (url, made) = connections(does).await;
        let store = DynamoStore::new(&Aws::at(&url).await, Tables::named("latchkey"));
        let found = store.find_target(&"notes".parse().unwrap()).await;
        assert!(found.unwrap().is_none());
        assert_eq!(made.load(Ordering::Relaxed), connections_made);
    }
}

#[tokio::test]
async fn where_nobody_listens_the_sdk_says_so_after_its_attempts() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let store = DynamoStore::new(&Aws::at(&url).await, Tables::named("latchkey"));
    let error = store.find_target(&"notes".parse().unwrap()).await.unwrap_err();
    let StoreError::Unavailable(error) = error else { panic!("{error}") };
    let error = error.downcast_ref::<SdkError<GetItemError>>().unwrap();
    assert!(matches!(error, SdkError::DispatchFailure(failure) if failure.is_io()), "{error:?}");
}
