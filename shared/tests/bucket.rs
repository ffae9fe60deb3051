//! The bucket for long lists of tools, as S3 sees it.
#![cfg(feature = "aws-gateway")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::config::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use broker::aws::{Aws, ControlPlane, SchemaBucket};
use broker::clock::{Clock, SystemClock};
use broker::gateway::{GatewayError, ToolSchemas};
use http::{HeaderMap, Method, StatusCode, Uri};
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct Asked {
    line: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// S3 that gives these answers, in this order.
struct Service {
    endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Service {
    async fn answering(answers: impl IntoIterator<Item = Response>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(answers.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::clone(&asked);
        let asking = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let line = format!("{method} {uri}");
            seen.lock().unwrap().push(Asked { line, headers, body });
            let answer = answers.lock().unwrap().pop_front();
            answer.unwrap_or_else(|| StatusCode::IM_A_TEAPOT.into_response())
        };
        let router =
            Router::new().fallback(asking).layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { endpoint, asked }
    }

    async fn put(&self, schema: &str) -> Result<Option<String>, GatewayError> {
        let bucket = bucket_at(&self.endpoint, |sdk| sdk).await;
        let put = bucket.put_schema("notes/1.json", schema);
        tokio::time::timeout(Duration::from_secs(30), put).await.unwrap()
    }

    fn times(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// A bucket that is asked again without much of a pause.
async fn bucket_at(
    endpoint: &str,
    configured: impl FnOnce(aws_types::sdk_config::Builder) -> aws_types::sdk_config::Builder,
) -> ControlPlane {
    let aws = Aws::at(endpoint).await;
    let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let sdk: SdkConfig = configured(aws.sdk().to_builder().retry_config(retry)).build();
    let aws = aws.configured(sdk);
    ControlPlane::new(&aws, "latchkey").with_bucket(Some(SchemaBucket::new(&aws, "schemas")))
}

fn refuses(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <BucketName>schemas</BucketName><RequestId>4442587FB7D0A2F9</RequestId></Error>"
    );
    let head = [("content-type", "application/xml"), ("x-amz-bucket-region", "eu-west-1")];
    (StatusCode::from_u16(status).unwrap(), head, body).into_response()
}

fn done() -> Response {
    StatusCode::OK.into_response()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

#[tokio::test]
async fn a_schema_arrives_byte_for_byte_in_one_request() {
    let service = Service::answering([done()]).await;
    let schema = format!(r#"{{"tools":[{}"Grüße, 世界"]}}"#, "\"é\\n\",".repeat(400_000));

    let uri = service.put(&schema).await.unwrap();

    assert_eq!(uri.as_deref(), Some("s3://schemas/notes/1.json"));
    let asked = service.asked.lock().unwrap();
    let [asked] = &asked[..] else { panic!("{} requests", asked.len()) };
    assert_eq!(asked.line, "PUT /schemas/notes/1.json");
    assert!(asked.body == schema.as_bytes());
    assert_eq!(asked.header("content-length"), schema.len().to_string());
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("transfer-encoding"), "");
    assert_eq!(asked.header("content-encoding"), "");
    let sha256 = hex(digest(&SHA256, schema.as_bytes()).as_ref());
    assert_eq!(asked.header("x-amz-content-sha256"), sha256);
}

#[tokio::test]
async fn the_digest_and_the_path_as_it_is_written_are_signed() {
    let service = Service::answering([done()]).await;
    let key = "a b//../é+(1)'%.json";
    let credentials = || {
        let token = Some("IQoJb3JpZ2luX2VjE".to_owned());
        Credentials::new("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token, None, "test")
    };
    let bucket = bucket_at(&service.endpoint, |sdk| {
        sdk.credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
            credentials(),
        ))
    });

    bucket.await.put_schema(key, "{}").await.unwrap();

    let asked = service.asked.lock().unwrap();
    let path = "/schemas/a%20b//../%C3%A9%2B%281%29%27%25.json";
    assert_eq!(asked[0].line, format!("PUT {path}"));
    assert_eq!(asked[0].header("x-amz-security-token"), "IQoJb3JpZ2luX2VjE");
    let signed = asked[0].header("authorization");
    assert_eq!(signed, by_the_sdk(&asked[0], path, &credentials()));
    for name in ["content-length", "content-type", "host", "x-amz-content-sha256", "x-amz-date"] {
        assert!(signed.contains(name), "{name} is not signed: {signed}");
    }
}

/// The signature of what was asked, with the settings that AWS documents for S3.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
fn by_the_sdk(asked: &Asked, path: &str, credentials: &Credentials) -> String {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = credentials.clone().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("s3")
        .time(time(asked.header("x-amz-date")))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let host = asked.header("host");
    let headers = ["content-length", "content-type"].map(|name| (name, asked.header(name)));
    let body = SignableBody::Bytes(&asked.body);
    let url = format!("http://{host}{path}");
    let signable = SignableRequest::new("PUT", url, headers.into_iter(), body).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let (headers, _) = instructions.into_parts();
    let found = headers.iter().find(|header| header.name() == "authorization").unwrap();
    found.value().to_owned()
}

/// The moment of an `x-amz-date`: `20260131T235959Z`.
fn time(date: &str) -> SystemTime {
    let [year, month, day, hour, minute, second] =
        [0..4, 4..6, 6..8, 9..11, 11..13, 13..15].map(|part| &date[part]);
    let rfc3339 = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    let format = aws_sdk_dynamodb::primitives::DateTimeFormat::DateTime;
    let time = aws_sdk_dynamodb::primitives::DateTime::from_str(&rfc3339, format).unwrap();
    UNIX_EPOCH + Duration::from_secs(time.secs().try_into().unwrap())
}

#[tokio::test]
async fn what_passes_is_repeated_with_the_same_body() {
    for trouble in [
        refuses(503, "SlowDown", "Please reduce your request rate."),
        refuses(500, "InternalError", "We encountered an internal error. Please try again."),
        refuses(400, "RequestTimeout", "Your socket connection was not read from in time."),
        StatusCode::BAD_GATEWAY.into_response(),
    ] {
        let said = trouble.status();
        let service = Service::answering([trouble, done()]).await;
        service.put(r#"{"tools":[]}"#).await.unwrap();
        let asked = service.asked.lock().unwrap();
        assert_eq!(asked.len(), 2, "after {said}");
        assert_eq!(asked[0].body, asked[1].body);
        assert_eq!(asked[1].body, r#"{"tools":[]}"#);
    }
}

#[tokio::test]
async fn what_does_not_pass_is_for_later() {
    let slow_down = || refuses(503, "SlowDown", "Please reduce your request rate.");
    let service = Service::answering([slow_down(), slow_down(), slow_down(), done()]).await;
    let error = service.put("{}").await.unwrap_err();
    assert!(matches!(error, GatewayError::Later(_)), "{error:?}");
    assert_eq!(service.times(), 3);
}

#[tokio::test]
async fn a_request_whose_connection_is_cut_off_is_repeated() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        // The first is read, and not answered.
        let (mut first, _) = listener.accept().await.unwrap();
        let asked = first.read(&mut [0; 4096]).await.unwrap();
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        assert!(second.read(&mut [0; 4096]).await.unwrap() > 0);
        second.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        asked
    });

    let put = bucket_at(&endpoint, |sdk| sdk).await.put_schema("notes/1.json", "{}").await;

    assert_eq!(put.unwrap().as_deref(), Some("s3://schemas/notes/1.json"));
    assert!(server.await.unwrap() > 0);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let patience = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(100))
        .operation_timeout(Duration::from_millis(250))
        .build();
    let bucket = bucket_at(&endpoint, |sdk| sdk.timeout_config(patience)).await;

    let put = bucket.put_schema("notes/1.json", "{}");
    let put = tokio::time::timeout(Duration::from_secs(5), put).await.unwrap();

    let error = put.unwrap_err();
    assert!(matches!(error, GatewayError::Later(_)), "{error:?}");
    drop(listener);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_set_by_the_answer() {
    let mut skewed = refuses(403, "RequestTimeTooSkewed", "The difference is too large.");
    let ahead = SystemClock.now() + Duration::from_hours(2);
    skewed.headers_mut().insert("date", httpdate::fmt_http_date(ahead).parse().unwrap());
    let service = Service::answering([skewed, done()]).await;

    service.put("{}").await.unwrap();

    let asked = service.asked.lock().unwrap();
    let [first, second] = &asked[..] else { panic!("{} requests", asked.len()) };
    let times = [first, second].map(|asked| time(asked.header("x-amz-date")));
    let moved = times[1].duration_since(times[0]).unwrap();
    assert!((7190..7210).contains(&moved.as_secs()), "{moved:?}");
}

#[tokio::test]
async fn what_an_operator_must_mend_is_said_at_once() {
    for (status, code, what) in [
        (403, "AccessDenied", "must allow s3:PutObject"),
        (404, "NoSuchBucket", "make it again, or name another in SCHEMA_BUCKET"),
        (301, "PermanentRedirect", "name one of the function's own region"),
        (400, "AuthorizationHeaderMalformed", "name one of the function's own region"),
        (403, "InvalidAccessKeyId", "see what S3 says of this code"),
    ] {
        let service = Service::answering([refuses(status, code, "No, for a reason"), done()]).await;
        let error = service.put("{}").await.unwrap_err();
        let GatewayError::Denied(why) = error else { panic!("{error:?}") };
        let expected =
            format!("the bucket schemas (it is in eu-west-1): {code}: No, for a reason: ");
        assert!(why.starts_with(&expected) && why.contains(what), "{why}");
        assert_eq!(service.times(), 1, "{code}");
    }
    // Of another there is nothing to be said.
    let service = Service::answering([refuses(400, "NewlyInvented", "?")]).await;
    let error = service.put("{}").await.unwrap_err();
    assert!(matches!(error, GatewayError::Later(_)), "{error:?}");
}
