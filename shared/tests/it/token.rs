//! The token endpoint, as patient with other people's servers as it is careful with tokens.

mod answers;

use crate::support::server::{Asked, Server, json};
use crate::support::target::target;
use axum::body::Body;
use broker::clock::SystemRandom;
use broker::http::{Http, HttpError, Reach};
use broker::oauth::response::{Accepted, AuthorizationResponse, Browser};
use broker::oauth::token::{TokenEndpoint, TokenError};
use broker::pending::{BrowserBinding, PendingAuthorization};
use broker::subject::Subject;
use broker::target::Target;
use broker::tokens::{Granted, TokenSet};
use http::Response;
use oauth2::{ClientSecret, PkceCodeVerifier, RefreshToken};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: u64 = 1_800_000_000;
const HOUR: u64 = 3600;
/// What no error may print.
const SECRETS: [&str; 6] = [
    "s3cret-code",
    "s3cret-refresh",
    "s3cret-client",
    "s3cret-verifier",
    "s3cret-access",
    "in-body",
];

#[tokio::test]
async fn a2_the_exchange_sends_code_verifier_redirect_uri_and_resource() {
    let server = answers(200, r#"{"access_token":"a1","token_type":"Bearer"}"#).await;
    exchange(&server).await.unwrap();
    let [asked] = <[Asked; 1]>::try_from(server.asked()).unwrap();
    assert_eq!(asked.path, "/token");
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    for (field, value) in [
        ("grant_type", "authorization_code"),
        ("code", "s3cret-code"),
        ("code_verifier", "s3cret-verifier-of-at-least-forty-three-characters"),
        ("redirect_uri", "https://broker.example/callback/notes"),
        ("resource", "https://notes.example"),
        ("client_id", "latchkey"),
    ] {
        assert_eq!(asked.fields(field), [value], "{field}");
    }
}

#[tokio::test]
async fn a2_a_refresh_sends_the_resource_and_no_scope() {
    let server = answers(200, r#"{"access_token":"a2","token_type":"Bearer"}"#).await;
    refresh(&server).await.unwrap();
    let [asked] = <[Asked; 1]>::try_from(server.asked()).unwrap();
    for (field, value) in [
        ("grant_type", "refresh_token"),
        ("refresh_token", "s3cret-refresh"),
        ("resource", "https://notes.example"),
        ("client_id", "latchkey"),
    ] {
        assert_eq!(asked.fields(field), [value], "{field}");
    }
    assert_eq!(asked.fields("scope"), [""; 0]);
}

#[tokio::test]
async fn t1_one_authentication_method_per_request_and_basic_is_form_encoded() {
    let server = answers(200, r#"{"access_token":"a2","token_type":"Bearer"}"#).await;
    let with = |method: &str| {
        let client = json!({ "client_id": "latch key:+", "token_endpoint_auth_method": method });
        target(&server.url, &json!({ "client": client }))
    };
    let secret = || Some(ClientSecret::new("p@ss: +%\u{e9}".to_owned()));
    let spend = async |target: Target, client_secret| {
        let http = Http::new(Reach::Loopback);
        let endpoint =
            TokenEndpoint { http: &http, target: &target, client_secret, random: &SystemRandom };
        endpoint.refresh(&RefreshToken::new("r".into()), at(NOW)).await.map(|_| ())
    };
    spend(with("client_secret_basic"), secret()).await.unwrap();
    spend(with("client_secret_post"), secret()).await.unwrap();
    spend(with("none"), None).await.unwrap();

    let [basic, post, none] = <[Asked; 3]>::try_from(server.asked()).unwrap();
    // `latch+key%3A%2B:p%40ss%3A+%2B%25%C3%A9`
    let expected = "Basic bGF0Y2gra2V5JTNBJTJCOnAlNDBzcyUzQSslMkIlMjUlQzMlQTk=";
    assert_eq!(basic.header("authorization"), Some(expected));
    assert_eq!((basic.fields("client_id").len(), basic.fields("client_secret").len()), (0, 0));
    assert_eq!(post.header("authorization"), None);
    assert_eq!(post.fields("client_id"), ["latch key:+"]);
    assert_eq!(post.fields("client_secret"), ["p@ss: +%\u{e9}"]);
    assert_eq!(none.header("authorization"), None);
    assert_eq!(none.fields("client_id"), ["latch key:+"]);
    assert_eq!(none.fields("client_secret"), [""; 0]);

    for (method, secret) in
        [("client_secret_basic", None), ("client_secret_post", None), ("none", secret())]
    {
        let refused = spend(with(method), secret).await.unwrap_err();
        assert!(matches!(refused, TokenError::Misconfigured), "{method}: {refused}");
    }
    assert_eq!(server.asked().len(), 3, "a client that cannot be right is not tried");
}

#[tokio::test]
async fn t7_only_invalid_grant_says_that_a_grant_is_dead() {
    for status in [200, 400, 401, 403] {
        let server = answers(status, r#"{"error":"invalid_grant","error_description":"in-body"}"#);
        let error = refresh(&server.await).await.unwrap_err();
        assert!(matches!(error, TokenError::InvalidGrant), "{status}: {error}");
        silent(&error);
    }
    let github = r#"{"error":"bad_refresh_token","error_description":"The refresh token passed is
        incorrect or expired.","error_uri":"https://docs.github.com"}"#;
    let error = refresh(&answers(200, github.replace('\n', "")).await).await.unwrap_err();
    assert!(matches!(error, TokenError::InvalidGrant), "GitHub: {error}");
}

#[tokio::test]
async fn t7_overload_outage_and_what_is_no_answer_say_nothing_of_the_grant() {
    let dead = r#"{"error":"invalid_grant","error_description":"in-body"}"#;
    let html = "<html>s3cret-access in-body</html>";
    for (status, body) in [
        (429, dead),
        (500, dead),
        (502, html),
        (503, dead),
        (503, ""),
        (200, html),
        (400, html),
        (403, html),
        (200, ""),
        (400, ""),
        (401, ""),
        (404, "{}"),
        (200, "{}"),
        (200, "null"),
        (200, r#"["invalid_grant"]"#),
        (200, r#"{"access_token":"s3cret-access","token_type":"Bearer""#),
        (200, r#"{"access_token":null,"token_type":"Bearer"}"#),
        (200, r#"{"access_token":7,"token_type":"Bearer"}"#),
        (400, r#"{"error":{"code":"invalid_grant"}}"#),
        (200, r#"{"ok":false,"access_token":"s3cret-access","token_type":"Bearer"}"#),
        (200, r#"{"ok":false,"error":"internal_error"}"#),
        (400, r#"{"error":"temporarily_unavailable"}"#),
        (400, r#"{"error":"server_error"}"#),
    ] {
        let error = refresh(&answers(status, body).await).await.map(|_| body).unwrap_err();
        assert!(matches!(error, TokenError::Unavailable(_)), "{status} {body}: {error}");
        silent(&error);
    }
}

#[tokio::test]
async fn t8_a_refused_client_and_a_refused_request_are_the_brokers_fault() {
    for status in [200, 400, 401] {
        let error =
            refresh(&answers(status, r#"{"error":"invalid_client"}"#).await).await.unwrap_err();
        assert!(matches!(error, TokenError::InvalidClient), "{status}: {error}");
    }
    let github = answers(200, r#"{"error":"incorrect_client_credentials"}"#).await;
    assert!(matches!(refresh(&github).await, Err(TokenError::InvalidClient)));
    for code in ["invalid_request", "invalid_scope", "invalid_target", "unauthorized_client"] {
        let error = refresh(&answers(400, json!({ "error": code })).await).await.unwrap_err();
        assert!(matches!(&error, TokenError::Refused(said) if said == code), "{code}: {error}");
    }
    for code in ["<script>in-body", "s3cret-access", "IN-BODY", "x\r\ny", &"x".repeat(65), ""] {
        let answer =
            json!({ "error": code, "error_description": "in-body", "error_uri": "in-body" });
        let error = refresh(&answers(400, answer).await).await.unwrap_err();
        silent(&error);
        assert!(!error.to_string().contains(code) || code.is_empty(), "{code:?}: {error}");
    }
}

/// Whoever answers with a redirect has not looked at the grant; a body that says so was made by
/// somebody in between.
#[tokio::test]
async fn p2_t12_a_redirect_is_neither_followed_nor_a_verdict() {
    let grant = r#"{"access_token":"a2","token_type":"Bearer"}"#;
    let other = answers(200, grant).await;
    for status in [300, 301, 302, 303, 304, 307, 308] {
        for body in [
            "",
            grant,
            r#"{"error":"invalid_grant"}"#,
            r#"{"error":"invalid_client"}"#,
            r#"{"error":"bad_refresh_token"}"#,
        ] {
            let location = format!("{}/token", other.url);
            let server = Server::start(move |_| {
                let answer = Response::builder().status(status).header("location", &location);
                let answer = answer.body(Body::from(body)).unwrap();
                async { answer }
            })
            .await;
            for error in [
                refresh(&server).await.map(|_| status).unwrap_err(),
                exchange(&server).await.map(|_| status).unwrap_err(),
            ] {
                assert!(matches!(error, TokenError::Unavailable(_)), "{status} {body}: {error}");
            }
            assert_eq!(server.asked().len(), 2, "{status}");
        }
    }
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn p3_a_body_that_is_too_large_is_given_up() {
    let body =
        |size| json!({ "access_token": "a2", "token_type": "Bearer", "x": "x".repeat(size) });
    assert!(refresh(&answers(200, body(200_000)).await).await.is_ok());
    let error = refresh(&answers(200, body(300_000)).await).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, TokenError::Unavailable(Some(HttpError::TooLarge(_)))), "{error}");
}

#[tokio::test]
async fn p3_a_server_that_does_not_answer_is_given_up() {
    let server = Server::start(|_| std::future::pending()).await;
    let (http, target) = (Http::new(Reach::Loopback), target(&server.url, &json!({})));
    let http = http.within(Duration::from_millis(200));
    let endpoint =
        TokenEndpoint { http: &http, target: &target, client_secret: None, random: &SystemRandom };
    let spent = RefreshToken::new("s3cret-refresh".into());
    let answer = endpoint.refresh(&spent, at(NOW));
    let answer = tokio::time::timeout(Duration::from_mins(1), answer).await.unwrap();
    let error = answer.map(|_| ()).unwrap_err();
    assert!(matches!(error, TokenError::Unavailable(Some(HttpError::TimedOut))), "{error}");
}

#[tokio::test]
async fn p3_a_grant_of_128_levels_is_none() {
    for (levels, good) in [(127, true), (128, false)] {
        let inner = format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        let answer = format!(r#"{{"access_token":"a2","token_type":"Bearer","x":{inner}}}"#);
        match refresh(&answers(200, answer).await).await {
            Ok(_) => assert!(good, "{levels}"),
            Err(error) => {
                assert!(matches!(error, TokenError::Unavailable(None)), "{error}");
                assert!(!good, "{levels}");
            }
        }
    }
}

#[tokio::test]
async fn t7_how_long_to_wait_is_heard() {
    let asks = async |status: u16, header: (&'static str, &'static str)| {
        let server = Server::start(move |_| async move {
            let answer = Response::builder().status(status).header(header.0, header.1);
            answer.header("date", "Sun, 06 Nov 1994 08:49:37 GMT").body(Body::empty()).unwrap()
        });
        let error = refresh(&server.await).await.map(|_| status).unwrap_err();
        assert!(matches!(error, TokenError::Unavailable(_)), "{status}: {error}");
        error.retry_after().map(|wait| wait.as_secs())
    };
    for status in [429, 500, 503, 302] {
        assert_eq!(asks(status, ("retry-after", "7")).await, Some(7));
        let date = ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT");
        assert_eq!(asks(status, date).await, Some(60));
        assert_eq!(asks(status, ("retry-after", "86400")).await, Some(3600));
        assert_eq!(asks(status, ("x", "7")).await, None);
    }
}

#[tokio::test]
async fn t10_no_failure_prints_what_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client =
        json!({ "client_id": "latchkey", "token_endpoint_auth_method": "client_secret_post" });
    let refused = answers(400, r#"{"error":"invalid_grant","error_description":"in-body"}"#).await;
    for url in [nobody.as_str(), &refused.url, "http://not-loopback.example"] {
        let mut target = target("https://as.example", &json!({ "client": client }));
        target.authorization_server.token_endpoint = match format!("{url}/token").parse() {
            Ok(endpoint) => endpoint,
            // Another client than ours would send it there in the clear.
            Err(_) => continue,
        };
        let http = Http::new(Reach::Loopback);
        let client_secret = Some(ClientSecret::new("s3cret-client".into()));
        let endpoint =
            TokenEndpoint { http: &http, target: &target, client_secret, random: &SystemRandom };
        silent(&endpoint.exchange(accepted(&target), at(NOW)).await.unwrap_err());
        silent(
            &endpoint
                .refresh(&RefreshToken::new("s3cret-refresh".into()), at(NOW))
                .await
                .unwrap_err(),
        );
    }
}

async fn answers(status: u16, body: impl ToString) -> Server {
    let body = body.to_string();
    Server::start(move |_| {
        let answer = json(status, &body);
        async { answer }
    })
    .await
}

async fn refresh(server: &Server) -> Result<Granted, TokenError> {
    refresh_at(&target(&server.url, &json!({}))).await
}

async fn refresh_at(target: &Target) -> Result<Granted, TokenError> {
    let http = Http::new(Reach::Loopback);
    let endpoint =
        TokenEndpoint { http: &http, target, client_secret: None, random: &SystemRandom };
    endpoint.refresh(&RefreshToken::new("s3cret-refresh".into()), at(NOW)).await
}

async fn exchange(server: &Server) -> Result<TokenSet, TokenError> {
    let (http, target) = (Http::new(Reach::Loopback), target(&server.url, &json!({})));
    let endpoint =
        TokenEndpoint { http: &http, target: &target, client_secret: None, random: &SystemRandom };
    endpoint.exchange(accepted(&target), at(NOW)).await
}

/// An answer that passed every check.
pub(crate) fn accepted(target: &Target) -> Accepted {
    let alice = Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id();
    let binding = BrowserBinding::returned("cookie");
    let verifier = "s3cret-verifier-of-at-least-forty-three-characters".to_owned();
    let pending = PendingAuthorization {
        code_verifier: PkceCodeVerifier::new(verifier),
        subject: alice,
        target: target.name.clone(),
        issuer: target.authorization_server.issuer.clone(),
        iss_advertised: false,
        redirect_uri: "https://broker.example/callback/notes".into(),
        resource: target.resource.clone(),
        scopes: target.scopes.clone(),
        browser: binding.digest(),
        expires: at(NOW + 600),
    };
    let browser = Browser { target: &target.name, binding: Some(&binding), subject: Some(alice) };
    let answer = AuthorizationResponse::parse("code=s3cret-code&state=s").unwrap();
    pending.accept(&browser, answer, at(NOW)).map_err(|error| error.to_string()).unwrap()
}

/// Neither `Display` nor `Debug` of an error or of what caused it holds a secret or a body.
#[track_caller]
fn silent(error: &TokenError) {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        let printed = format!("{inner} {inner:?}");
        for secret in SECRETS {
            assert!(!printed.contains(secret), "{printed}");
        }
        cause = inner.source();
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}
