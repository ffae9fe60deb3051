//! Whose tokens this instance sent lately.
//!
//! An answer's event may show the request as it left, with the token in place of the caller's JWT.
//! Nobody's word is taken for whose token that is, only this memory of our own.

use broker::recent::Recent;
use broker::seal;
use broker::subject::SubjectId;
use std::time::{Duration, SystemTime};

/// The latest of them, by digest: no token is kept here.
pub struct Injected(Recent<[u8; 32], SubjectId>);

impl Default for Injected {
    fn default() -> Self {
        Self(Recent::new(MOST))
    }
}

impl Injected {
    pub(crate) fn remember(&self, authorization: &str, subject: &SubjectId, now: SystemTime) {
        self.0.remember(digest(authorization), *subject, now, now + LONGEST_ANSWER);
    }

    /// Whose token `authorization` is, if it is one of them.
    pub(crate) fn whose(&self, authorization: &str, now: SystemTime) -> Option<SubjectId> {
        self.0.recall(&digest(authorization), now)
    }
}

fn digest(authorization: &str) -> [u8; 32] {
    seal::fingerprint(["injected", authorization])
}

/// Some hundred KB.
const MOST: usize = 1024;
/// Longer than a gateway waits for an answer, and than a stream of them lasts.
const LONGEST_ANSWER: Duration = Duration::from_hours(1);
