//! Wires the interceptor to AWS and runs it.

// All that a call may wait for lies within one future.
#![recursion_limit = "256"]

mod delivery;
mod wiring;

use broker::aws::{Aws, DynamoStore, Secrets, Tables};
use broker::clock::{SystemClock, SystemRandom};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::log;
use broker::seal::KeyRing;
use interceptor::{BrowserKeys, Event};
use lambda_runtime::Error;
use wiring::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::begin();
    let config = Config::from_env()?;
    let aws = Aws::from_env().await?;
    let secrets = Secrets::new(&aws);
    let store = DynamoStore::new(&aws, Tables::from_env()?);
    let early = wiring::early(&SystemRandom);
    let ring = secrets.clone();
    let browser_keys = BrowserKeys::read_by(move || {
        let secrets = ring.clone();
        async move { Ok::<_, Error>(KeyRing::for_browsers(&secrets.browser_keys().await?)?) }
    });
    let keys = secrets.clone();
    let token_keys = async { Ok::<_, Error>(KeyRing::for_tokens(&keys.token_keys().await?)?) };
    let parts = Parts { store, secrets, browser_keys, clock: SystemClock, early };
    let http = Http::new(Reach::Public);
    let start = Box::pin(wiring::interceptor(config, http, parts, token_keys));
    let interceptor = &aws.starting(start).await?;
    // Boxed, as what is large: it would lie on the stack, be copied into a box by the runtime, and have
    // the kernel make ten pages more.
    Box::pin(delivery::run(async |event| interceptor.handle(Event::read(event)).await)).await
}
