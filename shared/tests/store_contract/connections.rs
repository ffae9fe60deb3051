//! Where connections are kept.

use crate::{alice, at, bob, connection, dynamo, holds, name, ring, target, winners};
use aws_sdk_dynamodb::types::AttributeValue;
use broker::connection::{Attempt, Connection, Reason, Status};
use broker::step_up::StepUp;
use broker::store::ConnectionStore;
use broker::subject::SubjectId;
use std::sync::Arc;

promises!(
    a_connection_is_found_by_subject_and_target_only,
    connecting_again_replaces,
    a_lease_is_the_only_one_until_it_expires,
    of_many_leases_at_once_one_is_granted,
    a_settled_lease_frees_the_connection,
    a_lease_that_was_overtaken_cannot_settle,
    a_connection_that_ended_says_why,
    there_is_no_lease_without_a_connection,
    an_attempt_stays_in_the_journal_until_its_outcome_is_written,
    a_lease_that_was_overtaken_cannot_write_the_journal,
    a_released_lease_frees_the_connection_and_leaves_it_as_it_is_by_now,
    a_lease_that_was_overtaken_cannot_be_released,
    tokens_won_late_replace_the_ones_they_were_spent_for,
    tokens_won_late_replace_nothing_newer,
    tokens_won_late_do_not_undo_a_disconnect,
    an_expired_token_is_marked_once_and_the_lease_stays,
    a_token_that_was_replaced_is_not_marked,
    a_refusal_is_remembered_until_the_subject_consents_anew,
    u5_wider_scopes_are_wanted_until_the_subject_was_asked_for_them,
    u5_wider_scopes_are_wanted_for_the_tokens_that_lack_them_only,
    u5_a_history_of_scopes_outlives_all_but_a_disconnect,
    u5_what_the_authorization_server_refuses_is_wanted_no_more,
    u5_a_history_of_scopes_follows_no_name_to_another_server,
    t11_a_subject_disconnects_whatever_a_refresh_is_doing,
    a_subjects_connections_are_listed,
);

async fn a_connection_is_found_by_subject_and_target_only(store: impl ConnectionStore) {
    let connection = connection(alice(), "notes", "a1");
    store.connect(&connection).await.unwrap();

    let found = store.find_connection(&alice(), &name("notes")).await.unwrap();
    assert_eq!(found, Some(connection));
    assert!(store.find_connection(&alice(), &name("files")).await.unwrap().is_none());
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
}

async fn connecting_again_replaces(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    store.connect(&connection(alice(), "notes", "a2")).await.unwrap();
    assert_eq!(access(&store).await, "a2");
}

async fn a_lease_is_the_only_one_until_it_expires(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let first = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap();
    assert!(first.is_some());
    assert!(store.lease(&alice(), &name("notes"), at(9), at(19)).await.unwrap().is_none());
    assert!(store.lease(&alice(), &name("notes"), at(10), at(20)).await.unwrap().is_some());
}

async fn of_many_leases_at_once_one_is_granted(store: impl ConnectionStore + 'static) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let store = Arc::new(store);
    let askers: Vec<_> = (0..16)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().is_some()
            })
        })
        .collect();
    assert_eq!(winners(askers).await, 1);
}

async fn a_settled_lease_frees_the_connection(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    assert!(store.settle(lease, &connection(alice(), "notes", "a2")).await.unwrap());
    assert_eq!(access(&store).await, "a2");
    assert!(store.lease(&alice(), &name("notes"), at(1), at(11)).await.unwrap().is_some());
}

async fn a_lease_that_was_overtaken_cannot_settle(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let slow = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let quick = store.lease(&alice(), &name("notes"), at(10), at(20)).await.unwrap().unwrap();
    assert!(!store.settle(slow, &connection(alice(), "notes", "slow")).await.unwrap());
    assert_eq!(access(&store).await, "a1");

    store.connect(&connection(alice(), "notes", "consented-anew")).await.unwrap();
    assert!(!store.settle(quick, &connection(alice(), "notes", "quick")).await.unwrap());
    assert_eq!(access(&store).await, "consented-anew");
}

async fn a_connection_that_ended_says_why(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let ended = lease.connection.clone().disconnected(Reason::InvalidGrant, at(5));
    assert!(store.settle(lease, &ended).await.unwrap());
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap();
    assert_eq!(found, Some(ended));

    store.connect(&connection(alice(), "notes", "a2")).await.unwrap();
    assert_eq!(access(&store).await, "a2");
}

