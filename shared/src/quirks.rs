//! Where an authorization server departs from the RFCs: data on its target, never code that knows a
//! provider's name.

use serde::{Deserialize, Serialize};

/// What to do otherwise at one authorization server. The default is what the RFCs say.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// What a refresh token that is sent twice does.
    #[serde(skip_serializing_if = "is_default")]
    pub replay: Replay,
}

impl Quirks {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        is_default(self)
    }
}

/// What a refresh token that is sent twice does, where it is good for one use.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// At worst it is refused: whose answer was lost may ask once more.
    #[default]
    Tolerated,
    /// It ends every token of the grant: whose answer was lost must not ask again.
    Punished,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
