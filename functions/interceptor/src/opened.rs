//! Tokens that were opened a moment ago, so that a burst of calls reads the table once.
//!
//! What is here outlives a disconnect, and whatever else is written to the table, by as long as it is
//! kept: 5 seconds unless `TOKEN_MEMORY_SECONDS` says otherwise. With 0 each call reads.

use crate::json::Verbatim;
use broker::recent::Recent;
use broker::subject::SubjectId;
use broker::target::{Target, TargetName};
use broker::tokens::is_fresh;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The latest of them.
pub struct Opened {
    tokens: Recent<(SubjectId, TargetName), Token>,
    lifetime: Duration,
}

#[derive(Clone)]
struct Token {
    /// As JSON, so that a burst of calls has it escaped once.
    authorization: Verbatim,
    expires_at: SystemTime,
    /// The target as it was. Sealed tokens open for its resource and issuer only, and it may have others
    /// by now.
    target: Arc<Target>,
}

impl Opened {
    /// Keeps each token for `lifetime`.
    pub fn new(lifetime: Duration) -> Self {
        Self { tokens: Recent::new(MOST), lifetime }
    }

    /// How long each is kept.
    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Keeps the token of `subject` at `target`, which was read `now`.
    pub(crate) fn remember(
        &self,
        subject: &SubjectId,
        target: &Arc<Target>,
        authorization: &Verbatim,
        expires_at: SystemTime,
        now: SystemTime,
    ) {
        let authorization = authorization.clone();
        let token = Token { authorization, expires_at, target: Arc::clone(target) };
        self.tokens.remember((*subject, target.name.clone()), token, now, now + self.lifetime);
    }

    /// The token that is still good for a call that starts `now`.
    pub(crate) fn recall(
        &self,
        subject: &SubjectId,
        target: &Arc<Target>,
        now: SystemTime,
    ) -> Option<Verbatim> {
        let token = self.tokens.recall(&(*subject, target.name.clone()), now)?;
        let good = Arc::ptr_eq(&token.target, target) && is_fresh(token.expires_at, now);
        good.then_some(token.authorization)
    }

    /// Has the next call read again.
    pub(crate) fn forget(&self, subject: &SubjectId, target: &Target) {
        self.tokens.forget(&(*subject, target.name.clone()));
    }
}

/// Some hundred KB of ordinary tokens.
const MOST: usize = 500;
