//! `latchkey targets remove`: a target goes, with all that was made for it.
//!
//! The record goes after the gateway target, which is found by it, and before our client, of which the
//! secrets tell that there was one: wherever this is cut off, the next run finds what is left.

use crate::answer::{Refusal, Report};
use crate::connect::Moment;
use crate::local::is_configured;
use crate::operator::Operator;
use crate::stack::gateway::{Gateway, Pace, is_ours};
use crate::stack::leftovers::Leftovers;
use broker::catalog::{Catalog, UnderWay};
use broker::discovery::attempt::Quote;
use broker::http::Http;
use broker::store::TargetStore;
use broker::target::{Target, TargetName, Way};
use serde::Serialize;
use std::fmt;

/// What was removed.
#[derive(Debug, Serialize)]
pub struct Removed {
    /// The target.
    pub name: String,
    /// What became of our registration.
    pub registration: String,
    /// What became of the gateway target; none in `latchkey local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_target: Option<String>,
    /// What becomes of people's connections.
    pub connections: &'static str,
    /// What else the operator should know.
    pub notes: Vec<String>,
}

impl Operator {
    /// Removes a target, its gateway target first, then ends our registration for it.
    pub async fn remove(
        &self,
        name: &TargetName,
        moment: Moment<'_>,
        pace: Pace,
    ) -> Result<Removed, Refusal> {
        let Some(found) = self.store.find_target(name).await? else {
            return self.remove_rest(name, moment).await;
        };
        if is_configured(&found) && self.stack().is_none() {
            return Err(Refusal {
                remedy: "Take it out of the file, and start `latchkey local` again.".to_owned(),
                ..self.is_not_ours(&found, "")
            });
        }
        let (mut made, mut gateway_target) = (None, None);
        if let Some(stack) = self.stack()
            && let Some(gateway) = stack.gateway()
        {
            self.step(&format!("removing {name} from the gateway {}", gateway.id));
            let catalog = self.idle_catalog(name, moment).await?;
            gateway_target = Some(take_off(&gateway, &found, &catalog, pace).await?);
            // It may have begun meanwhile.
            made = Some((gateway, self.idle_catalog(name, moment).await?));
        }
        self.step(&format!("removing the record of {name}"));
        if !self.store.remove_target(&found).await? {
            return Err(Refusal::try_again(format!(
                "somebody else changed {name} at the same time"
            )));
        }
        // At once: nothing but `found` has what ends its client.
        let http = self.reach(&found.endpoint);
        self.step("ending our registration");
        let registration = self.withdraw(&http, &found, moment).await;
        let left = self.clear_away(&http, name, None, moment.now).await;
        let mut notes = left.notes;
        // The catalog may have been at work on it until its record was gone.
        if let Some((gateway, catalog)) = &made {
            match take_off(gateway, &found, catalog, pace).await {
                Ok(none) if none == NONE => {}
                Ok(same) if Some(&same) == gateway_target.as_ref() => {}
                Ok(other) => notes.push(format!("It came back at the gateway: {other}.")),
                Err(refusal) => notes
                    .push(format!("Whether it came back at the gateway is not known: {refusal}")),
            }
        }
        let forgotten = self.folder().map(|folder| folder.forget_tools(name));
        if let Some(Err(error)) = forgotten {
            notes.push(format!("its tools could not be forgotten: {error}"));
        }
        let name = name.to_string();
        Ok(Removed { name, registration, gateway_target, connections: CONNECTIONS, notes })
    }

    /// What is noted of a catalog that nobody is at.
    async fn idle_catalog(
        &self,
        name: &TargetName,
        moment: Moment<'_>,
    ) -> Result<Catalog, Refusal> {
        let catalog = self.catalog_of(name).await?;
        if catalog.held_until.is_some_and(|until| moment.now < until) {
            return Err(Refusal::try_again(format!("the catalog is at work on {name}")));
        }
        Ok(catalog)
    }

    /// What an earlier run left when it was cut off after the record was gone.
    async fn remove_rest(&self, name: &TargetName, moment: Moment<'_>) -> Result<Removed, Refusal> {
        let unknown = || self.unknown(name.as_str());
        let stack = self.stack().ok_or_else(unknown)?;
        let Leftovers { removed, notes } =
            self.clear_away(&stack.outbound(), name, None, moment.now).await;
        if removed == 0 && notes.is_empty() {
            return Err(unknown());
        }
        Ok(Removed {
            name: name.to_string(),
            registration: format!(
                "there was no record any more; what was left of it is ended: {removed} secrets"
            ),
            gateway_target: None,
            connections: CONNECTIONS,
            notes,
        })
    }

    async fn withdraw(&self, http: &Http, found: &Target, moment: Moment<'_>) -> String {
        let ended = self.registrant(http, moment.random).withdraw(&found.client).await;
        let issuer = Quote::of(&found.authorization_server.issuer);
        match (ended, found.client.way) {
            (Err(error), _) => {
                format!("{error}: {} at {issuer}", Quote::of(&found.client.client_id))
            }
            (Ok(()), Way::Dynamic) => format!("given back to {issuer}"),
            (Ok(()), Way::Document) => "our metadata document is served no more".to_owned(),
            (Ok(()), Way::ByHand) => format!(
                "{} stays at {issuer}: remove it there if nobody else uses it",
                Quote::of(&found.client.client_id)
            ),
        }
    }
}

/// Deletes the gateway target that the catalog made for ours. One that was there before, or that leads
/// elsewhere, is somebody else's.
async fn take_off(
    gateway: &Gateway,
    ours: &Target,
    catalog: &Catalog,
    pace: Pace,
) -> Result<String, Refusal> {
    let mut there = match &catalog.gateway_target {
        Some(id) => gateway.target(id).await?,
        None => None,
    };
    if there.is_none() {
        there = gateway.target_of(ours).await?;
    }
    let Some(there) = there else { return Ok(NONE.to_owned()) };
    let id = &there.target_id;
    if !is_ours(&there, ours) {
        return Ok(format!("{id} leads to another server, and stays"));
    }
    if !made_it(catalog) {
        return Ok(format!("{id} was not made by the catalog, and stays"));
    }
    gateway.delete(id, pace).await?;
    Ok(format!("{id} is deleted"))
}

/// Whether the gateway target is the catalog's own, or about to be.
fn made_it(catalog: &Catalog) -> bool {
    catalog.created || matches!(catalog.under_way, Some(UnderWay::Creating { .. }))
}

impl Report for Removed {}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} is removed.\n", self.name)?;
        if let Some(gateway_target) = &self.gateway_target {
            writeln!(f, "  gateway target       {gateway_target}")?;
        }
        writeln!(f, "  registration         {}", self.registration)?;
        write!(f, "  connections          {}", self.connections)?;
        self.notes.iter().try_for_each(|note| write!(f, "\n\nNote: {note}"))
    }
}

const NONE: &str = "there was none";
const CONNECTIONS: &str = "people's tokens stay sealed and are used no more, but are not revoked; \
                           they are used again if the same server is connected under this name";