async fn there_is_no_lease_without_a_connection(store: impl ConnectionStore) {
    assert!(store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().is_none());
    assert!(store.find_connection(&alice(), &name("notes")).await.unwrap().is_none());
}

async fn an_attempt_stays_in_the_journal_until_its_outcome_is_written(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let attempt = Attempt { began_at: at(1), requests: 1 };
    assert!(store.journal(&lease, attempt).await.unwrap());

    // Whoever comes next sees it, and so does whoever comes after one who changed nothing.
    let next = store.lease(&alice(), &name("notes"), at(10), at(20)).await.unwrap().unwrap();
    assert_eq!(journal(&next.connection), Some(attempt));
    let unchanged = next.connection.clone();
    assert!(store.settle(next, &unchanged).await.unwrap());
    let next = store.lease(&alice(), &name("notes"), at(20), at(30)).await.unwrap().unwrap();
    assert_eq!(journal(&next.connection), Some(attempt));

    assert!(store.settle(next, &connection(alice(), "notes", "a2")).await.unwrap());
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert_eq!(journal(&found), None);
}

async fn a_lease_that_was_overtaken_cannot_write_the_journal(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let slow = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let quick = store.lease(&alice(), &name("notes"), at(10), at(20)).await.unwrap().unwrap();
    let attempt = Attempt { began_at: at(11), requests: 1 };
    assert!(!store.journal(&slow, attempt).await.unwrap());
    assert!(store.journal(&quick, attempt).await.unwrap());
    assert!(store.disconnect(&alice(), &name("notes"), at(12)).await.unwrap().is_some());
    assert!(!store.journal(&quick, attempt).await.unwrap());
}

async fn a_released_lease_frees_the_connection_and_leaves_it_as_it_is_by_now(
    store: impl ConnectionStore,
) {
    let fresh = connection(alice(), "notes", "a1");
    store.connect(&fresh).await.unwrap();
    for (seconds, left) in [(0, Some(Attempt { began_at: at(1), requests: 2 })), (20, None)] {
        let (now, until) = (at(seconds), at(seconds + 10));
        let lease = store.lease(&alice(), &name("notes"), now, until).await.unwrap().unwrap();
        let begun = Attempt { began_at: now, requests: 3 };
        assert!(store.journal(&lease, begun).await.unwrap());
        assert!(store.expire(&fresh, at(7)).await.unwrap());
        assert!(store.release(lease, left).await.unwrap());

        let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
        assert_eq!(journal(&found), left);
        assert_eq!(found.lineage(), fresh.lineage());
        assert!(!found.is_fresh(at(7)), "what became known meanwhile was undone");
        let next = store.lease(&alice(), &name("notes"), now, until).await.unwrap().unwrap();
        assert!(store.release(next, left).await.unwrap());
    }
    store.disconnect(&alice(), &name("notes"), at(40)).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(41), at(51)).await.unwrap().unwrap();
    let ended = lease.connection.clone();
    assert!(store.release(lease, None).await.unwrap());
    assert_eq!(store.find_connection(&alice(), &name("notes")).await.unwrap(), Some(ended));
}

async fn a_lease_that_was_overtaken_cannot_be_released(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let slow = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let quick = store.lease(&alice(), &name("notes"), at(10), at(20)).await.unwrap().unwrap();
    let attempt = Attempt { began_at: at(11), requests: 1 };
    assert!(store.journal(&quick, attempt).await.unwrap());
    assert!(!store.release(slow, None).await.unwrap());
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert_eq!(journal(&found), Some(attempt));
    assert!(store.lease(&alice(), &name("notes"), at(12), at(22)).await.unwrap().is_none());
    assert!(store.release(quick, Some(attempt)).await.unwrap());
}

async fn tokens_won_late_replace_the_ones_they_were_spent_for(store: impl ConnectionStore) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let slow = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let spent = slow.connection.lineage().unwrap();
    let quick = store.lease(&alice(), &name("notes"), at(10), at(20)).await.unwrap().unwrap();
    assert!(store.amend(&spent, &connection(alice(), "notes", "won")).await.unwrap());
    assert_eq!(access(&store).await, "won");
    assert!(!store.settle(quick, &connection(alice(), "notes", "quick")).await.unwrap());

    // Also where the other holder took the spent token for dead.
    let slow = store.lease(&alice(), &name("notes"), at(30), at(40)).await.unwrap().unwrap();
    let spent = slow.connection.lineage().unwrap();
    let quick = store.lease(&alice(), &name("notes"), at(40), at(50)).await.unwrap().unwrap();
    let ended = quick.connection.clone().disconnected(Reason::InvalidGrant, at(45));
    assert!(store.settle(quick, &ended).await.unwrap());
    assert!(store.amend(&spent, &connection(alice(), "notes", "won again")).await.unwrap());
    assert_eq!(access(&store).await, "won again");
}

