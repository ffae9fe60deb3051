//! P4: whom a deployment may speak to is what its operator said.

use crate::support::browser::{NOW, at, browser_keys};
use crate::wiring::{self, Parts};
use crate::world::{BASE, World, token_keys};
use broker::clock::SystemRandom;
use broker::config::Config;
use broker::http::{Http, Reach};
use std::collections::BTreeMap;

#[tokio::test]
async fn p4_no_token_goes_to_an_authorization_server_that_the_operator_left_out() {
    for (hosts, given_back) in [
        (None, 2),
        (Some(""), 2),
        (Some("as.example,127.0.0.1"), 2),
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
            browser_keys: browser_keys(),
            token_keys: token_keys(),
            clock: at(NOW),
            random: SystemRandom,
        };
        world.function = wiring::connections(config.unwrap(), Http::new(Reach::Loopback), parts);
        // The identity provider is at the same host, and asked whatever the list says.
        world.function.identity.prepare(at(NOW)).await.unwrap();

        world.press(&world.signed_in("alice")).await;

        assert_eq!(world.server.times("/revoke"), given_back, "{hosts:?}");
        assert!(!world.is_connected("alice").await, "{hosts:?}");
    }
}
