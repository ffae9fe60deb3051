//! The read of the hot path asks by itself, and leaves to the SDK whatever is not a plain answer.

use crate::support::server::{Asked, Server, json};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use broker::aws::{DynamoStore, Tables, sdk_config_at};
use broker::connection::Status;
use broker::store::{ConnectionStore, StoreError, TargetStore};
use broker::subject::{Subject, SubjectId};
use serde_json::{Value, json as value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn what_the_sdk_reads_is_read_in_one_request_with_the_sdks_credentials() {
    let server = Server::start(async |asked: Asked| match operation(&asked) {
        "GetItem" => json(200, &row()),
        _ => json(200, "{}"),
    })
    .await;
    let store = store(&server).await;
    let first = found(&store).await.unwrap();
    store.targets().await.unwrap();
    assert_eq!(found(&store).await.unwrap(), first);
    assert!(matches!(first.unwrap().status, Status::Active { renewable: true, .. }));

    let asked = server.asked();
    assert_eq!(asked.iter().map(is_quick).collect::<Vec<_>>(), [false, false, true]);
    let (by_the_sdk, quick) = (&asked[0], &asked[2]);
    let body = |asked: &Asked| serde_json::from_str::<Value>(&asked.body).unwrap();
    assert_eq!(body(quick), body(by_the_sdk));
    for name in ["content-type", "host", "x-amz-target"] {
        assert_eq!(quick.header(name), by_the_sdk.header(name), "{name}");
    }
    let credential = "AWS4-HMAC-SHA256 Credential=local/";
    assert!(quick.header("authorization").unwrap().starts_with(credential));
}

#[tokio::test]
async fn who_is_not_there_is_not_asked_for_twice() {
    let server = Server::start(async |_| json(200, "{}")).await;
    let store = store(&server).await;
    for _ in 0..3 {
        assert!(found(&store).await.unwrap().is_none());
    }
    assert_eq!(server.asked().iter().map(is_quick).collect::<Vec<_>>(), [false, true, true]);
}

/// Throttled, down, out of time, refused for its signature or its clock, cut off, or nonsense.
#[tokio::test]
async fn whatever_is_not_a_plain_answer_is_asked_for_again_by_the_sdk() {
    let exception = |name: &str| {
        let name = format!("com.amazonaws.dynamodb.v20120810#{name}");
        value!({ "__type": name, "message": "no" }).to_string()
    };
    let mut odd = row();
    odd["Item"]["later"] = value!({ "M": {} });
    for (status, body) in [
        (400, exception("ProvisionedThroughputExceededException")),
        (400, exception("ThrottlingException")),
        (400, exception("InvalidSignatureException")),
        (400, exception("RequestTimeTooSkewed")),
        (400, exception("ExpiredTokenException")),
        (500, exception("InternalServerError")),
        (503, String::new()),
        (302, String::new()),
        (200, r#"{"Item":{"subject":{"S":"a"}"#.to_owned()),
        (200, "<html>".to_owned()),
        (200, "[]".to_owned()),
        (200, "[null]".to_owned()),
        (200, odd.to_string()),
        (200, String::new()),
    ] {
        let case = format!("{status} {body}");
        let server = Server::start(move |asked: Asked| {
            let answer = if is_quick(&asked) { json(status, &body) } else { json(200, &row()) };
            async { answer }
        })
        .await;
        let store = store(&server).await;
        for _ in 0..3 {
            assert!(found(&store).await.unwrap().is_some(), "{case}");
        }
        // And for a while nothing else is tried.
        let asked = server.asked().iter().map(is_quick).collect::<Vec<_>>();
        assert_eq!(asked, [false, true, false, false], "{case}");
    }
}

#[tokio::test]
async fn after_a_minute_it_asks_by_itself_again() {
    let server = Server::start(async |asked: Asked| match asked.header("x-amz-date") {
        Some(date) if is_quick(&asked) && date.starts_with("20270115T0800") => json(503, ""),
        _ => json(200, &row()),
    })
    .await;
    let now = Arc::new(AtomicU64::new(1_800_000_000));
    let clock = Stepped(Arc::clone(&now));
    let config = sdk_config_at(&server.url).await.into_builder();
    let config = config.time_source(SharedTimeSource::new(clock)).build();
    let store = DynamoStore::new(&config, Tables::named("latchkey"));
    for seconds in [0, 0, 59, 61, 62] {
        now.store(1_800_000_000 + seconds, Ordering::Relaxed);
        assert!(found(&store).await.unwrap().is_some());
    }
    let asked = server.asked().iter().map(is_quick).collect::<Vec<_>>();
    assert_eq!(asked, [false, true, false, false, true, true]);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_a_second_and_then_asked_for_again() {
    let server = Server::start(async |asked: Asked| {
        if is_quick(&asked) {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        json(200, &row())
    })
    .await;
    let store = store(&server).await;
    assert!(found(&store).await.unwrap().is_some());
    let began = Instant::now();
    assert!(found(&store).await.unwrap().is_some());
    assert!((1..3).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_cannot_be_understood_is_no_want_of_a_connection() {
    let mut strange = row();
    strange["Item"]["status"]["S"] = "resting".into();
    let server = Server::start(move |_| {
        let answer = json(200, &strange);
        async { answer }
    })
    .await;
    let store = store(&server).await;
    for _ in 0..2 {
        assert!(matches!(found(&store).await, Err(StoreError::Unreadable(_))));
    }
}

/// A clock that is set by hand, in seconds.
#[derive(Debug)]
struct Stepped(Arc<AtomicU64>);

impl TimeSource for Stepped {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

async fn store(server: &Server) -> DynamoStore {
    DynamoStore::new(&sdk_config_at(&server.url).await, Tables::named("latchkey"))
}

async fn found(store: &DynamoStore) -> Result<Option<broker::connection::Connection>, StoreError> {
    store.find_connection(&alice(), &"notes".parse().unwrap()).await
}

fn alice() -> SubjectId {
    Subject::new("https://idp.example", vec!["alice".to_owned()]).unwrap().id()
}

/// The SDK numbers what it sends.
fn is_quick(asked: &Asked) -> bool {
    asked.header("amz-sdk-invocation-id").is_none()
}

fn operation(asked: &Asked) -> &str {
    asked.header("x-amz-target").unwrap().split_once('.').unwrap().1
}

fn row() -> Value {
    let time = |seconds: u64| value!({ "N": seconds.to_string() });
    value!({ "Item": {
        "subject": { "S": alice().key() },
        "target": { "S": "notes" },
        "status": { "S": "active" },
        "resource": { "S": "https://notes.example" },
        "issuer": { "S": "https://as.example" },
        "sealed": { "B": "AAEC/w==" },
        "lineage": { "S": "first" },
        "expires_at": time(1_800_003_600),
        "obtained_at": time(1_800_000_000),
        "consented_at": time(1_800_000_000),
        "used_at": time(1_800_000_000),
        "renewable": { "BOOL": true },
        "version": { "N": "3" },
        "wanted": { "SS": ["read", "write"] },
    } })
}
