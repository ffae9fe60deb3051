//! Tokens are given back in the way that their server wants, and what it said is not overstated.

use crate::support::server::{Asked, Server, json};
use crate::support::target::target;
use axum::Router;
use axum::body::Body;
use axum::routing::delete;
use broker::clock::SystemRandom;
use broker::http::{Http, HttpError, Reach};
use broker::oauth::assertion::SigningKey;
use broker::oauth::revocation::{RevocationError, Revoker};
use broker::store::StoreError;
use broker::target::{SecretName, Target};
use broker::tokens::TokenSet;
use http::{HeaderMap, Response};
use oauth2::{AccessToken, ClientSecret, RefreshToken};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// What no error may print.
const SECRETS: [&str; 4] = ["s3cret-access", "s3cret-refresh", "s3cret-client", "in-body"];

#[tokio::test]
async fn t11_the_refresh_token_goes_first_then_the_access_token() {
    let server = answers(200, "").await;
    revoke(&server, &json!({}), both()).await.unwrap();
    let [refresh, access] = <[Asked; 2]>::try_from(server.asked()).unwrap();
    for (asked, token, kind) in
        [(&refresh, "s3cret-refresh", "refresh_token"), (&access, "s3cret-access", "access_token")]
    {
        assert_eq!(asked.path, "/revoke");
        assert_eq!(asked.header("accept"), Some("application/json"));
        assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(asked.fields("token"), [token]);
        assert_eq!(asked.fields("token_type_hint"), [kind]);
        assert_eq!(asked.fields("client_id"), ["latchkey"]);
    }
    let server = answers(200, "").await;
    revoke(&server, &json!({}), access_only()).await.unwrap();
    let [asked] = <[Asked; 1]>::try_from(server.asked()).unwrap();
    assert_eq!(asked.fields("token"), ["s3cret-access"]);
}

#[tokio::test]
async fn t11_t1_each_request_proves_who_we_are_by_the_one_method_of_the_client() {
    let with = |method: &str, secret: bool| {
        let secret = secret.then_some("notes-client");
        let client = json!({
            "client_id": "latch key:+",
            "client_secret": secret,
            "token_endpoint_auth_method": method,
        });
        json!({ "client": client })
    };
    let (key, _) = SigningKey::generate().unwrap();
    let server = answers(200, "").await;
    let spend =
        async |changes: &Value, secret| revoke_with(&at(&server, changes), both(), secret).await;
    let secret = || Some(ClientSecret::new("p@ss: +%\u{e9}".to_owned()));
    spend(&with("client_secret_basic", true), secret()).await.unwrap();
    spend(&with("client_secret_post", true), secret()).await.unwrap();
    spend(&with("none", false), None).await.unwrap();
    spend(&with("private_key_jwt", true), Some(key)).await.unwrap();

    let asked = server.asked();
    let [basic, _, post, _, none, _, signed, signed_again] = asked.as_slice() else {
        panic!("{} requests", asked.len())
    };
    let expected = "Basic bGF0Y2gra2V5JTNBJTJCOnAlNDBzcyUzQSslMkIlMjUlQzMlQTk=";
    assert_eq!(basic.header("authorization"), Some(expected));
    assert_eq!((basic.fields("client_id").len(), basic.fields("client_secret").len()), (0, 0));
    assert_eq!(post.header("authorization"), None);
    assert_eq!(post.fields("client_id"), ["latch key:+"]);
    assert_eq!(post.fields("client_secret"), ["p@ss: +%\u{e9}"]);
    assert_eq!(none.header("authorization"), None);
    assert_eq!(none.fields("client_id"), ["latch key:+"]);
    assert_eq!(none.fields("client_secret"), [""; 0]);
    let assertions = [signed, signed_again].map(|asked| asked.fields("client_assertion"));
    assert_eq!(assertions[0].len(), 1);
    assert_ne!(assertions[0], assertions[1], "a proof is good once");
    assert_eq!(signed.fields("client_secret"), [""; 0]);

    for (changes, secret) in [
        (with("client_secret_basic", false), None),
        (with("none", true), secret()),
        (with("private_key_jwt", true), secret()),
    ] {
        let refused = spend(&changes, secret).await.unwrap_err();
        assert!(matches!(refused, RevocationError::Misconfigured), "{refused}");
    }
    assert_eq!(server.asked().len(), 8, "a client that cannot be right is not tried");
}

