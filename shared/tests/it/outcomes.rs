//! Every row of the outcome table of `refresh.rs`, against an authorization server that goes wrong on
//! demand.

mod bench;

use crate::authorization_server::{Fault, Rotation};
use crate::reading::read;
use bench::{Bench, NOW, alice, at, ring};
use broker::breaker::Breakers;
use broker::clock::SystemRandom;
use broker::connection::{Attempt, Connection, Reason, Status};
use broker::http::{Http, Reach};
use broker::oauth::token::TokenError;
use broker::refresh::{Failure, Renewal, TokenRequests};
use broker::store::{ConnectionStore, Lease};
use oauth2::RefreshToken;
use std::time::Duration;
use tokio::net::TcpListener;

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

#[tokio::test]
async fn what_is_fresh_is_renewed_ahead_of_time_if_that_is_wanted() {
    let bench = Bench::new(Rotation::OneUse).await;
    bench.connect(600).await;
    let (ring, secrets) = (ring(), std::collections::BTreeMap::new());
    let (http, breakers, clock) = (Http::new(Reach::Loopback), breakers(), at(NOW));
    let refresher = broker::refresh::Refresher {
        connections: &bench.store,
        secrets: &secrets,
        http: &http,
        ring: &ring,
        breakers: &breakers,
        clock: &clock,
    };
    for (seconds, asked) in [(0, 0), (530, 0), (550, 1)] {
        let ahead = Duration::from_secs(seconds);
        let renewal = refresher.renew_ahead(&alice(), &bench.target, clock, ahead).await;
        assert!(matches!(renewal, Renewal::Renewed(_)));
        assert_eq!(bench.asked(), asked, "{seconds}");
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
