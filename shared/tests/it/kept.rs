//! What an identity provider publishes is read by one instance and believed by the others.

use crate::support::idp::Idp;
use crate::support::keys::Key;
use crate::support::store::FaultyStore;
use broker::http::{Http, Reach};
use broker::identity::{IdentityError, IdentityProvider, IdentitySettings, SealedPublished};
use broker::seal::KeyRing;
use broker::store::{PublishedStore, StoreError};
use serde_json::json;
use std::future::pending;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const NOW: u64 = 1_800_000_000;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A provider, and what its instances share.
struct World {
    idp: Idp,
    store: FaultyStore,
}

impl World {
    async fn new() -> Self {
        Self { idp: Idp::start(Key::es256("k1")).await, store: FaultyStore::default() }
    }

    /// An instance that starts at `now`, as a function does.
    async fn starts(&self, now: u64) -> IdentityProvider {
        self.starts_with(&self.idp.settings(), "a", now).await
    }

    async fn starts_with(
        &self,
        settings: &IdentitySettings,
        ring: &str,
        now: u64,
    ) -> IdentityProvider {
        let found = self.store.find_published(&settings.issuer).await.ok().flatten();
        let provider = IdentityProvider::new(settings.clone(), Http::new(Reach::Loopback));
        if !found.as_ref().is_some_and(|found| found.is_young(Duration::ZERO, at(now))) {
            let _ = provider.prepare(at(now)).await;
        }
        let ring = KeyRing::for_tokens(&json!({ "1": ring.repeat(64) }).to_string()).unwrap();
        let provider = provider.sharing(self.store.clone(), ring, Duration::ZERO);
        provider.adopt(found.as_ref(), at(now)).await;
        provider
    }

    /// How often the provider was asked for its keys.
    fn asked(&self) -> usize {
        self.idp.server.times("/keys")
    }

    async fn found(&self) -> SealedPublished {
        self.store.find_published(self.idp.issuer()).await.unwrap().unwrap()
    }

