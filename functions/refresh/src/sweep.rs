//! One scheduled pass over what is due.

use crate::Refresh;
use crate::report::Swept;
use broker::clock::Clock;
use broker::due::{Due, Shard};
use broker::queue::{Message, QUEUE_BATCH, Queue};
use broker::store::DueConnections;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

impl<T, C, S, Q, K> Refresh<T, C, S, Q, K>
where
    T: Send + Sync + 'static,
    C: DueConnections + 'static,
    S: Send + Sync + 'static,
    Q: Queue + 'static,
    K: Clock + 'static,
{
    /// Queues what is due by now. What cannot be queued before `deadline`, or at all, is due still,
    /// and is left to the next sweep.
    pub async fn sweep(self: &Arc<Self>, deadline: SystemTime) -> Swept {
        let now = self.clock.now();
        let mut shards = JoinSet::new();
        for shard in Shard::all() {
            let refresh = Arc::clone(self);
            shards.spawn(async move { refresh.sweep_shard(shard, now, deadline).await });
        }
        shards.join_all().await.into_iter().sum()
    }

    async fn sweep_shard(&self, shard: Shard, now: SystemTime, deadline: SystemTime) -> Swept {
        let (mut report, mut after) = (Swept::default(), None);
        loop {
            if self.is_late(deadline) {
                return Swept { unfinished_shards: 1, ..report };
            }
            let page = match self.connections.due(shard, now, after.as_ref()).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, shard = shard.key(), "what is due cannot be read");
                    return Swept { unanswered_shards: 1, ..report };
                }
            };
            if page.unreadable > 0 {
                let unreadable = page.unreadable;
                tracing::error!(unreadable, shard = shard.key(), "keys cannot be read");
            }
            report.unreadable += page.unreadable;
            report.due += page.due.len();
            if let Some(first) = page.due.first() {
                let late = now.duration_since(first.due_at).unwrap_or_default();
                report.longest_due = report.longest_due.max(late);
            }
            for batch in page.due.chunks(QUEUE_BATCH) {
                if self.is_late(deadline) {
                    return Swept { unfinished_shards: 1, ..report };
                }
                let queued = self.queue(batch).await;
                report.queued += queued.len();
                report.unqueued += batch.len() - queued.len();
                if queued.is_empty() {
                    // A queue that takes nothing is not asked again for every batch.
                    return Swept { unfinished_shards: 1, ..report };
                }
                for due in queued {
                    self.hold(due, now).await;
                }
            }
            after = page.next;
            if after.is_none() {
                return report;
            }
        }
    }

    /// Queues `batch`, and what the queue did not take once more. The answer is what it took.
    async fn queue<'d>(&self, batch: &'d [Due]) -> Vec<&'d Due> {
        let (mut queued, mut waiting) = (Vec::new(), batch.iter().collect::<Vec<_>>());
        for _ in 0..TRIES {
            let messages: Vec<_> = waiting.iter().map(|due| Message::from(*due)).collect();
            match self.queue.send(&messages).await {
                Ok(refused) => {
                    let places = waiting.into_iter().enumerate();
                    let (left, taken): (Vec<_>, Vec<_>) =
                        places.partition(|(place, _)| refused.contains(place));
                    queued.extend(taken.into_iter().map(|(_, due)| due));
                    waiting = left.into_iter().map(|(_, due)| due).collect();
                }
                Err(error) => tracing::warn!(%error, "a batch was not queued"),
            }
            if waiting.is_empty() {
                return queued;
            }
        }
        tracing::error!(unqueued = waiting.len(), "the queue does not take what is due");
        queued
    }

    /// Keeps the sweeps that follow from queueing `due` again while it waits in the queue. If it is
    /// lost there, it is due again all the same.
    async fn hold(&self, due: &Due, now: SystemTime) {
        if let Err(error) = self.connections.postpone(due, Some(now + HOLD)).await {
            tracing::warn!(%error, subject = %due.subject, "what was queued may be queued twice");
        }
    }

    fn is_late(&self, deadline: SystemTime) -> bool {
        deadline < self.clock.now() + RESERVE
    }
}

/// How often a batch is offered to the queue.
const TRIES: usize = 2;
/// How long what was queued is not queued again.
const HOLD: Duration = Duration::from_mins(15);
/// What a page or a batch may take, the SDK's own retries included.
const RESERVE: Duration = Duration::from_secs(10);
