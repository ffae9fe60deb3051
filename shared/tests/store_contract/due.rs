//! What is due to be renewed, and the notes of use.

use crate::{alice, at, bob, connection, dynamo, name, ring, target};
use aws_sdk_dynamodb::types::AttributeValue;
use broker::connection::{Connection, Reason};
use broker::due::{DAY, Due, Shard};
use broker::store::{ConnectionStore, DueConnections, StoreError, UsedConnections};
use broker::subject::{Subject, SubjectId};
use broker::tokens::TokenSet;
use oauth2::AccessToken;
use std::time::SystemTime;

promises!(
    what_is_due_is_found_in_its_shard_and_nothing_else_is,
    what_is_due_the_longest_comes_first_page_after_page,
    what_has_ended_or_cannot_be_renewed_is_never_due,
    what_was_renewed_is_due_anew,
    what_is_postponed_is_due_later,
    what_is_put_off_until_it_is_needed_is_not_due,
    nothing_is_postponed_that_somebody_else_moved_or_wrote,
    a_lease_stays_when_its_connection_is_postponed_or_used,
    use_is_noted_once_a_day,
    what_has_ended_or_is_not_there_is_not_used,
);

async fn what_is_due_is_found_in_its_shard_and_nothing_else_is(
    store: impl ConnectionStore + DueConnections,
) {
    for subject in [alice(), bob()] {
        store.connect(&connection(subject, "notes", "a1")).await.unwrap();
    }
    let due = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    let due = due.due().unwrap();
    assert!(at(0) < due.due_at && due.due_at < at(3600));
    let before = due.due_at - std::time::Duration::from_secs(1);
    assert!(!all(&store, before).await.contains(&due));
    assert!(all(&store, due.due_at).await.contains(&due));
    assert_eq!(all(&store, at(3600)).await.len(), 2);

    let shard = Shard::of(&alice(), &name("notes"));
    for other in Shard::all().filter(|other| *other != shard) {
        assert!(!store.due(other, at(3600), None).await.unwrap().due.contains(&due));
    }
}

async fn what_is_due_the_longest_comes_first_page_after_page(
    store: impl ConnectionStore + DueConnections,
) {
    let shard = Shard::of(&alice(), &name("notes"));
    let subjects = (0..).map(|n: u32| subject(&n.to_string()));
    let subjects = subjects.filter(|subject| Shard::of(subject, &name("notes")) == shard);
    for subject in subjects.take(210) {
        store.connect(&connection(subject, "notes", "a1")).await.unwrap();
    }
    let mut page = store.due(shard, at(3600), None).await.unwrap();
    let (mut found, mut pages) = (page.due, 1);
    while let Some(next) = page.next {
        page = store.due(shard, at(3600), Some(&next)).await.unwrap();
        found.extend(page.due);
        pages += 1;
    }
    assert_eq!((found.len(), pages), (210, 3));
    assert!(found.is_sorted_by_key(|due| due.due_at));
}

