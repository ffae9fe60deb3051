//! What there is to report.

use crate::Report;
use crate::renewal::Outcome;
use broker::metrics::{self, Metric};
use std::iter::Sum;
use std::time::{Duration, SystemTime};

/// What a sweep found and queued.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// How many were due, of those that were looked at.
    pub due: usize,
    /// How many of them were queued.
    pub queued: usize,
    /// How many the queue did not take.
    pub unqueued: usize,
    /// How many keys could not be read.
    pub unreadable: usize,
    /// How many shards of the index could not be read.
    pub unanswered_shards: usize,
    /// How many shards were left before their end.
    pub unfinished_shards: usize,
    /// For how long the first of them had been due.
    pub longest_due: Duration,
}

impl Sum for Swept {
    fn sum<I: Iterator<Item = Self>>(shards: I) -> Self {
        shards.fold(Self::default(), |a, b| Self {
            due: a.due + b.due,
            queued: a.queued + b.queued,
            unqueued: a.unqueued + b.unqueued,
            unreadable: a.unreadable + b.unreadable,
            unanswered_shards: a.unanswered_shards + b.unanswered_shards,
            unfinished_shards: a.unfinished_shards + b.unfinished_shards,
            longest_due: a.longest_due.max(b.longest_due),
        })
    }
}

/// What became of what was queued.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Renewals {
    /// Renewed.
    pub renewed: usize,
    /// The subject must consent again.
    pub ended: usize,
    /// Somebody else is renewing it.
    pub busy: usize,
    /// The authorization server was of no use just now.
    pub deferred: usize,
    /// An operator must look.
    pub failed: usize,
    /// Not used for long, or its target is gone.
    pub let_go: usize,
    /// Not due any more.
    pub current: usize,
    /// Back to the queue: the store was of no use, or time was short.
    pub returned: usize,
    /// No message of ours.
    pub unreadable: usize,
    /// Dies within a day.
    pub dying: usize,
}

impl Renewals {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Busy => &mut self.busy,
            Outcome::Current => &mut self.current,
            Outcome::Deferred => &mut self.deferred,
            Outcome::Ended => &mut self.ended,
            Outcome::Failed => &mut self.failed,
            Outcome::LetGo => &mut self.let_go,
            Outcome::Renewed => &mut self.renewed,
        } += 1;
    }
}

impl Report {
    /// One line of JSON. `function_name` tells deployments of one account apart.
    pub fn to_event(&self, function_name: &str, now: SystemTime) -> String {
        let (outcome, metrics) = match self {
            Self::Swept(swept) => ("swept", swept.metrics()),
            Self::Renewed(renewals) => ("renewed", renewals.metrics()),
        };
        metrics::to_event(function_name, outcome, metrics, now)
    }
}

impl Swept {
    fn metrics(&self) -> Vec<Metric> {
        let longest = usize::try_from(self.longest_due.as_secs()).unwrap_or(usize::MAX);
        vec![
            ("Due", "Count", self.due),
            ("Queued", "Count", self.queued),
            ("Unqueued", "Count", self.unqueued),
            ("UnreadableKeys", "Count", self.unreadable),
            ("UnansweredShards", "Count", self.unanswered_shards),
            ("UnfinishedShards", "Count", self.unfinished_shards),
            ("LongestDue", "Seconds", longest),
        ]
    }
}

impl Renewals {
    fn metrics(&self) -> Vec<Metric> {
        vec![
            ("Renewed", "Count", self.renewed),
            ("Ended", "Count", self.ended),
            ("Busy", "Count", self.busy),
            ("Deferred", "Count", self.deferred),
            ("Failed", "Count", self.failed),
            ("LetGo", "Count", self.let_go),
            ("Current", "Count", self.current),
            ("Returned", "Count", self.returned),
            ("UnreadableMessages", "Count", self.unreadable),
            ("Dying", "Count", self.dying),
        ]
    }
}
