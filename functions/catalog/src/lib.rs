//! Keeps the gateway target's tool list equal to the MCP server's. Per message of the queue: one target,
//! at which somebody has just consented, or which somebody wants looked at. Per schedule: all of them.
//!
//! The gateway asks for a target's tools without a user, which a protected server refuses. So they are
//! listed with the connection of a steward, who is the first to consent, and the gateway is told them.

mod doubt;
mod event;
mod halt;
mod keep;
mod listing;
mod notes;
mod recipes;
mod report;
mod settle;
mod steward;
mod tools;

pub use event::UnknownEvent;
pub use listing::{ListingError, SIZE_LIMIT, TOOL_LIMIT, list_tools};
pub use recipes::Providers;
pub use report::Report;

use broker::breaker::Breakers;
use broker::catalog::Catalog;
use broker::clock::Clock;
use broker::gateway::{GatewayTargets, ToolSchemas};
use broker::http::Http;
use broker::queue::{Answer, CatalogMessage, Delivery};
use broker::seal::KeyRing;
use broker::store::{CatalogStore, ClientSecrets, ConnectionStore, StoreError, TargetStore};
use broker::target::{Target, TargetName};
use event::Event;
use keep::{Occasion, Outcome, Visit};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// All that it takes to keep the gateway's targets.
pub struct Keeper<T, C, S, G, K> {
    /// Which targets there are, and what is noted of their catalogs.
    pub targets: T,
    /// Who is connected to them.
    pub connections: C,
    /// Our clients' secrets.
    pub secrets: S,
    /// The gateway, if there is one.
    pub gateway: Option<G>,
    /// What an operator offers for the recipes that need it.
    pub providers: Providers,
    /// How to reach MCP servers and token endpoints.
    pub http: Http,
    /// Opens and seals tokens.
    pub token_keys: KeyRing,
    /// Which authorization servers are left alone for a while.
    pub breakers: Breakers,
    /// How long between two looks at a target that the gateway is at.
    pub poll: Duration,
    /// How long one server's list may take.
    pub patience: Duration,
    /// What time it is.
    pub clock: K,
}

/// What the schedule and the queue are answered, and what there is to report.
#[derive(Debug)]
pub struct Done {
    /// For Lambda.
    pub answer: Answer,
    /// What became of the targets.
    pub report: Report,
}

