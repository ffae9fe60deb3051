//! Wires `authorize` to AWS and runs it.

use authorize::Authorize;
use broker::aws::{Aws, DynamoStore, Secrets, Tables};
use broker::clock::{SystemClock, SystemRandom};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::identity::IdentityProvider;
use broker::log;
use broker::seal::KeyRing;
use lambda_http::{Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::begin();
    let config = Config::from_env()?;
    let aws = Aws::from_env().await?;
    let (store, secrets) = (DynamoStore::new(&aws, Tables::from_env()?), Secrets::new(&aws));
    let http =
        Http::new(Reach::Public).admitting(config.outbound.private_hosts, &config.outbound.roots);
    let authorize = Authorize {
        targets: store.clone(),
        pending: store.clone(),
        connections: store,
        identity: IdentityProvider::new(config.identity, http),
        browser_keys: KeyRing::for_browsers(&secrets.browser_keys().await?)?,
        base_url: config.base_url,
        clock: SystemClock,
        random: SystemRandom,
    };
    let authorize = &authorize;
    run(service_fn(async |request: Request| {
        Ok::<_, Error>(authorize.handle(request.map(|body| body.to_vec())).await)
    }))
    .await
}
