//! The two events, told by their shape, and what there is to report of them.

use crate::world::{MINUTE, NOW, World, records};
use broker::catalog::Catalog;
use broker::clock::Clock;
use broker::store::CatalogStore;
use broker::target::TargetName;
use catalog::Report;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::{Duration, UNIX_EPOCH};

#[tokio::test]
async fn nothing_else_is_an_event() {
    let world = World::new().await;
    for event in [
        json!({}),
        json!(null),
        json!([]),
        json!({ "catalog": null }),
        json!({ "catalog": "yes" }),
        json!({ "catalog": {}, "Records": [] }),
        json!({ "sweep": {} }),
        json!({ "Records": [{ "body": "{}" }] }),
    ] {
        let event = RawValue::from_string(event.to_string()).unwrap();
        let done = world.keeper.handle(&event, world.watch.now() + 5 * MINUTE).await;
        assert!(done.is_err(), "{event}");
    }
}

#[tokio::test]
async fn nothing_is_begun_that_may_not_end() {
    let world = World::new().await;
    let body = json!({ "target": "notes" });
    let event = RawValue::from_string(records(&[body]).to_string()).unwrap();
    world.store.calls();

    let soon = world.watch.now() + MINUTE / 2;
    let done = world.keeper.handle(&event, soon).await.unwrap();

    let answer = serde_json::to_value(&done.answer).unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "m0" }] }));
    assert_eq!(done.report, Report { returned: 1, ..Report::default() });
    assert_eq!(world.store.calls(), ["find_target"]);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_asked_again() {
    for verb in ["find_target", "find_catalog", "put_catalog", "find_connection"] {
        let world = World::new().await;
        world.store.breaks(verb);
        let (answer, report) = world.consented("alice").await;
        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "m0" }] }), "{verb}");
        assert_eq!(report, Report { returned: 1, ..Report::default() }, "{verb}");
        assert_eq!(world.gateway.writes(), [""; 0], "{verb}");
    }
    let world = World::new().await;
    world.store.breaks("targets");
    let event = RawValue::from_string(json!({ "catalog": {} }).to_string()).unwrap();
    assert!(world.keeper.handle(&event, world.watch.now() + 5 * MINUTE).await.is_err());
}

#[tokio::test]
async fn whoever_was_not_looked_at_for_the_longest_comes_first() {
    let world = World::new().await;
    for (name, hours) in [("b", Some(1)), ("c", None), ("a", Some(2))] {
        broker::store::TargetStore::put_target(&world.store, &world.target(name)).await.unwrap();
        let name: TargetName = name.parse().unwrap();
        let at = UNIX_EPOCH + Duration::from_secs(NOW) - Duration::from_hours(hours.unwrap_or(0));
        let look = broker::catalog::Look { at, outcome: "kept".into(), why: None };
        let noted = Catalog { look: hours.map(|_| look), ..Catalog::default() };
        assert!(world.store.put_catalog(&name, None, &noted).await.unwrap());
    }
    let order = world.looks_in_order().await;
    // Those that were never looked at come before all.
    assert_eq!(order, ["c", "notes", "a", "b"]);
}

#[test]
fn every_number_of_a_look_is_a_metric() {
    let report = Report {
        kept: 1,
        created: 2,
        updated: 3,
        drifted: 4,
        failed: 5,
        no_steward: 6,
        returned: 7,
        unreadable: 8,
    };
    let event = report.to_event("the-function", UNIX_EPOCH + Duration::from_secs(NOW));
    assert!(!event.contains('\n'));
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(
        (&event["outcome"], &event["FunctionName"]),
        (&json!("looked"), &json!("the-function"))
    );
    let directive = &event["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "Latchkey");
    let names: Vec<_> = directive["Metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["Name"].as_str().unwrap())
        .collect();
    let expected =
        ["Kept", "Created", "Updated", "Drifted", "Failed", "NoSteward", "Returned", "Unreadable"];
    assert_eq!(names, expected);
    for (name, number) in names.iter().zip(1..) {
        assert_eq!(event[*name], number, "{name}");
    }
}