async fn tokens_won_late_replace_nothing_newer(store: impl ConnectionStore) {
    let first = connection(alice(), "notes", "a1");
    store.connect(&first).await.unwrap();
    let spent = first.lineage().unwrap();
    store.connect(&connection(alice(), "notes", "consented-anew")).await.unwrap();
    assert!(!store.amend(&spent, &connection(alice(), "notes", "late")).await.unwrap());
    assert_eq!(access(&store).await, "consented-anew");
    assert!(!store.amend(&spent, &connection(bob(), "notes", "late")).await.unwrap());
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
}

async fn tokens_won_late_do_not_undo_a_disconnect(store: impl ConnectionStore) {
    let first = connection(alice(), "notes", "a1");
    store.connect(&first).await.unwrap();
    assert!(store.disconnect(&alice(), &name("notes"), at(1)).await.unwrap().is_some());
    let spent = first.lineage().unwrap();
    assert!(!store.amend(&spent, &connection(alice(), "notes", "late")).await.unwrap());

    // Nor where a refresh had ended it before.
    store.connect(&first).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let ended = lease.connection.clone().disconnected(Reason::RotationLost, at(5));
    assert!(store.settle(lease, &ended).await.unwrap());
    assert!(store.disconnect(&alice(), &name("notes"), at(6)).await.unwrap().is_none());
    assert!(!store.amend(&spent, &connection(alice(), "notes", "late")).await.unwrap());
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    let by_subject = Status::Disconnected { reason: Reason::BySubject, since: at(6) };
    assert_eq!(found.status, by_subject);
}

async fn an_expired_token_is_marked_once_and_the_lease_stays(store: impl ConnectionStore) {
    let fresh = connection(alice(), "notes", "a1");
    store.connect(&fresh).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    assert!(fresh.is_fresh(at(7)));
    assert!(store.expire(&fresh, at(7)).await.unwrap());
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert!(!found.is_fresh(at(7)) && found.is_active());
    assert!(store.lease(&alice(), &name("notes"), at(8), at(18)).await.unwrap().is_none());
    assert!(store.settle(lease, &connection(alice(), "notes", "a2")).await.unwrap());
    assert!(!store.expire(&fresh, at(9)).await.unwrap());
}

async fn a_token_that_was_replaced_is_not_marked(store: impl ConnectionStore) {
    let first = connection(alice(), "notes", "a1");
    store.connect(&first).await.unwrap();
    let second = connection(alice(), "notes", "a2");
    store.connect(&second).await.unwrap();
    assert!(!store.expire(&first, at(7)).await.unwrap());
    assert_eq!(store.find_connection(&alice(), &name("notes")).await.unwrap(), Some(second));
    assert!(!store.expire(&connection(bob(), "notes", "b1"), at(7)).await.unwrap());
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
}

async fn a_refusal_is_remembered_until_the_subject_consents_anew(store: impl ConnectionStore) {
    let refused_at =
        async || store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap().refused_at;
    let first = connection(alice(), "notes", "a1");
    store.connect(&first).await.unwrap();
    assert_eq!(refused_at().await, None);
    assert!(store.expire(&first, at(6)).await.unwrap());
    assert_eq!(refused_at().await, None, "a token that is no good is one thing, to wait another");
    let before = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert!(store.note_refusal(&first, at(7)).await.unwrap());
    assert_eq!(refused_at().await, Some(at(7)));
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert_eq!(found.status, before.status, "the tokens are as they were");
    let lease = store.lease(&alice(), &name("notes"), at(8), at(18)).await.unwrap().unwrap();
    assert!(store.settle(lease, &connection(alice(), "notes", "a2")).await.unwrap());
    assert_eq!(refused_at().await, Some(at(7)), "a renewal forgets nothing");
    assert!(!store.note_refusal(&first, at(9)).await.unwrap(), "there are other tokens");
    assert_eq!(refused_at().await, Some(at(7)));
    store.connect(&connection(alice(), "notes", "a3")).await.unwrap();
    assert_eq!(refused_at().await, None);
    let third = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    store.disconnect(&alice(), &name("notes"), at(10)).await.unwrap();
    assert!(!store.note_refusal(&third, at(11)).await.unwrap());
    assert!(!store.note_refusal(&connection(bob(), "notes", "b1"), at(11)).await.unwrap());
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
}

