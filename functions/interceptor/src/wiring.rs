//! Which part goes where, whatever the parts are: `main` brings AWS's, a test its own.

use broker::breaker::Breakers;
use broker::clock::{Clock, Random, SystemRandom};
use broker::config::Config;
use broker::http::Http;
use broker::identity::{A_READ, IdentityProvider};
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::store::{PublishedStore, TargetStore};
use interceptor::{Injected, Interceptor, Opened};
use std::time::Duration;

/// What a deployment brings besides its settings.
pub(crate) struct Parts<D, S, K> {
    pub(crate) store: D,
    pub(crate) secrets: S,
    pub(crate) clock: K,
    /// By how much sooner than others this instance asks the identity provider again, so that they do not
    /// all ask at once.
    pub(crate) early: Duration,
}

/// The keys, without which nothing can be done.
pub(crate) struct Keys {
    pub(crate) browser: KeyRing,
    pub(crate) token: KeyRing,
}

/// Puts them together. Whom `http` may speak to is said here, and limited for all but the identity
/// provider, whom the operator names.
///
/// A first call must not wait for what can be had before it, beside the `keys`: at the start there is
/// more of the processor than in a call. If it cannot be had, the call will say so. The identity
/// provider is asked only if no other instance was told in the last hour what it publishes.
pub(crate) async fn interceptor<
    D: Clone + PublishedStore + TargetStore + 'static,
    S,
    K: Clock,
    E,
>(
    config: Config,
    http: Http,
    parts: Parts<D, S, K>,
    keys: impl Future<Output = Result<Keys, E>>,
) -> Result<Interceptor<D, D, S, K>, E> {
    let http = http.admitting(config.outbound.private_hosts, &config.outbound.roots);
    let targets = Registry::new(parts.store.clone());
    let identity = IdentityProvider::new(config.identity, http.clone());
    let now = parts.clock.now();
    let mut found = None;
    let prepared = async {
        // First of all, for it says whether the provider must be asked at once.
        let asked = parts.store.find_published(identity.issuer());
        found = tokio::time::timeout(A_READ, asked).await.ok().and_then(Result::ok).flatten();
        let young = found.as_ref().is_some_and(|found| found.is_young(parts.early, now));
        let provider = async { if young { Ok(()) } else { identity.prepare(now).await } };
        let _ = tokio::join!(targets.prepare(now), provider);
    };
    let prepared = async { Ok(tokio::time::timeout(PATIENCE, prepared).await) };
    // The keys first: while names are looked up in this thread, whoever asks second waits for one name more.
    // They are two requests to a slower service, so the table has that time to spare, but for the first start
    // of an hour.
    let (keys, _) = tokio::try_join!(biased; keys, prepared)?;
    let identity = identity.sharing(parts.store.clone(), keys.token.clone(), parts.early);
    identity.adopt(found.as_ref(), now).await;
    Ok(Interceptor {
        targets,
        connections: parts.store,
        secrets: parts.secrets,
        identity,
        http: http.only(config.outbound.hosts),
        breakers: Breakers::new(SystemRandom),
        browser_keys: keys.browser,
        token_keys: keys.token,
        base_url: config.base_url,
        url_elicitation_clients: config.url_elicitation_clients,
        injected: Injected::default(),
        opened: Opened::new(config.token_memory),
        clock: parts.clock,
    })
}

/// Some minutes at most. Without randomness it is one of those that ask last.
pub(crate) fn early(random: &impl Random) -> Duration {
    let mut byte = [0];
    random.fill(&mut byte).map_or(Duration::ZERO, |()| Duration::from_secs(byte[0].into()))
}

/// The runtime gives ten seconds to all that comes before the first call.
const PATIENCE: Duration = Duration::from_secs(5);
