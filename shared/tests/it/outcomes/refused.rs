//! The server says `invalid_grant`.

use super::bench::Bench;
use super::{later_lease, renewed};
use crate::authorization_server::{Fault, Rotation};
use broker::connection::Reason;
use broker::refresh::Renewal;

#[tokio::test]
async fn t7_invalid_grant_ends_the_connection_whatever_its_status() {
    for status in [400, 401, 403] {
        let bench = Bench::with(Rotation::OneUse, status, "tolerated").await;
        bench.server.lock().unwrap().revoke("r0");
        assert!(matches!(bench.renew().await, Renewal::Ended));
        assert_eq!(bench.reason().await, Some(Reason::InvalidGrant));
        assert!(matches!(bench.renew().await, Renewal::Ended));
        assert_eq!(bench.asked(), 1);
    }
}

#[tokio::test]
async fn t7_invalid_grant_after_a_lost_answer_says_that_the_rotation_was_lost() {
    let bench = Bench::new(Rotation::OneUse).await;
    bench.befalls([Fault::LostAfter]);
    assert!(matches!(bench.renew().await, Renewal::Failed(_)));
    assert!(matches!(bench.renew().await, Renewal::Ended));
    assert_eq!(bench.reason().await, Some(Reason::RotationLost));
    assert_eq!(bench.asked(), 2);
}

#[tokio::test]
async fn t7_invalid_grant_ends_nothing_where_somebody_won() {
    let bench = Bench::new(Rotation::OneUse).await;
    bench.server.lock().unwrap().revoke("r0");
    let wins = async {
        bench.connect(3600).await;
    };
    let renewal = bench.renew_while(wins).await;
    assert_eq!(renewed(renewal), bench.access().await);
}

#[tokio::test]
async fn t7_invalid_grant_ends_nothing_where_somebody_is_at_it() {
    let bench = Bench::new(Rotation::OneUse).await;
    bench.server.lock().unwrap().revoke("r0");
    let overtaken = async {
        let _ = later_lease(&bench).await;
    };
    let renewal = bench.renew_while(overtaken).await;
    assert!(matches!(renewal, Renewal::Busy), "{renewal:?}");
    assert_eq!(bench.reason().await, None);
}
