//! Renews what the queue delivers.

use crate::Refresh;
use crate::report::Renewals;
use broker::clock::{Clock, whole_seconds};
use broker::connection::Connection;
use broker::due::DAY;
use broker::oauth::token::TokenError;
use broker::queue::{Delivery, Message};
use broker::quirks::Quirks;
use broker::refresh::{Failure, Refresher, Renewal};
use broker::store::{ClientSecrets, ConnectionStore, DueConnections, StoreError, TargetStore};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

/// What became of one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Somebody else is renewing it.
    Busy,
    /// It was renewed, or ended, since it was queued; or it is not due for another reason.
    Current,
    /// Its authorization server was of no use just now. It is due again later.
    Deferred,
    /// The subject must consent again.
    Ended,
    /// An operator must look. It is due again much later.
    Failed,
    /// Nobody has used it for long, or its target is gone: it is left until a call needs it.
    LetGo,
    /// It was renewed.
    Renewed,
}

/// What became of a message that is done with.
struct Visit {
    outcome: Outcome,
    /// Whether the subject will have to consent again within a day, unless something changes.
    dying: bool,
}

impl From<Outcome> for Visit {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, dying: false }
    }
}

impl<T, C, S, Q, K> Refresh<T, C, S, Q, K>
where
    T: TargetStore + 'static,
    C: ConnectionStore + DueConnections + 'static,
    S: ClientSecrets + 'static,
    Q: Send + Sync + 'static,
    K: Clock + 'static,
{
    /// Renews what `deliveries` name. The answer is which of them are to stay in the queue: those that
    /// could not be begun so long before `deadline` that they would end, those that the store gave no
    /// answer for, and those that nobody can read, which the queue sets aside after a few times.
    pub async fn renew(
        self: &Arc<Self>,
        deliveries: Vec<Delivery>,
        deadline: SystemTime,
    ) -> (Vec<String>, Renewals) {
        // Until something else is known of it, each stays in the queue.
        let mut staying: Vec<_> = deliveries.iter().map(|delivery| delivery.id.clone()).collect();
        let (mut report, mut under_way) = (Renewals::default(), JoinSet::new());
        for Delivery { id, body } in deliveries {
            let Some(message) = Message::from_body(&body) else {
                tracing::error!(outcome = "unreadable", id, "a message cannot be read");
                report.unreadable += 1;
                continue;
            };
            if under_way.len() == AT_ONCE {
                settle(&mut under_way, &mut staying, &mut report).await;
            }
            if deadline < self.clock.now() + RESERVE {
                continue;
            }
            let refresh = Arc::clone(self);
            under_way.spawn(async move { (id, refresh.see_to(&message).await) });
        }
        // Never dropped before they end: a renewal that is cut short may lose a token.
        while !under_way.is_empty() {
            settle(&mut under_way, &mut staying, &mut report).await;
        }
        report.returned = staying.len() - report.unreadable;
        (staying, report)
    }

    /// What became of `message`. `None` if it is to stay in the queue.
    async fn see_to(&self, message: &Message) -> Option<Visit> {
        let Message { subject, target: target_name } = message;
        match self.visit(message).await {
            Ok(visit) => {
                let outcome = visit.outcome.name();
                tracing::info!(outcome, %subject, %target_name, "saw to {subject} at {target_name}");
                Some(visit)
            }
            // To try it again will not help.
            Err(error @ StoreError::Unreadable(_)) => {
                tracing::error!(outcome = "failed", %error, %subject, %target_name, "a record cannot be read");
                Some(Outcome::Failed.into())
            }
            Err(error) => {
                tracing::warn!(outcome = "returned", %error, %subject, %target_name, "the store is of no use");
                None
            }
        }
    }

    async fn visit(&self, message: &Message) -> Result<Visit, StoreError> {
        let Message { subject, target } = message;
        let now = self.clock.now();
        let found = self.connections.find_connection(subject, target).await?;
        let Some(connection) = found.filter(Connection::is_active) else {
            return Ok(Outcome::Current.into());
        };
        let Some(target) = self.targets.find(target, now).await? else {
            self.put_off(&connection, None).await;
            return Ok(Outcome::LetGo.into());
        };
        let used = connection.is_used(self.used_within, now);
        let planned = if used {
            connection.renew_at(&target.quirks)
        } else {
            connection.keep_at(&target.quirks)
        };
        let needed = used && !connection.is_fresh(now);
        let Some(planned_at) = planned.filter(|at| *at <= now || needed) else {
            self.put_off(&connection, planned).await;
            return Ok(if used { Outcome::Current } else { Outcome::LetGo }.into());
        };
        let refresher = Refresher {
            connections: &self.connections,
            secrets: &self.secrets,
            http: &self.http,
            ring: &self.token_keys,
            breakers: &self.breakers,
            clock: &self.clock,
            deadline: now + RESERVE,
        };
        let late = now.duration_since(planned_at).unwrap_or_default();
        let outcome = match refresher.renew(subject, &target, now).await {
            Renewal::Renewed(_) => Outcome::Renewed,
            Renewal::Busy => Outcome::Busy,
            Renewal::Deferred { until } => {
                self.put_off(&connection, Some(until.max(now + pause(late, PAUSE)))).await;
                Outcome::Deferred
            }
            Renewal::Ended => {
                // Unless it has ended in the table too: then it is not due there.
                self.put_off(&connection, None).await;
                Outcome::Ended
            }
            Renewal::Failed(Failure::Store(error @ StoreError::Unavailable(_))) => {
                return Err(error);
            }
            Renewal::Failed(failure) => {
                tracing::warn!(%failure, %subject, target_name = %target.name, "a renewal failed");
                let (outcome, pause) = match failure {
                    Failure::Token(TokenError::Unavailable(_) | TokenError::InvalidGrant) => {
                        (Outcome::Deferred, pause(late, PAUSE))
                    }
                    Failure::Store(_)
                    | Failure::Token(
                        TokenError::InvalidClient
                        | TokenError::Misconfigured
                        | TokenError::Refused(_),
                    ) => (Outcome::Failed, pause(late, PAUSE_FOR_OPERATOR)),
                };
                self.put_off(&connection, Some(now + pause)).await;
                outcome
            }
        };
        Ok(Visit { outcome, dying: is_dying(&connection, outcome, &target.quirks, now) })
    }

    /// Moves when `connection` is due, unless somebody else has written it meanwhile. If that fails it
    /// is due too soon, which does no harm.
    async fn put_off(&self, connection: &Connection, until: Option<SystemTime>) {
        let until = until.map(whole_seconds);
        let Some(due) = connection.due().filter(|due| Some(due.due_at) != until) else { return };
        if let Err(error) = self.connections.postpone(&due, until).await {
            tracing::warn!(%error, subject = %due.subject, "what was put off is due too soon");
        }
    }
}

