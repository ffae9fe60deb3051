//! The two places where a broker can be: this machine and an AWS account.

use super::{Access, KeptSecrets, Operator, PATIENCE};
use crate::answer::Refusal;
use crate::local::{DEFAULT_LISTEN, Engine, Folder, LocalSecrets};
use crate::stack::Stack;
use broker::config::BaseUrl;
use broker::http::{Http, Reach};
use broker::target::{Endpoint, is_loopback_http};
use std::collections::BTreeMap;
use std::path::Path;

/// What one has that the other has not.
pub enum Place {
    /// The data folder of `latchkey local`.
    Folder(LocalPlace),
    /// A deployment.
    Stack(Box<Stack>),
}

/// A data folder, and the engine on it.
pub struct LocalPlace {
    pub(super) engine: Engine,
    pub(super) folder: Folder,
    /// Whether `local` ever ran here. Otherwise its default address is assumed.
    pub(crate) has_run: bool,
}

impl Place {
    pub(crate) fn secret_prefix(&self) -> &str {
        match self {
            Self::Folder(_) => "connect/",
            Self::Stack(stack) => &stack.secret_prefix,
        }
    }
}

impl Operator {
    /// Opens the data folder.
    pub async fn open(data: &Path, access: Access) -> Result<Self, Refusal> {
        let unusable = |error: &dyn std::fmt::Display| {
            Refusal::usage(
                format!("the data folder {} cannot be used: {error}", data.display()),
                "Name the folder that `latchkey local` uses with --data.",
            )
        };
        let folder = Folder::at(data);
        let noted = folder.base_url().map_err(|error| unusable(&error))?;
        let has_run = noted.is_some();
        let base_url = noted.unwrap_or_else(|| format!("http://{DEFAULT_LISTEN}"));
        let base_url = BaseUrl::new(&base_url).map_err(|error| unusable(&error))?;
        let engine = match access {
            Access::Look => Engine::to_look_at(&folder).await,
            Access::Change => Engine::at(&folder).await,
        };
        let engine = engine.map_err(|error| unusable(&error))?;
        let secrets = LocalSecrets::new(BTreeMap::new(), folder.clone());
        Ok(Self {
            store: engine.store(),
            secrets: KeptSecrets::Folder(secrets),
            base_url,
            place: Place::Folder(LocalPlace { engine, folder, has_run }),
        })
    }

    /// Works on a deployment. One that is being changed, or that a failed change left behind, can be
    /// looked at only.
    pub fn of_stack(stack: Stack, access: Access) -> Result<Self, Refusal> {
        if access == Access::Change {
            stack.is_settled()?;
        }
        let secrets = stack.secrets().encrypted_with(stack.parameter("KeyArn"));
        Ok(Self {
            store: stack.store(),
            secrets: KeptSecrets::Stack(secrets),
            base_url: stack.base_url()?,
            place: Place::Stack(Box::new(stack)),
        })
    }

    /// How to reach an MCP server and those that it leads to. One on this machine may lead to others
    /// here; one out there may not. From a deployment none but those that it may speak to are reached.
    pub fn reach(&self, endpoint: &Endpoint) -> Http {
        let http = match &self.place {
            Place::Stack(stack) => stack.outbound(),
            Place::Folder(_) if is_loopback_http(endpoint.url()) => Http::new(Reach::Loopback),
            Place::Folder(_) => Http::new(Reach::Public),
        };
        http.within(PATIENCE)
    }
}
