//! Discovery over real sockets: what is asked, in which order, and what is believed.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "it/support/server.rs"]
#[expect(dead_code, reason = "other tests ask for more")]
mod server;
#[path = "discovery/trouble.rs"]
mod trouble;

use axum::body::Body;
use broker::discovery::attempt::{Outcome, Rejection};
use broker::discovery::resource::{Identity, Place};
use broker::discovery::www_authenticate::WwwAuthenticate;
use broker::discovery::{Discovery, DiscoveryError, Finding, Inquiry, Problem};
use broker::http::{Http, Reach};
use broker::target::Endpoint;
use http::Response;
use serde_json::{Value, json};
use server::{Asked, Server, json as answer};

const AT_PATH: &str = "/.well-known/oauth-protected-resource/mcp";
const AT_ROOT: &str = "/.well-known/oauth-protected-resource";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OIDC: &str = "/.well-known/openid-configuration";

/// A server that is both MCP server and authorization server. `page` makes the document of a path
/// from the server's own address; the endpoint refuses with `challenge`, in which `{}` is that
/// address.
async fn world(
    challenge: &'static str,
    page: impl Fn(&str, &str) -> Option<Value> + Clone + Send + Sync + 'static,
) -> Server {
    Server::start(move |asked: Asked| {
        let page = page.clone();
        async move {
            let url = format!("http://{}", asked.header("host").unwrap());
            if asked.path == "/mcp" {
                let refusal = Response::builder().status(401);
                let challenge = challenge.replace("{}", &url);
                return refusal.header("www-authenticate", challenge).body(Body::empty()).unwrap();
            }
            page(&asked.path, &url).map_or_else(|| answer(404, "{}"), |body| answer(200, &body))
        }
    })
    .await
}

fn about(resource: &str, issuers: &[String]) -> Value {
    json!({ "resource": resource, "authorization_servers": issuers, "scopes_supported": ["r", "w"] })
}

fn issuer(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": "https://as.example/authorize",
        "token_endpoint": "https://as.example/token",
        "registration_endpoint": "https://as.example/register",
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["r", "offline_access"],
        "authorization_response_iss_parameter_supported": true,
    })
}

/// Metadata at the path and at the origin's RFC 8414 address.
fn usual(path: &str, url: &str) -> Option<Value> {
    match path {
        AT_PATH => Some(about(&format!("{url}/mcp"), &[url.to_owned()])),
        OAUTH => Some(issuer(url)),
        _ => None,
    }
}

struct Wish<'a> {
    issuer: Option<&'a str>,
    strict: bool,
}

const ANY: Wish<'_> = Wish { issuer: None, strict: false };

async fn found(at: &Server, wish: &Wish<'_>) -> Result<Finding, DiscoveryError> {
    let endpoint: Endpoint = format!("{}/mcp", at.url).parse().unwrap();
    let http = Http::new(Reach::Loopback);
    let Wish { issuer, strict } = *wish;
    Inquiry { http: &http, endpoint: &endpoint, issuer, strict }.discover().await
}

async fn discovered(at: &Server, wish: &Wish<'_>) -> Discovery {
    match found(at, wish).await.unwrap() {
        Finding::NeedsToken(discovery) => *discovery,
        Finding::NeedsNoToken => panic!("needs no token"),
    }
}

async fn failed(at: &Server, wish: &Wish<'_>) -> DiscoveryError {
    found(at, wish).await.unwrap_err()
}

fn paths(at: &Server) -> Vec<String> {
    at.asked().into_iter().map(|asked| asked.path).collect()
}

