//! Those who call: each is another person, with a token for the gateway and one of their own for the
//! MCP server, so that an answer made for somebody else is noticed.

use crate::Failure;
use crate::provider::Provider;

/// One person who calls.
pub(crate) struct Caller {
    /// Who they are at the identity provider.
    pub(crate) sub: String,
    /// Their token for the gateway.
    pub(crate) jwt: String,
    /// Their token for the MCP server.
    pub(crate) token: String,
}

impl Caller {
    /// The caller with that number.
    pub(crate) fn of(number: usize, provider: &Provider, now: u64) -> Result<Self, Failure> {
        let sub = format!("8e1f7a52-4021-4dd6-9d6f-{number:012}");
        let jwt = provider.token(&sub, now)?;
        let token = format!("gho_{}{number:08}", "A1b2C3d4".repeat(55));
        Ok(Self { sub, jwt, token })
    }
}
