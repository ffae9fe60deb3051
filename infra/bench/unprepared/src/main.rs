//! The interceptor that prepares nothing: whatever a call needs is read in the first one. It shows
//! what preparation is worth, and with the feature `stock` what the SDK costs as it comes.

// All that a call may wait for lies within one future.
#![recursion_limit = "256"]

use broker::aws::{Aws, DynamoStore, Secrets, Tables};
use broker::breaker::Breakers;
use broker::clock::{SystemClock, SystemRandom};
use broker::config::Config;
use broker::http::{Http, Reach};
use broker::identity::IdentityProvider;
use broker::log;
use broker::registry::Registry;
use broker::seal::KeyRing;
use interceptor::{Event, Injected, Interceptor, Opened};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    log::begin();
    let interceptor = &OnceCell::new();
    run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let interceptor = interceptor.get_or_try_init(|| Box::pin(assemble())).await?;
        Ok::<_, Error>(interceptor.handle(Event::read(event.payload.get().as_bytes())).await)
    }))
    .await
}

async fn assemble() -> Result<Interceptor<DynamoStore, DynamoStore, Secrets, SystemClock>, Error> {
    let config = Config::from_env()?;
    let aws = aws().await?;
    let secrets = Secrets::new(&aws);
    let store = DynamoStore::new(&aws, Tables::from_env()?);
    let http = Http::new(Reach::Public);
    let http = http.admitting(config.outbound.private_hosts, &config.outbound.roots);
    Ok(Interceptor {
        targets: Registry::new(store.clone()),
        connections: store,
        identity: IdentityProvider::new(config.identity, http.clone()),
        http: http.only(config.outbound.hosts),
        breakers: Breakers::new(SystemRandom),
        browser_keys: KeyRing::for_browsers(&secrets.browser_keys().await?)?,
        token_keys: KeyRing::for_tokens(&secrets.token_keys().await?)?,
        secrets,
        base_url: config.base_url,
        url_elicitation_clients: config.url_elicitation_clients,
        injected: Injected::default(),
        opened: Opened::new(config.token_memory),
        clock: SystemClock,
    })
}

#[cfg(not(feature = "stock"))]
async fn aws() -> Result<Aws, Error> {
    Ok(Aws::from_env().await?)
}

#[cfg(feature = "stock")]
async fn aws() -> Result<Aws, Error> {
    use aws_smithy_http_client::{Builder, tls};
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    let http = Builder::new().tls_provider(tls).build_https();
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest());
    Ok(config.http_client(http).load().await.into())
}
