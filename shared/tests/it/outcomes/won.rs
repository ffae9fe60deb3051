//! Tokens were won.

use super::bench::{Bench, NOW, alice, at, ring};
use super::{breakers, later_lease, once, renewed};
use crate::authorization_server::Rotation;
use broker::connection::Reason;
use broker::http::{Http, Reach};
use broker::refresh::{Failure, Renewal};
use broker::store::ConnectionStore;
use std::time::Duration;

const KEPT_WHATEVER_IT_DOES: [Rotation; 4] =
    [Rotation::Never, Rotation::OneUse, Rotation::OneUseOrRevoked, Rotation::Grace(30)];

#[tokio::test]
async fn t5_tokens_are_written_and_used() {
    for rotation in KEPT_WHATEVER_IT_DOES {
        for expires_in in [Some(600), None] {
            let mut bench = Bench::new(rotation).await;
            bench.server.lock().unwrap().expires_in = expires_in;
            for access in ["a1", "a2", "a3"] {
                assert_eq!(renewed(bench.renew().await), access);
                assert_eq!(bench.access().await, access);
                assert!(bench.server.lock().unwrap().honours(access, NOW));
                assert_eq!(bench.journal().await, None);
                assert!(bench.is_free().await);
                bench.now += 3600;
            }
            assert_eq!(bench.asked(), 3);
        }
    }
}

#[tokio::test]
async fn t5_tokens_of_a_holder_who_was_overtaken_are_kept() {
    let bench = Bench::new(Rotation::OneUse).await;
    let overtaken = async {
        let _ = later_lease(&bench).await;
    };
    let renewal = bench.renew_while(overtaken).await;
    assert_eq!(renewed(renewal), "a1");
    assert_eq!(bench.access().await, "a1");
}

#[tokio::test]
async fn t5_tokens_of_a_holder_who_was_taken_for_dead_are_kept() {
    let bench = Bench::new(Rotation::OneUse).await;
    let overtaken = async {
        let lease = later_lease(&bench).await;
        let ended = lease.connection.clone().disconnected(Reason::RotationLost, at(NOW));
        assert!(bench.store.settle(lease, &ended).await.unwrap());
    };
    let renewal = bench.renew_while(overtaken).await;
    assert_eq!(renewed(renewal), "a1");
    assert_eq!(bench.access().await, "a1");
}

#[tokio::test]
async fn t5_tokens_give_way_to_a_newer_consent() {
    let bench = Bench::new(Rotation::OneUse).await;
    let consents = async {
        bench.connect(3600).await;
    };
    let renewal = bench.renew_while(consents).await;
    let newer = bench.access().await;
    assert_eq!(renewed(renewal), newer);
    assert_ne!(newer, "a1");
    let server = bench.server.lock().unwrap();
    assert_ne!(server.grant_of("r2"), server.grant_of("r0"));
}

#[tokio::test]
async fn t11_tokens_give_way_to_the_subjects_wish_to_disconnect() {
    let bench = Bench::new(Rotation::OneUse).await;
    let disconnects = async {
        bench.store.disconnect(&alice(), &bench.target.name, at(NOW)).await.unwrap();
    };
    let renewal = bench.renew_while(disconnects).await;
    assert!(matches!(renewal, Renewal::Ended), "{renewal:?}");
    assert_eq!(bench.reason().await, Some(Reason::BySubject));
}

#[tokio::test]
async fn t6_tokens_are_written_though_the_store_stumbles_and_else_not_used() {
    let bench = Bench::new(Rotation::OneUse).await;
    bench.store.breaks("settle");
    assert_eq!(renewed(bench.renew().await), "a1");
    assert_eq!(bench.access().await, "a1");

    let bench = Bench::new(Rotation::OneUse).await;
    bench.store.breaks("settle");
    bench.store.breaks("amend");
    let renewal = bench.renew().await;
    assert!(matches!(renewal, Renewal::Failed(Failure::Store(_))), "{renewal:?}");
    assert_eq!(bench.journal().await, Some(once()), "whoever comes next must know");
}

#[tokio::test]
async fn t5_nothing_is_sent_when_we_might_be_stopped_before_the_answer_is_written() {
    let bench = Bench::new(Rotation::OneUse).await;
    let (ring, secrets) = (ring(), std::collections::BTreeMap::new());
    let (http, breakers, clock) = (Http::new(Reach::Loopback), breakers(), at(NOW));
    for (seconds, asked) in [(0, 0), (5, 0), (6, 1)] {
        let refresher = broker::refresh::Refresher {
            connections: &bench.store,
            secrets: &secrets,
            http: &http,
            ring: &ring,
            breakers: &breakers,
            clock: &clock,
            deadline: clock + Duration::from_secs(seconds),
        };
        let renewal = refresher.renew(&alice(), &bench.target, clock).await;
        assert_eq!(matches!(renewal, Renewal::Renewed(_)), asked == 1, "{seconds}: {renewal:?}");
        assert_eq!(bench.asked(), asked, "{seconds}");
        // What was not sent is in nobody's way.
        assert_eq!(bench.journal().await, None);
    }
}