async fn what_has_ended_or_cannot_be_renewed_is_never_due(
    store: impl ConnectionStore + DueConnections,
) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    store.disconnect(&alice(), &name("notes"), at(1)).await.unwrap();
    store.connect(&connection(bob(), "notes", "a1")).await.unwrap();
    let lease = store.lease(&bob(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    let ended = lease.connection.clone().disconnected(Reason::InvalidGrant, at(5));
    assert!(store.settle(lease, &ended).await.unwrap());
    let tokens = TokenSet {
        access: AccessToken::new("a1".into()),
        refresh: None,
        expires_at: at(3600),
        scopes: vec![],
    };
    let files = target("files");
    // It had a refresh token, and the next consent gave none.
    store.connect(&connection(alice(), "files", "a1")).await.unwrap();
    let without = Connection::active(&ring(), alice(), &files, &tokens, at(0)).unwrap();
    store.connect(&without).await.unwrap();
    assert_eq!(all(&store, at(1_000_000)).await, []);
}

async fn what_was_renewed_is_due_anew(store: impl ConnectionStore + DueConnections) {
    store.connect(&connection(alice(), "notes", "a1")).await.unwrap();
    let lease = store.lease(&alice(), &name("notes"), at(3600), at(3610)).await.unwrap().unwrap();
    let tokens = TokenSet {
        access: AccessToken::new("a2".into()),
        refresh: Some(oauth2::RefreshToken::new("r2".into())),
        expires_at: at(7200),
        scopes: vec![],
    };
    let renewed = lease.connection.renewed(&ring(), &target("notes"), &tokens, at(3600)).unwrap();
    assert!(store.settle(lease, &renewed).await.unwrap());
    assert_eq!(all(&store, at(3600)).await, []);
    assert_eq!(all(&store, at(7200)).await, [renewed.due().unwrap()]);
}

async fn what_is_postponed_is_due_later(store: impl ConnectionStore + DueConnections) {
    let due = connected(&store).await;
    assert!(store.postpone(&due, Some(at(5000))).await.unwrap());
    assert_eq!(all(&store, at(4999)).await, []);
    let later = Due { due_at: at(5000), ..due };
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert_eq!(found.due().as_ref(), Some(&later));
    assert_eq!(all(&store, at(5000)).await, [later]);
}

async fn what_is_put_off_until_it_is_needed_is_not_due(
    store: impl ConnectionStore + DueConnections,
) {
    let due = connected(&store).await;
    assert!(store.postpone(&due, None).await.unwrap());
    assert_eq!(all(&store, at(1_000_000)).await, []);
    let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
    assert!(found.is_active() && found.due().is_none());
    assert!(!store.postpone(&due, Some(at(5000))).await.unwrap());
}

async fn nothing_is_postponed_that_somebody_else_moved_or_wrote(
    store: impl ConnectionStore + DueConnections,
) {
    let due = connected(&store).await;
    assert!(store.postpone(&due, Some(at(5000))).await.unwrap());
    assert!(!store.postpone(&due, Some(at(6000))).await.unwrap());
    assert!(!store.postpone(&due, None).await.unwrap());
    assert_eq!(all(&store, at(9000)).await, [Due { due_at: at(5000), ..due.clone() }]);

    store.disconnect(&alice(), &name("notes"), at(1)).await.unwrap();
    assert!(!store.postpone(&due, Some(at(6000))).await.unwrap());
    let nobodys = Due { subject: bob(), ..due };
    assert!(!store.postpone(&nobodys, Some(at(6000))).await.unwrap());
    assert!(store.find_connection(&bob(), &name("notes")).await.unwrap().is_none());
    assert_eq!(all(&store, at(9000)).await, []);
}

async fn a_lease_stays_when_its_connection_is_postponed_or_used(
    store: impl ConnectionStore + DueConnections + UsedConnections,
) {
    let due = connected(&store).await;
    let lease = store.lease(&alice(), &name("notes"), at(0), at(10)).await.unwrap().unwrap();
    assert!(store.postpone(&due, Some(at(5000))).await.unwrap());
    assert!(store.note_use(&lease.connection, at(0) + DAY).await.unwrap());
    assert!(store.lease(&alice(), &name("notes"), at(9), at(19)).await.unwrap().is_none());
    assert!(store.settle(lease, &connection(alice(), "notes", "a2")).await.unwrap());
}

async fn use_is_noted_once_a_day(store: impl ConnectionStore + UsedConnections) {
    let first = connection(alice(), "notes", "a1");
    store.connect(&first).await.unwrap();
    let used = async |within| {
        let found = store.find_connection(&alice(), &name("notes")).await.unwrap().unwrap();
        found.is_used(within, at(0) + 3 * DAY)
    };
    assert!(!used(2 * DAY).await);
    assert!(store.note_use(&first, at(0) + 2 * DAY).await.unwrap());
    assert!(used(2 * DAY).await && !used(DAY).await);
    for too_soon in [2 * DAY, 2 * DAY + DAY / 2, DAY] {
        assert!(!store.note_use(&first, at(0) + too_soon).await.unwrap());
    }
    assert!(store.note_use(&first, at(0) + 3 * DAY).await.unwrap());
    assert!(used(DAY).await);
}

async fn what_has_ended_or_is_not_there_is_not_used(store: impl ConnectionStore + UsedConnections) {
    let first = connection(alice(), "notes", "a1");
    assert!(!store.note_use(&first, at(0) + 3 * DAY).await.unwrap());
    assert!(store.find_connection(&alice(), &name("notes")).await.unwrap().is_none());
    store.connect(&first).await.unwrap();
    store.disconnect(&alice(), &name("notes"), at(1)).await.unwrap();
    assert!(!store.note_use(&first, at(0) + 3 * DAY).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_key_cannot_be_read_hides_no_other() {
    let (store, client, tables) = dynamo().await;
    let due = connected(&store).await;
    let shard = Shard::of(&due.subject, &due.target);
    for (subject, target) in [("nobody", "notes"), (&*bob().key(), "not a target")] {
        let item = client
            .put_item()
            .table_name(&tables.connections)
            .item("subject", AttributeValue::S(subject.to_owned()))
            .item("target", AttributeValue::S(target.to_owned()))
            .item("due_shard", AttributeValue::S(shard.key()))
            .item("due_at", AttributeValue::N("1".into()));
        item.send().await.unwrap();
    }
    let page = store.due(shard, at(3600), None).await.unwrap();
    assert_eq!((page.due, page.unreadable), (vec![due], 2));
}

/// An index that holds a connection holds nothing but its key.
#[tokio::test(flavor = "multi_thread")]
async fn the_index_holds_keys_only_and_only_of_what_can_be_due() {
    let (store, client, tables) = dynamo().await;
    let due = connected(&store).await;
    store.connect(&connection(bob(), "notes", "a1")).await.unwrap();
    store.disconnect(&bob(), &name("notes"), at(1)).await.unwrap();
    let index = client.scan().table_name(&tables.connections).index_name("due").send().await;
    let items = index.unwrap().items.unwrap();
    assert_eq!(items.len(), 1);
    let mut attributes: Vec<_> = items[0].keys().map(String::as_str).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["due_at", "due_shard", "subject", "target"]);
    assert_eq!(items[0]["subject"], AttributeValue::S(due.subject.key()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_the_index_is_an_outage() {
    let (store, client, tables) = dynamo().await;
    client.delete_table().table_name(&tables.connections).send().await.unwrap();
    let shard = Shard::all().next().unwrap();
    let error = store.due(shard, at(1), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)));
}

async fn connected(store: &impl ConnectionStore) -> Due {
    let connection = connection(alice(), "notes", "a1");
    store.connect(&connection).await.unwrap();
    connection.due().unwrap()
}

/// What is due in any shard.
async fn all(store: &impl DueConnections, now: SystemTime) -> Vec<Due> {
    let mut found = Vec::new();
    for shard in Shard::all() {
        let page = store.due(shard, now, None).await.unwrap();
        assert_eq!(page.unreadable, 0);
        found.extend(page.due);
    }
    found
}

fn subject(sub: &str) -> SubjectId {
    Subject::new("https://idp.example", vec![sub.into()]).unwrap().id()
}
