//! Keeps gateway and interceptor at what the registry says, so that `connect` and `targets remove`
//! take effect without a restart.

use super::LocalInterceptor;
use super::folder::Folder;
use crate::gateway::{GatewayTarget, Targets};
use broker::clock::{Clock, SystemClock};
use broker::store::{StoreError, TargetStore};
use broker::target::{Target, TargetName};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Compares the registry with what the gateway has.
pub(super) struct Watch<S> {
    pub(super) store: S,
    pub(super) folder: Folder,
    /// The tools of targets from the configuration file.
    pub(super) configured: BTreeMap<TargetName, Vec<Value>>,
    pub(super) targets: Targets,
    pub(super) interceptor: Arc<LocalInterceptor>,
    seen: String,
}

impl<S: TargetStore> Watch<S> {
    /// Nothing was seen yet.
    pub(super) fn new(
        store: S,
        folder: Folder,
        configured: BTreeMap<TargetName, Vec<Value>>,
        interceptor: Arc<LocalInterceptor>,
    ) -> Self {
        let targets = Targets::default();
        Self { store, folder, configured, targets, interceptor, seen: String::new() }
    }

    /// Looks once. The interceptor comes first: a target that only the gateway knew would be called
    /// without anybody's token.
    pub(super) async fn look(&mut self) -> Result<(), StoreError> {
        let known = self.store.targets().await?.targets;
        let at_gateway: Vec<_> = known.iter().map(|target| self.at_gateway(target)).collect();
        let tools: Vec<_> = at_gateway.iter().map(|target| &target.tools).collect();
        let now = serde_json::to_string(&(&known, tools))
            .map_err(|_| StoreError::Unreadable("a target cannot be written"))?;
        if now != self.seen {
            self.interceptor.targets.prepare(SystemClock.now()).await?;
            self.targets.replace(at_gateway);
            self.seen = now;
        }
        Ok(())
    }

    /// Looks for ever.
    pub(super) async fn go_on(mut self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            if let Err(error) = self.look().await {
                tracing::warn!(outcome = "registry_unread", "the registry was not read: {error}");
            }
        }
    }

    fn at_gateway(&self, target: &Target) -> GatewayTarget {
        let configured = self.configured.get(&target.name).cloned();
        let tools = configured.or_else(|| {
            self.folder.tools(&target.name).unwrap_or_else(|error| {
                let name = target.name.as_str();
                tracing::warn!(outcome = "tools_unread", name, "tools were not read: {error}");
                None
            })
        });
        GatewayTarget {
            name: target.name.to_string(),
            endpoint: target.endpoint.as_str().to_owned(),
            tools,
            allowed_request_headers: Vec::new(),
        }
    }
}

const INTERVAL: Duration = Duration::from_secs(1);
