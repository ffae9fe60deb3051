//! Reads ask by themselves, and leave to the SDK whatever is not a plain answer.

use crate::support::server::{Asked, Server, json};
use crate::support::target::target;
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use broker::aws::{Aws, DynamoStore, Secrets, Tables};
use broker::connection::Status;
use broker::store::{ConnectionStore, StoreError, TargetStore};
use broker::subject::{Subject, SubjectId};
use broker::target::SecretName;
use serde_json::{Value, json as value};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn what_the_sdk_reads_is_read_in_the_same_words_with_the_sdks_credentials() {
    let server = Server::start(async |asked: Asked| match operation(&asked) {
        "GetSecretValue" => json(200, r#"{"Name":"a","SecretString":"the secret"}"#),
        "GetItem" if asked.body.contains("subject") => json(200, &row()),
        "GetItem" => json(200, &value!({ "Item": record("notes") })),
        _ if asked.body.contains("ExclusiveStartKey") => json(200, &page(&["notes"], None)),
        _ => json(200, &page(&["files", "mail"], Some("mail"))),
    })
    .await;
    let aws = Aws::at(&server.url).await;
    let by_the_sdk = Aws::from(aws.sdk().clone());
    let read = async |aws: &Aws| {
        let store = DynamoStore::new(aws, Tables::named("latchkey"));
        let secrets = Secrets::new(aws);
        (
            found(&store).await.unwrap().unwrap(),
            store.find_target(&"notes".parse().unwrap()).await.unwrap().unwrap(),
            store.targets().await.unwrap().targets,
            secrets.text(&SecretName("latchkey/a".to_owned())).await.unwrap(),
        )
    };
    let (quick, slow) = (read(&aws).await, read(&by_the_sdk).await);
    assert_eq!(quick, slow);
    assert!(matches!(quick.0.status, Status::Active { renewable: true, .. }));
    assert_eq!(quick.2.len(), 3);

    let asked = server.asked();
    let (quick, slow) = asked.split_at(asked.len() / 2);
    assert!(quick.iter().all(is_quick) && !slow.iter().any(is_quick));
    let body = |asked: &Asked| serde_json::from_str::<Value>(&asked.body).unwrap();
    for (quick, slow) in quick.iter().zip(slow) {
        assert_eq!(body(quick), body(slow));
        for name in ["content-type", "host", "x-amz-target"] {
            assert_eq!(quick.header(name), slow.header(name), "{name}");
        }
        let scope = |asked: &Asked| {
            let authorization = asked.header("authorization").unwrap();
            authorization.split_once(", ").unwrap().0.to_owned()
        };
        assert_eq!(scope(quick), scope(slow));
    }
}

#[tokio::test]
async fn what_is_of_no_kind_that_we_write_is_not_looked_at_and_no_trouble() {
    let mut odd = row();
    for (name, kind) in [("a", "M"), ("b", "L"), ("c", "NULL"), ("d", "NS"), ("e", "BS")] {
        odd["Item"][name] = value!({ kind: {} });
    }
    let server = Server::start(move |_| {
        let answer = json(200, &odd);
        async { answer }
    })
    .await;
    let store = store(&server).await;
    for _ in 0..2 {
        assert!(found(&store).await.unwrap().is_some());
    }
    assert_eq!(server.asked().iter().map(is_quick).collect::<Vec<_>>(), [true, true]);
}

#[tokio::test]
async fn who_is_not_there_is_not_asked_for_twice() {
    let server = Server::start(async |_| json(200, "{}")).await;
    let store = store(&server).await;
    for _ in 0..2 {
        assert!(found(&store).await.unwrap().is_none());
    }
    assert_eq!(server.asked().iter().map(is_quick).collect::<Vec<_>>(), [true, true]);
}

/// Throttled, down, out of time, refused for its signature or its clock, cut off, or nonsense.
#[tokio::test]
async fn whatever_is_not_a_plain_answer_is_asked_for_again_by_the_sdk() {
    let exception = |name: &str| {
        let name = format!("com.amazonaws.dynamodb.v20120810#{name}");
        value!({ "__type": name, "message": "no" }).to_string()
    };
    let mut odd = row();
    odd["Item"]["later"] = value!({ "Z": {} });
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
            let answer = match operation(&asked) {
                _ if is_quick(&asked) => json(status, &body),
                "GetItem" => json(200, &row()),
                "Scan" => json(200, &page(&["notes"], None)),
                _ => json(200, r#"{"SecretString":"the secret"}"#),
            };
            async { answer }
        })
        .await;
        // And for a while nothing else is tried.
        let aws = Aws::at(&server.url).await;
        let store = DynamoStore::new(&aws, Tables::named("latchkey"));
        for _ in 0..3 {
            assert!(found(&store).await.unwrap().is_some(), "{case}");
        }
        let store = DynamoStore::new(&aws, Tables::named("latchkey"));
        for _ in 0..3 {
            assert_eq!(store.targets().await.unwrap().targets.len(), 1, "{case}");
        }
        let secrets = Secrets::new(&aws);
        for _ in 0..3 {
            let text = secrets.text(&SecretName("latchkey/a".to_owned())).await.unwrap();
            assert_eq!(text, "the secret", "{case}");
        }
        let asked = server.asked().iter().map(is_quick).collect::<Vec<_>>();
        assert_eq!(asked, [[true, false, false, false]; 3].concat(), "{case}");
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
    let aws = Aws::at(&server.url).await;
    let config = aws.sdk().to_builder().time_source(SharedTimeSource::new(clock)).build();
    let store = DynamoStore::new(&aws.configured(config), Tables::named("latchkey"));
    for seconds in [0, 0, 59, 61, 62] {
        now.store(1_800_000_000 + seconds, Ordering::Relaxed);
        assert!(found(&store).await.unwrap().is_some());
    }
    let asked = server.asked().iter().map(is_quick).collect::<Vec<_>>();
    assert_eq!(asked, [true, false, false, false, true, true]);
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
    DynamoStore::new(&Aws::at(&server.url).await, Tables::named("latchkey"))
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

fn page(names: &[&str], last: Option<&str>) -> Value {
    let items = names.iter().copied().map(record).collect::<Vec<_>>();
    let mut page = value!({ "Count": items.len(), "Items": items });
    if let Some(last) = last {
        page["LastEvaluatedKey"] = value!({ "name": { "S": last } });
    }
    page
}

fn record(name: &str) -> Value {
    let target = target("https://as.example", &value!({ "name": name }));
    let record = serde_json::to_string(&target).unwrap();
    value!({ "name": { "S": name }, "record": { "S": record }, "note": { "NULL": true } })
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
