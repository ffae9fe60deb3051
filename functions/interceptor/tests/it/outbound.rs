//! P4, P6: whom a deployment may speak to is what its operator said.

use crate::support::server::{Server, json as answer};
use crate::support::tls::Certificate;
use crate::wiring::{self, Parts};
use crate::world::{BASE, NOW, World, at, forwarded, keys, said};
use broker::config::Config;
use broker::http::{Http, Reach};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn p4_a_deployment_asks_no_authorization_server_that_its_operator_left_out() {
    for (hosts, asked) in [
        (None, 1),
        (Some(""), 1),
        (Some("127.0.0.1"), 1),
        (Some("as.example,127.0.0.1"), 1),
        (Some("as.example,.corp.example"), 0),
    ] {
        let server = Server::start(async |_| {
            answer(200, &json!({ "access_token": "gho_new", "token_type": "Bearer" }))
        })
        .await;
        let mut world = World::at_authorization_server(&server.url).await;
        world.connect("alice", &world.target("github").await, 0).await;
        let config = Config::read(|name| match name {
            "BASE_URL" => Some(BASE.to_owned()),
            "IDP_ISSUER" => Some(world.idp.issuer().to_owned()),
            "IDP_CLIENT_ID" => Some("latchkey".to_owned()),
            "IDP_AUDIENCES" => Some("gateway".to_owned()),
            "OUTBOUND_HOSTS" => hosts.map(str::to_owned),
            _ => None,
        });
        let parts = Parts {
            store: world.store.clone(),
            secrets: world.interceptor.secrets.clone(),
            clock: world.interceptor.clock.clone(),
            early: Duration::ZERO,
        };
        let http = Http::new(Reach::Loopback);
        world.interceptor =
            wiring::interceptor(config.unwrap(), http, parts, keys()).await.unwrap();

        // The identity provider is at the same host, and asked whatever the list says: who does not
        // prove who they are is told something else.
        let output = world.alice_calls().await;
        assert_eq!(server.times("/token"), asked, "{hosts:?}");
        match forwarded(&output) {
            Some(token) => assert_eq!((token, asked), ("Bearer gho_new", 1)),
            None => assert!(said(&output).contains("administrator"), "{hosts:?}: {output}"),
        }
    }
}

#[tokio::test]
async fn p6_a_companys_own_servers_are_reached_where_the_operator_says_that_they_are() {
    let (world, certificate) = (World::new().await, Certificate::of(&["localhost"]));
    let roots = certificate.file();
    for (private, roots, reached) in [
        (Some("localhost"), Some(&roots), true),
        (Some("mcp.corp.example"), Some(&roots), false),
        (None, Some(&roots), false),
        (Some("localhost"), None, false),
    ] {
        let server = certificate.provider().await;
        let config = Config::read(|name| match name {
            "BASE_URL" => Some(BASE.to_owned()),
            "IDP_ISSUER" => Some(server.url.clone()),
            "IDP_CLIENT_ID" => Some("latchkey".to_owned()),
            "IDP_AUDIENCES" => Some("gateway".to_owned()),
            // Who is inside need not be named twice.
            "OUTBOUND_HOSTS" => Some("as.example".to_owned()),
            "OUTBOUND_PRIVATE_HOSTS" => private.map(str::to_owned),
            "OUTBOUND_ROOTS" => roots.cloned(),
            _ => None,
        });
        let parts = Parts {
            store: world.store.clone(),
            secrets: world.interceptor.secrets.clone(),
            clock: world.interceptor.clock.clone(),
            early: Duration::ZERO,
        };
        let http = Http::new(Reach::Public);
        let function = wiring::interceptor(config.unwrap(), http, parts, keys()).await.unwrap();
        let identity = function.identity.prepare(at(NOW)).await;
        let request = http::Request::get(format!("{}/token", server.url)).body(Vec::new());
        let answer = function.http.send(request.unwrap()).await;
        assert_eq!((identity.is_ok(), answer.is_ok()), (reached, reached), "{private:?}");
        assert_eq!(server.times("/token"), usize::from(reached), "{private:?}");
    }
}