async fn u5_wider_scopes_are_wanted_until_the_subject_was_asked_for_them(
    store: impl ConnectionStore,
) {
    let notes = connection(alice(), "notes", "a1");
    store.connect(&notes).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    assert!(store.step_up(&notes, &StepUp::default()).await.unwrap());
    assert_eq!(history(&store).await, StepUp::default());
    assert!(store.step_up(&notes, &step_up(&["write"], &["extra"], &["x:1"])).await.unwrap());
    assert!(store.step_up(&notes, &step_up(&["admin"], &[], &["x:1", "y:1"])).await.unwrap());
    let both = step_up(&["admin", "write"], &["extra"], &["x:1", "y:1"]);
    assert_eq!(history(&store).await, both);
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert_eq!(found.status, notes.status);

    // Who was asked before all of that was wanted was not asked for all of it.
    let asked = ["read".to_owned(), "write".to_owned()];
    store.widen(&alice(), &name("notes"), &asked, &asked[1..]).await.unwrap();
    assert_eq!(
        history(&store).await,
        step_up(&["admin"], &["extra", "write"], &["x:1", "y:1"]),
        "the attempts stay"
    );
    store.widen(&alice(), &name("notes"), &["admin".to_owned()], &[]).await.unwrap();
    store.widen(&alice(), &name("notes"), &[], &[]).await.unwrap();
    store.widen(&alice(), &name("notes"), &["read".to_owned()], &[]).await.unwrap();
    assert_eq!(history(&store).await, step_up(&[], &["extra", "write"], &["x:1", "y:1"]));
    assert!(store.settle(lease, &connection(alice(), "notes", "a2")).await.unwrap());

    store.widen(&bob(), &name("notes"), &asked, &asked).await.unwrap();
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
}

async fn u5_wider_scopes_are_wanted_for_the_tokens_that_lack_them_only(
    store: impl ConnectionStore,
) {
    let more = step_up(&["write"], &[], &["x:1"]);
    let first = connection(alice(), "notes", "a1");
    assert!(!store.step_up(&first, &more).await.unwrap());
    assert!(store.find_connection(&alice(), &name("notes")).await.unwrap().is_none());
    store.connect(&first).await.unwrap();
    store.connect(&connection(alice(), "notes", "a2")).await.unwrap();
    assert!(!store.step_up(&first, &more).await.unwrap());
    assert_eq!(history(&store).await, StepUp::default());
    let ended = first.disconnected(Reason::InvalidGrant, at(1));
    assert!(!store.step_up(&ended, &more).await.unwrap());
}

async fn u5_a_history_of_scopes_outlives_all_but_a_disconnect(store: impl ConnectionStore) {
    let notes = connection(alice(), "notes", "a1");
    let more = step_up(&["write"], &["extra"], &["x:1"]);
    store.connect(&notes).await.unwrap();
    assert!(store.step_up(&notes, &more).await.unwrap());
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let ended = notes.clone().disconnected(Reason::InvalidGrant, at(1));
    assert!(store.settle(lease, &ended).await.unwrap());
    assert_eq!(history(&store).await, more);
    store.connect(&notes).await.unwrap();
    assert_eq!(history(&store).await, more);
    store.disconnect(&alice(), &name("notes"), at(5)).await.unwrap();
    assert_eq!(history(&store).await, StepUp::default());
}

async fn u5_what_the_authorization_server_refuses_is_wanted_no_more(store: impl ConnectionStore) {
    let notes = connection(alice(), "notes", "a1");
    let refused = ["write".to_owned(), "extra".to_owned(), "never wanted".to_owned()];
    store.connect(&notes).await.unwrap();
    store.narrow(&alice(), &name("notes"), &refused).await.unwrap();
    assert_eq!(history(&store).await, StepUp::default());
    let more = step_up(&["write", "admin"], &["extra", "mail"], &["x:1"]);
    assert!(store.step_up(&notes, &more).await.unwrap());
    store.narrow(&alice(), &name("notes"), &[]).await.unwrap();
    assert_eq!(history(&store).await, more);

    // It may have ended meanwhile, and a refresh under way takes no notice.
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    store.narrow(&alice(), &name("notes"), &refused).await.unwrap();
    assert_eq!(history(&store).await, step_up(&["admin"], &["mail"], &["x:1"]));
    let ended = notes.disconnected(Reason::InvalidGrant, at(1));
    assert!(store.settle(lease, &ended).await.unwrap());
    store.narrow(&alice(), &name("notes"), &["admin".to_owned(), "mail".to_owned()]).await.unwrap();
    assert_eq!(history(&store).await, step_up(&[], &[], &["x:1"]));

    store.narrow(&bob(), &name("notes"), &refused).await.unwrap();
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
}

