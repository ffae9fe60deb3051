//! What the operator's command works with: a registry, its secrets, and the address under which
//! browsers reach the broker. They are those of `latchkey local`, in its data folder, or a
//! deployment's.

mod place;
mod secrets;

pub use place::{LocalPlace, Place};
pub use secrets::KeptSecrets;

use crate::answer::Refusal;
use crate::local::{DEFAULT_DATA, Folder};
use crate::stack::{Account, Stack};
use broker::aws::DynamoStore;
use broker::clock::Random;
use broker::config::BaseUrl;
use broker::http::{Http, Roots};
use broker::registration::Registrant;
use broker::store::StoreError;
use broker::target::TargetName;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which broker is meant. A `local` may be running or not.
#[derive(Args, Clone, Debug)]
pub struct Where {
    /// The data folder of `latchkey local` [default: .latchkey].
    #[arg(long, global = true, value_name = "FOLDER", conflicts_with = "stack")]
    pub data: Option<PathBuf>,
    /// The `CloudFormation` stack of a deployment, instead of a folder. Where neither is given, the
    /// environment variable `LATCHKEY_STACK` is used, if there is one.
    #[arg(long, global = true, value_name = "NAME")]
    pub stack: Option<String>,
    /// The stack's region, unless it is the one that AWS's own tools would use.
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The AWS profile, unless it is the one that AWS's own tools would use.
    #[arg(long, global = true, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// A file of certificates in PEM: the authorities that the deployment's functions believe besides
    /// the public ones. It is the one in the layer of its parameter `RootsLayerArn`.
    #[arg(long, global = true, value_name = "FILE")]
    pub roots: Option<PathBuf>,
    /// Answer in JSON, errors too.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Where {
    /// The stack that is meant, if one is.
    #[expect(clippy::disallowed_methods, reason = "an operator need not name it in each command")]
    pub fn named_stack(&self) -> Option<String> {
        let usual = || std::env::var("LATCHKEY_STACK").ok().filter(|name| !name.is_empty());
        self.stack.clone().or_else(|| if self.data.is_none() { usual() } else { None })
    }

    /// The deployment that is meant, for what `latchkey local` has not.
    pub async fn stack(&self) -> Result<Stack, Refusal> {
        let Some(name) = self.named_stack() else {
            return Err(Refusal::usage(
                "this command is for a deployment",
                "Name its CloudFormation stack with --stack.",
            ));
        };
        let roots = self.roots.as_deref().map(Roots::read).transpose().map_err(|error| {
            Refusal::usage(format!("--roots names {error}"), "Name a file of certificates in PEM.")
        })?;
        let account = Account::of(self.profile.as_deref(), self.region.as_deref()).await?;
        Stack::find(account.believing(roots.unwrap_or_default()), &name).await
    }
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
    /// The registry.
    pub store: DynamoStore,
    /// Where client secrets lie.
    pub secrets: KeptSecrets,
    /// The address under which browsers reach us.
    pub base_url: BaseUrl,
    /// What is there besides.
    pub place: Place,
}

impl Operator {
    /// Opens the folder or the deployment that is meant.
    pub async fn at(place: &Where, access: Access) -> Result<Self, Refusal> {
        if place.named_stack().is_some() {
            return Self::of_stack(place.stack().await?, access);
        }
        let data = place.data.as_deref().unwrap_or_else(|| Path::new(DEFAULT_DATA));
        Self::open(data, access).await
    }

    /// The folder of `latchkey local`, if that is where it is.
    pub fn folder(&self) -> Option<&Folder> {
        match &self.place {
            Place::Folder(local) => Some(&local.folder),
            Place::Stack(_) => None,
        }
    }

    /// The deployment, if that is what it is.
    pub fn stack(&self) -> Option<&Stack> {
        match &self.place {
            Place::Folder(_) => None,
            Place::Stack(stack) => Some(stack),
        }
    }

    /// Finishes what is being written.
    pub async fn close(self) {
        if let Place::Folder(local) = self.place {
            local.engine.stop().await;
        }
    }

    /// Becomes, and ceases to be, a client for the targets that are registered here.
    pub(crate) fn registrant<'a>(
        &'a self,
        http: &'a Http,
        random: &'a dyn Random,
    ) -> Registrant<'a, DynamoStore, KeptSecrets> {
        let secret_prefix = self.place.secret_prefix();
        Registrant { http, targets: &self.store, secrets: &self.secrets, secret_prefix, random }
    }

    /// Says to whoever watches a deployment what is being done. In a folder it is done at once.
    pub(crate) fn step(&self, what: &str) {
        if self.stack().is_some() {
            eprintln!("  {what}");
        }
    }

    /// A command of ours, as it is typed for this place.
    pub(crate) fn command(&self, words: &str) -> String {
        match &self.place {
            Place::Folder(_) => format!("latchkey {words}"),
            Place::Stack(stack) => format!("latchkey {words} --stack {}", stack.name),
        }
    }

    /// The refusal of a name that no target has.
    pub(crate) fn unknown(&self, name: &str) -> Refusal {
        let which = self.command("targets");
        let otherwise = match &self.place {
            Place::Folder(_) => " If there are none, name the folder with --data.",
            Place::Stack(_) => "",
        };
        unknown(name, &format!("See which there are: {which}.{otherwise}"))
    }

    /// Reads a name that an operator typed.
    pub(crate) fn name(&self, name: &str) -> Result<TargetName, Refusal> {
        name.parse().map_err(|_| self.unknown(name))
    }
}

fn unknown(name: &str, remedy: &str) -> Refusal {
    let problem = format!("there is no target {}", broker::discovery::attempt::Quote::of(name));
    Refusal { kind: "unknown_target", ..Refusal::usage(problem, remedy) }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => crate::stack::fault::of_cause("the store", &*cause),
            StoreError::Unreadable(what) => Self::new(
                "unreadable",
                format!("the store holds something unreadable: {what}"),
                "It may be of another version of Latchkey: use that one.",
            ),
        }
    }
}

/// No function's time is running out while an operator waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Self::new(
            "data_folder",
            format!("the data folder cannot be used: {error}"),
            "Look at its permissions, and at the space that is left.",
        )
    }
}
