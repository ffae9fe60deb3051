//! Every row of the outcome table of `refresh.rs`, against an authorization server that goes wrong on
//! demand.

mod bench;
mod refused;
mod unanswered;
mod unwell;
mod won;

use bench::{Bench, NOW, alice, at};
use broker::breaker::Breakers;
use broker::clock::SystemRandom;
use broker::connection::Attempt;
use broker::refresh::Renewal;
use broker::store::{ConnectionStore, Lease};

async fn is_as_before(bench: &Bench) {
    assert_eq!(bench.access().await, "a0");
    assert_eq!(bench.journal().await, None);
    assert!(bench.is_free().await);
}

/// Somebody takes the lease after it expired.
async fn later_lease(bench: &Bench) -> Lease {
    let (now, until) = (at(NOW + 15), at(NOW + 30));
    bench.store.lease(&alice(), &bench.target.name, now, until).await.unwrap().unwrap()
}

fn once() -> Attempt {
    Attempt { began_at: at(NOW), requests: 1 }
}

fn breakers() -> Breakers {
    Breakers::new(SystemRandom)
}

fn renewed(renewal: Renewal) -> String {
    let Renewal::Renewed(tokens) = renewal else { panic!("{renewal:?}") };
    tokens.access.into_secret()
}
