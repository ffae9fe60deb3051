//! Whose tokens this instance sent lately.
//!
//! An answer's event may show the request as it left, with the token in place of the caller's JWT.
//! Nobody's word is taken for whose token that is, only this memory of our own.

use broker::seal;
use broker::subject::SubjectId;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The latest of them, by digest: no token stays in memory.
#[derive(Debug, Default)]
pub struct Injected(Mutex<VecDeque<([u8; 32], SubjectId)>>);

impl Injected {
    pub(crate) fn remember(&self, authorization: &str, subject: &SubjectId) {
        let digest = digest(authorization);
        let mut latest = self.latest();
        if latest.back().is_some_and(|(last, _)| *last == digest) {
            return;
        }
        if latest.len() >= MOST {
            latest.pop_front();
        }
        latest.push_back((digest, *subject));
    }

    /// Whose token `authorization` is, if it is one of them.
    pub(crate) fn whose(&self, authorization: &str) -> Option<SubjectId> {
        let digest = digest(authorization);
        let latest = self.latest();
        latest.iter().rev().find(|(known, _)| *known == digest).map(|(_, subject)| *subject)
    }

    fn latest(&self) -> MutexGuard<'_, VecDeque<([u8; 32], SubjectId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(authorization: &str) -> [u8; 32] {
    seal::fingerprint(["injected", authorization])
}

/// About 64 KB.
const MOST: usize = 1024;
