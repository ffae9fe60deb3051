//! Wires the interceptor to AWS and runs it.

mod wiring;

use broker::aws::{DynamoStore, Secrets, Tables, sdk_config};
use broker::clock::SystemClock;
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::log;
use broker::seal::KeyRing;
use interceptor::Event;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use wiring::{Keys, Parts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::begin();
    let config = Config::from_env()?;
    let sdk = sdk_config().await?;
    let secrets = Secrets::new(&sdk);
    let store = DynamoStore::new(&sdk, Tables::from_env()?);
    let parts = Parts { store, secrets: secrets.clone(), clock: SystemClock };
    // One after the other, on one connection: another handshake costs a sixth of a start, and the
    // identity provider, who is asked meanwhile, is asked twice as well. Where neither is answered, that
    // is found out after eight seconds, and not after four; Lambda gives a start ten.
    let keys = async {
        let browser = KeyRing::for_browsers(&secrets.browser_keys().await?)?;
        let token = KeyRing::for_tokens(&secrets.token_keys().await?)?;
        Ok::<_, Error>(Keys { browser, token })
    };
    let http = Http::new(Reach::Public);
    let interceptor = &Box::pin(wiring::interceptor(config, http, parts, keys)).await?;
    run(service_fn(async |event: LambdaEvent<Event>| {
        Ok::<_, Error>(interceptor.handle(event.payload).await)
    }))
    .await
}
