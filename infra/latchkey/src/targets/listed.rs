//! The list of targets.

use super::unreadable;
use crate::answer::{Refusal, Report};
use crate::local::is_configured;
use crate::operator::Operator;
use crate::stack::gateway;
use broker::catalog::{Catalog, Recipe};
use broker::clock::unix_seconds;
use broker::discovery::attempt::Quote;
use broker::page::moment::Moment;
use broker::store::{CatalogStore, TargetStore};
use broker::target::{Target, TargetName, Way};
use serde::Serialize;
use std::fmt;

/// What there is.
#[derive(Debug, Serialize)]
pub struct Targets {
    /// By name.
    pub targets: Vec<Listed>,
    /// The names of those whose record cannot be read.
    pub unreadable: Vec<String>,
    /// What could not be found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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
    /// Whether it stands in the configuration file, or was written by hand.
    pub configured: bool,
    /// How many tools are listed; none if nobody said which there are.
    pub tools: Option<u64>,
    /// What the catalog says of it; none in `latchkey local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Catalog>,
    /// The status of its gateway target, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_target_status: Option<String>,
}

impl Operator {
    /// Every target.
    pub async fn targets(&self) -> Result<Targets, Refusal> {
        let registered = self.store.targets().await?;
        let unreadable = registered.unreadable;
        let listed = registered.targets.iter().map(|target| {
            let tools = self.folder().map(|folder| folder.tools(&target.name)).transpose()?;
            Ok(Listed::new(target, tools.flatten().map(|tools| tools.len() as u64)))
        });
        let mut listed = listed.collect::<Result<Vec<_>, Refusal>>()?;
        let mut notes = Vec::new();
        if let Some(stack) = self.stack() {
            for (row, target) in listed.iter_mut().zip(&registered.targets) {
                let catalog = self.catalog_of(&target.name).await?;
                row.tools = catalog.listed.as_ref().map(|listed| listed.count as u64);
                row.catalog = Some(catalog);
            }
            // What is registered is worth seeing, whatever the gateway says.
            if let Some(gateway) = stack.gateway()
                && let Err(refusal) = at_gateway(&gateway, &mut listed).await
            {
                notes.push(format!("The gateway's targets are not known: {}", refusal.problem));
            }
        }
        Ok(Targets { targets: listed, unreadable, notes })
    }

    /// What is noted of a target's catalog; nothing, if it was not looked at yet.
    pub(crate) async fn catalog_of(&self, name: &TargetName) -> Result<Catalog, Refusal> {
        Ok(self.store.find_catalog(name).await?.unwrap_or_default())
    }
}

async fn at_gateway(gateway: &gateway::Gateway, listed: &mut [Listed]) -> Result<(), Refusal> {
    let there = gateway.targets().await?;
    for row in listed {
        let made = row.catalog.as_ref().and_then(|catalog| catalog.gateway_target.as_deref());
        let found = there.iter().find(|there| match made {
            Some(id) => there.target_id == id,
            None => there.name == row.name,
        });
        let Some(found) = found else { continue };
        row.gateway_target_status = Some(found.status.as_str().to_owned());
        if row.tools.is_none() {
            row.tools = gateway.target(&found.target_id).await?.as_ref().and_then(gateway::tools);
        }
    }
    Ok(())
}

impl Listed {
    fn new(target: &Target, tools: Option<u64>) -> Self {
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
            catalog: None,
            gateway_target_status: None,
        }
    }
}

impl Report for Targets {}

impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.targets.is_empty() && self.unreadable.is_empty() {
            f.write_str("There is no target yet: latchkey connect URL --name NAME")?;
        }
        for (index, target) in self.targets.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let by = match (target.configured, target.way) {
                (true, _) if target.catalog.is_some() => "written by hand",
                (true, _) => "configuration file",
                (_, Way::ByHand) => "client registered by hand",
                (_, Way::Document) => "client ID metadata document",
                (_, Way::Dynamic) => "dynamic registration",
            };
            let (endpoint, issuer) = (&target.endpoint, Quote::of(&target.issuer));
            write!(f, "{:<16} {endpoint}  {issuer}  ({by})", target.name)?;
            if let Some(catalog) = &target.catalog {
                write!(f, "\n{:<16} ", "")?;
                target.write_catalog(catalog, f)?;
            }
        }
        for (index, name) in self.unreadable.iter().enumerate() {
            if index > 0 || !self.targets.is_empty() {
                writeln!(f)?;
            }
            f.write_str(&unreadable(name))?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n\nNote: {note}"))
    }
}

impl Listed {
    /// One line: what the gateway has, and how it came there.
    fn write_catalog(&self, catalog: &Catalog, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gateway_target_status {
            Some(status) => write!(f, "gateway target {status}")?,
            None => f.write_str("no gateway target")?,
        }
        if let Some(tools) = self.tools {
            write!(f, ", {tools} tools")?;
        }
        if let Some(recipe) = catalog.recipe.map(Recipe::name) {
            write!(f, ", recipe {recipe}")?;
        }
        match &catalog.steward {
            Some(steward) => write!(f, ", steward {}", steward.key())?,
            None => f.write_str(", no steward: nobody has consented yet")?,
        }
        if let Some(look) = &catalog.look {
            write!(f, ", looked at {}: {}", Moment::new(look.at), look.outcome)?;
            look.why.iter().try_for_each(|why| write!(f, "; {why}"))?;
        }
        Ok(())
    }
}
