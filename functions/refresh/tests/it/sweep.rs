//! What is due is queued, once, whatever fails meanwhile.

use crate::world::{HOUR, Mood, World, at, message, person};
use broker::clock::Clock;
use broker::due::Shard;
use broker::queue::Message;
use broker::store::ConnectionStore;
use refresh::Swept;
use std::time::Duration;

#[tokio::test]
async fn what_is_due_is_queued_and_nothing_else_is() {
    let world = World::new().await;
    let due = world.connect(&["alice", "bob", "carol"], HOUR).await;
    world.connect(&["dave"], 8 * HOUR).await;
    world.connect(&["erin"], Duration::from_mins(5)).await;
    let first = due.iter().min_by_key(|due| due.due_at).unwrap();

    world.watch.set(first.due_at - Duration::from_secs(1));
    assert_eq!(world.refresh.sweep(world.deadline()).await, Swept::default());
    world.watch.set(first.due_at);
    assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 1);
    assert_eq!(world.queue.taken(), [Message::from(first)]);

    world.watch.set(world.watch.now() + HOUR / 4);
    let report = world.refresh.sweep(world.deadline()).await;
    assert_eq!((report.due, report.queued), (3, 3));
    let longest = due.iter().filter(|due| *due != first).map(|due| due.due_at).min().unwrap();
    assert_eq!(report.longest_due, world.watch.now().duration_since(longest).unwrap());
    let mut all: Vec<_> = ["alice", "bob", "carol"].map(message).to_vec();
    all.sort_by_key(Message::to_body);
    assert_eq!(world.queue.taken(), all);
}

#[tokio::test]
async fn what_was_queued_is_left_alone_until_it_must_be_lost() {
    let world = World::new().await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 1);
    let queued_at = world.watch.now();
    world.watch.set(queued_at + Duration::from_mins(14));
    assert_eq!(world.refresh.sweep(world.deadline()).await, Swept::default());
    world.watch.set(queued_at + Duration::from_mins(15));
    assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 1);
}

#[tokio::test]
async fn a_sweep_goes_through_every_page_in_batches_of_ten() {
    let world = World::new().await;
    let people = one_shard(215);
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    world.connect(&people, HOUR).await;
    world.watch.set(world.watch.now() + HOUR);
    world.store.calls();
    let report = world.refresh.sweep(world.deadline()).await;
    assert_eq!((report.due, report.queued, report.unfinished_shards), (215, 215, 0));
    let mut batches = world.queue.batches();
    batches.sort_unstable();
    assert_eq!(batches, [vec![5], vec![10; 21]].concat());
    let mut taken = world.queue.taken();
    taken.dedup();
    assert_eq!(taken.len(), 215);
    // A shard each, and two more pages of the one.
    assert_eq!(world.store.calls().iter().filter(|call| **call == "due").count(), 18);
}

#[tokio::test]
async fn what_the_queue_does_not_take_is_offered_once_more() {
    let world = World::new().await;
    let people = one_shard(4);
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    world.connect(&people, HOUR).await;
    world.watch.set(world.watch.now() + HOUR);
    world.queue.then(Mood::Refuses(vec![1, 3]));
    let report = world.refresh.sweep(world.deadline()).await;
    assert_eq!((report.queued, report.unqueued), (4, 0));
    assert_eq!(world.queue.batches(), [4, 2]);

    // And then left to the next sweep: it alone is still due.
    world.watch.set(world.watch.now() + HOUR);
    world.queue.taken();
    world.queue.then(Mood::Refuses(vec![2]));
    world.queue.then(Mood::Refuses(vec![0]));
    let report = world.refresh.sweep(world.deadline()).await;
    assert_eq!((report.queued, report.unqueued), (3, 1));
    world.watch.set(world.watch.now() + Duration::from_secs(1));
    let report = world.refresh.sweep(world.deadline()).await;
    assert_eq!((report.due, report.queued), (1, 1));
    let mut taken = world.queue.taken();
    taken.dedup();
    assert_eq!(taken.len(), 4);
}

