//! Wires the interceptor to AWS and runs it.

mod wiring;

use broker::aws::{DynamoStore, Secrets, Tables, sdk_config};
use broker::clock::{Clock, SystemClock};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::seal::KeyRing;
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::value::RawValue;
use wiring::Parts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = sdk_config().await?;
    let secrets = Secrets::new(&sdk);
    let parts = Parts {
        store: DynamoStore::new(&sdk, Tables::from_env()?),
        browser_keys: KeyRing::for_browsers(&secrets.browser_keys().await?)?,
        token_keys: KeyRing::for_tokens(&secrets.token_keys().await?)?,
        secrets,
        clock: SystemClock,
    };
    let interceptor = wiring::interceptor(config, Http::new(Reach::Public), parts);
    let now = SystemClock.now();
    // A first call must not wait for what can be had before it; if it cannot, the call will say so.
    let _ = tokio::join!(interceptor.targets.prepare(now), interceptor.identity.prepare(now));
    let interceptor = &interceptor;
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        Ok::<_, Error>(interceptor.handle(&event.payload).await)
    }))
    .await
}
