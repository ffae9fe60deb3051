//! Renews connections before anybody needs them. Per schedule: finds what is due and queues it. Per
//! batch of the queue: renews it.
//!
//! What is due is written in the table and nowhere else. The queue only spreads the work: a message
//! that is lost, or comes twice, costs nothing but a look.

mod event;
mod renewal;
mod report;
mod sweep;

pub use report::{Renewals, Swept};

use broker::breaker::Breakers;
use broker::clock::Clock;
use broker::http::Http;
use broker::queue::{Answer, Queue};
use broker::registry::Registry;
use broker::seal::KeyRing;
use broker::store::{ClientSecrets, ConnectionStore, DueConnections, TargetStore};
use event::Event;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// All that a sweep and a renewal need.
pub struct Refresh<T, C, S, Q, K> {
    /// Which targets there are.
    pub targets: Registry<T>,
    /// Who is connected to them.
    pub connections: C,
    /// Our clients' secrets.
    pub secrets: S,
    /// Where what is due waits.
    pub queue: Q,
    /// How to reach token endpoints.
    pub http: Http,
    /// Opens and seals tokens.
    pub token_keys: KeyRing,
    /// Which authorization servers are left alone for a while.
    pub breakers: Breakers,
    /// How long after its last use a connection is still in use, and renewed ahead of expiry.
    pub used_within: Duration,
    /// What time it is.
    pub clock: K,
}

/// What the schedule and the queue are answered, and what there is to report.
#[derive(Debug)]
pub struct Done {
    /// For Lambda.
    pub answer: Answer,
    /// What became of a batch of the queue.
    pub report: Report,
}

/// What was done.
#[derive(Debug)]
pub enum Report {
    /// What was due was queued.
    Swept(Swept),
    /// What was queued was renewed.
    Renewed(Renewals),
}

impl<T, C, S, Q, K> Refresh<T, C, S, Q, K>
where
    T: TargetStore + 'static,
    C: ConnectionStore + DueConnections + 'static,
    S: ClientSecrets + 'static,
    Q: Queue + 'static,
    K: Clock + 'static,
{
    /// Sees to one event, of the schedule or of the queue: its shape tells which. Nothing is begun
    /// that may not end before `deadline`.
    pub async fn handle(
        self: &Arc<Self>,
        event: &RawValue,
        deadline: SystemTime,
    ) -> Result<Done, UnknownEvent> {
        match Event::read(event)? {
            Event::Schedule => Ok(Done {
                answer: Answer::default(),
                report: Report::Swept(self.sweep(deadline).await),
            }),
            Event::Queue(deliveries) => {
                let (returned, report) = self.renew(deliveries, deadline).await;
                Ok(Done { answer: Answer::of(returned), report: Report::Renewed(report) })
            }
        }
    }
}

/// An event that is neither of the schedule nor of the queue.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the event is neither the schedule's nor the queue's")]
pub struct UnknownEvent;
