//! What came of a disconnect, carried to the page that follows the form.

use super::{Session, SetCookie, cookie, set};
use crate::clock::{self, unix_seconds};
use crate::connection::{Connection, Reason, Status};
use crate::page::Told;
use crate::seal::{KeyRing, Owner, SealError};
use crate::target::TargetName;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// A note for one session about the connection that it just ended. It says nothing that is not so:
/// once the connection is another one, the note no longer counts.
#[derive(Deserialize, Serialize)]
pub struct Disconnected {
    /// What was disconnected.
    pub target: TargetName,
    /// What the authorization server knows of it.
    pub told: Told,
    #[serde(with = "clock::unix")]
    at: SystemTime,
}

impl Disconnected {
    /// A note that `target` was disconnected now.
    pub fn new(target: TargetName, told: Told, now: SystemTime) -> Self {
        Self { target, told, at: now }
    }

    /// The note that the request with these headers brings to `session`.
    pub fn read(headers: &HeaderMap, ring: &KeyRing, session: &Session) -> Option<Self> {
        ring.open_text(&owner(session), cookie(headers, DISCONNECTED)?).ok()
    }

    /// Whether it is about this ending of `connection`.
    pub fn is_about(&self, connection: &Connection) -> bool {
        let Status::Disconnected { reason: Reason::BySubject, since } = connection.status else {
            return false;
        };
        // Who came second does not know when the first one came.
        let same = self.told == Told::Before || unix_seconds(since) == unix_seconds(self.at);
        same && connection.target == self.target
    }

    /// The `Set-Cookie` that hands it over.
    pub fn set_cookie(&self, ring: &KeyRing, session: &Session) -> Result<SetCookie, SealError> {
        let sealed = ring.seal_text(&owner(session), self)?;
        Ok(set(DISCONNECTED, &sealed, NOTE_LIFETIME))
    }
}

fn owner(session: &Session) -> Owner {
    Owner::new("disconnected", &[&session.id])
}

/// Long enough to read it, and to load the page again.
const NOTE_LIFETIME: Duration = Duration::from_mins(5);
const DISCONNECTED: &str = "__Host-latchkey-disconnected";
