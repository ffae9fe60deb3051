//! Renewal, on every store that there is.

use crate::support::server::{Server, json};
use crate::support::store::FaultyStore;
use crate::support::target::target;
use broker::aws::{Aws, DynamoStore, Tables};
use broker::breaker::Breakers;
use broker::clock::{SystemRandom, unguessable};
use broker::connection::{Connection, Reason, Status};
use broker::http::{Http, Reach};
use broker::memory::MemoryStore;
use broker::oauth::token::TokenError;
use broker::refresh::{Failure, Refresher, Renewal};
use broker::seal::KeyRing;
use broker::store::{ConnectionStore, StoreError};
use broker::subject::{Subject, SubjectId};
use broker::target::{SecretName, Target};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

const NOW: u64 = 1_800_000_000;

/// Each promise, for each adapter.
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::MemoryStore::default()).await;
            })+
        }
        mod dynamodb {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::dynamo().await).await;
            })+
        }
    };
}

promises!(
    t5_many_renewals_at_once_make_one_request,
    t5_a_rotated_token_replaces_and_an_omitted_one_stays,
    t7_an_invalid_grant_ends_the_connection_and_keeps_the_row,
    t7_a_passing_failure_keeps_the_tokens_and_frees_the_lease,
    t9_without_a_refresh_token_the_subject_consents_again,
    a_newer_consent_stays_whatever_the_renewal_brings,
    what_is_fresh_is_not_renewed_again,
    u2_a_target_that_changed_is_consented_to_anew,
    nobody_and_nothing_is_renewed_without_a_connection,
);

