//! Names are resolved here, and the address that was checked is the address that is dialled.

use super::address::is_public;
use super::private_hosts::PrivateHosts;
use hyper_util::client::legacy::connect::dns::Name;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;
use tower_service::Service;

/// Finds the addresses of a name.
pub trait Names: fmt::Debug + Send + Sync {
    /// Every address of `name`, wherever it leads: what is out of reach is left out by whoever asks.
    fn addresses(&self, name: &str) -> Addresses;
}

/// Addresses that are being looked for.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// The system's resolver.
#[derive(Debug)]
pub(super) struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, name: &str) -> Addresses {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Somebody's names, without the addresses that are out of reach.
#[derive(Clone, Debug)]
pub(super) struct Resolver {
    names: Arc<dyn Names>,
    reach: Reach,
}

#[derive(Clone, Debug)]
enum Reach {
    /// The public internet, and private networks under these names.
    Public(PrivateHosts),
    /// This very machine.
    Local,
}

impl Reach {
    fn admits(&self, name: &str, address: IpAddr) -> bool {
        match self {
            Self::Public(private) => is_public(address) || private.admit(name, address),
            Self::Local => address.is_loopback(),
        }
    }
}

impl Resolver {
    /// Leads to the public internet, and into private networks under the names of `private`.
    pub(super) fn public(names: Arc<dyn Names>, private: PrivateHosts) -> Self {
        Self { names, reach: Reach::Public(private) }
    }

    /// Leads to this very machine.
    pub(super) fn local(names: Arc<dyn Names>) -> Self {
        Self { names, reach: Reach::Local }
    }
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (found, reach) = (self.names.addresses(name.as_str()), self.reach.clone());
        Box::pin(async move {
            let within = |address: &IpAddr| reach.admits(name.as_str(), *address);
            Ok(admitted(found.await?, within)?)
        })
    }
}

/// Those of `found` that are within reach. A name that has others only is refused: the answer may be
/// another one the next time, but what was checked here is what is dialled.
fn admitted(
    found: Vec<IpAddr>,
    within: impl Fn(&IpAddr) -> bool,
) -> Result<vec::IntoIter<SocketAddr>, Inward> {
    let admitted: Vec<_> = found.into_iter().filter(within).collect();
    if admitted.is_empty() {
        return Err(Inward);
    }
    // Whoever dials knows the port.
    let dialled = admitted.into_iter().map(|address| SocketAddr::new(address, 0));
    Ok(dialled.collect::<Vec<_>>().into_iter())
}

/// A name has no address within reach.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address within reach")]
pub(super) struct Inward;

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn reached(texts: &[&str], reach: &Reach, name: &str) -> Option<Vec<IpAddr>> {
        let within = |address: &IpAddr| reach.admits(name, *address);
        let admitted = admitted(addresses(texts), within).ok()?;
        Some(admitted.map(|address| address.ip()).collect())
    }

    #[test]
    fn p1_a_name_that_leads_inward_as_well_is_dialled_outward_only() {
        let found = ["10.0.0.1", "1.1.1.1", "169.254.169.254", "::1"];
        assert_eq!(reached(&found, &public(), "a.example"), Some(addresses(&["1.1.1.1"])));
    }

    #[test]
    fn p1_a_name_that_leads_inward_only_is_refused() {
        let inward = ["10.0.0.1", "169.254.169.254", "fd00:ec2::254"];
        assert_eq!(reached(&inward, &public(), "a.example"), None);
        assert_eq!(reached(&inward, &Reach::Local, "localhost"), None);
        assert_eq!(reached(&["127.0.0.1"], &public(), "localhost"), None);
        assert_eq!(reached(&["1.1.1.1"], &Reach::Local, "localhost"), None);
        assert!(reached(&["127.0.0.1", "::1"], &Reach::Local, "localhost").is_some());
    }

    #[test]
    fn p6_a_companys_own_name_is_dialled_at_its_private_and_public_addresses_only() {
        let reach = Reach::Public("mcp.corp.example".parse().unwrap());
        let found = ["169.254.169.254", "10.0.0.1", "127.0.0.1", "1.1.1.1", "fd00:ec2::254"];
        let dialled = Some(addresses(&["10.0.0.1", "1.1.1.1"]));
        assert_eq!(reached(&found, &reach, "MCP.corp.example"), dialled);
        assert_eq!(reached(&found, &reach, "a.example"), Some(addresses(&["1.1.1.1"])));
        assert_eq!(reached(&["10.0.0.1"], &reach, "a.example"), None);
        assert_eq!(reached(&["127.0.0.1", "::1"], &reach, "mcp.corp.example"), None);
    }

    fn public() -> Reach {
        Reach::Public(PrivateHosts::default())
    }
}
