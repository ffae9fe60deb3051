//! The sweep of a deployment, every minute, with a queue in this process.

use broker::clock::Clock;
use broker::queue::Delivery;
use broker::queue::{Message, Queue, QueueError};
use broker::store::{ClientSecrets, ConnectionStore, DueConnections, TargetStore};
use refresh::Refresh;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// What a sweep found. A message that is lost here is due again a quarter of an hour later.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Vec<Message>>);

impl Waiting {
    fn take(&self) -> Vec<Message> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Queue for Waiting {
    async fn send(&self, messages: &[Message]) -> Result<Vec<usize>, QueueError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(messages);
        Ok(Vec::new())
    }
}

/// Sweeps that go on until they are stopped.
pub(super) struct Sweeps {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Sweeps {
    /// Begins with the first.
    pub(super) fn start<T, C, S, K>(refresh: Refresh<T, C, S, Waiting, K>) -> Self
    where
        T: TargetStore + 'static,
        C: ConnectionStore + DueConnections + 'static,
        S: ClientSecrets + 'static,
        K: Clock + 'static,
    {
        let (stop, mut stopped) = oneshot::channel();
        let refresh = Arc::new(refresh);
        let task = tokio::spawn(async move {
            let mut minute = interval(MINUTE);
            minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = minute.tick() => sweep(&refresh).await,
                    _ = &mut stopped => return,
                }
            }
        });
        Self { stop, task }
    }

    /// Lets the one under way end: a renewal that is cut short may lose a token.
    pub(super) async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// One sweep, and the renewal of all that it found.
async fn sweep<T, C, S, K>(refresh: &Arc<Refresh<T, C, S, Waiting, K>>)
where
    T: TargetStore + 'static,
    C: ConnectionStore + DueConnections + 'static,
    S: ClientSecrets + 'static,
    K: Clock + 'static,
{
    let deadline = refresh.clock.now() + MINUTE;
    let swept = refresh.sweep(deadline).await;
    let found = refresh.queue.take().into_iter().map(|message| message.to_body());
    let deliveries: Vec<_> = found.map(|body| Delivery { id: body.clone(), body }).collect();
    if deliveries.is_empty() {
        return;
    }
    let (_, renewals) = refresh.renew(deliveries, deadline).await;
    tracing::info!(
        outcome = "swept",
        due = swept.due,
        renewed = renewals.renewed,
        ended = renewals.ended,
        busy = renewals.busy,
        deferred = renewals.deferred,
        failed = renewals.failed,
        "a sweep renewed {} of {} that were due",
        renewals.renewed,
        swept.due,
    );
}

/// As a deployment has it unless it is told otherwise.
pub(super) const USED_WITHIN: Duration = Duration::from_hours(30 * 24);
const MINUTE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
