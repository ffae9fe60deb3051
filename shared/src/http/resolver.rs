//! Names are resolved here, and the address that was checked is the address that is dialled.

use super::Reach;
use super::address::is_public;
use hyper_util::client::legacy::connect::dns::Name;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;
use tower_service::Service;

/// The system's resolver, without the addresses that are out of reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver(pub(super) Reach);

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            admitted(found, reach)
        })
    }
}

/// Those of `found` that are within `reach`. A name that has none is refused: the answer may be
/// another one the next time, but what was checked here is what is dialled.
fn admitted(
    found: impl Iterator<Item = SocketAddr>,
    reach: Reach,
) -> io::Result<vec::IntoIter<SocketAddr>> {
    let admitted: Vec<_> = found.filter(|address| is_within(address.ip(), reach)).collect();
    if admitted.is_empty() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "no public address"));
    }
    Ok(admitted.into_iter())
}

/// Whether an address may be dialled.
pub(super) fn is_within(address: IpAddr, reach: Reach) -> bool {
    is_public(address) || (reach == Reach::Loopback && address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn p1_a_name_that_leads_inward_as_well_is_dialled_outward_only() {
        let found = addresses(&["10.0.0.1", "1.1.1.1", "169.254.169.254", "::1"]);
        let admitted: Vec<_> = admitted(found.into_iter(), Reach::Public).unwrap().collect();
        assert_eq!(admitted, addresses(&["1.1.1.1"]));
    }

    #[test]
    fn p1_a_name_that_leads_inward_only_is_refused() {
        for reach in [Reach::Public, Reach::Loopback] {
            let found = addresses(&["10.0.0.1", "169.254.169.254", "fd00:ec2::254"]);
            assert!(admitted(found.into_iter(), reach).is_err());
        }
        assert!(admitted(addresses(&["127.0.0.1"]).into_iter(), Reach::Public).is_err());
        assert!(admitted(addresses(&["127.0.0.1", "::1"]).into_iter(), Reach::Loopback).is_ok());
    }
}
