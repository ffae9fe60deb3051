//! The one place that turns a connection's state into words.

use broker::connection::{Connection, Reason, Status};
use broker::target::Target;
use broker::tokens::is_fresh;
use std::time::SystemTime;

/// A connection's state, as far as it is known without opening anything.
pub(crate) struct State {
    /// In plain words, to be followed by the time since when that is so.
    pub(crate) words: &'static str,
    /// Since when.
    pub(crate) since: Option<SystemTime>,
    /// Whether there are tokens.
    pub(crate) active: bool,
    /// Whether agents can act without asking the person.
    pub(crate) usable: bool,
}

impl State {
    /// The state of a connection, if there is one, to `target` as it is today.
    pub(crate) fn at(target: &Target, connection: Option<&Connection>, now: SystemTime) -> Self {
        let Some(connection) = connection else {
            return Self { words: "Not connected.", since: None, active: false, usable: false };
        };
        let same = connection.resource == target.resource
            && connection.issuer == target.authorization_server.issuer;
        let state = Self::of(connection, now);
        if same || !state.active {
            return state;
        }
        let words = "The settings of this server were changed: connect it again. Connected since";
        Self { words, usable: false, ..state }
    }

    /// The state of a connection to whatever its target is today.
    pub(crate) fn of(connection: &Connection, now: SystemTime) -> Self {
        match connection.status {
            Status::Active { expires_at, consented_at, renewable, .. } => {
                let usable = renewable || is_fresh(expires_at, now);
                let words = if usable {
                    "Connected since"
                } else {
                    "The permission has run out, and cannot be renewed. Given on"
                };
                Self { words, since: Some(consented_at), active: true, usable }
            }
            Status::Disconnected { reason, since } => {
                Self { words: ended(reason), since: Some(since), active: false, usable: false }
            }
        }
    }
}

fn ended(reason: Reason) -> &'static str {
    match reason {
        Reason::BySubject => "Disconnected by you on",
        Reason::InvalidGrant => {
            "Not connected any more: the authorization server withdrew the permission, or it ran out. Noticed on"
        }
        Reason::RotationLost => {
            "Not connected any more: an answer of the authorization server was lost on its way. Noticed on"
        }
        Reason::TokenRefused => {
            "Not connected any more: the server refused the permission that it was given. Noticed on"
        }
    }
}
