//! The durable fact that a subject lets us act at a target.

use crate::clock::whole_seconds;
use crate::seal::{self, KeyRing, Owner, SealError};
use crate::step_up::StepUp;
use crate::subject::SubjectId;
use crate::target::{Resource, Target, TargetName};
use crate::tokens::{TokenSet, is_fresh};
use std::time::SystemTime;

/// A subject's permission to act for them at one target: tokens, or the reason why there are none.
/// What a store holds is sealed; a store cannot read a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Connection {
    /// Whose it is.
    pub subject: SubjectId,
    /// Where it acts.
    pub target: TargetName,
    /// What the tokens are for. A target whose resource changed is connected anew.
    pub resource: Resource,
    /// Who issued them. A target that moved to another issuer is connected anew.
    pub issuer: String,
    /// Tokens, or why not.
    pub status: Status,
    /// When the MCP server was last found to refuse what another renewal may not mend, if it was since
    /// the subject consented. Who finds it decides for how long that counts.
    pub refused_at: Option<SystemTime>,
    /// Scopes that turned out to be too narrow.
    pub step_up: StepUp,
}

/// Tokens, or the reason why there are none. Never both, never neither.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Status {
    /// We may act.
    Active {
        /// The sealed token set.
        sealed: SealedTokens,
        /// When the access token expires, or when it was found to be no longer good: known without
        /// opening anything.
        expires_at: SystemTime,
        /// When these tokens were given to us.
        obtained_at: SystemTime,
        /// When the subject consented.
        consented_at: SystemTime,
        /// When a call last used it, to the day, or the subject connected it.
        used_at: SystemTime,
        /// When to see to its renewal, in whole seconds. `None`: when a call needs it.
        due_at: Option<SystemTime>,
        /// Whether there is a refresh token.
        renewable: bool,
        /// A refresh that was begun with these tokens, and whose outcome nobody has written yet.
        attempt: Option<Attempt>,
    },
    /// We may not.
    Disconnected {
        /// Why not.
        reason: Reason,
        /// Since when.
        since: SystemTime,
    },
}

/// The journal's entry of a refresh: written before the request leaves, so that whoever comes next
/// knows that the refresh token may be spent already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// When the latest request was about to leave.
    pub began_at: SystemTime,
    /// How many requests were sent with this refresh token, or may have been, without an answer.
    pub requests: u32,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The subject disconnected.
    BySubject,
    /// The authorization server said `invalid_grant`: the subject must consent again.
    InvalidGrant,
    /// The answer to a refresh was lost, and the new refresh token with it: the subject must consent
    /// again.
    RotationLost,
    /// The MCP server refused new tokens for minutes: the subject must consent again.
    TokenRefused,
}

impl Reason {
    /// Whether a refresh ended the connection. A holder who was overtaken may then still have won
    /// tokens that are good.
    pub fn is_of_refresh(self) -> bool {
        matches!(self, Self::InvalidGrant | Self::RotationLost)
    }
}

/// Which tokens a row holds, or which it held when a refresh ended it: every sealing makes another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lineage(pub(crate) String);

impl SealedTokens {
    /// Which tokens these are.
    pub fn lineage(&self) -> Lineage {
        Lineage(seal::text(&seal::fingerprint(["lineage", &seal::text(&self.0)])))
    }
}

/// A sealed [`TokenSet`]. It opens for its subject, target, resource and issuer only.
#[derive(Clone, Eq, PartialEq)]
pub struct SealedTokens(pub Vec<u8>);

impl std::fmt::Debug for SealedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedTokens({} bytes)", self.0.len())
    }
}

impl Connection {
    /// A connection that was just consented to, with `tokens` that were given to us `now`, sealed.
    pub fn active(
        ring: &KeyRing,
        subject: SubjectId,
        target: &Target,
        tokens: &TokenSet,
        now: SystemTime,
    ) -> Result<Self, SealError> {
        let plain = tokens.to_plain().map_err(|_| SealError)?;
        let sealed = SealedTokens(ring.seal(&owner(&subject, target), &plain)?);
        let connection = Self {
            subject,
            target: target.name.clone(),
            resource: target.resource.clone(),
            issuer: target.authorization_server.issuer.clone(),
            status: Status::Active {
                sealed,
                expires_at: tokens.expires_at,
                obtained_at: now,
                consented_at: now,
                used_at: now,
                due_at: None,
                renewable: tokens.refresh.is_some(),
                attempt: None,
            },
            refused_at: None,
            step_up: StepUp::default(),
        };
        Ok(connection.scheduled(target))
    }

    /// The connection with `tokens` that its own were renewed to `now`, sealed.
    pub fn renewed(
        &self,
        ring: &KeyRing,
        target: &Target,
        tokens: &TokenSet,
        now: SystemTime,
    ) -> Result<Self, SealError> {
        let mut after = Self::active(ring, self.subject, target, tokens, now)?;
        if let (
            Status::Active { consented_at, used_at, .. },
            Status::Active { consented_at: since, used_at: last, .. },
        ) = (&self.status, &mut after.status)
        {
            (*since, *last) = (*consented_at, *used_at);
        }
        Ok(after.scheduled(target))
    }