async fn u5_a_history_of_scopes_follows_no_name_to_another_server(store: impl ConnectionStore) {
    let notes = connection(alice(), "notes", "a1");
    let more = step_up(&["write"], &["extra"], &["x:1"]);
    let elsewhere = Connection { issuer: "https://other.example".into(), ..notes.clone() };
    let resource = "https://other.example/mcp".to_owned().try_into().unwrap();
    for moved in [elsewhere.clone(), Connection { resource, ..elsewhere }] {
        let before = store.find_connection(&alice(), &name("notes")).await.unwrap();
        let before = before.unwrap_or_else(|| notes.clone());
        store.connect(&before).await.unwrap();
        assert!(store.step_up(&before, &more).await.unwrap());
        assert_eq!(history(&store).await, more);
        store.connect(&moved).await.unwrap();
        let found = store.find_connection(&alice(), &name("notes")).await.unwrap();
        assert_eq!(found.as_ref(), Some(&moved));
    }
}

async fn t11_a_subject_disconnects_whatever_a_refresh_is_doing(store: impl ConnectionStore) {
    let first = connection(alice(), "notes", "a1");
    store.connect(&first).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    assert_eq!(store.disconnect(&alice(), &name("notes"), at(5)).await.unwrap(), Some(first));
    assert!(!store.settle(lease, &connection(alice(), "notes", "a2")).await.unwrap());
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    let ended = Status::Disconnected { reason: Reason::BySubject, since: at(5) };
    assert_eq!(found.status, ended);

    assert_eq!(store.disconnect(&alice(), &name("notes"), at(6)).await.unwrap(), None);
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert_eq!(found.status, ended);
    assert_eq!(store.disconnect(&bob(), &name("notes"), at(6)).await.unwrap(), None);
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
}

async fn a_subjects_connections_are_listed(store: impl ConnectionStore) {
    for (subject, target) in [(alice(), "notes"), (bob(), "notes"), (alice(), "files")] {
        store.connect(&connection(subject, target, "a1")).await.unwrap();
    }
    store.disconnect(&alice(), &name("files"), at(1)).await.unwrap();
    let found = store.connections_of(&alice()).await.unwrap();
    let listed: Vec<_> = found.iter().map(|c| (c.target.as_str(), c.is_active())).collect();
    assert_eq!(listed, [("files", false), ("notes", true)]);
    assert!(found.iter().all(|c| c.subject == alice()));
}

/// U2: whoever can write the table still cannot make one subject's tokens another's.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_moved_to_another_subject_or_target_does_not_open() {
    let (store, client, tables) = dynamo().await;
    store.connect(&connection(alice(), "notes", "the-access-token")).await.unwrap();
    let key = |subject: SubjectId, target: &str| {
        [
            ("subject".to_owned(), AttributeValue::S(subject.key())),
            ("target".to_owned(), AttributeValue::S(target.to_owned())),
        ]
    };
    let [hash, range] = key(alice(), "notes");
    let item =
        client.get_item().table_name(&tables.connections).set_key(Some([hash, range].into()));
    let item = item.send().await.unwrap().item.unwrap();
    assert!(!holds(&item, "the-access-token"), "the token lies there in plain text");
    assert!(holds(&item, "https://notes.example"), "the search finds nothing at all");

    for (subject, at) in [(bob(), "notes"), (alice(), "files")] {
        let mut moved = item.clone();
        moved.extend(key(subject, at));
        let put = client.put_item().table_name(&tables.connections).set_item(Some(moved));
        put.send().await.unwrap();

        let found = store.find_connection(&subject, &name(at)).await.unwrap().unwrap();
        assert!(found.open(&ring(), &subject, &target(at)).is_err());
    }
    let rightful = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert!(rightful.open(&ring(), &alice(), &target("notes")).is_ok());
}

fn journal(connection: &Connection) -> Option<Attempt> {
    let Status::Active { attempt, .. } = connection.status else { panic!("it is not active") };
    attempt
}

async fn history(store: &impl ConnectionStore) -> StepUp {
    store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap().step_up
}

fn step_up(wanted: &[&str], widened: &[&str], attempts: &[&str]) -> StepUp {
    let set = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    StepUp { wanted: set(wanted), widened: set(widened), attempts: set(attempts) }
}

async fn access(store: &impl ConnectionStore) -> String {
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    found.open(&ring(), &alice(), &target("notes")).unwrap().access.into_secret()
}
