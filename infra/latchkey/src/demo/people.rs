//! Whoever lives in the demo.

use serde::{Deserialize, Serialize};

/// Somebody made up.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Person {
    /// Alice Example.
    Alice,
    /// Bob Example.
    Bob,
}

impl Person {
    /// Both of them.
    pub(crate) const ALL: [Self; 2] = [Self::Alice, Self::Bob];

    /// The person whose `sub` that is.
    pub(crate) fn with_sub(sub: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|person| person.sub() == sub)
    }

    /// What tokens call the person.
    pub(crate) const fn sub(self) -> &'static str {
        match self {
            Self::Alice => "alice",
            Self::Bob => "bob",
        }
    }

    /// What pages call the person.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Alice => "Alice Example",
            Self::Bob => "Bob Example",
        }
    }

    /// An address that reaches nobody: <https://www.rfc-editor.org/rfc/rfc2606#section-3>
    pub(crate) const fn email(self) -> &'static str {
        match self {
            Self::Alice => "alice@example.com",
            Self::Bob => "bob@example.com",
        }
    }
}