#[tokio::test]
async fn t11_a_token_that_the_server_does_not_know_is_given_back() {
    for (status, body) in [(200, ""), (200, "{}"), (204, ""), (400, r#"{"error":"invalid_token"}"#)]
    {
        let server = answers(status, body).await;
        revoke(&server, &json!({}), both()).await.unwrap();
        assert_eq!(server.asked().len(), 2, "{status} {body}");
    }
}

#[tokio::test]
async fn t11_an_access_token_that_cannot_be_given_back_dies_by_itself_but_a_refresh_token_does_not()
{
    let unsupported = r#"{"error":"unsupported_token_type","error_description":"in-body"}"#;
    let server = for_each("s3cret-access", (400, unsupported), (200, "")).await;
    revoke(&server, &json!({}), both()).await.unwrap();

    let server = for_each("s3cret-refresh", (400, unsupported), (200, "")).await;
    let error = revoke(&server, &json!({}), both()).await.unwrap_err();
    assert!(matches!(error, RevocationError::Unsupported), "{error}");
    assert_eq!(server.asked().len(), 2, "the access token may still be given back");

    let server = answers(400, unsupported).await;
    let error = revoke(&server, &json!({}), access_only()).await.unwrap_err();
    assert!(matches!(error, RevocationError::Unsupported), "{error}");
}

#[tokio::test]
async fn t11_an_access_token_that_stays_good_is_not_passed_over_in_silence() {
    let server = for_each("s3cret-access", (503, ""), (200, "")).await;
    let error = revoke(&server, &json!({}), both()).await.unwrap_err();
    assert!(matches!(error, RevocationError::Unavailable(_)), "{error}");
}

/// A 503 says that the token still exists, and when to come back: nobody waits for that here.
/// <https://www.rfc-editor.org/rfc/rfc7009#section-2.2.1>
#[tokio::test]
async fn t11_overload_and_outage_are_no_confirmation() {
    let error = r#"{"error":"invalid_token","error_description":"in-body"}"#;
    for (status, body) in [
        (503, ""),
        (503, error),
        (500, error),
        (502, "<html>in-body</html>"),
        (429, error),
        (400, r#"{"error":"temporarily_unavailable"}"#),
        (200, r#"{"error":"server_error"}"#),
    ] {
        let server = Server::start(move |_| async move {
            let answer = Response::builder().status(status).header("retry-after", "1");
            answer.body(Body::from(body)).unwrap()
        })
        .await;
        let error = revoke(&server, &json!({}), both()).await.unwrap_err();
        assert!(matches!(error, RevocationError::Unavailable(_)), "{status} {body}: {error}");
        assert_eq!(server.asked().len(), 1, "{status} {body}: it has enough to do");
        silent(&error);
    }
}

#[tokio::test]
async fn t11_a_refusal_is_no_confirmation_whatever_its_status() {
    for (status, body) in [
        (200, r#"{"error":"invalid_request","error_description":"in-body"}"#),
        (400, r#"{"error":"unauthorized_client"}"#),
        (400, r#"{"error":"in-body <script>"}"#),
        (400, ""),
        (403, "in-body"),
        (404, "<html>in-body</html>"),
        (405, ""),
        (200, r#"{"ok":false}"#),
    ] {
        let error = revoke(&answers(status, body).await, &json!({}), both()).await.unwrap_err();
        assert!(matches!(error, RevocationError::Refused(_)), "{status} {body}: {error}");
        silent(&error);
    }
    for status in [200, 400, 401] {
        let server = answers(status, r#"{"error":"invalid_client"}"#).await;
        let error = revoke(&server, &json!({}), both()).await.unwrap_err();
        assert!(matches!(error, RevocationError::InvalidClient), "{status}: {error}");
        assert_eq!(server.asked().len(), 1, "it will not know us better the second time");
    }
}

#[tokio::test]
async fn t11_p2_a_redirect_is_not_followed() {
    let other = answers(200, "").await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/revoke", other.url);
        let server = Server::start(move |_| {
            let answer = Response::builder().status(status).header("location", &location);
            // With a word that would be welcome from somebody who looked at the token.
            let answer = answer.body(Body::from(r#"{"error":"invalid_token"}"#)).unwrap();
            async { answer }
        })
        .await;
        let error = revoke(&server, &json!({}), both()).await.unwrap_err();
        assert!(matches!(error, RevocationError::Refused(_)), "{status}: {error}");
    }
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn t11_p3_a_server_that_does_not_answer_or_never_ends_is_given_up() {
    let silent_one = Server::start(|_| std::future::pending()).await;
    let error = revoke(&silent_one, &json!({}), both()).await.unwrap_err();
    assert!(matches!(error, RevocationError::Unavailable(Some(HttpError::TimedOut))), "{error}");
    assert_eq!(silent_one.asked().len(), 1, "the person waits");

    let endless = answers(200, &"x".repeat(300_000)).await;
    let error = revoke(&endless, &json!({}), both()).await.unwrap_err();
    assert!(matches!(error, RevocationError::Unavailable(Some(HttpError::TooLarge(_)))), "{error}");

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let client = json!({
        "client_id": "latchkey",
        "client_secret": "notes-client",
        "token_endpoint_auth_method": "client_secret_post",
    });
    let target = at_url(&url, &json!({ "client": client }));
    let secret = Some(ClientSecret::new("s3cret-client".into()));
    let error = revoke_with(&target, both(), secret).await.unwrap_err();
    assert!(matches!(error, RevocationError::Unavailable(_)), "{error}");
    silent(&error);
}

#[tokio::test]
async fn t11_p1_in_public_no_token_is_sent_inward() {
    let server = answers(200, "").await;
    let target = at(&server, &json!({}));
    let (http, secrets) = (Http::new(Reach::Public), BTreeMap::new());
    let revoker =
        Revoker { http: &http, target: &target, secrets: &secrets, random: &SystemRandom };
    let error = revoker.revoke(both(), now()).await.unwrap_err();
    assert!(matches!(error, RevocationError::Unavailable(Some(HttpError::Refused(_)))), "{error}");
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn t11_without_an_endpoint_nothing_is_sent() {
    let server = answers(200, "").await;
    let nowhere = target(&server.url, &json!({}));
    let error = revoke_with(&nowhere, both(), None).await.unwrap_err();
    assert!(matches!(error, RevocationError::Unsupported), "{error}");
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn t11_r5_a_client_of_another_authorization_server_is_not_taken_there() {
    let server = answers(200, "").await;
    let client = json!({
        "client_id": "latchkey",
        "client_secret": "notes-client",
        "token_endpoint_auth_method": "client_secret_post",
        "issuer": "https://other.example",
    });
    let secret = Some(ClientSecret::new("s3cret-client".into()));
    for quirks in [json!({}), json!({ "revocation": { "grant": server.url } })] {
        let target = at(&server, &json!({ "client": client, "quirks": quirks }));
        let error = revoke_with(&target, both(), secret.clone()).await.unwrap_err();
        assert!(matches!(error, RevocationError::Misconfigured), "{error}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn t11_a_secret_that_cannot_be_read_leaves_the_tokens_and_is_not_needed_everywhere() {
    let server = answers(200, "").await;
    let client = json!({
        "client_id": "latchkey",
        "client_secret": "notes-client",
        "token_endpoint_auth_method": "client_secret_post",
    });
    let with = |quirks: Value| at(&server, &json!({ "client": client, "quirks": quirks }));
    let error = revoke_with(&with(json!({})), both(), None).await.unwrap_err();
    let unread = matches!(error, RevocationError::Store(StoreError::Unreadable(_)));
    assert!(unread, "{error}");
    assert_eq!(server.asked().len(), 0);
    for way in ["token", "bearer"] {
        let quirks = json!({ "revocation": { way: format!("{}/own", server.url) } });
        revoke_with(&with(quirks), both(), None).await.unwrap();
    }
    assert_eq!(server.times("/own"), 2);
}

/// As where the metadata leaves the endpoint out.
#[tokio::test]
async fn t11_quirk_an_endpoint_that_is_not_published() {
    let server = answers(200, "").await;
    let quirks = json!({ "revocation": { "at": format!("{}/unpublished", server.url) } });
    revoke(&server, &json!({ "quirks": quirks }), both()).await.unwrap();
    assert_eq!(server.times("/unpublished"), 2);
    assert_eq!(server.asked()[0].fields("client_id"), ["latchkey"]);
}

/// As at Google: a form with the token alone, which ends all that came of the consent.
#[tokio::test]
async fn t11_quirk_a_token_alone() {
    let server = answers(200, "{}").await;
    let changes = json!({ "quirks": { "revocation": { "token": format!("{}/own", server.url) } } });
    revoke(&server, &changes, both()).await.unwrap();
    revoke(&server, &changes, access_only()).await.unwrap();
    let [refresh, access] = <[Asked; 2]>::try_from(server.asked()).unwrap();
    for (asked, token) in [(refresh, "s3cret-refresh"), (access, "s3cret-access")] {
        assert_eq!(asked.path, "/own");
        assert_eq!(asked.body, format!("token={token}"));
        assert_eq!(asked.header("authorization"), None);
    }
    // What Google says of a token that expired or was revoked before.
    let gone = answers(400, r#"{"error":"invalid_token","error_description":"in-body"}"#).await;
    let changes = json!({ "quirks": { "revocation": { "token": format!("{}/own", gone.url) } } });
    revoke(&gone, &changes, both()).await.unwrap();
}

/// As at Slack, whose errors have the status 200.
#[tokio::test]
async fn t11_quirk_a_bearer_token_that_ends() {
    let way = |server: &Server| json!({ "quirks": { "revocation": { "bearer": format!("{}/own", server.url) } } });
    let server = answers(200, r#"{"ok":true,"revoked":true}"#).await;
    revoke(&server, &way(&server), both()).await.unwrap();
    let [asked] = <[Asked; 1]>::try_from(server.asked()).unwrap();
    assert_eq!((asked.path.as_str(), asked.body.as_str()), ("/own", ""));
    assert_eq!(asked.header("authorization"), Some("Bearer s3cret-access"));

    for (status, body) in [
        (200, r#"{"ok":false,"error":"token_expired"}"#),
        (200, r#"{"ok":false}"#),
        (200, r#"{"ok":false,"error":"in-body"}"#),
        (401, ""),
    ] {
        let server = answers(status, body).await;
        let error = revoke(&server, &way(&server), both()).await.unwrap_err();
        assert!(matches!(error, RevocationError::Refused(_)), "{status} {body}: {error}");
        silent(&error);
    }
    // That an access token is not known says nothing of the refresh token.
    let server = answers(401, r#"{"error":"invalid_token"}"#).await;
    let error = revoke(&server, &way(&server), both()).await.unwrap_err();
    assert!(matches!(error, RevocationError::UnknownToken), "{error}");
}

/// As at GitHub: all that the client may do for the person ends.
#[tokio::test]
async fn t11_quirk_a_whole_grant() {
    let says = Arc::new(Mutex::new(204));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (told, seen) = (Arc::clone(&says), Arc::clone(&asked));
    let answer = async move |headers: HeaderMap, body: String| {
        seen.lock().unwrap().push((headers, body));
        json(*told.lock().unwrap(), "")
    };
    let router = Router::new().route("/applications/latch%20key%2F/grant", delete(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let client = json!({
        "client_id": "latch key/",
        "client_secret": "notes-client",
        "token_endpoint_auth_method": "client_secret_post",
    });
    for base in [format!("{url}/applications"), format!("{url}/applications/")] {
        let quirks = json!({ "revocation": { "grant": base } });
        let target = at_url(&url, &json!({ "client": client, "quirks": quirks }));
        let secret = || Some(ClientSecret::new("s3cret-client".to_owned()));
        *says.lock().unwrap() = 204;
        revoke_with(&target, both(), secret()).await.unwrap();
        let (headers, body) = asked.lock().unwrap().pop().unwrap();
        assert_eq!(headers["authorization"], "Basic bGF0Y2gra2V5JTJGOnMzY3JldC1jbGllbnQ=");
        assert_eq!(headers["user-agent"], "latchkey");
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(body, r#"{"access_token":"s3cret-access"}"#);

        for status in [401, 403, 404, 422] {
            *says.lock().unwrap() = status;
            let error = revoke_with(&target, both(), secret()).await.unwrap_err();
            assert!(matches!(error, RevocationError::Refused(_)), "{status}: {error}");
        }
    }
    let public = json!({ "client_id": "latchkey", "token_endpoint_auth_method": "none" });
    let quirks = json!({ "revocation": { "grant": url } });
    let target = at_url(&url, &json!({ "client": public, "quirks": quirks }));
    let error = revoke_with(&target, both(), None).await.unwrap_err();
    assert!(matches!(error, RevocationError::Misconfigured), "{error}");
}

/// Where the access token speaks for the grant, it has to be one that the server still knows.
#[tokio::test]
async fn t11_quirk_an_access_token_that_expired_is_renewed_to_be_given_back() {
    for (status, renewed) in [
        (200, r#"{"access_token":"a2","token_type":"Bearer"}"#),
        (400, r#"{"error":"invalid_grant"}"#),
    ] {
        let server = Server::start(move |asked| async move {
            if asked.path == "/token" { json(status, renewed) } else { json(200, "") }
        })
        .await;
        for (way, path) in [("bearer", "/own"), ("grant", "/own/latchkey/grant")] {
            let quirks = json!({ "revocation": { way: format!("{}/own", server.url) } });
            let client = json!({
                "client_id": "latchkey",
                "client_secret": "notes-client",
                "token_endpoint_auth_method": "client_secret_post",
            });
            let target = at(&server, &json!({ "client": client, "quirks": quirks }));
            let secret = || Some(ClientSecret::new("s3cret-client".to_owned()));
            let expired = TokenSet { expires_at: now(), ..both() };
            let outcome = revoke_with(&target, expired, secret()).await;
            let asked = server.asked();
            if status == 400 {
                let error = outcome.unwrap_err();
                assert!(matches!(error, RevocationError::NotRenewed(_)), "{way}: {error}");
                silent(&error);
                assert!(asked.iter().all(|asked| asked.path == "/token"), "{way}");
                continue;
            }
            outcome.unwrap();
            let [.., refresh, given_back] = asked.as_slice() else { panic!("{asked:?}") };
            assert_eq!(refresh.fields("refresh_token"), ["s3cret-refresh"], "{way}");
            assert_eq!(given_back.path, path);
            let shown = format!("{:?} {}", given_back.header("authorization"), given_back.body);
            assert!(shown.contains("a2") && !shown.contains("s3cret-access"), "{way}: {shown}");
        }
        // Nothing renews it: what is there is shown.
        let quirks = json!({ "revocation": { "bearer": format!("{}/alone", server.url) } });
        let expired = TokenSet { expires_at: now(), ..access_only() };
        revoke(&server, &json!({ "quirks": quirks }), expired).await.unwrap();
        assert_eq!(server.times("/alone"), 1);
    }
}

async fn answers(status: u16, body: &str) -> Server {
    let body = body.to_owned();
    Server::start(move |_| {
        let answer = json(status, &body);
        async { answer }
    })
    .await
}

/// Answers a request about `token` in one way and any other in another.
async fn for_each(
    token: &'static str,
    this: (u16, &'static str),
    other: (u16, &'static str),
) -> Server {
    Server::start(move |asked| {
        let (status, body) = if asked.fields("token") == [token] { this } else { other };
        async move { json(status, body) }
    })
    .await
}

/// A target whose server publishes a revocation endpoint.
fn at(server: &Server, changes: &Value) -> Target {
    at_url(&server.url, changes)
}

fn at_url(url: &str, changes: &Value) -> Target {
    let mut target = target(url, changes);
    target.authorization_server.revocation_endpoint =
        Some(format!("{url}/revoke").parse().unwrap());
    target
}

async fn revoke(server: &Server, changes: &Value, tokens: TokenSet) -> Result<(), RevocationError> {
    revoke_with(&at(server, changes), tokens, None).await
}

async fn revoke_with(
    target: &Target,
    tokens: TokenSet,
    secret: Option<ClientSecret>,
) -> Result<(), RevocationError> {
    let name = || SecretName("notes-client".into());
    let secrets: BTreeMap<_, _> = secret.into_iter().map(|secret| (name(), secret)).collect();
    let http = Http::new(Reach::Loopback);
    let revoker = Revoker { http: &http, target, secrets: &secrets, random: &SystemRandom };
    revoker.revoke(tokens, now()).await
}

fn both() -> TokenSet {
    let refresh = Some(RefreshToken::new("s3cret-refresh".into()));
    TokenSet { refresh, ..access_only() }
}

fn access_only() -> TokenSet {
    TokenSet {
        access: AccessToken::new("s3cret-access".into()),
        refresh: None,
        expires_at: now() + Duration::from_hours(1),
        scopes: vec![],
    }
}

/// Neither `Display` nor `Debug` of an error or of what caused it holds a secret or a body.
#[track_caller]
fn silent(error: &RevocationError) {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(inner) = cause {
        let printed = format!("{inner} {inner:?}");
        for secret in SECRETS {
            assert!(!printed.contains(secret), "{printed}");
        }
        cause = inner.source();
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(500_000)
}
