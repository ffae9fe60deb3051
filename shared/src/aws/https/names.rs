//! Where AWS's endpoints are, by the system's resolver, which keeps a thread busy until it answers.
//!
//! While a function starts, that is the thread that asks: there is little else to do, since without the
//! keys no call is answered, and a thread beside costs 7 % of a start's processor time. What is asked for
//! second waits for the first one's lookup, mostly some milliseconds, so what takes longest comes first.
//!
//! But nobody can give up on a lookup, and a call must be answered in time: so after the start names are
//! looked up in threads beside. So they are in a start as soon as a lookup failed or was slow, for others
//! would add up. What a name server that is silent can cost a start is thus one lookup, and how long that
//! takes the template says: a second for each server, and as much again where there is a domain to search.
//! Lambda ends a start after ten.

use hyper_util::client::legacy::connect::dns::Name;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;
use tokio::time::Instant;
use tower_service::Service;

type Found = io::Result<vec::IntoIter<SocketAddr>>;

/// The system's resolver.
#[derive(Clone, Debug)]
pub(super) struct Names {
    lookup: fn(&str) -> Found,
    starting: Arc<AtomicBool>,
}

impl Names {
    /// Looks names up in threads beside; while there is a [`Start`], in the thread that asks, until a lookup fails
    /// or is slow.
    pub(super) fn new() -> Self {
        // Whoever dials knows the port.
        Self::found_by(|name| (name, 0).to_socket_addrs())
    }

    fn found_by(lookup: fn(&str) -> Found) -> Self {
        Self { lookup, starting: Arc::default() }
    }

    /// From now on names are looked up in the thread that asks, until what is returned is dropped or a lookup
    /// fails or is slow.
    pub(super) fn starting(&self) -> Start {
        self.starting.store(true, Ordering::Relaxed);
        Start(Arc::clone(&self.starting))
    }
}

/// A start, for as long as it is kept.
#[must_use]
pub(in crate::aws) struct Start(Arc<AtomicBool>);

impl Drop for Start {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Found> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let lookup = self.lookup;
        if self.starting.load(Ordering::Relaxed) {
            let since = Instant::now();
            let found = lookup(name.as_str());
            if found.is_err() || since.elapsed() >= SLOW {
                self.starting.store(false, Ordering::Relaxed);
            }
            return Box::pin(std::future::ready(found));
        }
        let found = tokio::task::spawn_blocking(move || lookup(name.as_str()));
        Box::pin(async { found.await? })
    }
}

/// A resolver in the same network takes some milliseconds.
const SLOW: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::pending;
    use std::thread;

    thread_local! {
        static IS_TEST: Cell<bool> = const { Cell::new(false) };
    }

    /// Whether a name is looked up in the thread that asks.
    async fn on_the_spot(names: &Names) -> bool {
        IS_TEST.set(true);
        let mut found = looked_up(names, "a.example").await.unwrap();
        found.next().unwrap().port() == HERE
    }

    async fn looked_up(names: &Names, name: &str) -> Found {
        names.clone().call(name.parse().unwrap()).await
    }

    fn names() -> Names {
        Names::found_by(|name| {
            match name {
                "late.example" => thread::sleep(SLOW),
                "nowhere.example" => return Err(io::ErrorKind::NotFound.into()),
                _ => {}
            }
            let port = if IS_TEST.get() { HERE } else { 0 };
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))].into_iter())
        })
    }

    const HERE: u16 = 1;

    #[tokio::test]
    async fn names_have_the_systems_addresses_at_a_start_and_after_it() {
        let addresses = ("localhost", 0).to_socket_addrs().unwrap().collect::<Vec<_>>();
        let names = Names::new();
        let start = names.starting();
        assert!(looked_up(&names, "localhost").await.unwrap().eq(addresses.clone()));
        drop(start);
        assert!(looked_up(&names, "localhost").await.unwrap().eq(addresses));
    }

    #[tokio::test]
    async fn the_thread_that_asks_looks_names_up_at_a_start_and_only_then() {
        let names = names();
        assert!(!on_the_spot(&names).await);
        let start = names.starting();
        assert!(on_the_spot(&names).await);
        assert!(on_the_spot(&names).await);
        drop(start);
        assert!(!on_the_spot(&names).await);
    }

    #[tokio::test]
    async fn a_start_that_is_given_up_is_over() {
        let names = names();
        let start = async {
            let _start = names.starting();
            assert!(on_the_spot(&names).await);
            pending::<()>().await;
        };
        tokio::time::timeout(Duration::from_millis(10), start).await.unwrap_err();
        assert!(!on_the_spot(&names).await);
    }

    #[tokio::test]
    async fn a_lookup_that_fails_or_is_slow_is_the_last_that_a_start_waits_for() {
        for (trouble, is_found) in [("nowhere.example", false), ("late.example", true)] {
            let names = names();
            let _start = names.starting();
            assert!(on_the_spot(&names).await);
            assert_eq!(looked_up(&names, trouble).await.is_ok(), is_found);
            assert!(!on_the_spot(&names).await, "{trouble}");
        }
    }
}