#[tokio::test]
async fn a_queue_that_is_down_loses_nothing_and_is_not_asked_for_every_batch() {
    let world = World::new().await;
    let people = one_shard(35);
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    world.connect(&people, HOUR).await;
    world.watch.set(world.watch.now() + HOUR);
    let before = world.due(world.watch.now()).await;
    for _ in 0..2 {
        world.queue.then(Mood::Down);
    }
    let report = world.refresh.sweep(world.deadline()).await;
    assert_eq!((report.due, report.queued, report.unqueued), (35, 0, 10));
    assert_eq!(report.unfinished_shards, 1);
    assert_eq!(world.queue.batches().len(), 2);
    assert_eq!(world.due(world.watch.now()).await, before);
    assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 35);
}

#[tokio::test]
async fn a_queue_that_fails_once_is_asked_again() {
    let world = World::new().await;
    world.connect(&["alice"], HOUR).await;
    world.watch.set(world.watch.now() + HOUR);
    world.queue.then(Mood::Down);
    assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 1);
}

#[tokio::test]
async fn a_shard_that_cannot_be_read_stops_no_other() {
    let world = World::new().await;
    let people: Vec<_> = (0..64).map(|n| n.to_string()).collect();
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    let due = world.connect(&people, HOUR).await;
    let dark = due.iter().filter(|due| Shard::of(&due.subject, &due.target).key() == "3").count();
    assert!(dark > 0);
    world.watch.set(world.watch.now() + HOUR);
    world.store.breaks("due 3");
    let report = world.refresh.sweep(world.deadline()).await;
    assert_eq!((report.queued, report.unanswered_shards), (64 - dark, 1));
}

#[tokio::test]
async fn a_store_that_is_down_is_reported() {
    let world = World::new().await;
    world.connect(&["alice"], HOUR).await;
    world.watch.set(world.watch.now() + HOUR);
    world.store.breaks("due");
    let report = world.refresh.sweep(world.deadline()).await;
    assert_eq!((report.queued, report.unanswered_shards), (0, 16));
}

#[tokio::test]
async fn what_cannot_be_held_is_queued_all_the_same() {
    let world = World::new().await;
    world.connect(&["alice", "bob"], HOUR).await;
    world.watch.set(world.watch.now() + HOUR);
    world.store.breaks("postpone");
    assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 2);
    assert_eq!(world.queue.taken().len(), 2);
}

#[tokio::test]
async fn nothing_is_begun_that_may_not_end_before_the_deadline() {
    let world = World::new().await;
    let people = one_shard(25);
    let people: Vec<_> = people.iter().map(String::as_str).collect();
    world.connect(&people, HOUR).await;
    world.watch.set(world.watch.now() + HOUR);
    let now = world.watch.now();
    let report = world.refresh.sweep(now + Duration::from_secs(9)).await;
    assert_eq!((report.due, report.unfinished_shards), (0, 16));

    let deadline = world.deadline();
    world.queue.then(Mood::TakesUntil(deadline - Duration::from_secs(9)));
    let report = world.refresh.sweep(deadline).await;
    assert_eq!(report.queued, 10);
    assert!(report.unfinished_shards > 0);

    // The next goes on from there.
    world.queue.taken();
    assert_eq!(world.refresh.sweep(world.deadline()).await.queued, 15);
    assert_eq!(world.queue.taken().len(), 15);
}

#[tokio::test]
async fn what_has_ended_meanwhile_is_not_queued() {
    let world = World::new().await;
    world.connect(&["alice", "bob"], HOUR).await;
    world.watch.set(world.watch.now() + HOUR);
    let message = message("alice");
    world.store.disconnect(&message.subject, &message.target, at(0)).await.unwrap();
    world.refresh.sweep(world.deadline()).await;
    assert_eq!(world.queue.taken(), [self::message("bob")]);
}

/// So many people whose connections lie in one shard, which is not the one that tests darken.
fn one_shard(count: usize) -> Vec<String> {
    let shard = |name: &String| Shard::of(&person(name), &crate::world::notes()).key();
    (0..).map(|n: u32| n.to_string()).filter(|name| shard(name) == "7").take(count).collect()
}
