//! No answer, or no request.

use super::bench::{Bench, NOW, alice, at};
use super::{breakers, once, renewed};
use crate::authorization_server::{Fault, Rotation};
use broker::connection::{Attempt, Reason};
use broker::http::{Http, Reach};
use broker::refresh::{Failure, Renewal};
use broker::store::ConnectionStore;
use std::time::Duration;

#[tokio::test]
async fn t5_a_lost_answer_stays_in_the_journal_and_is_asked_for_once_more() {
    for (rotation, fault) in [
        (Rotation::OneUse, Fault::LostBefore),
        (Rotation::OneUseOrRevoked, Fault::LostBefore),
        (Rotation::Grace(30), Fault::LostAfter),
        (Rotation::Never, Fault::LostAfter),
    ] {
        let bench = Bench::new(rotation).await;
        bench.befalls([fault]);
        assert!(matches!(bench.renew().await, Renewal::Failed(_)));
        assert_eq!(bench.journal().await, Some(once()));
        assert!(bench.is_free().await);
        assert_eq!(bench.asked(), 1, "one request for one renewal");
        assert!(matches!(bench.renew().await, Renewal::Renewed(_)), "{rotation:?}");
        assert_eq!((bench.asked(), bench.journal().await), (2, None));
    }
}

#[tokio::test]
async fn t5_silence_ends_nothing_and_is_asked_ever_more_rarely() {
    let mut bench = Bench::new(Rotation::OneUse).await;
    bench.befalls([Fault::LostBefore; 6]);
    let mut pauses = Vec::new();
    while bench.asked() < 6 {
        match bench.renew().await {
            Renewal::Failed(_) => pauses.push(bench.now - NOW),
            Renewal::Deferred { until } => {
                assert!(until > at(bench.now));
                bench.now += 10;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pauses, [0, 0, 30, 90, 210, 450]);
    assert_eq!(bench.reason().await, None);
    bench.now += 480;
    assert_eq!(renewed(bench.renew().await), "a1");
}

/// Clocks differ by seconds; one that is minutes ahead was wrong.
#[tokio::test]
async fn t5_an_entry_of_the_future_makes_wait_unless_its_clock_was_wrong() {
    for (seconds_ahead, waits) in [(10, true), (100, false)] {
        let bench = Bench::new(Rotation::OneUse).await;
        let (now, until) = (at(NOW), at(NOW + 15));
        let lease = bench.store.lease(&alice(), &bench.target.name, now, until).await.unwrap();
        let began_at = at(NOW + seconds_ahead);
        let entry = Some(Attempt { began_at, requests: 2 });
        assert!(bench.store.release(lease.unwrap(), entry).await.unwrap());
        match bench.renew().await {
            Renewal::Deferred { until } if waits => {
                assert_eq!(until, began_at + Duration::from_secs(30));
            }
            renewal => assert_eq!(renewed(renewal), "a1", "{seconds_ahead}"),
        }
        assert_eq!(bench.asked() == 0, waits);
    }
}

#[tokio::test]
async fn t5_a_lost_answer_is_not_asked_for_again_where_that_is_punished() {
    for fault in [Fault::LostBefore, Fault::LostAfter] {
        let mut bench = Bench::punished().await;
        bench.befalls([fault]);
        assert!(matches!(bench.renew().await, Renewal::Failed(_)));
        for seconds in [0, 29] {
            bench.now = NOW + seconds;
            let Renewal::Deferred { until } = bench.renew().await else { panic!() };
            assert_eq!(until, at(NOW + 30), "as long as the access token lasts");
            assert_eq!(bench.access().await, "a0");
            assert_eq!(bench.journal().await, Some(once()));
        }
        bench.now = NOW + 30;
        assert!(matches!(bench.renew().await, Renewal::Ended));
        assert_eq!(bench.reason().await, Some(Reason::RotationLost));
        assert_eq!(bench.asked(), 1);
    }
}

#[tokio::test]
async fn t5_a_process_that_dies_leaves_its_request_in_the_journal() {
    let mut bench = Bench::new(Rotation::Grace(30)).await;
    bench.die_while_renewing().await;
    assert!(matches!(bench.renew().await, Renewal::Busy), "its lease lasts");
    bench.now = NOW + 15;
    assert_eq!(bench.journal().await, Some(once()));
    assert_eq!(renewed(bench.renew().await), "a2");
}

#[tokio::test]
async fn t5_nothing_is_sent_that_is_not_in_the_journal() {
    let bench = Bench::new(Rotation::OneUse).await;
    bench.store.breaks("journal");
    assert!(matches!(bench.renew().await, Renewal::Failed(Failure::Store(_))));
    assert_eq!(bench.asked(), 0);
    assert!(bench.is_free().await);
}

#[tokio::test]
async fn t5_nothing_is_sent_when_the_lease_might_end_before_the_answer() {
    for (seconds, asked) in [(9, 1), (10, 0)] {
        let bench = Bench::new(Rotation::OneUse).await;
        let clock = at(NOW + seconds);
        let renewal = bench.renew_with(&Http::new(Reach::Loopback), &breakers(), &clock).await;
        assert_eq!(matches!(renewal, Renewal::Deferred { .. }), asked == 0, "{renewal:?}");
        assert_eq!(bench.asked(), asked);
        assert_eq!(bench.journal().await, None);
        assert!(bench.is_free().await);
    }
}
