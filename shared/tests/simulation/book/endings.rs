//! What is promised of the end of a connection, and of what a caller is told.

use super::{Book, Call, Entry, Sent};

impl Book {
    /// A refresh ends a connection only if the server said so, or where a replay is punished; and it
    /// says why.
    pub(crate) fn ends(&mut self, worker: usize, refresh: &str, end: End) {
        let present = self.journal.iter().rposition(|entry| entry.worker == worker);
        let open =
            self.journal.iter().enumerate().any(|(i, entry)| {
                entry.refresh == refresh && !entry.concluded && Some(i) != present
            });
        let lost = self
            .requests
            .iter()
            .filter(|sent| sent.refresh == refresh)
            .any(|sent| sent.state != Sent::Answered);
        let refused = self.refused.contains(refresh);
        if end.rotation_lost {
            self.seen.rotation_lost += 1;
        } else {
            self.seen.invalid_grant += 1;
        }
        let without_asking = end.punished && end.attempted && end.rotation_lost && !end.usable;
        if without_asking {
            self.given_up.insert(refresh.to_owned());
            let unwritten =
                |entry: &Entry| entry.refresh == refresh && !entry.concluded && !entry.left;
            if !lost && !self.journal.iter().any(unwritten) {
                self.broken(|| format!("{refresh} was given up though every answer came"));
            }
        }
        if !refused && !without_asking {
            self.broken(|| format!("{refresh} was ended without the server's word: {end:?}"));
        }
        if end.served && !without_asking {
            self.broken(|| {
                format!("{refresh} was ended though the server would serve it: {end:?}")
            });
        }
        let wrong = if end.rotation_lost { !open } else { lost };
        if wrong && !without_asking && end.rotates {
            let why = if lost { "an answer to it was lost" } else { "every answer is known" };
            self.broken(|| format!("{refresh} was ended for the wrong reason: {why}: {end:?}"));
        }
    }

    /// What the caller is told is true: it ended while they asked, or the tokens are in the store.
    pub(crate) fn told_ended(&mut self, worker: usize) {
        let Call { key, since, .. } = self.calls[worker];
        if self.active[key][since.saturating_sub(1)..].iter().all(|active| *active) {
            self.broken(|| format!("{worker} said that {key} ended, and it had not"));
        }
    }

    pub(crate) fn told_renewed(&mut self, worker: usize, access: &str) {
        if !self.written.contains(access) {
            self.broken(|| format!("{worker} uses {access}, which nobody wrote"));
        }
    }
}

/// A connection is about to be ended by a refresh.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that have nothing to do with each other")]
pub(crate) struct End {
    pub(crate) rotation_lost: bool,
    /// Whether the journal had an entry before.
    pub(crate) attempted: bool,
    /// Whether the access token can still be used.
    pub(crate) usable: bool,
    /// Whether the server would serve its refresh token.
    pub(crate) served: bool,
    pub(crate) punished: bool,
    /// Whether a refresh token is good for one request: else a lost answer loses nothing.
    pub(crate) rotates: bool,
}