/// Waits for one that is under way.
async fn settle(
    under_way: &mut JoinSet<(String, Option<Visit>)>,
    staying: &mut Vec<String>,
    report: &mut Renewals,
) {
    // One that panicked stays in the queue.
    if let Some(Ok((id, Some(Visit { outcome, dying })))) = under_way.join_next().await {
        staying.retain(|staying| *staying != id);
        report.count(outcome);
        report.dying += usize::from(dying);
    }
}

/// See [`Visit::dying`].
fn is_dying(connection: &Connection, outcome: Outcome, quirks: &Quirks, now: SystemTime) -> bool {
    let end = match outcome {
        Outcome::Renewed => connection.ends_at(quirks),
        Outcome::Busy | Outcome::Deferred | Outcome::Failed => connection.dies_at(quirks),
        Outcome::Current | Outcome::Ended | Outcome::LetGo => None,
    };
    end.is_some_and(|end| end <= now + DAY)
}

/// As long as it is `late`, so that each pause is twice the last.
fn pause(late: Duration, shortest: Duration) -> Duration {
    late.clamp(shortest, LONGEST_PAUSE)
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Current => "current",
            Self::Deferred => "deferred",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::LetGo => "let_go",
            Self::Renewed => "renewed",
        }
    }
}

/// How many renewals are under way in one instance of the function.
const AT_ONCE: usize = 5;
/// What a renewal may take: a lease, and the store before and after.
const RESERVE: Duration = Duration::from_secs(20);
/// The first pause after an authorization server was of no use.
const PAUSE: Duration = Duration::from_mins(5);
/// The first pause where only an operator can help.
const PAUSE_FOR_OPERATOR: Duration = Duration::from_hours(1);
/// The longest pause: an authorization server that comes back is noticed the same day.
const LONGEST_PAUSE: Duration = Duration::from_hours(4);
