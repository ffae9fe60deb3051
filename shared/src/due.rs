//! When a connection is due to be renewed before anybody needs it.
//!
//! Two reasons: its access token is about to expire and it is in use, so that no call has to wait for a
//! renewal; or its refresh token is about to die, so that the subject need not consent again. One
//! that nobody uses is renewed for the second reason alone.

use crate::connection::{Connection, Status};
use crate::quirks::Quirks;
use crate::seal;
use crate::subject::SubjectId;
use crate::target::TargetName;
use std::time::{Duration, SystemTime};

/// A connection that is to be renewed from some moment on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Due {
    /// Whose it is.
    pub subject: SubjectId,
    /// Where it acts.
    pub target: TargetName,
    /// Since when, in whole seconds.
    pub due_at: SystemTime,
}

/// One of [`Shard::COUNT`] parts of what is due, so that no part of an index has to take every write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shard(u8);

impl Shard {
    /// How many there are. Another number would lose what lies in the index already.
    pub const COUNT: u8 = 16;

    /// Every shard.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Where the connection of `subject` at `target` lies, always.
    pub fn of(subject: &SubjectId, target: &TargetName) -> Self {
        Self(digest(subject, target)[0] % Self::COUNT)
    }

    /// As keys have it: `0` to `15`.
    pub fn key(self) -> String {
        self.0.to_string()
    }
}

impl Connection {
    /// When it is next visited, as the store has it.
    pub fn due(&self) -> Option<Due> {
        let Status::Active { due_at: Some(due_at), .. } = self.status else { return None };
        Some(Due { subject: self.subject, target: self.target.clone(), due_at })
    }

    /// When to renew it while it is in use: ahead of its access token's expiry, or of its refresh
    /// token's death, if that is known and comes first. `None` if it cannot be renewed, or need not
    /// be: a call renews what lives for less than [`SHORT`].
    ///
    /// Each connection has its own place in a span of time, so that those who connected together are
    /// not renewed together.
    pub fn renew_at(&self, quirks: &Quirks) -> Option<SystemTime> {
        let Lives { expiry, obtained, consent } = self.lives()?;
        let lifetime = expiry.duration_since(obtained).unwrap_or_default();
        let ahead = (lifetime / 8).max(SHORT / 2).min(DAY);
        let expiry = (lifetime >= SHORT)
            .then(|| self.before(expiry, ahead, (lifetime / 8).min(DAY)))
            .flatten();
        // A renewal does not put off this end. It makes the last access token last as long as can be.
        let last = self.ends_at(quirks).and_then(|end| {
            let ahead = (end.duration_since(consent).unwrap_or_default() / 8).min(DAY / 2);
            self.before(end, ahead, ahead)
        });
        let planned = [expiry, self.before_idle_end(quirks, SHORT), last];
        planned.into_iter().flatten().filter(|at| obtained < *at).min()
    }

    /// When to renew it while nobody uses it: before its refresh token dies of that. `None` if nothing
    /// is known of such a death, or if it comes within a day, for then the renewals would never end.
    pub fn keep_at(&self, quirks: &Quirks) -> Option<SystemTime> {
        let at = self.before_idle_end(quirks, DAY)?;
        self.ends_at(quirks).is_none_or(|end| at < end).then_some(at)
    }

    /// When its refresh token dies unless it is renewed, at the latest when [`Connection::ends_at`]
    /// says. `None` if nothing is known.
    pub fn dies_at(&self, quirks: &Quirks) -> Option<SystemTime> {
        let obtained = self.lives()?.obtained;
        let unused = quirks.refresh_token_idle.and_then(|idle| obtained.checked_add(idle));
        [unused, self.ends_at(quirks)].into_iter().flatten().min()
    }

    /// When its last refresh token dies, however often it is renewed: the subject has to consent again
    /// before. `None` if nothing is known.
    pub fn ends_at(&self, quirks: &Quirks) -> Option<SystemTime> {
        self.lives()?.consent.checked_add(quirks.refresh_token_absolute?)
    }

    /// Whether a call used it in the time `within` before `now`, or its subject connected it then.
    pub fn is_used(&self, within: Duration, now: SystemTime) -> bool {
        let Status::Active { used_at, .. } = self.status else { return false };
        now.duration_since(used_at).unwrap_or_default() < within
    }

    fn before_idle_end(&self, quirks: &Quirks, shortest: Duration) -> Option<SystemTime> {
        let idle = quirks.refresh_token_idle.filter(|idle| shortest <= *idle)?;
        self.before(self.lives()?.obtained.checked_add(idle)?, idle / 4, idle / 8)
    }

    /// At least `ahead` of `end`, and at most `spread` earlier.
    fn before(&self, end: SystemTime, ahead: Duration, spread: Duration) -> Option<SystemTime> {
        let [_, high, low, ..] = digest(&self.subject, &self.target);
        let place = u32::from(u16::from_be_bytes([high, low]));
        end.checked_sub(ahead)?.checked_sub(spread / (1 << 16) * place)
    }

    fn lives(&self) -> Option<Lives> {
        match self.status {
            Status::Active { expires_at, obtained_at, consented_at, renewable: true, .. } => {
                Some(Lives { expiry: expires_at, obtained: obtained_at, consent: consented_at })
            }
            Status::Active { .. } | Status::Disconnected { .. } => None,
        }
    }
}

/// From when to when tokens live.
struct Lives {
    expiry: SystemTime,
    obtained: SystemTime,
    consent: SystemTime,
}

fn digest(subject: &SubjectId, target: &TargetName) -> [u8; 32] {
    seal::fingerprint(["due", &subject.key(), target.as_str()])
}

/// What lives for less is not renewed before it is needed: it would never be left alone.
pub const SHORT: Duration = Duration::from_mins(30);
/// A day.
pub const DAY: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests;
