//! Wires the catalog to AWS and runs it.

use broker::aws::{Aws, ControlPlane, DynamoStore, SchemaBucket, Secrets, Tables};
use broker::breaker::Breakers;
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::config::CatalogConfig;
use broker::http::{Http, Reach};
use broker::log;
use broker::seal::KeyRing;
use catalog::{Keeper, Providers};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::begin();
    let config = CatalogConfig::from_env()?;
    let aws = Aws::from_env().await?;
    let (store, secrets) = (DynamoStore::new(&aws, Tables::from_env()?), Secrets::new(&aws));
    let bucket = SchemaBucket::from_env(&aws);
    let keeper = Keeper {
        targets: store.clone(),
        connections: store,
        gateway: ControlPlane::from_env(&aws).map(|plane| plane.with_bucket(bucket)),
        providers: Providers {
            client_credentials: config.client_credentials_provider,
            placeholder: config.placeholder_provider,
        },
        http: Http::new(Reach::Public)
            .admitting(config.outbound.private_hosts, &config.outbound.roots)
            .only(config.outbound.hosts),
        token_keys: KeyRing::for_tokens(&secrets.token_keys().await?)?,
        secrets,
        breakers: Breakers::new(SystemRandom),
        poll: POLL,
        patience: PATIENCE,
        clock: SystemClock,
    };
    let (keeper, function_name) = (&keeper, &config.function_name);
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let done = keeper.handle(&event.payload, event.context.deadline()).await?;
        // A line of its own: CloudWatch finds metrics at the top of an event only.
        println!("{}", done.report.to_event(function_name, SystemClock.now()));
        Ok::<_, Error>(done.answer)
    }))
    .await
}

/// The control plane allows ten reads a second, in all.
const POLL: Duration = Duration::from_secs(2);
/// Of the 300 seconds that there are for all.
const PATIENCE: Duration = Duration::from_secs(45);
