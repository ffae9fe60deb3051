//! `latchkey local`: the functions' own handlers, the gateway's stand-in and a `DynamoDB`-compatible
//! engine in one process, at one address of this machine.

mod catalog;
mod demo;
mod engine;
mod folder;
mod keys;
mod private;
mod secrets;
mod settings;
mod sweep;
mod watch;
mod web;

pub use demo::Demo;
pub use folder::Folder;
pub use secrets::LocalSecrets;
pub use settings::{LocalTarget, Settings, SettingsError, read_tools};

pub(crate) use engine::Engine;
pub(crate) use settings::{DEFAULT_DATA, DEFAULT_LISTEN};

use crate::gateway::{self, Authorizer, Gateway, Targets};
use ::catalog::{Keeper, Providers};
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
use broker::store::{StoreError, TargetStore};
use broker::target::{Target, TargetName};
use callback::Callback;
use catalog::{Catalogs, LocalGateway, PATIENCE, POLL};
use connections::Connections;
use interceptor::{Event, Injected, Interceptor, Opened};
use keys::Keys;
use refresh::Refresh;
use std::sync::Arc;
use sweep::{Sweeps, USED_WITHIN, Waiting};
use tokio::task::JoinHandle;
use watch::Watch;

/// Everything that `local` serves at its address, and the engine that it stands on.
pub struct Local {
    /// The routes of API Gateway and of the gateway's stand-in.
    pub router: Router,
    engine: Engine,
    sweeps: Sweeps,
    catalogs: Catalogs,
    watch: JoinHandle<()>,
}

type LocalInterceptor = Interceptor<DynamoStore, DynamoStore, LocalSecrets, SystemClock>;

impl Local {
    /// Opens the data folder and puts the parts together.
    pub async fn open(settings: Settings) -> Result<Self, Box<dyn std::error::Error>> {
        let base_url = BaseUrl::new(&settings.base_url())?;
        let folder = Folder::at(&settings.data);
        folder.keep_base_url(base_url.as_str())?;
        let engine = Engine::at(&folder).await?;
        let store = engine.store();
        if let Err(error) = adopt(&store, &settings.targets).await {
            engine.stop().await;
            return Err(error.into());
        }
        let keys = Keys::open(&folder, &SystemRandom)?;
        let secrets = LocalSecrets::new(settings.client_secrets(), folder.clone());
        let http = Http::new(Reach::Loopback);
        let identity = || IdentityProvider::new(settings.identity.clone(), http.clone());
        let authorize = Arc::new(Authorize {
            targets: store.clone(),
            pending: store.clone(),
            connections: store.clone(),
            identity: identity(),
            browser_keys: KeyRing::for_browsers(&keys.browsers)?,
            base_url: base_url.clone(),
            clock: SystemClock,
            random: SystemRandom,
        });
        let (consents, catalogs) = Catalogs::start(
            Keeper {
                targets: store.clone(),
                connections: store.clone(),
                secrets: secrets.clone(),
                gateway: Some(LocalGateway { folder: folder.clone(), store: store.clone() }),
                providers: Providers::default(),
                http: http.clone(),
                token_keys: KeyRing::for_tokens(&keys.tokens)?,
                breakers: Breakers::new(SystemRandom),
                poll: POLL,
                patience: PATIENCE,
                clock: SystemClock,
            },
            settings.tools().into_keys().collect(),
        );
        let callback = Arc::new(Callback {
            targets: store.clone(),
            pending: store.clone(),
            connections: store.clone(),
            secrets: secrets.clone(),
            queue: consents,
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
        let interceptor = Arc::new(Interceptor {
            targets: Registry::new(store.clone()),
            connections: store.clone(),
            secrets,
            identity: identity(),
            http: http.clone(),
            breakers: Breakers::new(SystemRandom),
            browser_keys: KeyRing::for_browsers(&keys.browsers)?,
            token_keys: KeyRing::for_tokens(&keys.tokens)?,
            base_url,
            url_elicitation_clients: settings.url_elicitation_clients.clone(),
            injected: Injected::default(),
            opened: Opened::new(settings.token_memory),
            clock: SystemClock,
        });
        let mut watch = Watch::new(store, folder, settings.tools(), Arc::clone(&interceptor));
        watch.look().await?;
        let gateway = gateway_of(&settings, watch.targets.clone(), interceptor);
        let router =
            web::functions(authorize, callback, connections).merge(gateway::router(gateway));
        let watch = tokio::spawn(watch.go_on());
        Ok(Self { router, engine, sweeps, catalogs, watch })
    }

    /// Lets a sweep under way end, and the engine finish what it is writing.
    pub async fn close(self) {
        self.watch.abort();
        self.sweeps.stop().await;
        self.catalogs.stop().await;
        self.engine.stop().await;
    }
}

/// The configuration says which of its targets there are; an earlier run's do not count. Targets
/// that were connected stay, and keep their names.
async fn adopt(store: &DynamoStore, configured: &[LocalTarget]) -> Result<(), NotAdopted> {
    let known = store.targets().await?.targets;
    let (ours, connected): (Vec<_>, Vec<_>) = known.iter().partition(|known| is_configured(known));
    let named = |name: &TargetName| configured.iter().any(|local| local.target.name == *name);
    if let Some(taken) = connected.into_iter().find(|connected| named(&connected.name)) {
        return Err(NotAdopted::Connected(taken.name.clone()));
    }
    for known in ours {
        if !named(&known.name) {
            store.remove_target(known).await?;
        }
    }
    for local in configured {
        store.put_target(&local.target).await?;
    }
    Ok(())
}

/// Why the configuration file's targets are not served.
#[derive(Debug, thiserror::Error)]
enum NotAdopted {
    /// To replace it would lose what ends its registration.
    #[error(
        "{0} of the configuration file has the name of a target that was connected: give it another \
         name, or remove that one first: latchkey targets remove {0}"
    )]
    Connected(TargetName),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a target is a configuration file's, and not one that was connected: whoever writes by hand
/// does not say for which issuer the client is good.
pub(crate) fn is_configured(target: &Target) -> bool {
    target.client.issuer.is_none()
}

fn gateway_of(
    settings: &Settings,
    targets: Targets,
    interceptor: Arc<LocalInterceptor>,
) -> Gateway {
    let issuer = settings.identity.issuer.trim_end_matches('/');
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
                let output = interceptor.handle(Event::read(event.get().as_bytes())).await;
                serde_json::value::to_raw_value(&output).map_err(|error| error.to_string())
            })
        }),
        response_interception: true,
        clock: Arc::new(SystemClock),
    }
}
