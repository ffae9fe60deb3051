//! Whom the functions may speak to.

use super::ConfigError;
use crate::http::{Hosts, PrivateHosts, Roots};
use std::path::Path;

/// What an operator says of the servers that somebody else names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Outbound {
    /// `OUTBOUND_HOSTS`: the MCP and authorization servers' hosts that may be spoken to. The identity
    /// provider, which the same operator names beside it, is not bound by it.
    pub hosts: Hosts,
    /// `OUTBOUND_PRIVATE_HOSTS`: hosts that may be spoken to, whatever `OUTBOUND_HOSTS` says, also at
    /// addresses of a private network. The identity provider may be one of them.
    pub private_hosts: PrivateHosts,
    /// `OUTBOUND_ROOTS`: a file of certificates in PEM, of authorities that are believed besides the
    /// public ones.
    pub roots: Roots,
}

impl Outbound {
    pub(super) fn read(
        given: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            hosts: given("OUTBOUND_HOSTS").unwrap_or_default().parse()?,
            private_hosts: given("OUTBOUND_PRIVATE_HOSTS").unwrap_or_default().parse()?,
            roots: match given("OUTBOUND_ROOTS") {
                Some(file) => Roots::read(Path::new(&file))?,
                None => Roots::default(),
            },
        })
    }
}
