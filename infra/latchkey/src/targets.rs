//! `latchkey targets`: which MCP servers there are, and how one goes.

use crate::answer::{Refusal, Report, conclude};
use crate::local::is_configured;
use crate::operator::{Access, Operator, Where, reach};
use broker::clock::{Random, SystemRandom, unix_seconds};
use broker::discovery::attempt::Quote;
use broker::store::TargetStore;
use broker::target::{Target, TargetName, Way};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// Lists the targets, or removes one.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Remove a target, and give its registration back where that can be done.
    Remove {
        /// The target's name.
        name: String,
    },
}

impl Arguments {
    /// Does it, and says what came of it.
    pub async fn run(self) -> ExitCode {
        match self.command {
            None => conclude(list(&self.at.data).await, self.at.json),
            Some(Command::Remove { name }) => {
                conclude(remove(&name, &self.at.data).await, self.at.json)
            }
        }
    }
}

async fn list(data: &Path) -> Result<Targets, Refusal> {
    let operator = Operator::open(data, Access::Look).await?;
    let targets = operator.targets().await;
    operator.close().await;
    targets
}

async fn remove(name: &str, data: &Path) -> Result<Removed, Refusal> {
    let name: TargetName = name.parse().map_err(|_| unknown(name))?;
    let operator = Operator::open(data, Access::Change).await?;
    let removed = operator.remove(&name, &SystemRandom).await;
    operator.close().await;
    removed
}

impl Operator {
    /// Every target.
    pub async fn targets(&self) -> Result<Targets, Refusal> {
        let registered = self.store.targets().await?;
        let listed = registered.targets.iter().map(|target| {
            let tools = self.folder.tools(&target.name)?;
            Ok(Listed::new(target, tools.map(|tools| tools.len())))
        });
        let targets = listed.collect::<Result<_, Refusal>>()?;
        Ok(Targets { targets, unreadable: registered.unreadable })
    }

    /// Removes a target, then ends our registration for it.
    pub async fn remove(&self, name: &TargetName, random: &dyn Random) -> Result<Removed, Refusal> {
        let found = self.known(name).await?;
        if is_configured(&found) {
            return Err(Refusal::new(
                "configured",
                format!("{name} is a target of the configuration file of `latchkey local`"),
                "Take it out of the file, and start `latchkey local` again.",
            ));
        }
        if !self.store.remove_target(&found).await? {
            return Err(Refusal::try_again(format!(
                "somebody else changed {name} at the same time"
            )));
        }
        // At once: nothing but `found` has what ends its client.
        let http = reach(&found.endpoint);
        let ended = self.registrant(&http, random).withdraw(&found.client).await;
        let issuer = Quote::of(&found.authorization_server.issuer);
        let registration = match (ended, found.client.way) {
            (Err(error), _) => {
                format!("{error}: {} at {issuer}", Quote::of(&found.client.client_id))
            }
            (Ok(()), Way::Dynamic) => format!("given back to {issuer}"),
            (Ok(()), Way::Document) => "our metadata document is served no more".to_owned(),
            (Ok(()), Way::ByHand) => format!(
                "{} stays at {issuer}: remove it there if nobody else uses it",
                Quote::of(&found.client.client_id)
            ),
        };
        let forgotten = self.folder.forget_tools(name).err();
        let notes = forgotten.map(|error| format!("its tools could not be forgotten: {error}"));
        let notes = notes.into_iter().collect();
        Ok(Removed { name: name.to_string(), registration, connections: CONNECTIONS, notes })
    }

    /// The target of this name, which the operator says that there is.
    pub(crate) async fn known(&self, name: &TargetName) -> Result<Target, Refusal> {
        self.store.find_target(name).await?.ok_or_else(|| unknown(name.as_str()))
    }
}

pub(crate) fn unknown(name: &str) -> Refusal {
    let problem = format!("there is no target {}", Quote::of(name));
    let remedy = "See which there are: latchkey targets. If there are none, name the folder with \
                  --data.";
    Refusal { kind: "unknown_target", ..Refusal::usage(problem, remedy) }
}

/// What is said of a record that people wrote, and nobody can read.
pub(crate) fn unreadable(name: &str) -> String {
    let name = Quote::of(name);
    format!(
        "{name} has a record that cannot be read: calls of its tools are refused until it is mended"
    )
}

/// What there is.
#[derive(Debug, Serialize)]
pub struct Targets {
    /// By name.
    pub targets: Vec<Listed>,
    /// The names of those whose record cannot be read.
    pub unreadable: Vec<String>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// As people call it.
    pub title: String,
    /// Where it is.
    pub endpoint: String,
    /// What its tokens are for.
    pub resource: String,
    /// Who issues them.
    pub issuer: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// How we are a client there.
    pub way: Way,
    /// Our id there.
    pub client_id: String,
    /// When our secret expires, in seconds since 1970; none if it does not.
    pub client_secret_expires_at: Option<u64>,
    /// Whether it stands in the configuration file.
    pub configured: bool,
    /// How many tools are listed; none if nobody said which there are.
    pub tools: Option<usize>,
}

impl Listed {
    fn new(target: &Target, tools: Option<usize>) -> Self {
        let client = &target.client;
        Self {
            name: target.name.to_string(),
            title: target.title.clone(),
            endpoint: target.endpoint.as_str().to_owned(),
            resource: target.resource.as_str().to_owned(),
            issuer: target.authorization_server.issuer.clone(),
            scopes: target.scopes.clone(),
            way: client.way,
            client_id: client.client_id.clone(),
            client_secret_expires_at: client.client_secret_expires_at.map(unix_seconds),
            configured: is_configured(target),
            tools,
        }
    }
}

impl Report for Targets {}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.targets.is_empty() && self.unreadable.is_empty() {
            return f.write_str("There is no target yet: latchkey connect URL --name NAME");
        }
        for (index, target) in self.targets.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let by = match (target.configured, target.way) {
                (true, _) => "configuration file",
                (_, Way::ByHand) => "client registered by hand",
                (_, Way::Document) => "client ID metadata document",
                (_, Way::Dynamic) => "dynamic registration",
            };
            let (endpoint, issuer) = (&target.endpoint, Quote::of(&target.issuer));
            write!(f, "{:<16} {endpoint}  {issuer}  ({by})", target.name)?;
        }
        for (index, name) in self.unreadable.iter().enumerate() {
            if index > 0 || !self.targets.is_empty() {
                writeln!(f)?;
            }
            f.write_str(&unreadable(name))?;
        }
        Ok(())
    }
}

/// What was removed.
#[derive(Debug, Serialize)]
pub struct Removed {
    /// The target.
    pub name: String,
    /// What became of our registration.
    pub registration: String,
    /// What becomes of people's connections.
    pub connections: &'static str,
    /// What else the operator should know.
    pub notes: Vec<String>,
}

impl Report for Removed {}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} is removed.\n", self.name)?;
        writeln!(f, "  registration         {}", self.registration)?;
        write!(f, "  connections          {}", self.connections)?;
        self.notes.iter().try_for_each(|note| write!(f, "\n\nNote: {note}"))
    }
}

const CONNECTIONS: &str = "people's tokens stay sealed and are used no more, but are not revoked; \
                           they are used again if the same server is connected under this name";
