//! The authorization code flow, as a client and a browser go through it.

use crate::support::{Answer, CALLBACK, CLIENT, SECRET, TestClock, get, issuer, post, send};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use latchkey::demo::Role;
use serde_json::Value;
use std::collections::HashMap;
use url::Url;

/// A client of one demo server, and the browser that it sends there.
pub(crate) struct Flow {
    pub(crate) issuer: String,
    pub(crate) role: Role,
    pub(crate) resource: String,
    pub(crate) clock: TestClock,
}

impl Flow {
    pub(crate) async fn at(role: Role) -> Self {
        let clock = TestClock::new();
        Self {
            issuer: issuer(role, RESOURCE, &clock).await,
            role,
            resource: RESOURCE.to_owned(),
            clock,
        }
    }

    /// Asks for authorization, with changes to a request that is right.
    pub(crate) async fn ask(&self, changes: &[(&str, &str)]) -> Answer {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let mut query: HashMap<&str, &str> = HashMap::from([
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", CALLBACK),
            ("scope", "openid notes offline_access"),
            ("state", "st&te"),
            ("nonce", "n1"),
            ("resource", &self.resource),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        query.extend(changes.iter().copied());
        let page = format!("{}/authorize", self.issuer);
        get(Url::parse_with_params(&page, query).unwrap().as_str()).await
    }

    /// The browser's way through the pages, as Alice, to the client.
    pub(crate) async fn decide(&self, asked: &Answer, decision: &str) -> HashMap<String, String> {
        let page = format!("{}{}", self.issuer, asked.header("location"));
        let (cookie, _) = asked.header("set-cookie").split_once(';').unwrap();
        let mut answer = post(&page, &[("cookie", cookie)], &[("person", "alice")]).await;
        if self.role == Role::AuthorizationServer {
            assert_eq!(answer.header("location"), asked.header("location"));
            let consent = send("GET", &page, &[("cookie", cookie)], "").await;
            assert!(consent.text.contains("Alice Example"));
            assert!(consent.text.contains("&#60;known&#62;"), "names are escaped");
            answer = post(&page, &[("cookie", cookie)], &[("decision", decision)]).await;
        }
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        answer_of(&answer)
    }

    pub(crate) async fn code(&self) -> String {
        let asked = self.ask(&[]).await;
        self.decide(&asked, "allow").await.remove("code").unwrap()
    }

    pub(crate) async fn token(&self, form: &[(&str, &str)]) -> Answer {
        let basic = STANDARD.encode(format!("{CLIENT}:{}", encoded(SECRET)));
        let basic = format!("Basic {basic}");
        post(&format!("{}/token", self.issuer), &[("authorization", &basic)], form).await
    }

    pub(crate) async fn exchange(&self, code: &str, verifier: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
            ("resource", &self.resource),
        ])
        .await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub(crate) async fn connected(&self) -> Value {
        self.exchange(&self.code().await, VERIFIER).await.json()
    }
}

/// What the client finds in its redirect URI.
pub(crate) fn answer_of(answer: &Answer) -> HashMap<String, String> {
    let location = Url::parse(answer.header("location")).unwrap();
    assert!(location.as_str().starts_with(CALLBACK));
    location.query_pairs().into_owned().collect()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub(crate) fn claims(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

pub(crate) fn refresh_token(answer: &Value) -> String {
    answer["refresh_token"].as_str().unwrap().to_owned()
}

pub(crate) const RESOURCE: &str = "http://127.0.0.1:8703/mcp";
pub(crate) const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rfc-1234567890";
