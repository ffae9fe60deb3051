//! That a connection is in use is noted, and no call is the worse for it.

use crate::world::{NOW, World, asks_to_connect, at, forwarded, get_me};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn use_is_noted_once_a_day() {
    let world = connected().await;
    for (hours, calls) in [
        (0, &["find_connection"][..]),
        (23, &["find_connection"]),
        (24, &["find_connection", "note_use"]),
        (25, &["find_connection"]),
        (49, &["find_connection", "note_use"]),
    ] {
        world.interceptor.clock.set(at(NOW) + hours * HOUR);
        world.store.calls();
        assert!(forwarded(&calls_late(&world).await).is_some());
        let mut asked = world.store.calls();
        // Which is read again now and then.
        asked.retain(|call| *call != "targets");
        assert_eq!(asked, calls, "{hours}");
    }
}

#[tokio::test]
async fn a_note_that_fails_or_takes_for_ever_disturbs_no_call() {
    for trouble in ["note_use", "note_use for ever"] {
        let world = connected().await;
        world.interceptor.clock.set(at(NOW) + 24 * HOUR);
        // The registry is read again, and then nothing outside is needed.
        assert!(world.interceptor.targets.prepare(at(NOW) + 24 * HOUR).await.is_ok());
        tokio::time::pause();
        world.store.breaks(trouble);
        assert!(forwarded(&calls_late(&world).await).is_some(), "{trouble}");
        assert!(world.store.calls().contains(&"note_use"));
        tokio::time::resume();
    }
}

#[tokio::test]
async fn nothing_is_noted_of_a_call_that_is_not_forwarded() {
    let world = World::new().await;
    world.interceptor.clock.set(at(NOW) + 24 * HOUR);
    world.store.calls();
    asks_to_connect(&calls_late(&world).await);
    assert!(!world.store.calls().contains(&"note_use"));
}

async fn connected() -> World {
    let world = World::new().await;
    world.connect("alice", &world.target("github").await, 200_000).await;
    world
}

async fn calls_late(world: &World) -> Value {
    world.call(&world.jwt(&json!({ "exp": NOW + 200_000 })), &get_me()).await
}