    /// Whether `provider` believes at `now` what `key` signed.
    async fn knows(
        &self,
        provider: &IdentityProvider,
        key: &Key,
        now: u64,
    ) -> Result<bool, IdentityError> {
        let claims = json!({
            "iss": self.idp.issuer(),
            "sub": "alice",
            "aud": "gateway",
            "exp": now + HOUR,
            "jti": now,
        });
        let authorization = format!("Bearer {}", key.sign(&claims));
        match provider.caller(&authorization, at(now)).await {
            Ok(_) => Ok(true),
            Err(IdentityError::Rejected(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[tokio::test]
async fn what_one_instance_was_told_the_others_believe_for_an_hour_and_do_not_ask() {
    let world = World::new().await;
    let key = &world.idp.key;
    let first = world.starts(NOW).await;
    assert!(world.knows(&first, key, NOW).await.unwrap());
    assert_eq!(world.asked(), 1);
    for now in [NOW, NOW + 1, NOW + HOUR - 1] {
        let next = world.starts(now).await;
        assert!(world.knows(&next, key, now).await.unwrap());
        assert_eq!(world.asked(), 1);
        // An hour after it was told, not after it was found.
        if now == NOW + HOUR - 1 {
            assert!(world.knows(&next, key, NOW + HOUR).await.unwrap());
            assert_eq!(world.asked(), 2);
        }
    }
    // Of those that were there before, one asked for all.
    assert!(world.knows(&first, key, NOW + HOUR + 1).await.unwrap());
    world.starts(NOW + HOUR + 1).await;
    assert_eq!(world.asked(), 2);
    world.starts(NOW + 2 * HOUR).await;
    assert_eq!(world.asked(), 3);
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_believed_for_an_hour_by_nobody_longer() {
    let world = World::new().await;
    let (old, new) = (&world.idp.key, Key::es256("k2"));
    let first = world.starts(NOW).await;
    world.idp.tell(|says| says.keys = vec![new.public()]);
    let late = world.starts(NOW + HOUR - 1).await;
    for instance in [&first, &late] {
        assert!(world.knows(instance, old, NOW + HOUR - 1).await.unwrap());
        assert!(!world.knows(instance, old, NOW + HOUR).await.unwrap());
        assert!(world.knows(instance, &new, NOW + HOUR).await.unwrap());
    }
}

/// Whoever was told of it later must not be led back by what is still kept.
#[tokio::test]
async fn a_key_that_was_taken_back_does_not_return_with_what_was_kept_before() {
    let world = World::new().await;
    let (old, new) = (&world.idp.key, Key::es256("k2"));
    let instance = world.starts(NOW).await;
    world.idp.tell(|says| says.keys = vec![new.public()]);
    world.store.breaks("put_published");
    assert!(world.knows(&instance, &new, NOW + MINUTE).await.unwrap());
    let asked = world.asked();
    assert!(!world.knows(&instance, old, NOW + 2 * MINUTE).await.unwrap());
    assert_eq!(world.asked(), asked + 1);
    assert!(world.knows(&instance, &new, NOW + 2 * MINUTE).await.unwrap());
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_asked_for_and_nothing_is_written_down() {
    let world = World::new().await;
    let instance = world.starts(NOW).await;
    world.store.calls();
    let stranger = Key::es256("k9");
    for minute in 1..4 {
        assert!(!world.knows(&instance, &stranger, NOW + minute * MINUTE).await.unwrap());
    }
    assert_eq!(world.store.calls(), ["find_published"; 3]);
    assert_eq!(world.asked(), 4);
}

#[tokio::test]
async fn one_who_is_told_of_no_keys_tells_nobody() {
    let world = World::new().await;
    world.idp.tell(|says| says.keys = vec![json!({ "kty": "unknown" })]);
    world.starts(NOW).await;
    assert_eq!(world.store.find_published(world.idp.issuer()).await.unwrap(), None);
    let public = world.idp.key.public();
    world.idp.tell(|says| says.keys = vec![public]);
    let next = world.starts(NOW).await;
    assert!(world.knows(&next, &world.idp.key, NOW).await.unwrap());
}

#[tokio::test]
async fn an_instance_asks_again_as_much_earlier_as_it_was_told_to() {
    let world = World::new().await;
    let ring = KeyRing::for_tokens(&json!({ "1": "a".repeat(64) }).to_string()).unwrap();
    let early = Duration::from_secs(MINUTE);
    let instance = world.idp.provider().sharing(world.store.clone(), ring, early);
    for (now, asked) in [(NOW, 1), (NOW + HOUR - MINUTE - 1, 1), (NOW + HOUR - MINUTE, 2)] {
        assert!(world.knows(&instance, &world.idp.key, now).await.unwrap());
        assert_eq!(world.asked(), asked);
    }
}

#[tokio::test]
async fn who_starts_while_the_provider_is_down_does_not_ask_twice() {
    let world = World::new().await;
    world.starts(NOW).await;
    world.idp.tell(|says| says.down = true);
    let asked = world.idp.server.asked().len();
    let instance = world.starts(NOW + 2 * HOUR).await;
    assert!(world.knows(&instance, &world.idp.key, NOW + 2 * HOUR).await.unwrap());
    assert_eq!(world.idp.server.asked().len(), asked + 1);
}

#[tokio::test]
async fn a_key_that_nobody_was_told_of_is_asked_for_and_then_known_to_all() {
    let world = World::new().await;
    let new = Key::es256("k2");
    let (first, second) = (world.starts(NOW).await, world.starts(NOW).await);
    let public = new.public();
    world.idp.tell(|says| says.keys.push(public));
    assert!(world.knows(&first, &new, NOW + MINUTE).await.unwrap());
    assert_eq!(world.asked(), 2);
    assert!(world.knows(&second, &new, NOW + MINUTE).await.unwrap());
    world.starts(NOW + MINUTE).await;
    assert_eq!(world.asked(), 2);
}

/// Sealed with other keys, for another issuer, changed, or nothing of ours at all.
#[tokio::test]
async fn u4_what_was_not_sealed_for_this_issuer_is_not_believed() {
    let (world, other) = (World::new().await, World::new().await);
    let (issuer, settings) = (world.idp.issuer().to_owned(), world.idp.settings());
    let forger = &other.idp.key;
    other.starts(NOW).await;
    let of_another = other.found().await.sealed;
    // The forger's own provider says that it is this one.
    other.idp.tell(|says| says.metadata = json!({ "issuer": issuer }));
    world.starts_with(&settings, "b", NOW).await;
    let other_ring = world.found().await.sealed;
    world.starts(NOW).await;
    let mut changed = world.found().await.sealed;
    *changed.last_mut().unwrap() ^= 1;
    let plain = json!({ "metadata": { "issuer": issuer }, "keys": { "keys": [forger.public()] } });
    for sealed in
        [of_another, other_ring, changed, plain.to_string().into_bytes(), vec![], vec![1; 40]]
    {
        let published = SealedPublished { sealed, read_at: at(NOW) };
        world.store.put_published(&issuer, &published).await.unwrap();
        let asked = world.asked();
        let next = world.starts(NOW).await;
        assert!(!world.knows(&next, forger, NOW).await.unwrap());
        assert!(world.knows(&next, &world.idp.key, NOW + MINUTE).await.unwrap());
        assert!(world.asked() > asked);
    }
}

#[tokio::test]
async fn when_it_was_read_is_believed_only_as_it_was_sealed() {
    let world = World::new().await;
    world.starts(NOW).await;
    let published = SealedPublished { read_at: at(NOW + 2 * HOUR), ..world.found().await };
    world.store.put_published(world.idp.issuer(), &published).await.unwrap();
    let late = world.starts(NOW + 2 * HOUR).await;
    assert!(world.knows(&late, &world.idp.key, NOW + 2 * HOUR).await.unwrap());
    assert_eq!(world.asked(), 2);
    // An instance whose clock is ahead tells the others nothing.
    world.starts(NOW + 9 * HOUR).await;
    assert_eq!(world.asked(), 3);
    let next = world.starts(NOW + 3 * HOUR).await;
    assert!(world.knows(&next, &world.idp.key, NOW + 3 * HOUR).await.unwrap());
    assert_eq!(world.asked(), 4);
}

#[tokio::test]
async fn while_the_provider_is_down_instances_start_for_a_day() {
    let world = World::new().await;
    let key = &world.idp.key;
    world.starts(NOW).await;
    world.idp.tell(|says| says.down = true);
    let soon = world.starts(NOW + 2 * HOUR).await;
    assert!(world.knows(&soon, key, NOW + 2 * HOUR).await.unwrap());
    let late = world.starts(NOW + 24 * HOUR - 1).await;
    assert!(world.knows(&late, key, NOW + 24 * HOUR - 1).await.unwrap());
    for tomorrow in [late, world.starts(NOW + 24 * HOUR).await] {
        let answer = world.knows(&tomorrow, key, NOW + 24 * HOUR + MINUTE).await;
        assert!(matches!(answer, Err(IdentityError::Unavailable(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn without_a_store_the_provider_is_asked() {
    for broken in ["find_published", "put_published"] {
        let world = World::new().await;
        world.store.breaks(broken);
        for asked in 1..3 {
            let instance = world.starts(NOW).await;
            assert!(world.knows(&instance, &world.idp.key, NOW).await.unwrap());
            assert_eq!(world.asked(), asked, "{broken}");
        }
    }
}

/// A store that never answers.
struct Silent;

impl PublishedStore for Silent {
    async fn find_published(&self, _: &str) -> Result<Option<SealedPublished>, StoreError> {
        pending().await
    }

    async fn put_published(&self, _: &str, _: &SealedPublished) -> Result<(), StoreError> {
        pending().await
    }
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_waited_for_a_second() {
    let world = World::new().await;
    let ring = KeyRing::for_tokens(&json!({ "1": "a".repeat(64) }).to_string()).unwrap();
    let provider = world.idp.provider().sharing(Silent, ring, Duration::ZERO);
    let began = Instant::now();
    assert!(world.knows(&provider, &world.idp.key, NOW).await.unwrap());
    assert!((1..3).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}
