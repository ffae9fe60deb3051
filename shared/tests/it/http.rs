//! The one outbound client, against servers that mean no good.

use crate::support::server::{Server, json};
use axum::body::{Body, Bytes};
use broker::http::{Addresses, Http, HttpError, Names, Reach};
use http::Response;
use hyper::body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

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
    assert!(matches!(name, HttpError::Refused(_)), "{name}");
    assert_eq!(server.asked().len(), 0);
}

/// What is checked and what is dialled are read from one text by two readers.
#[tokio::test]
async fn p1_a_url_that_can_be_read_in_two_ways_is_not_requested() {
    let http = Http::resolving(Reach::Public, Inward);
    for (url, why) in [
        ("https://mcp.example@as.example/", "user information"),
        ("https://mcp.example:443@as.example/", "user information"),
        ("https://0x8.0x8.0x8.0x8/", "usual form"),
        ("https://134744072/", "usual form"),
        ("https://[2606:4700:0::1111]/", "usual form"),
        ("https://8.8.8.8.:443/", "usual form"),
        ("https://as.example;mcp.example/", "neither a name nor an address"),
        ("https://as.example/", "not one of the public internet's"),
        ("https://AS.example./", "not one of the public internet's"),
    ] {
        let refused = get(&http, url).await.map(|_| ()).unwrap_err();
        assert!(
            matches!(refused, HttpError::Refused(said) if said.contains(why)),
            "{url}: {refused}"
        );
    }
}

/// Each name leads inward.
#[derive(Debug)]
struct Inward;

impl Names for Inward {
    fn addresses(&self, _: &str) -> Addresses {
        Box::pin(async { Ok(vec!["10.0.0.1".parse().unwrap()]) })
    }
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
    let http = Http::new(Reach::Loopback);
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let location = other.url.clone();
        let server = Server::start(move |_| {
            let answer = Response::builder().status(status).header("location", &location);
            let answer = answer.body(Body::from("{}")).unwrap();
            async { answer }
        })
        .await;
        for method in ["GET", "POST"] {
            let request = http::Request::builder().method(method).uri(&server.url);
            let answer = http.send(request.body(b"secret".to_vec()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), status, "{method}");
        }
        let read = http.get_json::<serde_json::Value>(&server.url).await.unwrap_err();
        let same = matches!(read, HttpError::Status { status: said, .. } if said == status);
        assert!(same, "{status}: {read}");
        assert_eq!(server.asked().len(), 3);
    }
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
    let error = get(&http, &endless(Pace::Fast).await.url).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, HttpError::TooLarge(_)), "{error}");
}

#[tokio::test]
async fn p3_a_silent_server_and_a_body_that_never_ends_are_given_up() {
    let silent = Server::start(|_| std::future::pending()).await;
    let (stuck, slow) = (endless(Pace::Stuck).await, endless(Pace::Slow).await);
    let http = Http::new(Reach::Loopback).within(Duration::from_millis(200));
    for server in [silent, stuck, slow] {
        // A limit of another kind, so that a client without one fails and does not hang.
        let answer = tokio::time::timeout(Duration::from_mins(1), get(&http, &server.url)).await;
        let error = answer.unwrap().map(|_| ()).unwrap_err();
        assert!(matches!(error, HttpError::TimedOut), "{error}");
    }
}

#[tokio::test]
async fn p3_an_answer_that_breaks_off_is_none() {
    let http = Http::new(Reach::Loopback);
    for (head, why) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{}", "broke off"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", "broke off"),
        ("HTTP/1.1 200 OK\r\ncontent-le", "cannot be reached"),
        ("", "cannot be reached"),
        ("nonsense\r\n\r\n", "cannot be reached"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Read first, or closing the connection would take back what was written.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        };
        let (read, ()) = tokio::join!(http.get_json::<serde_json::Value>(&url), server);
        let error = read.unwrap_err();
        assert!(error.to_string().contains(why), "{head:?}: {error}");
    }
}

#[tokio::test]
async fn p3_no_compression_is_asked_for_and_none_is_undone() {
    // `{}`, compressed.
    let gzip = [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 171, 174, 5, 0, 67, 191, 166, 163, 2, 0, 0, 0];
    let server = Server::start(move |_| async move {
        let answer = Response::builder().header("content-encoding", "gzip");
        answer.body(Body::from(gzip.to_vec())).unwrap()
    })
    .await;
    let http = Http::new(Reach::Loopback);
    assert_eq!(get(&http, &server.url).await.unwrap().body(), &gzip);
    let read = http.get_json::<serde_json::Value>(&server.url).await;
    assert!(matches!(read, Err(HttpError::NotJson)));
    for asked in server.asked() {
        assert_eq!((asked.header("accept-encoding"), asked.header("te")), (None, None));
    }
}

#[tokio::test]
async fn what_is_not_the_expected_json_is_an_error() {
    let http = Http::new(Reach::Loopback);
    for body in ["", "<html>", "{", "[1]", "null"] {
        let server = Server::start(move |_| async move { json(200, body) }).await;
        let read = http.get_json::<std::collections::BTreeMap<String, u8>>(&server.url).await;
        assert!(matches!(read, Err(HttpError::NotJson)), "{body}");
    }
}

/// Also where a reader of known members would look away.
#[tokio::test]
async fn p3_a_document_of_128_levels_is_not_read() {
    #[derive(serde::Deserialize)]
    struct Known {}

    let http = Http::new(Reach::Loopback);
    for (levels, good) in [(127, true), (128, false), (100_000, false)] {
        let inner = format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        let body = format!(r#"{{"unknown":{inner}}}"#);
        let server = Server::start(move |_| {
            let answer = json(200, &body);
            async { answer }
        })
        .await;
        let read = http.get_json::<serde_json::Value>(&server.url).await;
        assert_eq!(read.is_ok(), good, "{levels}");
        let read = http.get_json::<Known>(&server.url).await.map(|Known {}| ());
        assert!(matches!((good, read), (true, Ok(())) | (false, Err(HttpError::NotJson))));
    }
}

async fn get(http: &Http, url: &str) -> Result<oauth2::HttpResponse, HttpError> {
    http.send(http::Request::get(url).body(Vec::new()).unwrap()).await
}

/// A body without end.
struct Endless {
    pace: Pace,
    begun: bool,
}

#[derive(Clone, Copy)]
enum Pace {
    /// A kilobyte at a time.
    Fast,
    /// A byte now and then.
    Slow,
    /// It begins and then stops.
    Stuck,
}

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let begun = std::mem::replace(&mut self.begun, true);
        let size = match self.pace {
            Pace::Fast => 1024,
            Pace::Stuck if begun => return Poll::Pending,
            Pace::Slow if begun => {
                self.begun = false;
                let waker = context.waker().clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    waker.wake();
                });
                return Poll::Pending;
            }
            Pace::Slow | Pace::Stuck => 1,
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; size])))))
    }
}

async fn endless(pace: Pace) -> Server {
    Server::start(move |_| async move { Response::new(Body::new(Endless { pace, begun: false })) })
        .await
}