    /// The connection, to be seen to when its tokens and `target` say.
    fn scheduled(mut self, target: &Target) -> Self {
        let planned = self.renew_at(&target.quirks).map(whole_seconds);
        if let Status::Active { due_at, .. } = &mut self.status {
            *due_at = planned;
        }
        self
    }

    /// The tokens of `subject` at `target` as it is today.
    ///
    /// Neither is taken from the record: a record that was moved, or whose target changed its
    /// resource or issuer since, does not open.
    pub fn open(
        &self,
        ring: &KeyRing,
        subject: &SubjectId,
        target: &Target,
    ) -> Result<TokenSet, SealError> {
        let Status::Active { sealed, .. } = &self.status else { return Err(SealError) };
        let plain = ring.open(&owner(subject, target), &sealed.0)?;
        TokenSet::from_plain(&plain).map_err(|_| SealError)
    }

    /// Whether the access token can be used for a call that starts `now`.
    pub fn is_fresh(&self, now: SystemTime) -> bool {
        matches!(self.status, Status::Active { expires_at, .. } if is_fresh(expires_at, now))
    }

    /// What it is kept under.
    pub fn key(&self) -> (SubjectId, TargetName) {
        (self.subject, self.target.clone())
    }

    /// Which tokens it holds. `None` if it holds none.
    pub fn lineage(&self) -> Option<Lineage> {
        match &self.status {
            Status::Active { sealed, .. } => Some(sealed.lineage()),
            Status::Disconnected { .. } => None,
        }
    }

    /// Whether there are tokens.
    pub fn is_active(&self) -> bool {
        matches!(self.status, Status::Active { .. })
    }

    /// The connection, ended.
    #[must_use]
    pub fn disconnected(self, reason: Reason, since: SystemTime) -> Self {
        Self { status: Status::Disconnected { reason, since }, ..self }
    }
}

fn owner(subject: &SubjectId, target: &Target) -> Owner {
    Owner::new(
        "tokens",
        &[
            &subject.key(),
            target.name.as_str(),
            target.resource.as_str(),
            &target.authorization_server.issuer,
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;
    use oauth2::AccessToken;
    use std::time::{Duration, UNIX_EPOCH};

    fn target(name: &str, resource: &str, issuer: &str) -> Target {
        let mut target = crate::target::example(name);
        target.resource = resource.to_owned().try_into().unwrap();
        target.authorization_server.issuer = issuer.to_owned();
        target
    }

    fn subject(issuer: &str, sub: &str) -> SubjectId {
        Subject::new(issuer, vec![sub.into()]).unwrap().id()
    }

    #[test]
    fn u2_tokens_open_for_their_subject_target_resource_and_issuer_only() {
        let ring = KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap();
        let notes = target("notes", "https://notes.example/mcp", "https://as.example");
        let alice = subject("https://idp.example", "alice");
        let tokens = TokenSet {
            access: AccessToken::new("a1".into()),
            refresh: None,
            expires_at: UNIX_EPOCH + Duration::from_secs(1000),
            scopes: vec![],
        };
        let connection = Connection::active(&ring, alice, &notes, &tokens, UNIX_EPOCH).unwrap();

        assert_eq!(connection.open(&ring, &alice, &notes).unwrap().access.into_secret(), "a1");
        for stranger in
            [subject("https://idp.example", "bob"), subject("https://other.example", "alice")]
        {
            assert!(connection.open(&ring, &stranger, &notes).is_err());
        }
        for elsewhere in [
            target("files", "https://notes.example/mcp", "https://as.example"),
            target("notes", "https://evil.example/mcp", "https://as.example"),
            target("notes", "https://notes.example/mcp", "https://as2.example"),
        ] {
            assert!(connection.open(&ring, &alice, &elsewhere).is_err());
        }
    }

    #[test]
    fn a_disconnected_one_holds_no_tokens() {
        let ring = KeyRing::for_tokens(&format!(r#"{{"1":"{}"}}"#, "k".repeat(64))).unwrap();
        let notes = target("notes", "https://notes.example/mcp", "https://as.example");
        let alice = subject("https://idp.example", "alice");
        let tokens = TokenSet {
            access: AccessToken::new("a1".into()),
            refresh: None,
            expires_at: UNIX_EPOCH + Duration::from_secs(1000),
            scopes: vec![],
        };
        let ended = Connection::active(&ring, alice, &notes, &tokens, UNIX_EPOCH)
            .unwrap()
            .disconnected(Reason::InvalidGrant, UNIX_EPOCH);
        assert!(!ended.is_fresh(UNIX_EPOCH));
        assert!(ended.open(&ring, &alice, &notes).is_err());
    }
}
