//! The `requestState` of an MCP 2026-07-28 client, which carries our memory of a challenge.
//!
//! It is attacker-controlled input: sealed, and bound to subject, target, method and parameters.

use crate::message::Call;
use broker::clock;
use broker::seal::{KeyRing, Owner, SealError};
use broker::subject::SubjectId;
use broker::target::TargetName;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// What we remember between the rounds of one call.
#[derive(Deserialize, Serialize)]
pub(crate) struct RequestState {
    /// When the person was asked.
    #[serde(with = "clock::unix")]
    pub(crate) asked_at: SystemTime,
    /// The ticket of the link that they were given: it stays the same while they are busy with it.
    pub(crate) ticket: String,
    /// Whether they were asked for more than they had granted, and not to connect at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) wider: bool,
    /// The target's own `requestState`, which ours replaced when it interrupted the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) wrapped: Option<String>,
}

/// Whose `requestState` a call carries.
pub(crate) enum Carried {
    /// None, or the target's own.
    Foreign(Option<String>),
    /// Ours, and good for this very call.
    Ours(RequestState),
    /// It claims to be ours and is not, or was made for another call, or long ago.
    Forged,
}

impl RequestState {
    /// Reads what `call` carries.
    pub(crate) fn of(
        call: &Call,
        ring: &KeyRing,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
    ) -> Carried {
        let Some(carried) = &call.request_state else { return Carried::Foreign(None) };
        let Some(sealed) = carried.strip_prefix(PREFIX) else {
            return Carried::Foreign(Some(carried.clone()));
        };
        match ring.open_text::<Self>(&owner(call, subject, target), sealed) {
            Ok(state) if now < state.asked_at + LIFETIME => Carried::Ours(state),
            _ => Carried::Forged,
        }
    }

    /// Seals it for `call`.
    pub(crate) fn seal(
        &self,
        call: &Call,
        ring: &KeyRing,
        subject: &SubjectId,
        target: &TargetName,
    ) -> Result<String, SealError> {
        let sealed = ring.seal_text(&owner(call, subject, target), self)?;
        Ok(format!("{PREFIX}{sealed}"))
    }
}

fn owner(call: &Call, subject: &SubjectId, target: &TargetName) -> Owner {
    Owner::new("request-state", &[&subject.key(), target.as_str(), &call.digest()])
}

/// Tells ours from a target's own at a glance; the seal tells it for sure.
const PREFIX: &str = "latchkey.";
/// As long as the person may take to consent.
const LIFETIME: Duration = Duration::from_mins(15);
