//! Which part goes where, whatever the parts are: `main` brings AWS's, a test its own.

use broker::breaker::Breakers;
use broker::clock::SystemRandom;
use broker::config::Config;
use broker::http::Http;
use broker::identity::IdentityProvider;
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::store::TargetStore;
use interceptor::{Injected, Interceptor};

/// What a deployment brings besides its settings.
pub(crate) struct Parts<D, S, K> {
    pub(crate) store: D,
    pub(crate) secrets: S,
    pub(crate) browser_keys: KeyRing,
    pub(crate) token_keys: KeyRing,
    pub(crate) clock: K,
}

/// Puts them together. Whom `http` may speak to is said here, and limited for all but the identity
/// provider, whom the operator names.
pub(crate) fn interceptor<D: Clone + TargetStore, S, K>(
    config: Config,
    http: Http,
    parts: Parts<D, S, K>,
) -> Interceptor<D, D, S, K> {
    let http = http.admitting(config.outbound.private_hosts, &config.outbound.roots);
    Interceptor {
        targets: Registry::new(parts.store.clone()),
        connections: parts.store,
        secrets: parts.secrets,
        identity: IdentityProvider::new(config.identity, http.clone()),
        http: http.only(config.outbound.hosts),
        breakers: Breakers::new(SystemRandom),
        browser_keys: parts.browser_keys,
        token_keys: parts.token_keys,
        base_url: config.base_url,
        url_elicitation_clients: config.url_elicitation_clients,
        injected: Injected::default(),
        clock: parts.clock,
    }
}
