//! Our client at a token endpoint: what proves it, and where it is kept to itself.

use crate::support::server::{Server, json};
use crate::support::store::FaultyStore;
use crate::support::target::target;
use broker::breaker::Breakers;
use broker::clock::SystemRandom;
use broker::connection::Connection;
use broker::http::{Http, Reach};
use broker::oauth::assertion::SigningKey;
use broker::oauth::response::{Accepted, AuthorizationResponse, Browser};
use broker::oauth::token::{TokenEndpoint, TokenError};
use broker::pending::{BrowserBinding, PendingAuthorization};
use broker::refresh::{Failure, Refresher, Renewal};
use broker::seal::{self, KeyRing};
use broker::store::{ClientSecrets, ConnectionStore, StoreError};
use broker::subject::{Subject, SubjectId};
use broker::target::{SecretName, Target};
use broker::tokens::TokenSet;
use oauth2::{AccessToken, ClientSecret, PkceCodeVerifier, RefreshToken};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const NOW: SystemTime = UNIX_EPOCH;

async fn granting() -> Server {
    Server::start(async |_| json(200, r#"{"access_token":"a2","token_type":"Bearer"}"#)).await
}

fn with(server: &Server, client: &Value) -> Target {
    target(&server.url, &json!({ "client": client }))
}

fn keyed(server: &Server) -> Target {
    let method = "private_key_jwt";
    with(
        server,
        &json!({ "client_id": "us", "token_endpoint_auth_method": method, "client_secret": "key" }),
    )
}

#[tokio::test]
async fn t1_a_client_with_a_key_signs_each_request_anew_and_sends_no_secret() {
    let server = granting().await;
    let (target, http) = (keyed(&server), Http::new(Reach::Loopback));
    let (secret, _) = SigningKey::generate().unwrap();
    let d: Value = serde_json::from_str(&secret.clone().into_secret()).unwrap();
    let client_secret = Some(secret);
    let endpoint =
        TokenEndpoint { http: &http, target: &target, client_secret, random: &SystemRandom };
    endpoint.exchange(accepted(&target, REDIRECT_URI), NOW).await.unwrap();
    endpoint.refresh(&RefreshToken::new("r".into()), NOW).await.unwrap();

    let mut jtis = vec![];
    for asked in server.asked() {
        assert_eq!(asked.header("authorization"), None);
        assert_eq!(asked.fields("client_secret"), [""; 0]);
        assert_eq!(asked.fields("client_id"), ["us"]);
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(asked.fields("client_assertion_type"), [kind]);
        assert!(!asked.body.contains(d["d"].as_str().unwrap()));
        let [assertion] = <[String; 1]>::try_from(asked.fields("client_assertion")).unwrap();
        let claims = seal::bytes(assertion.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!("us"), &json!(server.url)));
        assert!(claims["jti"].as_str().unwrap().len() >= 43);
        jtis.push(claims["jti"].clone());
    }
    assert_eq!(jtis.len(), 2);
    assert_ne!(jtis[0], jtis[1]);
}

#[tokio::test]
async fn t1_without_a_key_that_signs_nothing_is_sent() {
    let server = granting().await;
    let (target, http) = (keyed(&server), Http::new(Reach::Loopback));
    for client_secret in [None, Some(ClientSecret::new("a password".into()))] {
        let endpoint =
            TokenEndpoint { http: &http, target: &target, client_secret, random: &SystemRandom };
        let refused = endpoint.refresh(&RefreshToken::new("r".into()), NOW).await.unwrap_err();
        assert!(matches!(refused, TokenError::Misconfigured), "{refused}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn r5_a_client_of_another_issuer_is_sent_nowhere() {
    let server = granting().await;
    let http = Http::new(Reach::Loopback);
    for issuer in ["https://another.example", "", &format!("{}/", server.url)] {
        let target = with(&server, &json!({ "client_id": "us", "issuer": issuer }));
        let client_secret = Some(ClientSecret::new("s".into()));
        let endpoint =
            TokenEndpoint { http: &http, target: &target, client_secret, random: &SystemRandom };
        let exchanged = endpoint.exchange(accepted(&target, REDIRECT_URI), NOW).await.map(|_| ());
        let renewed = endpoint.refresh(&RefreshToken::new("r".into()), NOW).await.map(|_| ());
        for refused in [exchanged, renewed] {
            assert!(matches!(refused, Err(TokenError::Misconfigured)), "{issuer}");
        }
    }
    assert_eq!(server.asked().len(), 0);

    let target = with(&server, &json!({ "client_id": "us", "issuer": server.url }));
    let client_secret = Some(ClientSecret::new("s".into()));
    let endpoint =
        TokenEndpoint { http: &http, target: &target, client_secret, random: &SystemRandom };
    endpoint.exchange(accepted(&target, REDIRECT_URI), NOW).await.unwrap();
}

#[tokio::test]
async fn r5_an_answer_to_another_redirect_uri_is_not_exchanged() {
    let server = granting().await;
    let http = Http::new(Reach::Loopback);
    let client = json!({
        "client_id": "us", "token_endpoint_auth_method": "none", "redirect_uri": REDIRECT_URI,
    });
    let target = with(&server, &client);
    let endpoint =
        TokenEndpoint { http: &http, target: &target, client_secret: None, random: &SystemRandom };
    let elsewhere = accepted(&target, "https://old.example/callback/notes");
    let refused = endpoint.exchange(elsewhere, NOW).await.unwrap_err();
    assert!(matches!(refused, TokenError::Misconfigured), "{refused}");
    assert_eq!(server.asked().len(), 0);
    endpoint.exchange(accepted(&target, REDIRECT_URI), NOW).await.unwrap();
}

/// Counts how often it is asked.
#[derive(Default)]
struct Counting(AtomicUsize);

impl ClientSecrets for Counting {
    async fn client_secret(&self, _: &SecretName) -> Result<ClientSecret, StoreError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(ClientSecret::new("s".into()))
    }
}

#[tokio::test]
async fn r5_a_renewal_reads_no_secret_that_is_for_another_issuer() {
    let server = granting().await;
    let (store, secrets) = (FaultyStore::default(), Counting::default());
    let client =
        |issuer: &str| json!({ "client_id": "us", "client_secret": "arn", "issuer": issuer });
    let renew = async |target: &Target| {
        let (http, ring) = (Http::new(Reach::Loopback), ring());
        let (connections, secrets) = (&store, &secrets);
        let (http, ring) = (&http, &ring);
        let (breakers, clock) = (&Breakers::new(SystemRandom), &NOW);
        let deadline = NOW + Duration::from_mins(1);
        let refresher = Refresher { connections, secrets, http, ring, breakers, clock, deadline };
        refresher.renew(&alice(), target, NOW).await
    };
    let target = with(&server, &client("https://another.example"));
    let tokens = TokenSet {
        access: AccessToken::new("a1".into()),
        refresh: Some(RefreshToken::new("r1".into())),
        expires_at: NOW,
        scopes: vec![],
    };
    let connection = Connection::active(&ring(), alice(), &target, &tokens, NOW).unwrap();
    store.connect(&connection).await.unwrap();
    store.calls();

    let renewal = renew(&target).await;
    let failed = matches!(renewal, Renewal::Failed(Failure::Token(TokenError::Misconfigured)));
    assert!(failed, "{renewal:?}");
    assert_eq!(secrets.0.load(Ordering::Relaxed), 0);
    assert_eq!((store.calls().len(), server.asked().len()), (0, 0));

    // Another redirect URI is no obstacle: a renewal names none.
    let mut good = with(&server, &client(&server.url));
    good.client.redirect_uri = Some("https://old.example/callback/notes".into());
    assert!(matches!(renew(&good).await, Renewal::Renewed(_)));
    assert_eq!(secrets.0.load(Ordering::Relaxed), 1);
}

fn ring() -> KeyRing {
    KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap()
}

fn alice() -> SubjectId {
    Subject::new("https://idp.example", vec!["alice".into()]).unwrap().id()
}

/// An answer that passed every check, asked for at `redirect_uri`.
fn accepted(target: &Target, redirect_uri: &str) -> Accepted {
    let binding = BrowserBinding::returned("cookie");
    let pending = PendingAuthorization {
        code_verifier: PkceCodeVerifier::new("v".repeat(43)),
        subject: alice(),
        target: target.name.clone(),
        issuer: target.authorization_server.issuer.clone(),
        iss_advertised: false,
        redirect_uri: redirect_uri.into(),
        resource: target.resource.clone(),
        scopes: vec![],
        browser: binding.digest(),
        expires: NOW + Duration::from_mins(10),
    };
    let subject = Some(alice());
    let browser = Browser { target: &target.name, binding: Some(&binding), subject };
    let answer = AuthorizationResponse::parse("code=c&state=s").unwrap();
    pending.accept(&browser, answer, NOW).map_err(|error| error.to_string()).unwrap()
}

const REDIRECT_URI: &str = "https://broker.example/callback/notes";