async fn t5_many_renewals_at_once_make_one_request(store: impl ConnectionStore + 'static) {
    let server = answers(200, rotated()).await;
    let (store, target) = (Arc::new(store), Arc::new(target(&server.url, &json!({}))));
    connect(&*store, &target, Some("r1"), 30).await;
    let renewals: Vec<_> = (0..32)
        .map(|_| {
            let (store, target) = (Arc::clone(&store), Arc::clone(&target));
            tokio::spawn(async move { renew(&*store, &target).await })
        })
        .collect();
    let mut renewed = 0;
    for renewal in renewals {
        match renewal.await.unwrap() {
            Renewal::Renewed(tokens) => {
                assert_eq!(tokens.access.into_secret(), "a2");
                renewed += 1;
            }
            Renewal::Busy => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(renewed > 0);
    assert_eq!(server.asked().len(), 1);
    assert_eq!(stored(&*store, &target).await, ("a2".into(), Some("r2".into())));
}

async fn t5_a_rotated_token_replaces_and_an_omitted_one_stays(store: impl ConnectionStore) {
    for (answer, refresh) in [
        (rotated(), "r2"),
        (json!({ "access_token": "a2", "token_type": "Bearer" }), "r1"),
        (json!({ "access_token": "a2", "token_type": "Bearer", "refresh_token": "" }), "r1"),
        (json!({ "access_token": "a2", "token_type": "Bearer", "refresh_token": "r1" }), "r1"),
    ] {
        let server = answers(200, answer).await;
        let target = target(&server.url, &json!({}));
        connect(&store, &target, Some("r1"), 30).await;
        assert!(matches!(renew(&store, &target).await, Renewal::Renewed(_)));
        assert_eq!(server.asked()[0].fields("refresh_token"), ["r1"]);
        assert_eq!(stored(&store, &target).await, ("a2".into(), Some(refresh.into())));
        assert!(leasable(&store, &target).await);
    }
}

async fn t7_an_invalid_grant_ends_the_connection_and_keeps_the_row(store: impl ConnectionStore) {
    let server = answers(400, json!({ "error": "invalid_grant" })).await;
    let target = target(&server.url, &json!({}));
    connect(&store, &target, Some("r1"), 30).await;
    assert!(matches!(renew(&store, &target).await, Renewal::Ended));
    let row = store.find_connection(&alice(), &target.name).await.unwrap().unwrap();
    let status = Status::Disconnected { reason: Reason::InvalidGrant, since: at(NOW) };
    assert_eq!(row.status, status);
    assert_eq!(row.issuer, server.url);

    assert!(matches!(renew(&store, &target).await, Renewal::Ended));
    assert_eq!(server.asked().len(), 1, "a grant that is dead is not tried again");
}

async fn t7_a_passing_failure_keeps_the_tokens_and_frees_the_lease(store: impl ConnectionStore) {
    for (status, answer) in [
        (429, json!({ "error": "invalid_grant" })),
        (500, json!({ "error": "invalid_grant" })),
        (503, json!({})),
        (200, json!("<html>")),
        (401, json!({ "error": "invalid_client" })),
        (400, json!({ "error": "invalid_target" })),
    ] {
        let server = answers(status, answer.clone()).await;
        let target = target(&server.url, &json!({}));
        connect(&store, &target, Some("r1"), 30).await;
        let renewal = renew(&store, &target).await;
        assert!(matches!(renewal, Renewal::Failed(Failure::Token(_))), "{status} {answer}");
        assert_eq!(stored(&store, &target).await, ("a1".into(), Some("r1".into())));
        assert!(leasable(&store, &target).await, "{status} {answer}");
    }
}

async fn t9_without_a_refresh_token_the_subject_consents_again(store: impl ConnectionStore) {
    let server = answers(200, rotated()).await;
    let target = target(&server.url, &json!({}));
    connect(&store, &target, None, 30).await;
    assert!(matches!(renew(&store, &target).await, Renewal::Ended));
    assert_eq!(server.asked().len(), 0);
    assert_eq!(stored(&store, &target).await, ("a1".into(), None));
    assert!(leasable(&store, &target).await);
}

async fn a_newer_consent_stays_whatever_the_renewal_brings(store: impl ConnectionStore + 'static) {
    let store = Arc::new(store);
    for (status, answer) in
        [(200, rotated()), (400, json!({ "error": "invalid_grant" })), (503, json!({}))]
    {
        let (asked, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (was_asked, may_answer) = (Arc::clone(&asked), Arc::clone(&go_on));
        let server = Server::start(move |_| {
            let (answer, was_asked) = (json(status, &answer), Arc::clone(&was_asked));
            let may_answer = Arc::clone(&may_answer);
            async move {
                was_asked.add_permits(1);
                may_answer.acquire().await.unwrap().forget();
                answer
            }
        })
        .await;
        let target = Arc::new(target(&server.url, &json!({})));
        connect(&*store, &target, Some("r1"), 30).await;
        let (on, at_target) = (Arc::clone(&store), Arc::clone(&target));
        let renewal = tokio::spawn(async move { renew(&*on, &at_target).await });

        asked.acquire().await.unwrap().forget();
        let tokens = tokens("consented-anew", Some("r9"), 3600);
        let anew = Connection::active(&ring(), alice(), &target, &tokens, at(NOW)).unwrap();
        store.connect(&anew).await.unwrap();
        go_on.add_permits(1);

        let renewal = renewal.await.unwrap();
        match renewal {
            Renewal::Renewed(tokens) => {
                assert_eq!(tokens.access.into_secret(), "consented-anew", "{status}");
            }
            Renewal::Failed(_) => assert_eq!(status, 503),
            other => panic!("{status}: {other:?}"),
        }
        let found = stored(&*store, &target).await;
        assert_eq!(found, ("consented-anew".into(), Some("r9".into())), "{status}");
    }
}

async fn what_is_fresh_is_not_renewed_again(store: impl ConnectionStore) {
    let server = answers(200, rotated()).await;
    let target = target(&server.url, &json!({}));
    connect(&store, &target, Some("r1"), 3600).await;
    let Renewal::Renewed(tokens) = renew(&store, &target).await else { panic!() };
    assert_eq!(tokens.access.into_secret(), "a1");
    assert_eq!(server.asked().len(), 0);
    assert!(leasable(&store, &target).await);
}

async fn u2_a_target_that_changed_is_consented_to_anew(store: impl ConnectionStore) {
    let server = answers(200, rotated()).await;
    let before = target(&server.url, &json!({}));
    let elsewhere = answers(200, rotated()).await;
    let moved = [
        target(&server.url, &json!({ "resource": "https://other.example" })),
        target(&elsewhere.url, &json!({})),
    ];
    for target in moved {
        connect(&store, &before, Some("r1"), 30).await;
        assert!(matches!(renew(&store, &target).await, Renewal::Ended));
        assert_eq!(stored(&store, &before).await, ("a1".into(), Some("r1".into())));
        assert!(leasable(&store, &target).await);
    }
    assert_eq!(server.asked().len() + elsewhere.asked().len(), 0, "a token went astray");
}

async fn nobody_and_nothing_is_renewed_without_a_connection(store: impl ConnectionStore) {
    let server = answers(200, rotated()).await;
    let target = target(&server.url, &json!({}));
    assert!(matches!(renew(&store, &target).await, Renewal::Busy));
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn a_client_secret_that_cannot_be_read_costs_no_lease() {
    let server = answers(200, rotated()).await;
    let client = json!({ "client_id": "latchkey", "client_secret": "arn" });
    let (store, target) =
        (MemoryStore::default(), target(&server.url, &json!({ "client": client })));
    connect(&store, &target, Some("r1"), 30).await;

    let renewal = renew_with(&store, &BTreeMap::new(), &target).await;
    assert!(matches!(renewal, Renewal::Failed(Failure::Store(StoreError::Unreadable(_)))));
    assert!(leasable(&store, &target).await);

    let secrets = [(SecretName("arn".into()), ClientSecret::new("s".into()))].into();
    let renewal = renew_with(&store, &secrets, &target).await;
    assert!(matches!(renewal, Renewal::Renewed(_)), "{renewal:?}");
    assert!(server.asked()[0].header("authorization").unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_a_reason_to_consent_again() {
    let secret = json!({ "access_token": "a2", "token_type": "Bearer", "refresh_token": "r2" });
    for (verbs, asked) in [
        (&["lease"][..], 0),
        (&["journal"], 0),
        (&["journal", "release"], 0),
        (&["settle", "amend"], 1),
    ] {
        let server = answers(200, secret.clone()).await;
        let (store, target) = (FaultyStore::default(), target(&server.url, &json!({})));
        connect(&store, &target, Some("r1"), 30).await;
        for verb in verbs {
            store.breaks(verb);
        }
        let renewal = renew(&store, &target).await;
        let failed = matches!(renewal, Renewal::Failed(Failure::Store(StoreError::Unavailable(_))));
        assert!(failed, "{verbs:?}: {renewal:?}");
        assert!(!format!("{renewal:?}").contains("r2"));
        assert_eq!(server.asked().len(), asked);
        assert_eq!(stored(&store, &target).await, ("a1".into(), Some("r1".into())));
        let calls = store.calls();
        assert!(calls.starts_with(&["connect", "lease"]), "{calls:?}");
    }
}

#[tokio::test]
async fn t10_a_renewal_prints_no_token() {
    let server = answers(200, rotated()).await;
    let (store, target) = (MemoryStore::default(), target(&server.url, &json!({})));
    connect(&store, &target, Some("r1"), 30).await;
    let renewed = format!("{:?}", renew(&store, &target).await);
    assert!(!renewed.contains("a2") && !renewed.contains("r2"), "{renewed}");
    let failed = Renewal::Failed(TokenError::InvalidClient.into());
    assert!(!format!("{failed:?}").contains("a1"));
}

async fn renew(store: &impl ConnectionStore, target: &Target) -> Renewal {
    renew_with(store, &BTreeMap::new(), target).await
}

async fn renew_with(
    connections: &impl ConnectionStore,
    secrets: &BTreeMap<SecretName, ClientSecret>,
    target: &Target,
) -> Renewal {
    let (http, ring) = (Http::new(Reach::Loopback), ring());
    let (breakers, clock) = (Breakers::new(SystemRandom), at(NOW));
    let refresher = Refresher {
        connections,
        secrets,
        http: &http,
        ring: &ring,
        breakers: &breakers,
        clock: &clock,
        deadline: clock + Duration::from_mins(1),
    };
    refresher.renew(&alice(), target, at(NOW)).await
}

async fn connect(
    store: &impl ConnectionStore,
    target: &Target,
    refresh: Option<&str>,
    seconds_left: u64,
) {
    let tokens = tokens("a1", refresh, seconds_left);
    let connection = Connection::active(&ring(), alice(), target, &tokens, at(NOW)).unwrap();
    store.connect(&connection).await.unwrap();
}

fn tokens(access: &str, refresh: Option<&str>, seconds_left: u64) -> TokenSet {
    TokenSet {
        access: AccessToken::new(access.into()),
        refresh: refresh.map(|refresh| RefreshToken::new(refresh.into())),
        expires_at: at(NOW + seconds_left),
        scopes: vec![],
    }
}

/// The access and the refresh token that lie in the store.
async fn stored(store: &impl ConnectionStore, target: &Target) -> (String, Option<String>) {
    let found = store.find_connection(&alice(), &target.name).await.unwrap().unwrap();
    let tokens = found.open(&ring(), &alice(), target).unwrap();
    (tokens.access.into_secret(), tokens.refresh.map(RefreshToken::into_secret))
}

async fn leasable(store: &impl ConnectionStore, target: &Target) -> bool {
    let Some(lease) = store.lease(&alice(), &target.name, at(NOW), at(NOW + 15)).await.unwrap()
    else {
        return false;
    };
    let before = lease.connection.clone();
    store.settle(lease, &before).await.unwrap()
}

async fn answers(status: u16, body: Value) -> Server {
    Server::start(move |_| {
        let answer = json(status, &body);
        async { answer }
    })
    .await
}

fn rotated() -> Value {
    json!({ "access_token": "a2", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "r2" })
}

/// Tables of this test's own, on an engine of this process.
async fn dynamo() -> DynamoStore {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()));
    let aws = Aws::at(&endpoint).await;
    let tables = Tables::named(&unguessable(&SystemRandom).unwrap());
    tables.create(&aws).await.unwrap();
    DynamoStore::new(&aws, tables)
}

fn ring() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
}

fn alice() -> SubjectId {
    Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}
