//! P2, P4: redirects, and an operator's list.

use super::told;
use super::world::{DOORS, Door, World, inquiry};
use crate::support::server::{Asked, Server, json as answer};
use axum::body::Body;
use broker::discovery::Inquiry;
use broker::discovery::www_authenticate::WwwAuthenticate;
use broker::http::{Http, Reach};
use broker::target::Endpoint;
use http::Response;
use serde_json::json;

#[tokio::test]
async fn p2_no_door_leads_to_where_a_redirect_says() {
    for status in [301, 302, 303, 307, 308] {
        for door in DOORS {
            let world = World::new().await;
            let elsewhere = Server::start(async |_| answer(200, "{}")).await;
            let location = format!("{}/token", elsewhere.url);
            let server = Server::start(move |_| {
                let answer = Response::builder().status(status).header("location", &location);
                // What it says besides is not listened to.
                let body = r#"{"error":"invalid_grant","client_id":"c","id_token":"x"}"#;
                let answer = answer.body(Body::from(body)).unwrap();
                async { answer }
            })
            .await;
            let http = Http::new(Reach::Loopback);
            let error = world.knock(door, &format!("{}/token", server.url), &http).await;
            let told = told(&*error.unwrap_err());
            // Not a port that has these digits.
            let heard = told.contains(&format!(" {status}")) || told.contains("has moved");
            assert_eq!(heard, door != Door::ChallengeElsewhere, "{status} {door:?}: {told}");
            assert_eq!(server.asked().is_empty(), door == Door::ChallengeElsewhere, "{door:?}");
            assert!(elsewhere.asked().is_empty(), "{status} {door:?}");
        }
    }
}

#[tokio::test]
async fn p4_no_door_leads_to_a_host_that_the_operator_left_out() {
    for door in DOORS {
        let server = Server::start(async |_| answer(200, "{}")).await;
        let port = server.url.rsplit_once(':').unwrap().1;
        // The servers that name the URL are at the host that the list holds.
        let url = format!("http://localhost:{port}/token");
        for (hosts, admitted) in [("127.0.0.1", false), ("127.0.0.1,localhost", true)] {
            let world = World::new().await;
            let http = Http::new(Reach::Loopback).only(hosts.parse().unwrap());
            let end = world.knock(door, &url, &http).await;
            let error = end.map_err(|error| told(&*error)).err().unwrap_or_default();
            let asked = admitted && door != Door::ChallengeElsewhere;
            assert_eq!(!server.asked().is_empty(), asked, "{door:?}: {error}");
            // A target that cannot be asked is an operator's matter, not one of trying again.
            let said = match door {
                Door::TokenEndpoint | Door::Exchange | Door::Refresh => "do not fit together",
                _ => "OUTBOUND_HOSTS",
            };
            assert_eq!(
                error.contains(said),
                !admitted && door != Door::ChallengeElsewhere,
                "{door:?}: {error}"
            );
        }
    }
}

/// The list narrows; it opens nothing.
#[tokio::test]
async fn p4_an_inward_address_on_the_list_is_inward_all_the_same() {
    let server = Server::start(async |_| answer(200, "{}")).await;
    let port = server.url.rsplit_once(':').unwrap().1;
    let hosts = "127.0.0.1,localhost,[::1],169.254.169.254,.internal";
    let http = Http::new(Reach::Public).only(hosts.parse().unwrap());
    for host in ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"] {
        for url in [format!("https://{host}:{port}/"), format!("http://{host}:{port}/")] {
            let request = http::Request::get(&url).body(Vec::new()).unwrap();
            let error = http.send(request).await.unwrap_err();
            assert!(error.to_string().contains("was not sent"), "{url}: {error}");
        }
    }
    assert!(server.asked().is_empty());
}

/// What was not asked for may well be there: an operator's word stands in for what is not published,
/// and for nothing else.
#[tokio::test]
async fn p4_what_was_not_asked_for_is_not_taken_for_absent() {
    let server = Server::start(async |asked: Asked| {
        let url = format!("http://{}", asked.header("host").unwrap());
        let metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "code_challenge_methods_supported": ["S256"],
        });
        let there = asked.path == "/.well-known/oauth-authorization-server";
        answer(if there { 200 } else { 404 }, &metadata)
    })
    .await;
    let port = server.url.rsplit_once(':').unwrap().1;
    let endpoint: Endpoint = format!("{}/mcp", server.url).parse().unwrap();
    let issuer = format!("http://localhost:{port}");
    for (hosts, found) in [("localhost,127.0.0.1", true), ("localhost", false)] {
        let http = Http::new(Reach::Loopback).only(hosts.parse().unwrap());
        let asks = Inquiry { issuer: Some(&issuer), ..inquiry(&http, &endpoint) };
        assert_eq!(asks.resolve(&WwwAuthenticate::default()).await.is_ok(), found, "{hosts}");
    }
}
