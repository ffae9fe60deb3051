//! Wires `connections` to AWS and runs it.

use broker::aws::{DynamoStore, Secrets, Tables, sdk_config};
use broker::clock::{SystemClock, SystemRandom};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::identity::IdentityProvider;
use broker::seal::KeyRing;
use connections::Connections;
use lambda_http::{Error, Request, run, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = sdk_config().await;
    let (store, secrets) = (DynamoStore::new(&sdk, Tables::from_env()?), Secrets::new(&sdk));
    let http = Http::new(Reach::Public);
    let connections = Connections {
        targets: store.clone(),
        connections: store,
        identity: IdentityProvider::new(config.identity, http.clone()),
        http,
        browser_keys: KeyRing::for_browsers(&secrets.browser_keys().await?)?,
        token_keys: KeyRing::for_tokens(&secrets.token_keys().await?)?,
        secrets,
        base_url: config.base_url,
        clock: SystemClock,
        random: SystemRandom,
    };
    let connections = &connections;
    run(service_fn(async |request: Request| {
        Ok::<_, Error>(connections.handle(request.map(|body| body.to_vec())).await)
    }))
    .await
}
