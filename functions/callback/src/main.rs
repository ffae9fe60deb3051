//! Wires `callback` to AWS and runs it.

use broker::aws::{DynamoStore, Secrets, Tables, sdk_config};
use broker::clock::{SystemClock, SystemRandom};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::identity::IdentityProvider;
use broker::seal::KeyRing;
use callback::Callback;
use lambda_http::{Error, Request, run, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = sdk_config().await;
    let (store, secrets) = (DynamoStore::new(&sdk, Tables::from_env()?), Secrets::new(&sdk));
    let http = Http::new(Reach::Public);
    let callback = Callback {
        targets: store.clone(),
        pending: store.clone(),
        connections: store,
        identity: IdentityProvider::new(secrets.identity(&config).await?, http.clone()),
        http,
        browser_keys: KeyRing::for_browsers(&secrets.browser_keys().await?)?,
        token_keys: KeyRing::for_tokens(&secrets.token_keys().await?)?,
        secrets,
        base_url: config.base_url,
        clock: SystemClock,
        random: SystemRandom,
    };
    let callback = &callback;
    run(service_fn(async |request: Request| Ok::<_, Error>(callback.handle(request).await))).await
}
