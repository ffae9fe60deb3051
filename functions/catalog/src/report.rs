//! What there is to report.

use crate::keep::{Outcome, Visit};
use broker::metrics;
use std::time::SystemTime;

/// What became of the targets that were looked at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The gateway had it already.
    pub kept: usize,
    /// There is a new gateway target.
    pub created: usize,
    /// The gateway target was changed.
    pub updated: usize,
    /// The server's tools were others than before, whatever came of it.
    pub drifted: usize,
    /// An operator must look.
    pub failed: usize,
    /// Nobody's connection can list the tools.
    pub no_steward: usize,
    /// To be tried again: the gateway or the store was of no use, or time was short.
    pub returned: usize,
    /// No message of ours, or no target that can be read.
    pub unreadable: usize,
}

impl Report {
    pub(crate) fn count(&mut self, Visit { outcome, drifted }: Visit) {
        self.drifted += usize::from(drifted);
        *match outcome {
            Outcome::Kept => &mut self.kept,
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Failed => &mut self.failed,
            Outcome::NoSteward => &mut self.no_steward,
            Outcome::Returned => &mut self.returned,
        } += 1;
    }

    /// One line of JSON. `function_name` tells deployments of one account apart.
    pub fn to_event(&self, function_name: &str, now: SystemTime) -> String {
        let metrics = vec![
            ("Kept", "Count", self.kept),
            ("Created", "Count", self.created),
            ("Updated", "Count", self.updated),
            ("Drifted", "Count", self.drifted),
            ("Failed", "Count", self.failed),
            ("NoSteward", "Count", self.no_steward),
            ("Returned", "Count", self.returned),
            ("Unreadable", "Count", self.unreadable),
        ];
        metrics::to_event(function_name, "looked", metrics, now)
    }
}
