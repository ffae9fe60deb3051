//! The catalog of a deployment, with a queue in this process, and the folder's tools for a gateway: after
//! a consent, the gateway's stand-in lists what the server lists.

use super::LocalSecrets;
use super::folder::Folder;
use ::catalog::Keeper;
use broker::aws::DynamoStore;
use broker::clock::{Clock, SystemClock};
use broker::gateway::{
    GatewayError, GatewayTarget, GatewayTargets, Settings, Status, ToolSchema, ToolSchemas,
};
use broker::queue::{CatalogMessage, Message, Queue, QueueError};
use broker::store::{CatalogStore, TargetStore};
use broker::target::TargetName;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The gateway's stand-in, as its control plane would show it: the tools of the folder.
pub(super) struct LocalGateway {
    pub(super) folder: Folder,
    pub(super) store: DynamoStore,
}

impl GatewayTargets for LocalGateway {
    async fn find_by_name(&self, name: &TargetName) -> Result<Option<GatewayTarget>, GatewayError> {
        let Some(tools) = self.folder.tools(name).map_err(unread)? else { return Ok(None) };
        let found =
            self.store.find_target(name).await.map_err(|e| GatewayError::Later(e.into()))?;
        let Some(target) = found else { return Ok(None) };
        let mut settings = Settings::new(name, &target.endpoint);
        settings.set_schema(Some(ToolSchema::Inline(json!({ "tools": tools }).to_string())));
        let (id, reasons) = (name.to_string(), Vec::new());
        Ok(Some(GatewayTarget { id, status: Status::Ready, reasons, settings }))
    }

    async fn find_by_id(&self, id: &str) -> Result<Option<GatewayTarget>, GatewayError> {
        let Ok(name) = id.parse() else { return Ok(None) };
        self.find_by_name(&name).await
    }

    async fn names(&self) -> Result<Vec<String>, GatewayError> {
        let registered =
            self.store.targets().await.map_err(|error| GatewayError::Later(error.into()))?;
        Ok(registered.targets.into_iter().map(|target| target.name.into()).collect())
    }

    async fn create(&self, settings: &Settings, _: &str) -> Result<String, GatewayError> {
        let name = settings.members().get("name").and_then(Value::as_str).unwrap_or_default();
        self.update(name, settings).await?;
        Ok(name.to_owned())
    }

    async fn update(&self, id: &str, settings: &Settings) -> Result<(), GatewayError> {
        let refused = |why: &str| GatewayError::Refused(why.to_owned());
        let name = id.parse().map_err(|_| refused("not a target's name"))?;
        let Some(ToolSchema::Inline(schema)) = settings.schema() else {
            return Err(refused("the stand-in lists what it is told"));
        };
        let schema: Option<Value> = serde_json::from_str(&schema).ok();
        let tools = schema.as_ref().and_then(|schema| schema["tools"].as_array());
        let tools = tools.ok_or_else(|| refused("not a list of tools"))?;
        self.folder.keep_tools(&name, tools).map_err(unread)
    }

    async fn remove(&self, id: &str) -> Result<(), GatewayError> {
        let Ok(name) = id.parse() else { return Ok(()) };
        self.folder.forget_tools(&name).map_err(unread)
    }
}

impl ToolSchemas for LocalGateway {
    async fn put_schema(&self, _: &str, _: &str) -> Result<Option<String>, GatewayError> {
        Ok(None)
    }
}

fn unread(error: io::Error) -> GatewayError {
    GatewayError::Later(Box::new(error))
}

/// Where it is made known that somebody has consented.
#[derive(Clone, Debug)]
pub(super) struct Consents(mpsc::UnboundedSender<Message>);

impl Queue for Consents {
    async fn send(&self, messages: &[Message]) -> Result<Vec<usize>, QueueError> {
        for message in messages {
            // Nobody is left to hear it: the process ends.
            let _ = self.0.send(message.clone());
        }
        Ok(Vec::new())
    }
}

type LocalKeeper = Keeper<DynamoStore, DynamoStore, LocalSecrets, LocalGateway, SystemClock>;

/// Looks at each target that somebody has consented to, one after the other.
pub(super) struct Catalogs(JoinHandle<()>);

impl Catalogs {
    /// Begins. The tools of `configured` are the configuration file's to say.
    pub(super) fn start(keeper: LocalKeeper, configured: BTreeSet<TargetName>) -> (Consents, Self) {
        let (consents, mut made_known) = mpsc::unbounded_channel::<Message>();
        let task = tokio::spawn(async move {
            while let Some(message) = made_known.recv().await {
                if !configured.contains(&message.target) {
                    look(&keeper, &message).await;
                }
            }
        });
        (Consents(consents), Self(task))
    }

    /// Ends, whatever is under way: the next consent goes on from there.
    pub(super) async fn stop(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

async fn look(keeper: &LocalKeeper, message: &Message) {
    if told_by_the_operator(keeper, &message.target).await {
        return;
    }
    // Whoever consents here is the operator too, who has no other way to ask for it.
    let wanted = CatalogMessage { subject: None, target: message.target.clone() };
    let event = json!({ "Records": [
        { "messageId": "1", "body": message.to_body() },
        { "messageId": "2", "body": wanted.to_body() },
    ] });
    let Ok(event) = RawValue::from_string(event.to_string()) else { return };
    if let Err(error) = keeper.handle(&event, SystemClock.now() + TIME_LIMIT).await {
        tracing::warn!(outcome = "not_listed", target_name = %message.target, "tools were not listed: {error}");
    }
}

/// What `--tools` said is not ours to change.
async fn told_by_the_operator(keeper: &LocalKeeper, name: &TargetName) -> bool {
    let noted = keeper.targets.find_catalog(name).await.ok().flatten();
    let ours = noted.is_some_and(|noted| noted.created || noted.under_way.is_some());
    let told = keeper
        .gateway
        .as_ref()
        .is_some_and(|gateway| matches!(gateway.folder.tools(name), Ok(Some(_)) | Err(_)));
    told && !ours
}

/// The stand-in is at rest whenever it is asked.
pub(super) const POLL: Duration = Duration::from_millis(100);
/// A server whose list takes longer is not waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);
/// More than enough for a list, and less than a person would wonder.
const TIME_LIMIT: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests;
