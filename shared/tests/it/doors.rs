//! Every way by which a URL of somebody else's makes us send a request, and what stands there.

mod limits;
mod private;
mod reflection;
mod spellings;
mod trap;
mod world;

use crate::support::server::{Server, json};
use broker::http::{Addresses, Http, Names, Reach};
use spellings::INWARD;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use trap::Trap;
use world::{DOORS, Door, World};

/// An error and all that caused it, in words.
fn told(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

/// Names of which each leads to the addresses of its turn, and at last to those of the last one.
#[derive(Clone, Debug)]
struct Turns {
    turns: Arc<Vec<Vec<IpAddr>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Turns {
    fn new(turns: &[&[&str]]) -> Self {
        let addresses = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let turns = Arc::new(turns.iter().map(addresses).collect());
        Self { turns, asked: Arc::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Names for Turns {
    fn addresses(&self, name: &str) -> Addresses {
        let mut asked = self.asked.lock().unwrap();
        let turn = asked.len().min(self.turns.len() - 1);
        asked.push(name.to_owned());
        let addresses = self.turns[turn].clone();
        Box::pin(async { Ok(addresses) })
    }
}

/// Those at which the URL is asked first, and no more once it is in trouble.
const DIRECT: [Door; 7] = [
    Door::Endpoint,
    Door::Registration,
    Door::Exchange,
    Door::Refresh,
    Door::Revocation,
    Door::Management,
    Door::Provider,
];

/// What can be said of a request that was not sent, and of none that was.
const REFUSALS: [&str; 8] = [
    "the request was not sent",
    // Those that never became a URL to be requested.
    "not an https URL",
    "an issuer is an https URL",
    "leads to another origin",
    // An authorization server without the endpoint that it must have, or may have.
    "takes no registrations from programs",
    // A target whose token endpoint may not be asked.
    "do not fit together",
    // A provider's metadata in which a URL is none.
    "the server's answer is not the expected JSON",
    "the identity token was rejected",
];

#[tokio::test]
async fn p1_no_spelling_of_an_inward_address_is_dialled_at_any_door() {
    let (world, trap) = (World::new().await, Trap::set());
    let names = Turns::new(&[&["127.0.0.1", "::1", "169.254.169.254"]]);
    let public = Http::resolving(Reach::Public, names.clone());
    let development = Http::resolving(Reach::Loopback, names.clone());
    assert!(INWARD.len() >= 100);
    for spelled in INWARD {
        let url = format!("https://{spelled}:{}/token", trap.port);
        for door in DOORS {
            // In public nothing on this machine is asked, also not who names the URL.
            for http in [&development, &public] {
                let error = world.knock(door, &url, http).await.expect_err(&url);
                let told = told(&*error);
                let refused = REFUSALS.iter().any(|refusal| told.contains(refusal));
                assert!(refused, "{door:?} {url:?}: {told}");
                assert!(!told.contains("cannot be reached"), "{door:?} {url:?}: {told}");
            }
        }
        assert_eq!(trap.connections(), 0, "{url:?}");
    }
    assert!(names.asked().iter().any(|name| name == "localhost"), "names are looked up");
    assert!(!names.asked().iter().any(|name| name.ends_with("0.0.1")), "addresses are not");
}

/// What the test above stands on: each door leads to where it is said to lead.
#[tokio::test]
async fn p1_every_door_is_one() {
    for door in DOORS {
        let (world, server) = (World::new().await, Server::start(async |_| json(200, "{}")).await);
        let http = Http::new(Reach::Loopback);
        let url = format!("{}/token", server.url);
        let _ = world.knock(door, &url, &http).await;
        // A challenge leads to its own server only.
        let open = door != Door::ChallengeElsewhere;
        assert_eq!(!server.asked().is_empty(), open, "{door:?}");
        // Nobody is asked to compress, nor shown what another gave us.
        for asked in server.asked() {
            for header in ["accept-encoding", "te", "cookie", "referer"] {
                assert_eq!(asked.header(header), None, "{door:?}: {header}");
            }
        }
    }
}

#[tokio::test]
async fn p1_a_name_is_resolved_once_and_dialled_where_it_led_then() {
    for door in DIRECT {
        let (world, server) = (World::new().await, Server::start(async |_| json(503, "{}")).await);
        let port = server.url.rsplit_once(':').unwrap().1;
        // The second answer is a trap, if anybody asks for it.
        let names = Turns::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
        let http = Http::resolving(Reach::Loopback, names.clone());
        let _ = world.knock(door, &format!("http://localhost:{port}/token"), &http).await;
        assert_eq!(server.asked().len(), 1, "{door:?}");
        assert_eq!(names.asked(), ["localhost"], "{door:?}");
    }
}

#[tokio::test]
async fn p1_a_name_that_turns_inward_after_it_was_checked_is_not_followed() {
    let trap = Trap::set();
    for door in [
        Door::Endpoint,
        Door::Registration,
        Door::Exchange,
        Door::Refresh,
        Door::Revocation,
        Door::Management,
        Door::Provider,
    ] {
        // Nobody lives at the first address, which is a public one all the same.
        for turns in
            [&[&["3000::1"][..], &["127.0.0.1", "::1"]][..], &[&["127.0.0.1", "3000::1", "::1"]]]
        {
            let world = World::new().await;
            let names = Turns::new(turns);
            let http = Http::resolving(Reach::Public, names.clone());
            let http = http.within(Duration::from_millis(200));
            let url = format!("https://rebound.example:{}", trap.port);
            let error = world.knock(door, &url, &http).await.unwrap_err();
            assert!(!told(&*error).contains("was not sent"), "{door:?}: {}", told(&*error));
            assert_eq!(names.asked(), ["rebound.example"], "{door:?}");
            // Whoever asks again is led inward, and stops.
            let _ = world.knock(door, &url, &http).await.unwrap_err();
            assert_eq!(names.asked().len(), 2, "{door:?}");
            assert_eq!(trap.connections(), 0, "{door:?}");
        }
    }
}
