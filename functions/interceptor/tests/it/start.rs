//! What is had before the first call.

use crate::support::server::Server;
use crate::wiring::{self, Keys, Parts};
use crate::world::{
    BASE, Secrets, World, browser_keys, forwarded, keys, says_try_again, token_keys,
};
use broker::clock::{NoRandomness, Random};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::identity::{IdentitySettings, SealedPublished};
use broker::seal::Owner;
use broker::store::PublishedStore;
use std::future::pending;
use std::time::Duration;
use tokio::time::{Instant, timeout};

impl World {
    /// Starts its interceptor anew, as a deployment with the identity provider `issuer` does.
    async fn start<E>(
        &mut self,
        issuer: &str,
        keys: impl Future<Output = Result<Keys, E>>,
    ) -> Result<(), E> {
        let IdentitySettings { client_id, audiences, .. } = self.idp.settings();
        let config = Config::read(|name| match name {
            "BASE_URL" => Some(BASE.to_owned()),
            "IDP_ISSUER" => Some(issuer.to_owned()),
            "IDP_CLIENT_ID" => Some(client_id.clone()),
            "IDP_AUDIENCES" => Some(audiences.join(",")),
            _ => None,
        });
        let parts = Parts {
            store: self.store.clone(),
            secrets: Secrets::new(),
            clock: self.interceptor.clock.clone(),
            early: EARLY,
        };
        let http = Http::new(Reach::Loopback);
        self.interceptor = wiring::interceptor(config.unwrap(), http, parts, keys).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_first_call_asks_for_nothing_but_the_connection() {
    let mut world = World::new().await;
    world.connect("alice", &world.target("github").await, 3600).await;
    let (issuer, asked) = (world.idp.issuer().to_owned(), world.idp.server.asked().len());
    world.start(&issuer, keys()).await.unwrap();
    // The metadata and the keys.
    assert_eq!(world.idp.server.asked().len(), asked + 2);
    assert_eq!(world.store.calls(), ["find_published", "targets", "put_published"]);

    assert!(forwarded(&world.alice_calls().await).is_some());
    assert_eq!(world.idp.server.asked().len(), asked + 2);
    assert!(!world.store.calls().contains(&"targets"));
}

/// Whoever asks second may have to wait for a name.
#[tokio::test]
async fn the_keys_are_asked_for_before_anything_else() {
    let mut world = World::new().await;
    let (issuer, store) = (world.idp.issuer().to_owned(), world.store.clone());
    let first = async {
        assert_eq!(store.calls(), [] as [&str; 0]);
        keys().await
    };
    world.start(&issuer, first).await.unwrap();
    assert_eq!(world.store.calls(), ["find_published", "targets", "put_published"]);
}

#[tokio::test]
async fn whoever_starts_later_asks_the_identity_provider_nothing() {
    let mut world = World::new().await;
    world.connect("alice", &world.target("github").await, 3600).await;
    let issuer = world.idp.issuer().to_owned();
    world.start(&issuer, keys()).await.unwrap();
    let asked = world.idp.server.asked().len();
    world.store.calls();

    world.start(&issuer, keys()).await.unwrap();
    assert_eq!(world.store.calls(), ["find_published", "targets"]);
    assert!(forwarded(&world.alice_calls().await).is_some());
    assert_eq!(world.idp.server.asked().len(), asked);
}

/// Who serves pages has the ring for browsers, and must not say whose signatures count.
#[tokio::test]
async fn u4_what_the_identity_provider_publishes_is_sealed_with_the_ring_of_tokens() {
    let mut world = World::new().await;
    let issuer = world.idp.issuer().to_owned();
    world.start(&issuer, keys()).await.unwrap();
    let found = world.store.find_published(&issuer).await.unwrap().unwrap();
    let owner = Owner::new("published", &[&issuer]);
    assert!(token_keys().open(&owner, &found.sealed).is_ok());
    assert!(browser_keys().open(&owner, &found.sealed).is_err());
}

#[tokio::test]
async fn a_store_that_does_not_say_what_is_published_keeps_nobody_from_asking() {
    let mut world = World::new().await;
    world.connect("alice", &world.target("github").await, 3600).await;
    world.store.breaks("find_published");
    let (issuer, asked) = (world.idp.issuer().to_owned(), world.idp.server.times("/keys"));
    world.start(&issuer, keys()).await.unwrap();
    assert_eq!(world.idp.server.times("/keys"), asked + 1);
    assert_eq!(world.store.calls(), ["find_published", "targets", "put_published"]);
}

/// One who will not believe it must not wait for a call to ask.
#[tokio::test]
async fn what_is_nearly_an_hour_old_is_asked_for_before_the_first_call() {
    for (age, asks) in [(3600 - 61, 0), (3600 - 60, 1), (3600 - 1, 1)] {
        let mut world = World::new().await;
        world.connect("alice", &world.target("github").await, 3600).await;
        let issuer = world.idp.issuer().to_owned();
        world.start(&issuer, keys()).await.unwrap();
        let found = world.store.find_published(&issuer).await.unwrap().unwrap();
        let read_at = found.read_at - Duration::from_secs(age);
        let aged = SealedPublished { read_at, ..found };
        world.store.put_published(&issuer, &aged).await.unwrap();
        let asked = world.idp.server.times("/keys");
        world.start(&issuer, keys()).await.unwrap();
        assert_eq!(world.idp.server.times("/keys"), asked + asks, "{age}");
    }
}

#[test]
fn instances_ask_again_minutes_apart_and_without_randomness_at_the_end_of_the_hour() {
    let early = [Some(0), Some(1), Some(255), None].map(|byte| wiring::early(&Fixed(byte)));
    assert_eq!(early.map(|early| early.as_secs()), [0, 1, 255, 0]);
}

struct Fixed(Option<u8>);

impl Random for Fixed {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        bytes.fill(self.0.ok_or(NoRandomness)?);
        Ok(())
    }
}

/// None waits for another: the keys come when all else is there.
#[tokio::test]
async fn what_can_be_had_before_the_first_call_is_asked_for_at_once() {
    let mut world = World::new().await;
    let (issuer, asked) = (world.idp.issuer().to_owned(), world.idp.server.times("/keys"));
    let (store, idp) = (world.store.clone(), world.idp.server.clone());
    let last = async {
        while idp.times("/keys") == asked || !store.calls().contains(&"targets") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        keys().await
    };
    timeout(Duration::from_secs(4), world.start(&issuer, last)).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_cannot_be_had_before_the_first_call_is_no_reason_not_to_start() {
    let mut world = World::new().await;
    world.connect("alice", &world.target("github").await, 3600).await;
    world.store.breaks("targets once");
    world.store.breaks("targets once");
    world.idp.tell(|says| says.down = true);
    let issuer = world.idp.issuer().to_owned();
    world.start(&issuer, keys()).await.unwrap();
    says_try_again(&world.alice_calls().await);

    world.idp.tell(|says| says.down = false);
    assert!(forwarded(&world.alice_calls().await).is_some());
}

#[tokio::test]
async fn who_does_not_answer_before_the_first_call_is_not_waited_for() {
    let silent = Server::start(async |_| pending().await).await;
    let mut world = World::new().await;
    tokio::time::pause();
    let then = Instant::now();
    world.start(&silent.url, keys()).await.unwrap();
    assert!(then.elapsed() <= Duration::from_secs(5));
}

#[tokio::test]
async fn without_keys_nothing_starts_and_nothing_is_waited_for() {
    let silent = Server::start(async |_| pending().await).await;
    let mut world = World::new().await;
    tokio::time::pause();
    let then = Instant::now();
    let error = world.start(&silent.url, async { Err("no keys") }).await;
    assert_eq!(error, Err("no keys"));
    assert_eq!(then.elapsed(), Duration::ZERO);
}

const EARLY: Duration = Duration::from_mins(1);
