//! P4: whom a deployment may speak to is what its operator said.

use crate::support::browser::{NOW, at, browser_keys};
use crate::wiring::{self, Parts};
use crate::world::{BASE, World, location, token_keys};
use broker::clock::SystemRandom;
use broker::config::Config;
use broker::http::{Http, Reach};
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
