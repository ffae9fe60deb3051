//! P4, P6: whom a deployment may speak to is what its operator said.

use crate::support::browser::{NOW, at, browser_keys};
use crate::support::tls::Certificate;
use crate::wiring::{self, Parts};
use crate::world::{BASE, World, location, token_keys};
use broker::clock::SystemRandom;
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::target::SecretName;
use oauth2::ClientSecret;
use std::collections::BTreeMap;

#[tokio::test]
async fn p4_a_deployment_asks_no_authorization_server_that_its_operator_left_out() {
    for (hosts, asked) in [
        (None, 1),
        (Some(""), 1),
        (Some("127.0.0.1"), 1),
        (Some("as.example,127.0.0.1"), 1),
        (Some("as.example,.corp.example"), 0),
    ] {
        let mut world = World::new().await;
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
            secrets: BTreeMap::new(),
            queue: world.queue.clone(),
            browser_keys: browser_keys(),
            token_keys: token_keys(),
            clock: at(NOW),
            random: SystemRandom,
        };
        world.callback = wiring::callback(config.unwrap(), Http::new(Reach::Loopback), parts);
        // The identity provider is at the same host, and asked whatever the list says.
        world.callback.identity.prepare(at(NOW)).await.unwrap();

        let flow = world.consent().await;
        let path = format!("/callback/notes?code=the-code&state={}", flow.state);
        let answer = world.get(&path, &[&flow.cookie, &world.signed_in("alice")]).await;

        assert_eq!(world.server.times("/token"), asked, "{hosts:?}");
        assert_eq!(location(&answer) == "/connected/notes", asked == 1, "{hosts:?}");
        assert_eq!(answer.body().contains("Tell your administrator"), asked == 0, "{hosts:?}");
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
            secrets: BTreeMap::<SecretName, ClientSecret>::new(),
            queue: world.queue.clone(),
            browser_keys: browser_keys(),
            token_keys: token_keys(),
            clock: at(NOW),
            random: SystemRandom,
        };
        let function = wiring::callback(config.unwrap(), Http::new(Reach::Public), parts);
        let identity = function.identity.prepare(at(NOW)).await;
        let request = http::Request::get(format!("{}/token", server.url)).body(Vec::new());
        let answer = function.http.send(request.unwrap()).await;
        assert_eq!((identity.is_ok(), answer.is_ok()), (reached, reached), "{private:?}");
        assert_eq!(server.times("/token"), usize::from(reached), "{private:?}");
    }
}
