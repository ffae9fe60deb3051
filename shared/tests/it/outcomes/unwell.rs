//! The broker's own fault, and a server in trouble: nothing is said of the grant.

use super::bench::{Bench, NOW, at};
use super::{breakers, is_as_before, renewed};
use crate::authorization_server::{Fault, Rotation};
use crate::reading::read;
use broker::connection::{Connection, Reason, Status};
use broker::http::{Http, Reach};
use broker::oauth::token::TokenError;
use broker::refresh::{Failure, Renewal, TokenRequests};
use broker::store::ConnectionStore;
use oauth2::RefreshToken;
use tokio::net::TcpListener;

#[tokio::test]
async fn t8_the_brokers_own_fault_ends_nothing_and_is_not_a_lost_answer() {
    let bench = Bench::new(Rotation::OneUse).await;
    bench.befalls([Fault::InvalidClient]);
    let renewal = bench.renew().await;
    let ours = matches!(renewal, Renewal::Failed(Failure::Token(TokenError::InvalidClient)));
    assert!(ours, "{renewal:?}");
    is_as_before(&bench).await;
    assert_eq!(renewed(bench.renew().await), "a1");
}

#[tokio::test]
async fn t7_an_answer_that_says_nothing_of_the_grant_is_not_a_lost_one() {
    for fault in
        [Fault::TooManyRequests(None), Fault::ErrorBefore, Fault::Html, Fault::EmptyBadRequest]
    {
        for bench in [Bench::new(Rotation::OneUse).await, Bench::punished().await] {
            bench.befalls([fault]);
            let renewal = bench.renew().await;
            let theirs =
                matches!(renewal, Renewal::Failed(Failure::Token(TokenError::Unavailable(_))));
            assert!(theirs, "{fault:?}: {renewal:?}");
            is_as_before(&bench).await;
            assert_eq!(renewed(bench.renew().await), "a1", "{fault:?}");
        }
    }
}

/// The server may have acted before it said 500; then what it gave is gone, and asking again only
/// shows it.
#[tokio::test]
async fn t7_an_error_that_hid_a_rotation_ends_when_the_server_says_so() {
    for (rotation, survives) in
        [(Rotation::Grace(30), true), (Rotation::OneUse, false), (Rotation::Never, true)]
    {
        let bench = Bench::new(rotation).await;
        bench.befalls([Fault::ErrorAfter]);
        assert!(matches!(bench.renew().await, Renewal::Failed(_)));
        is_as_before(&bench).await;
        let renewal = bench.renew().await;
        assert_eq!(matches!(renewal, Renewal::Renewed(_)), survives, "{rotation:?}: {renewal:?}");
        assert_eq!(bench.reason().await, (!survives).then_some(Reason::InvalidGrant));
    }
}

#[tokio::test]
async fn t7_retry_after_is_waited_for() {
    let mut bench = Bench::new(Rotation::OneUse).await;
    let breakers = breakers();
    bench.befalls([Fault::TooManyRequests(Some(20))]);
    assert!(matches!(bench.renew_in(&breakers).await, Renewal::Failed(_)));
    bench.store.calls();
    for seconds in [0, 19] {
        bench.now = NOW + seconds;
        let Renewal::Deferred { until } = bench.renew_in(&breakers).await else { panic!() };
        assert_eq!(until, at(NOW + 20));
    }
    assert_eq!(bench.asked(), 1);
    assert_eq!(bench.store.calls(), [""; 0], "a pause costs nobody a lease");
    bench.now = NOW + 20;
    assert_eq!(renewed(bench.renew_in(&breakers).await), "a1");
}

#[tokio::test]
async fn t7_a_request_that_never_left_is_not_a_lost_one() {
    let mut bench = Bench::punished().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}/token", listener.local_addr().unwrap());
    drop(listener);
    let there = bench.target.authorization_server.token_endpoint.clone();
    bench.target.authorization_server.token_endpoint = nowhere.parse().unwrap();
    let renewal = bench.renew().await;
    let simulated = read(bench.server.lock().unwrap().ask("r0", Some(Fault::Unsent), NOW), at(NOW));
    let by_http = match renewal {
        Renewal::Failed(Failure::Token(error)) => Err(error),
        other => panic!("{other:?}"),
    };
    for answer in [by_http, simulated] {
        let Err(TokenError::Unavailable(Some(error))) = answer else { panic!("{answer:?}") };
        assert!(error.is_unsent(), "{error:?}");
    }
    is_as_before(&bench).await;
    bench.target.authorization_server.token_endpoint = there;
    assert_eq!(renewed(bench.renew().await), "a1");
}

/// A try that failed leaves what became known meanwhile.
#[tokio::test]
async fn t4_a_token_found_to_be_no_good_stays_so_whatever_becomes_of_a_renewal() {
    for fault in [Fault::ErrorBefore, Fault::InvalidClient] {
        let bench = Bench::new(Rotation::OneUse).await;
        bench.befalls([fault]);
        let refused = async {
            assert!(bench.store.expire(&bench.row().await, at(NOW)).await.unwrap());
        };
        let renewal = bench.renew_while(refused).await;
        assert!(matches!(renewal, Renewal::Failed(_)));
        let expires_at = |row: Connection| match row.status {
            Status::Active { expires_at, .. } => expires_at,
            Status::Disconnected { .. } => panic!("it ended"),
        };
        assert_eq!(expires_at(bench.row().await), at(NOW));
    }
}

/// The simulation's reading of a reply is what the client makes of it.
#[tokio::test]
async fn the_simulation_reads_replies_as_the_client_does() {
    for fault in [
        None,
        Some(Fault::TooManyRequests(None)),
        Some(Fault::TooManyRequests(Some(7))),
        Some(Fault::ErrorBefore),
        Some(Fault::Html),
        Some(Fault::EmptyBadRequest),
        Some(Fault::InvalidClient),
    ] {
        let bench = Bench::new(Rotation::Never).await;
        bench.befalls(fault);
        let reply = bench.server.lock().unwrap().ask("r0", fault, NOW);
        let (http, refresh) = (Http::new(Reach::Loopback), RefreshToken::new("r0".into()));
        let by_http = http.refresh(&bench.target, None, &refresh, at(NOW)).await;
        let simulated = read(reply, at(NOW));
        match (by_http, simulated) {
            (Ok(by_http), Ok(simulated)) => {
                assert_eq!(by_http.expires_at, simulated.expires_at);
                assert_eq!(by_http.refresh.is_some(), simulated.refresh.is_some());
            }
            (Err(by_http), Err(simulated)) => {
                assert_eq!(format!("{by_http:?}"), format!("{simulated:?}"));
            }
            other => panic!("{fault:?}: {other:?}"),
        }
    }
}
