//! Those who call: each is another person, with a token for the gateway and one of their own for the
//! MCP server, so that an answer made for somebody else is noticed.

use crate::Failure;
use crate::provider::{Provider, granted};

/// One person who calls.
pub(crate) struct Caller {
    /// Who they are at the identity provider.
    pub(crate) sub: String,
    /// Their token for the gateway.
    pub(crate) jwt: String,
    /// Their token for the MCP server.
    pub(crate) token: String,
    /// What another one is had with.
    pub(crate) refresh: String,
}

/// What the table holds of the callers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// A token that is good for a day.
    Connected,
    /// A token that has expired.
    Expired,
    /// Nothing.
    Strangers,
}

impl Caller {
    /// The caller with that number.
    pub(crate) fn of(number: usize, provider: &Provider, now: u64) -> Result<Self, Failure> {
        let sub = format!("8e1f7a52-4021-4dd6-9d6f-{number:012}");
        let jwt = provider.token(&sub, now)?;
        let token = format!("gho_{}{number:08}", "A1b2C3d4".repeat(55));
        let refresh = format!("{:r<88}{number:08}", "");
        Ok(Self { sub, jwt, token, refresh })
    }

    /// The token that a call of theirs is forwarded with, if they are connected.
    pub(crate) fn forwarded_with(&self, standing: Standing) -> Option<String> {
        match standing {
            Standing::Connected => Some(self.token.clone()),
            Standing::Expired => Some(granted(&self.refresh)),
            Standing::Strangers => None,
        }
    }
}
