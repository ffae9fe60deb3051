//! `latchkey targets`: which MCP servers there are, how one goes, and how one is looked at again.

mod listed;
mod look;
mod removal;

pub use listed::{Listed, Targets};
pub use look::Looked;
pub use removal::Removed;

use crate::answer::{Refusal, conclude};
use crate::connect::Moment;
use crate::operator::{Access, Operator, Where};
use crate::stack::Pace;
use broker::clock::{Clock, SystemClock, SystemRandom};
use broker::discovery::attempt::Quote;
use broker::store::TargetStore;
use broker::target::{Target, TargetName};
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// Lists the targets, removes one, or has one looked at again.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Remove a target, its gateway target too, and give its registration back where that can be done.
    Remove {
        /// The target's name.
        name: String,
    },
    /// Have the catalog look now which tools a server has. For a deployment.
    Look {
        /// The target's name.
        name: String,
        /// Look as if this subject had just consented: the attribute `subject` of their connection, or its
        /// first 8 characters.
        #[arg(long)]
        subject: Option<String>,
    },
}

impl Arguments {
    /// Does it, and says what came of it.
    pub async fn run(self) -> ExitCode {
        let as_json = self.at.json;
        match &self.command {
            None => conclude(self.list().await, as_json),
            Some(Command::Remove { name }) => conclude(self.remove(name).await, as_json),
            Some(Command::Look { name, subject }) => {
                conclude(self.look(name, subject.as_deref()).await, as_json)
            }
        }
    }

    async fn list(&self) -> Result<Targets, Refusal> {
        let operator = Operator::at(&self.at, Access::Look).await?;
        let targets = operator.targets().await;
        operator.close().await;
        targets
    }

    async fn remove(&self, name: &str) -> Result<Removed, Refusal> {
        let operator = Operator::at(&self.at, Access::Change).await?;
        let moment = Moment { now: SystemClock.now(), random: &SystemRandom };
        let removed = match operator.name(name) {
            Ok(name) => operator.remove(&name, moment, Pace::USUAL).await,
            Err(refusal) => Err(refusal),
        };
        operator.close().await;
        removed
    }

    async fn look(&self, name: &str, subject: Option<&str>) -> Result<Looked, Refusal> {
        let operator = Operator::of_stack(self.at.stack().await?, Access::Look)?;
        let name = operator.name(name)?;
        let subject = match subject {
            Some(key) => Some(operator.subject(&name, key).await?),
            None => None,
        };
        operator.look_again(&name, subject).await
    }
}

impl Operator {
    /// The target of this name, which the operator says that there is.
    pub(crate) async fn known(&self, name: &TargetName) -> Result<Target, Refusal> {
        self.store.find_target(name).await?.ok_or_else(|| self.unknown(name.as_str()))
    }
}

/// What is said of a record that people wrote, and nobody can read.
pub(crate) fn unreadable(name: &str) -> String {
    let name = Quote::of(name);
    format!(
        "{name} has a record that cannot be read: calls of its tools are refused until it is mended"
    )
}
