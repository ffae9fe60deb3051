//! Wires `connections` to AWS and runs it.

mod wiring;

use broker::aws::{Aws, DynamoStore, Secrets, Tables};
use broker::clock::{SystemClock, SystemRandom};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::log;
use broker::seal::KeyRing;
use lambda_http::{Error, Request, run, service_fn};
use wiring::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::begin();
    let config = Config::from_env()?;
    let aws = Aws::from_env().await?;
    let secrets = Secrets::new(&aws);
    let (browser_keys, token_keys) =
        tokio::try_join!(secrets.browser_keys(), secrets.token_keys())?;
    let parts = Parts {
        store: DynamoStore::new(&aws, Tables::from_env()?),
        browser_keys: KeyRing::for_browsers(&browser_keys)?,
        token_keys: KeyRing::for_tokens(&token_keys)?,
        secrets,
        clock: SystemClock,
        random: SystemRandom,
    };
    let connections = wiring::connections(config, Http::new(Reach::Public), parts);
    let connections = &connections;
    run(service_fn(async |request: Request| {
        Ok::<_, Error>(connections.handle(request.map(|body| body.to_vec())).await)
    }))
    .await
}
