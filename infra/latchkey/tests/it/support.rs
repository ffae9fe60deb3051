//! A client, a clock, and a place for servers to listen.

use axum::Router;
use broker::clock::Clock;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use latchkey::demo::{AuthorizationServer, KnownClient, Role, authorization_server};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// An address that nobody serves yet.
pub(crate) struct Place {
    listener: TcpListener,
    pub(crate) url: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, url }
    }

    pub(crate) fn serve(self, router: Router) -> String {
        tokio::spawn(async move { axum::serve(self.listener, router).await.unwrap() });
        self.url
    }
}

/// A clock that the test moves.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_800_000_000)))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Sends a request and reads the head of the answer. Follows no redirect.
pub(crate) async fn open(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> http::Response<Incoming> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap()
}

/// Sends a request and reads the whole answer.
pub(crate) async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let (head, body) = open(method, url, headers, body).await.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

pub(crate) async fn get(url: &str) -> Answer {
    send("GET", url, &[], "").await
}

/// Posts a form.
pub(crate) async fn post(url: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut headers = headers.to_vec();
    headers.push(("content-type", "application/x-www-form-urlencoded"));
    send("POST", url, &headers, form).await
}

/// Starts a demo authorization server whose tokens are good for an hour.
pub(crate) async fn issuer(role: Role, resource: &str, clock: &TestClock) -> String {
    let place = Place::new().await;
    issuer_at(place, role, resource, clock, None)
}

pub(crate) fn issuer_at(
    place: Place,
    role: Role,
    resource: &str,
    clock: &TestClock,
    folder: Option<PathBuf>,
) -> String {
    let router = authorization_server(AuthorizationServer {
        issuer: place.url.clone(),
        role,
        resources: vec![resource.to_owned()],
        clients: vec![KnownClient {
            id: CLIENT.to_owned(),
            name: "A <known> client".to_owned(),
            secret: Some(SECRET.to_owned()),
            redirect_uris: vec![CALLBACK.to_owned()],
        }],
        access_token_lifetime: Duration::from_hours(1),
        folder,
        clock: Arc::new(clock.clone()),
    });
    place.serve(router.unwrap())
}

/// An access token from the identity provider, by its shortcut for terminals.
pub(crate) async fn token_of(idp: &str, person: &str) -> String {
    let answer = post(&format!("{idp}/demo/token"), &[], &[("person", person)]).await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

pub(crate) const CLIENT: &str = "known";
pub(crate) const SECRET: &str = "a secret: with + and %";
pub(crate) const CALLBACK: &str = "https://client.example/callback?kept=1";
