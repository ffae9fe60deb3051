//! Wires `refresh` to AWS and runs it.

use broker::aws::{Aws, DynamoStore, Secrets, SqsQueue, Tables};
use broker::breaker::Breakers;
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::config::RefreshConfig;
use broker::http::{Http, Reach};
use broker::log;
use broker::registry::Registry;
use broker::seal::KeyRing;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use refresh::Refresh;
use serde_json::value::RawValue;
use std::sync::Arc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::begin();
    let RefreshConfig { outbound, used_within, function_name } = RefreshConfig::from_env()?;
    let aws = Aws::from_env().await?;
    let (store, secrets) = (DynamoStore::new(&aws, Tables::from_env()?), Secrets::new(&aws));
    let refresh = Arc::new(Refresh {
        targets: Registry::new(store.clone()),
        connections: store,
        queue: SqsQueue::from_env(&aws)?,
        http: Http::new(Reach::Public)
            .admitting(outbound.private_hosts, &outbound.roots)
            .only(outbound.hosts),
        breakers: Breakers::new(SystemRandom),
        token_keys: KeyRing::for_tokens(&secrets.token_keys().await?)?,
        secrets,
        used_within,
        clock: SystemClock,
    });
    let (refresh, function_name) = (&refresh, &function_name);
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let done = refresh.handle(&event.payload, event.context.deadline()).await?;
        // A line of its own: CloudWatch finds metrics at the top of an event only.
        println!("{}", done.report.to_event(function_name, SystemClock.now()));
        Ok::<_, Error>(done.answer)
    }))
    .await
}
