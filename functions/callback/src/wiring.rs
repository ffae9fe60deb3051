//! Which part goes where, whatever the parts are: `main` brings AWS's, a test its own.

use broker::config::Config;
use broker::http::Http;
use broker::identity::IdentityProvider;
use broker::seal::KeyRing;
use callback::Callback;

/// What a deployment brings besides its settings.
pub(crate) struct Parts<D, S, K, R> {
    pub(crate) store: D,
    pub(crate) secrets: S,
    pub(crate) browser_keys: KeyRing,
    pub(crate) token_keys: KeyRing,
    pub(crate) clock: K,
    pub(crate) random: R,
}

/// Puts them together. Whom `http` may speak to is said here, and limited for all but the identity
/// provider, whom the operator names.
pub(crate) fn callback<D: Clone, S, K, R>(
    config: Config,
    http: Http,
    parts: Parts<D, S, K, R>,
) -> Callback<D, D, D, S, K, R> {
    let http = http.admitting(config.outbound.private_hosts, &config.outbound.roots);
    Callback {
        targets: parts.store.clone(),
        pending: parts.store.clone(),
        connections: parts.store,
        secrets: parts.secrets,
        identity: IdentityProvider::new(config.identity, http.clone()),
        http: http.only(config.outbound.hosts),
        browser_keys: parts.browser_keys,
        token_keys: parts.token_keys,
        base_url: config.base_url,
        clock: parts.clock,
        random: parts.random,
    }
}
