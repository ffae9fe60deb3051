//! `latchkey local`: the functions' own handlers, the gateway's stand-in and a `DynamoDB`-compatible
//! engine in one process, at one address of this machine.

mod demo;
mod engine;
mod keys;
mod settings;
mod sweep;
mod web;

pub use demo::Demo;
pub use settings::{LocalTarget, Settings, SettingsError};

use crate::gateway::{self, Authorizer, Gateway, Targets};
use authorize::Authorize;
use axum::Router;
use broker::aws::DynamoStore;
use broker::breaker::Breakers;
use broker::clock::{SystemClock, SystemRandom};
use broker::config::BaseUrl;
use broker::http::{Http, Reach};
use broker::identity::IdentityProvider;
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::store::TargetStore;
use broker::target::SecretName;
use callback::Callback;
use connections::Connections;
use engine::Engine;
use interceptor::{Injected, Interceptor};
use keys::Keys;
use oauth2::ClientSecret;
use refresh::Refresh;
use std::collections::BTreeMap;
use std::sync::Arc;
use sweep::{Sweeps, USED_WITHIN, Waiting};

/// Everything that `local` serves at its address, and the engine that it stands on.
pub struct Local {
    /// The routes of API Gateway and of the gateway's stand-in.
    pub router: Router,
    engine: Engine,
    sweeps: Sweeps,
}

impl Local {
    /// Opens the data folder and puts the parts together.
    pub async fn open(settings: Settings) -> Result<Self, Box<dyn std::error::Error>> {
        let base_url = BaseUrl::new(&settings.base_url())?;
        std::fs::create_dir_all(&settings.data)?;
        let engine = Engine::start(&settings.data).await?;
        let store = engine.store();
        for target in &settings.targets {
            store.put_target(&target.target).await?;
        }
        let keys = Keys::open(&settings.data, &SystemRandom)?;
        let secrets = settings.client_secrets();
        let http = Http::new(Reach::Loopback);
        let identity = || IdentityProvider::new(settings.identity.clone(), http.clone());
        let authorize = Arc::new(Authorize {
            targets: store.clone(),
            pending: store.clone(),
            identity: identity(),
            browser_keys: KeyRing::for_browsers(&keys.browsers)?,
            base_url: base_url.clone(),
            clock: SystemClock,
            random: SystemRandom,
        });
        let callback = Arc::new(Callback {
            targets: store.clone(),
            pending: store.clone(),
            connections: store.clone(),
            secrets: secrets.clone(),
            identity: identity(),
            http: http.clone(),
            browser_keys: KeyRing::for_browsers(&keys.browsers)?,
            token_keys: KeyRing::for_tokens(&keys.tokens)?,
            base_url: base_url.clone(),
            clock: SystemClock,
            random: SystemRandom,
        });
        let connections = Arc::new(Connections {
            targets: store.clone(),
            connections: store.clone(),
            secrets: secrets.clone(),
            identity: identity(),
            http: http.clone(),
            browser_keys: KeyRing::for_browsers(&keys.browsers)?,
            token_keys: KeyRing::for_tokens(&keys.tokens)?,
            base_url: base_url.clone(),
            clock: SystemClock,
            random: SystemRandom,
        });
        let sweeps = Sweeps::start(Refresh {
            targets: Registry::new(store.clone()),
            connections: store.clone(),
            secrets: secrets.clone(),
            queue: Waiting::default(),
            http: http.clone(),
            breakers: Breakers::new(SystemRandom),
            token_keys: KeyRing::for_tokens(&keys.tokens)?,
            used_within: USED_WITHIN,
            clock: SystemClock,
        });
        let interceptor = Interceptor {
            targets: Registry::new(store.clone()),
            connections: store,
            secrets,
            identity: identity(),
            http: http.clone(),
            breakers: Breakers::new(SystemRandom),
            browser_keys: KeyRing::for_browsers(&keys.browsers)?,
            token_keys: KeyRing::for_tokens(&keys.tokens)?,
            base_url,
            url_elicitation_clients: settings.url_elicitation_clients.clone(),
            injected: Injected::default(),
            clock: SystemClock,
        };
        let router = web::functions(authorize, callback, connections)
            .merge(gateway::router(gateway_of(&settings, interceptor)));
        Ok(Self { router, engine, sweeps })
    }

    /// Lets a sweep under way end, and the engine finish what it is writing.
    pub async fn close(self) {
        self.sweeps.stop().await;
        self.engine.stop().await;
    }
}

fn gateway_of(
    settings: &Settings,
    interceptor: Interceptor<
        DynamoStore,
        DynamoStore,
        BTreeMap<SecretName, ClientSecret>,
        SystemClock,
    >,
) -> Gateway {
    let interceptor = Arc::new(interceptor);
    let issuer = settings.identity.issuer.trim_end_matches('/');
    let targets = Targets::default();
    targets.replace(settings.targets.iter().map(LocalTarget::at_gateway).collect());
    Gateway {
        url: settings.gateway_url(),
        authorizer: Authorizer {
            discovery_url: format!("{issuer}/.well-known/openid-configuration"),
            allowed_audience: settings.identity.audiences.clone(),
            allowed_clients: settings.identity.clients.clone(),
        },
        targets,
        interceptor: Arc::new(move |event| {
            let interceptor = Arc::clone(&interceptor);
            Box::pin(async move {
                let output = interceptor.handle(&event).await;
                serde_json::value::to_raw_value(&output).map_err(|error| error.to_string())
            })
        }),
        response_interception: true,
        clock: Arc::new(SystemClock),
    }
}
