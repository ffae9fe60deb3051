//! What the operator's command works with: the registry of `latchkey local`, its data folder, and the
//! address under which browsers reach it.

use crate::answer::Refusal;
use crate::local::{DEFAULT_DATA, DEFAULT_LISTEN, Engine, Folder, LocalSecrets};
use broker::aws::DynamoStore;
use broker::config::BaseUrl;
use broker::http::{Http, Reach};
use broker::store::StoreError;
use broker::target::{Endpoint, is_loopback_http};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which `local` is meant. It may be running or not.
#[derive(Args, Clone, Debug)]
pub struct Where {
    /// The data folder of `latchkey local`.
    #[arg(long, global = true, value_name = "FOLDER", default_value = DEFAULT_DATA)]
    pub data: PathBuf,
    /// Answer in JSON, errors too.
    #[arg(long, global = true)]
    pub json: bool,
}

/// Whether anything is to be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Not even a new folder.
    Look,
    /// What the command says.
    Change,
}

/// An operator at work.
pub struct Operator {
    engine: Engine,
    /// The registry.
    pub store: DynamoStore,
    /// Where client secrets lie.
    pub secrets: LocalSecrets,
    /// Where the rest lies.
    pub folder: Folder,
    /// The address under which browsers reach us.
    pub base_url: BaseUrl,
    /// Whether `local` ever ran here. Otherwise its default address is assumed.
    pub has_run: bool,
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
        Ok(Self { store: engine.store(), engine, secrets, folder, base_url, has_run })
    }

    /// Finishes what is being written.
    pub async fn close(self) {
        self.engine.stop().await;
    }
}

/// An MCP server on this machine may lead to others here; one out there may not.
pub fn reach(endpoint: &Endpoint) -> Http {
    let local = is_loopback_http(endpoint.url());
    Http::new(if local { Reach::Loopback } else { Reach::Public }).within(PATIENCE)
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::try_again("the data folder's database is busy"),
            StoreError::Unreadable(what) => Self::new(
                "unreadable",
                format!("the data folder holds something unreadable: {what}"),
                "It may be of another version of Latchkey: use that one, or another folder.",
            ),
        }
    }
}

/// No function's time is running out while an operator waits.
const PATIENCE: Duration = Duration::from_secs(15);
/// What the names of client secrets in the data folder begin with.
pub const SECRET_PREFIX: &str = "connect/";

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::new(
            "data_folder",
            format!("the data folder cannot be used: {error}"),
            "Look at its permissions, and at the space that is left.",
        )
    }
}