#[tokio::test]
async fn everything_that_a_target_needs() {
    let at = world("Bearer", usual).await;
    let discovery = discovered(&at, &ANY).await;
    assert_eq!(discovery.resource.as_str(), format!("{}/mcp", at.url));
    assert_eq!(discovery.published, Some((Place::Path, Identity::Exact)));
    let metadata = &discovery.metadata;
    assert_eq!(metadata.server.issuer, at.url);
    assert_eq!(metadata.server.token_endpoint.as_str(), "https://as.example/token");
    assert!(metadata.server.authorization_response_iss_parameter_supported);
    assert!(metadata.registration_endpoint.is_some());
    assert_eq!(discovery.scopes, ["r", "w", "offline_access"]);
    assert_eq!(paths(&at), ["/mcp", AT_PATH, OAUTH]);
    let told: Vec<String> = discovery.tried.iter().map(ToString::to_string).collect();
    assert!(told[0].ends_with("/mcp: wants a token (401 Unauthorized)"), "{told:?}");
    assert!(told[1].ends_with("/oauth-protected-resource/mcp: is used"), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn d2_the_challenge_is_followed_first_and_then_nobody_else_is_asked() {
    let at = world("Bearer resource_metadata=\"{}/meta\", scope=\"c\"", |path, url| match path {
        "/meta" => Some(about(&format!("{url}/mcp"), &[url.to_owned()])),
        OAUTH => Some(issuer(url)),
        _ => None,
    })
    .await;
    let discovery = discovered(&at, &ANY).await;
    assert_eq!(discovery.published, Some((Place::Challenge, Identity::Exact)));
    assert_eq!(discovery.scopes, ["c", "offline_access"]);
    assert_eq!(paths(&at), ["/mcp", "/meta", OAUTH]);
}

#[tokio::test]
async fn d2_then_the_path_and_then_the_root() {
    let at = world("Bearer resource_metadata=\"{}/gone\"", |path, url| match path {
        AT_ROOT => Some(about(url, &[url.to_owned()])),
        OAUTH => Some(issuer(url)),
        _ => None,
    })
    .await;
    let discovery = discovered(&at, &ANY).await;
    assert_eq!(discovery.published, Some((Place::Root, Identity::Exact)));
    assert_eq!(discovery.resource.as_str(), at.url, "without a slash that nobody published");
    assert_eq!(paths(&at), ["/mcp", "/gone", AT_PATH, AT_ROOT, OAUTH]);
}

#[tokio::test]
async fn d3_metadata_about_another_resource_leads_to_no_authorization_server() {
    let at = world("Bearer", |path, url| match path {
        AT_PATH => Some(about("https://evil.example/mcp", &[url.to_owned()])),
        AT_ROOT => Some(about(&format!("{url}/m"), &[url.to_owned()])),
        _ => usual(path, url),
    })
    .await;
    let url = at.url.clone();
    for issuer in [None, Some(&*url)] {
        let error = failed(&at, &Wish { issuer, strict: false }).await;
        assert!(matches!(error.problem, Problem::NoResourceMetadata), "{error}");
        assert!(error.to_string().contains("it is about https://evil.example/mcp"), "{error}");
    }
    assert_eq!(at.times(OAUTH), 0);
}

#[tokio::test]
async fn d3_an_enclosing_resource_is_taken_unless_strict() {
    let at = world("Bearer", |path, url| match path {
        AT_PATH => Some(about(&format!("{url}/"), &[url.to_owned()])),
        _ => usual(path, url),
    })
    .await;
    let discovery = discovered(&at, &ANY).await;
    assert_eq!(discovery.published, Some((Place::Path, Identity::Prefix)));
    assert_eq!(discovery.resource.as_str(), format!("{}/", at.url));
    let error = failed(&at, &Wish { strict: true, ..ANY }).await;
    assert!(error.to_string().contains("`strict` is on"), "{error}");
}

#[tokio::test]
async fn d4_a_challenge_sends_us_to_no_other_server() {
    let elsewhere = Server::start(async |_| answer(200, "{}")).await;
    let at = world("Bearer", usual).await;
    let endpoint = format!("{}/mcp", at.url).parse().unwrap();
    let http = Http::new(Reach::Loopback);
    let inquiry = Inquiry { http: &http, endpoint: &endpoint, issuer: None, strict: false };
    let resource_metadata = Some(format!("{}/meta", elsewhere.url));
    let refusal = WwwAuthenticate { resource_metadata, ..WwwAuthenticate::default() };
    let discovery = inquiry.resolve(&refusal).await.unwrap();
    assert_eq!(discovery.published, Some((Place::Path, Identity::Exact)));
    let first = &discovery.tried[0];
    assert!(matches!(first.outcome, Outcome::Rejected(Rejection::AnotherOrigin)), "{first}");
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn d5_the_wanted_issuer_if_it_is_listed_or_else_the_first_that_is_valid() {
    let at = world("Bearer", |path, url| match path {
        AT_PATH => {
            let issuers = ["/none", "/1", "/2"].map(|path| format!("{url}{path}"));
            Some(about(&format!("{url}/mcp"), &issuers))
        }
        "/.well-known/oauth-authorization-server/1" => Some(issuer(&format!("{url}/1"))),
        "/.well-known/oauth-authorization-server/2" => Some(issuer(&format!("{url}/2"))),
        "/.well-known/oauth-authorization-server" => Some(issuer(url)),
        _ => None,
    })
    .await;
    let (first, second, none) =
        (format!("{}/1", at.url), format!("{}/2", at.url), format!("{}/none", at.url));
    for (wanted, expected) in
        [(None, &first), (Some(&second), &second), (Some(&at.url), &first), (Some(&first), &first)]
    {
        let wish = Wish { issuer: wanted.map(String::as_str), strict: false };
        assert_eq!(&discovered(&at, &wish).await.metadata.server.issuer, expected);
    }
    // The one that is wanted is not replaced by another that is in better health.
    let error = failed(&at, &Wish { issuer: Some(&none), strict: false }).await;
    assert!(matches!(error.problem, Problem::NoAuthorizationServer), "{error}");
}

#[tokio::test]
async fn d5_a_long_list_of_issuers_is_not_walked_to_its_end() {
    let at = world("Bearer", |path, url| match path {
        AT_PATH => {
            let issuers: Vec<_> = (0..1000).map(|n| format!("{url}/{n}")).collect();
            Some(about(&format!("{url}/mcp"), &issuers))
        }
        _ => None,
    })
    .await;
    failed(&at, &ANY).await;
    assert!(at.asked().len() < 20);
}

#[tokio::test]
async fn d6_the_addresses_of_an_issuer_are_asked_in_order() {
    const APPENDED: &str = "/t/.well-known/openid-configuration";
    const INSERTED: [&str; 2] =
        ["/.well-known/oauth-authorization-server/t", "/.well-known/openid-configuration/t"];
    let at = world("Bearer", |path, url| match path {
        AT_PATH => Some(about(&format!("{url}/mcp"), &[format!("{url}/t")])),
        APPENDED => Some(issuer(&format!("{url}/t"))),
        OAUTH | OIDC => Some(issuer(url)),
        _ => None,
    })
    .await;
    assert_eq!(discovered(&at, &ANY).await.metadata.server.issuer, format!("{}/t", at.url));
    assert_eq!(paths(&at), ["/mcp", AT_PATH, INSERTED[0], INSERTED[1], APPENDED]);

    let at = world("Bearer", |path, url| {
        if path == OIDC { Some(issuer(url)) } else { usual(path, url).filter(|_| path != OAUTH) }
    })
    .await;
    assert_eq!(discovered(&at, &ANY).await.metadata.server.issuer, at.url);
    assert_eq!(paths(&at), ["/mcp", AT_PATH, OAUTH, OIDC]);
}

#[tokio::test]
async fn d7_metadata_of_another_issuer_is_not_used() {
    let at = world("Bearer", |path, url| match path {
        OAUTH => Some(issuer("https://attacker.example")),
        OIDC => Some(issuer(&format!("{url}/"))),
        _ => usual(path, url),
    })
    .await;
    let error = failed(&at, &ANY).await;
    assert!(matches!(error.problem, Problem::NoAuthorizationServer), "{error}");
    assert!(error.to_string().contains("names the issuer https://attacker.example"), "{error}");
    assert_eq!(paths(&at), ["/mcp", AT_PATH, OAUTH, OIDC]);
}

#[tokio::test]
async fn d8_an_issuer_that_offers_no_s256_is_refused_whatever_its_other_document_says() {
    let at = world("Bearer", |path, url| match path {
        OAUTH => {
            let mut plain = issuer(url);
            plain["code_challenge_methods_supported"] = json!(["plain"]);
            Some(plain)
        }
        OIDC => Some(issuer(url)),
        _ => usual(path, url),
    })
    .await;
    let error = failed(&at, &ANY).await;
    assert!(error.to_string().contains("S256"), "{error}");
    assert_eq!(at.times(OIDC), 0);
}
