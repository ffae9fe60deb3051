//! Wires the interceptor to AWS and runs it.

use broker::aws::{DynamoStore, Secrets, Tables, sdk_config};
use broker::clock::{Clock, SystemClock};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::identity::IdentityProvider;
use broker::registry::Registry;
use broker::seal::KeyRing;
use interceptor::{Injected, Interceptor};
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = sdk_config().await;
    let (store, secrets) = (DynamoStore::new(&sdk, Tables::from_env()?), Secrets::new(&sdk));
    let http = Http::new(Reach::Public);
    let interceptor = Interceptor {
        targets: Registry::new(store.clone()),
        connections: store,
        identity: IdentityProvider::new(config.identity, http.clone()),
        http,
        browser_keys: KeyRing::for_browsers(&secrets.browser_keys().await?)?,
        token_keys: KeyRing::for_tokens(&secrets.token_keys().await?)?,
        secrets,
        base_url: config.base_url,
        url_elicitation_clients: config.url_elicitation_clients,
        injected: Injected::default(),
        clock: SystemClock,
    };
    let now = SystemClock.now();
    // A first call must not wait for what can be had before it; if it cannot, the call will say so.
    let _ = tokio::join!(interceptor.targets.prepare(now), interceptor.identity.prepare(now));
    let interceptor = &interceptor;
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        Ok::<_, Error>(interceptor.handle(&event.payload).await)
    }))
    .await
}
