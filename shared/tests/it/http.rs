//! The one outbound client, against servers that mean no good.

use crate::support::server::{Server, json};
use axum::body::{Body, Bytes};
use broker::http::{Http, HttpError, Reach};
use http::Response;
use hyper::body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

#[tokio::test]
async fn p1_in_public_nothing_but_https_to_the_public_internet_is_requested() {
    let server = Server::start(|_| async { json(200, "{}") }).await;
    let port = server.url.rsplit_once(':').unwrap().1;
    let http = Http::new(Reach::Public);
    for url in [
        server.url.clone(),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f.1:{port}/"),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://[fd00:ec2::254]/".to_owned(),
        "http://example.com/".to_owned(),
        "ftp://example.com/".to_owned(),
        "/path".to_owned(),
    ] {
        let refused = get(&http, &url).await.map(|_| ()).unwrap_err();
        assert!(matches!(refused, HttpError::Refused(_)), "{url}: {refused}");
    }
    // A name is checked when it is resolved.
    let name = get(&http, &format!("https://localhost:{port}/")).await.map(|_| ()).unwrap_err();
    assert!(matches!(name, HttpError::Unreachable(_)), "{name}");
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn p1_in_development_plain_http_goes_to_this_machine_only() {
    let server = Server::start(|_| async { json(200, "{}") }).await;
    let port = server.url.rsplit_once(':').unwrap().1;
    let http = Http::new(Reach::Loopback);
    for url in [server.url.clone(), format!("http://localhost:{port}/")] {
        assert!(get(&http, &url).await.is_ok(), "{url}");
    }
    let asked = server.asked().len();
    for url in [
        "http://example.com/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://169.254.169.254/".to_owned(),
        "http://0.0.0.0/".to_owned(),
        format!("http://127.0.0.1.example:{port}/"),
        format!("http://localhost.example:{port}/"),
        format!("http://127.0.0.1:{port}@example.com/"),
        "https://10.0.0.1/".to_owned(),
        "ws://127.0.0.1/".to_owned(),
    ] {
        let refused = get(&http, &url).await.map(|_| ()).unwrap_err();
        assert!(matches!(refused, HttpError::Refused(_)), "{url}: {refused}");
    }
    assert_eq!(server.asked().len(), asked);
}

#[tokio::test]
async fn p2_no_redirect_is_followed() {
    let other = Server::start(|_| async { json(200, "{}") }).await;
    let location = other.url.clone();
    let server = Server::start(move |_| {
        let answer = Response::builder().status(302).header("location", &location);
        let answer = answer.body(Body::empty()).unwrap();
        async { answer }
    })
    .await;
    let http = Http::new(Reach::Loopback);
    assert_eq!(get(&http, &server.url).await.unwrap().status(), 302);
    let read = http.get_json::<serde_json::Value>(&server.url).await.map(|_| ()).unwrap_err();
    assert!(matches!(read, HttpError::Status(status) if status == 302), "{read}");
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn p3_a_body_is_read_up_to_256_kilobytes() {
    let http = Http::new(Reach::Loopback);
    let body = async |size: usize| {
        let server = Server::start(move |_| async move { json(200, &"x".repeat(size)) }).await;
        get(&http, &server.url).await
    };
    assert_eq!(body(256 * 1024).await.unwrap().body().len(), 256 * 1024);
    let error = body(256 * 1024 + 1).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, HttpError::TooLarge(_)), "{error}");

    // Without a length: nothing says beforehand how much there is.
    let error = get(&http, &endless(false).await.url).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, HttpError::TooLarge(_)), "{error}");
}

#[tokio::test]
async fn p3_a_silent_server_and_a_body_that_never_ends_are_given_up() {
    let silent = Server::start(|_| std::future::pending()).await;
    let slow = endless(true).await;
    let http = Http::new(Reach::Loopback);
    let begun = Instant::now();
    let (silent, slow) = tokio::join!(get(&http, &silent.url), get(&http, &slow.url));
    for answer in [silent, slow] {
        let error = answer.map(|_| ()).unwrap_err();
        assert!(matches!(error, HttpError::TimedOut), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn what_is_not_the_expected_json_is_an_error() {
    let http = Http::new(Reach::Loopback);
    for body in ["", "<html>", "{", "[1]", "null"] {
        let server = Server::start(move |_| async move { json(200, body) }).await;
        let read = http.get_json::<std::collections::BTreeMap<String, u8>>(&server.url).await;
        assert!(matches!(read, Err(HttpError::NotJson)), "{body}");
    }
    let deep = "[".repeat(100_000);
    let server = Server::start(move |_| {
        let answer = json(200, &deep);
        async { answer }
    })
    .await;
    let read = http.get_json::<serde_json::Value>(&server.url).await;
    assert!(matches!(read, Err(HttpError::NotJson)));
}

async fn get(http: &Http, url: &str) -> Result<oauth2::HttpResponse, HttpError> {
    http.send(http::Request::get(url).body(Vec::new()).unwrap()).await
}

/// A body of a kilobyte at a time, without end; or, when it is stuck, one that begins and then stops.
struct Endless {
    stuck: bool,
    begun: bool,
}

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.stuck && std::mem::replace(&mut self.begun, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
    }
}

async fn endless(stuck: bool) -> Server {
    Server::start(move |_| async move { Response::new(Body::new(Endless { stuck, begun: false })) })
        .await
}
