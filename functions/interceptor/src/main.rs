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
use interceptor::Event;
use lambda_runtime::Error;
use wiring::{Keys, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::begin();
    let config = Config::from_env()?;
    let aws = Aws::from_env().await?;
    let secrets = Secrets::new(&aws);
    let store = DynamoStore::new(&aws, Tables::from_env()?);
    let early = wiring::early(&SystemRandom);
    let parts = Parts { store, secrets: secrets.clone(), clock: SystemClock, early };
    // One after the other, on one connection: another handshake costs a sixth of a start, and the table,
    // which is asked meanwhile, is asked twice as well. Where both answers are late, that takes nine
    // seconds at most, and not five; Lambda gives a start ten, the last of which a slow name server may
    // take. Where that takes longer besides, Lambda ends the start, and begins another.
    let keys = async {
        let browser = KeyRing::for_browsers(&secrets.browser_keys().await?)?;
        let token = KeyRing::for_tokens(&secrets.token_keys().await?)?;
        Ok::<_, Error>(Keys { browser, token })
    };
    let http = Http::new(Reach::Public);
    let start = Box::pin(wiring::interceptor(config, http, parts, keys));
    let interceptor = &aws.starting(start).await?;
    // Boxed, as what is large: it would lie on the stack, be copied into a box by the runtime, and have
    // the kernel make ten pages more.
    Box::pin(delivery::run(async |event| interceptor.handle(Event::read(event)).await)).await
}