impl<T, C, S, G, K> Keeper<T, C, S, G, K>
where
    T: TargetStore + CatalogStore,
    C: ConnectionStore,
    S: ClientSecrets,
    G: GatewayTargets + ToolSchemas,
    K: Clock,
{
    /// Sees to one event, of the schedule or of the queue: its shape tells which. Nothing is begun
    /// that may not end before `deadline`.
    pub async fn handle(&self, event: &RawValue, deadline: SystemTime) -> Result<Done, LookError> {
        let event = Event::read(event)?;
        let Some(gateway) = &self.gateway else {
            tracing::warn!(
                outcome = "no_gateway",
                "no gateway is named in GATEWAY_ID: nothing is kept"
            );
            return Ok(Done { answer: Answer::default(), report: Report::default() });
        };
        match event {
            Event::Schedule => {
                let report = self.look_at_all(gateway, deadline).await?;
                Ok(Done { answer: Answer::default(), report })
            }
            Event::Queue(deliveries) => {
                let (returned, report) = self.deliver(gateway, deliveries, deadline).await;
                Ok(Done { answer: Answer::of(returned), report })
            }
        }
    }

    async fn look_at_all(&self, gateway: &G, deadline: SystemTime) -> Result<Report, StoreError> {
        let registered = self.targets.targets().await?;
        for name in &registered.unreadable {
            tracing::error!(outcome = "unreadable", target_name = %name, "a target's record cannot be read");
        }
        let mut report = Report { unreadable: registered.unreadable.len(), ..Report::default() };
        for target in self.longest_unseen_first(registered.targets).await {
            let occasion = Occasion::default();
            report.count(self.look_at(gateway, &target, &occasion, deadline).await);
        }
        Ok(report)
    }

    /// So that each has its turn, however many there are.
    async fn longest_unseen_first(&self, targets: Vec<Target>) -> Vec<Target> {
        let mut seen = Vec::new();
        for target in targets {
            let noted = self.targets.find_catalog(&target.name).await;
            // A look that never ended is noted by its hold only: it must not come first for ever.
            let at = noted
                .ok()
                .flatten()
                .and_then(|noted| noted.look.as_ref().map(|look| look.at).max(noted.held_until));
            seen.push((at, target));
        }
        seen.sort_by_key(|(at, _)| *at);
        seen.into_iter().map(|(_, target)| target).collect()
    }

    async fn look_at(
        &self,
        gateway: &G,
        target: &Target,
        occasion: &Occasion,
        deadline: SystemTime,
    ) -> Visit {
        if deadline < self.clock.now() + RESERVE {
            return Visit { outcome: Outcome::Returned, drifted: false };
        }
        // Large, and awaited in several places.
        Box::pin(self.keep(gateway, target, occasion, deadline)).await
    }

    async fn deliver(
        &self,
        gateway: &G,
        deliveries: Vec<Delivery>,
        deadline: SystemTime,
    ) -> (Vec<String>, Report) {
        let (mut staying, mut report) = (Vec::new(), Report::default());
        // One look for all who ask for it.
        let mut asked: BTreeMap<TargetName, (Vec<String>, Occasion)> = BTreeMap::new();
        for Delivery { id, body } in deliveries {
            let Some(message) = CatalogMessage::from_body(&body) else {
                tracing::error!(outcome = "unreadable", id, "a message cannot be read");
                report.unreadable += 1;
                staying.push(id);
                continue;
            };
            let (ids, occasion) = asked.entry(message.target).or_default();
            ids.push(id);
            match message.subject {
                Some(subject) => occasion.consenting.push(subject),
                None => occasion.wanted = true,
            }
        }
        for (name, (ids, occasion)) in asked {
            match self.targets.find_target(&name).await {
                Ok(Some(target)) if self.is_fresh(&target, &occasion).await => {
                    tracing::info!(outcome = "fresh", target_name = %name, "{name} was looked at a moment ago");
                }
                Ok(Some(target)) => {
                    let visit = self.look_at(gateway, &target, &occasion, deadline).await;
                    if visit.outcome == Outcome::Returned {
                        staying.extend(ids);
                    }
                    report.count(visit);
                }
                Ok(None) => {
                    tracing::info!(outcome = "gone", target_name = %name, "{name} is not a target any more");
                }
                Err(StoreError::Unreadable(what)) => {
                    tracing::error!(outcome = "unreadable", target_name = %name, "{what} cannot be read");
                    report.unreadable += 1;
                }
                Err(error @ StoreError::Unavailable(_)) => {
                    tracing::warn!(%error, target_name = %name, "a target cannot be found");
                    report.returned += 1;
                    staying.extend(ids);
                }
            }
        }
        (staying, report)
    }

    /// Whether somebody's consent tells nothing new: the steward has just listed the tools, and can
    /// again. Where that cannot be found out, it is looked.
    async fn is_fresh(&self, target: &Target, occasion: &Occasion) -> bool {
        if occasion.wanted {
            return false;
        }
        let noted = self.targets.find_catalog(&target.name).await;
        let Ok(Some(Catalog {
            steward: Some(steward), look: Some(look), held_until: None, ..
        })) = noted
        else {
            return false;
        };
        let new = self.clock.now() < look.at + FRESH;
        new && LISTED.iter().any(|outcome| outcome.name() == look.outcome)
            && matches!(self.usable(&steward, target).await, Ok(Some(_)))
    }
}

/// Why an event was not seen to.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// Somebody else's.
    #[error(transparent)]
    UnknownEvent(#[from] UnknownEvent),
    /// Nobody knows which targets there are: the next look may.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a look comes to that has listed the tools and left nothing to do.
const LISTED: [Outcome; 3] = [Outcome::Kept, Outcome::Created, Outcome::Updated];
/// How long a look answers for those who consent after it.
const FRESH: Duration = Duration::from_mins(5);
/// What a look takes that finds nothing to do: a renewal, a list, the gateway's answer.
const RESERVE: Duration = Duration::from_mins(1);
