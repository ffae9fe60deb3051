//! Names are resolved here, and the address that was checked is the address that is dialled.

use super::address::is_public;
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
pub trait Names: Send + Sync {
    /// Every address of `name`, wherever it leads: what is out of reach is left out by whoever asks.
    fn addresses(&self, name: &str) -> Addresses;
}

/// Addresses that are being looked for.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// The system's resolver.
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
#[derive(Clone)]
pub(super) struct Resolver {
    names: Arc<dyn Names>,
    within: fn(IpAddr) -> bool,
}

impl Resolver {
    /// Leads to the public internet.
    pub(super) fn public(names: Arc<dyn Names>) -> Self {
        Self { names, within: is_public }
    }

    /// Leads to this very machine.
    pub(super) fn local(names: Arc<dyn Names>) -> Self {
        Self { names, within: |address| address.is_loopback() }
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
        let (found, within) = (self.names.addresses(name.as_str()), self.within);
        Box::pin(async move { Ok(admitted(found.await?, within)?) })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// Those of `found` that are within reach. A name that has others only is refused: the answer may be
/// another one the next time, but what was checked here is what is dialled.
fn admitted(
    found: Vec<IpAddr>,
    within: fn(IpAddr) -> bool,
) -> Result<vec::IntoIter<SocketAddr>, Inward> {
    let admitted: Vec<_> = found.into_iter().filter(|address| within(*address)).collect();
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

    fn reached(texts: &[&str], within: fn(IpAddr) -> bool) -> Option<Vec<IpAddr>> {
        let admitted = admitted(addresses(texts), within).ok()?;
        Some(admitted.map(|address| address.ip()).collect())
    }

    #[test]
    fn p1_a_name_that_leads_inward_as_well_is_dialled_outward_only() {
        let found = ["10.0.0.1", "1.1.1.1", "169.254.169.254", "::1"];
        assert_eq!(reached(&found, is_public), Some(addresses(&["1.1.1.1"])));
    }

    #[test]
    fn p1_a_name_that_leads_inward_only_is_refused() {
        let inward = ["10.0.0.1", "169.254.169.254", "fd00:ec2::254"];
        let local = |address: IpAddr| address.is_loopback();
        assert_eq!(reached(&inward, is_public), None);
        assert_eq!(reached(&inward, local), None);
        assert_eq!(reached(&["127.0.0.1"], is_public), None);
        assert_eq!(reached(&["1.1.1.1"], local), None);
        assert!(reached(&["127.0.0.1", "::1"], local).is_some());
    }
}
