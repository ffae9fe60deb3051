//! P5: what was fetched is not what is shown.

use super::world::{DOORS, World, challenged, clock, discovered, registrar, us};
use crate::support::server::{Server, json};
use axum::body::Body;
use broker::discovery::DiscoveryError;
use broker::http::{Http, Reach};
use broker::registration::{Applicant, RegistrationError, register};
use http::Response;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt;
use std::iter::successors;

/// What nobody who reads an error may find in it.
const BODY: &str = "IN-THE-BODY";
/// Ends a line, clears a terminal, turns writing around, and goes on for long.
const HOSTILE: &str = "x\r\nlevel=info outcome=connected\u{1b}[2J\u{7}\u{202e}\u{9b}\u{0}\u{2028}";

fn hostile() -> String {
    format!("{HOSTILE}{}{BODY}", "y".repeat(10_000))
}

/// `lines` are those that we make ourselves.
#[track_caller]
fn harmless<E: Error + 'static>(error: &E, lines: usize) {
    let causes = successors(Some(error as &(dyn Error + 'static)), |cause| (*cause).source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    for told in causes.iter().chain([&format!("{error:?}")]) {
        assert!(!told.contains(BODY), "{told}");
        assert!(told.chars().all(|c| c == '\n' || c == ' ' || c.is_ascii_graphic()), "{told:?}");
        assert!(told.lines().count() <= lines, "{told:?}");
        assert!(told.len() < 5_000, "{} characters", told.len());
    }
}

async fn says(status: u16, headers: &'static [(&str, &str)], body: Vec<u8>) -> Server {
    Server::start(move |_| {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let answer = answer.body(Body::from(body.clone())).unwrap();
        async { answer }
    })
    .await
}

#[tokio::test]
async fn p5_no_door_shows_a_page_that_it_was_given() {
    let page = format!("<html>{}</html>", hostile()).into_bytes();
    for status in [200, 201, 302, 400, 401, 403, 404, 418, 500, 503] {
        let headers = &[("content-type", "text/html"), ("www-authenticate", "Bearer IN-THE-BODY")];
        let server = says(status, headers, page.clone()).await;
        for door in DOORS {
            let (world, http) = (World::new().await, Http::new(Reach::Loopback));
            let url = format!("{}/token", server.url);
            let Err(error) = world.knock(door, &url, &http).await else { continue };
            harmless(&Known(error), 10);
        }
    }
}

#[tokio::test]
async fn p5_discovery_quotes_a_server_briefly_and_harmlessly() {
    let http = Http::new(Reach::Loopback);
    let resource = |hostile: &str| json!({ "resource": hostile, "authorization_servers": ["x"] });
    let issuers = |hostile: &str| {
        let issuers = [hostile, &format!("https://as.example/{hostile}"), "https://[::1]:1"];
        json!({ "resource": "HERE", "authorization_servers": issuers })
    };
    for document in [resource(&hostile()), issuers(&hostile())] {
        let error = published(&http, document).await.unwrap_err();
        harmless(&error, 12);
    }
    for member in [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "registration_endpoint",
        "revocation_endpoint",
        "code_challenge_methods_supported",
        "scopes_supported",
    ] {
        for value in [json!(hostile()), json!([hostile()]), json!({ hostile(): hostile() })] {
            match metadata(&http, member, value).await {
                Err(error) => harmless(&error, 12),
                // A scope is the server's own word, and no error.
                Ok(()) => assert_eq!(member, "scopes_supported"),
            }
        }
    }
    let elsewhere = format!("https://{}/x", hostile());
    let server = Server::start(async |_| json(404, "{}")).await;
    let here = format!("{}/mcp", server.url).parse().unwrap();
    harmless(&challenged(&http, &here, &elsewhere).await.unwrap_err(), 12);
}

#[tokio::test]
async fn p5_registration_quotes_a_server_briefly_and_harmlessly() {
    let (http, us) = (Http::new(Reach::Loopback), Applicant { document: None, ..us() });
    for (status, body) in [
        (400, json!({ "error": hostile(), "error_description": hostile() })),
        (400, json!({ "error": "invalid_redirect_uri", "x": BODY })),
        (403, json!({ "error": { "message": BODY }, "error_description": [BODY] })),
        (400, json!(BODY)),
        (201, json!({ "client_id": 7, "x": BODY })),
        (201, json!({ "client_id": "", "x": BODY })),
        (201, json!({ "client_id": "c", "redirect_uris": [hostile()] })),
        (201, json!({ "client_id": "c", "token_endpoint_auth_method": hostile() })),
        (201, json!({ "client_id": "c", "token_endpoint_auth_method": "client_secret_basic" })),
        (503, json!({ "error": BODY })),
        (302, json!({ "error": hostile() })),
    ] {
        let server = says(status, &[], body.to_string().into_bytes()).await;
        let registrar = registrar(format!("{}/register", server.url).parse().unwrap());
        let error: RegistrationError =
            register(&http, &registrar, &us, None, clock()).await.unwrap_err();
        harmless(&error, 1);
    }
}

/// What becomes of protected resource metadata in which `HERE` is the MCP server's own address.
async fn published(http: &Http, document: Value) -> Result<(), DiscoveryError> {
    let server = Server::start(move |asked| {
        let here = format!("http://{}/mcp", asked.header("host").unwrap());
        let document = document.to_string().replace("HERE", &here);
        let status = if asked.path == "/mcp" { 401 } else { 200 };
        async move { json(status, &document) }
    })
    .await;
    discovered(http, &format!("{}/mcp", server.url).parse().unwrap()).await.map(|_| ())
}

/// What becomes of an authorization server's metadata with `value` in place of `member`.
async fn metadata(http: &Http, member: &'static str, value: Value) -> Result<(), DiscoveryError> {
    let server = Server::start(move |asked| {
        let here = format!("http://{}", asked.header("host").unwrap());
        let mut document = json!({
            "issuer": here,
            "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token",
            "code_challenge_methods_supported": ["S256"],
        });
        document[member] = value.clone();
        if asked.path.contains("protected-resource") {
            document = json!({ "resource": here, "authorization_servers": [here] });
        }
        let status = if asked.path == "/mcp" { 401 } else { 200 };
        async move { json(status, &document) }
    })
    .await;
    discovered(http, &format!("{}/mcp", server.url).parse().unwrap()).await.map(|_| ())
}

/// An error of whichever door.
struct Known(Box<dyn Error>);

impl Error for Known {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
