//! The two events, told by their shape.

use crate::world::{HOUR, World, delivery};
use refresh::Report;
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[tokio::test]
async fn the_schedules_event_sweeps() {
    let world = World::new().await;
    world.connect(&["alice"], HOUR).await;
    world.watch.set(crate::world::at(crate::world::NOW) + HOUR);
    let (answer, report) = send(&world, &json!({ "sweep": {} })).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert!(matches!(report, Report::Swept(swept) if swept.queued == 1));
}

#[tokio::test]
async fn the_queues_event_renews_and_says_what_stays() {
    let world = World::new().await;
    let due = world.connect(&["alice"], HOUR).await;
    world.wait_for(&due[0]);
    let alice = record(&delivery("alice").id, &delivery("alice").body);
    let event = json!({ "Records": [alice, record("id-poison", "no message of ours")] });
    let (answer, report) = send(&world, &event).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "id-poison" }] }));
    let Report::Renewed(renewals) = report else { panic!("{report:?}") };
    assert_eq!((renewals.renewed, renewals.unreadable), (1, 1));
}

#[tokio::test]
async fn nothing_else_is_an_event() {
    let world = World::new().await;
    for event in [
        json!({}),
        json!(null),
        json!([]),
        json!({ "sweep": null }),
        json!({ "sweep": "yes" }),
        json!({ "sweep": {}, "Records": [] }),
        json!({ "Records": [{ "body": "a body alone" }] }),
        json!({ "source": "aws.events", "detail-type": "Scheduled Event" }),
    ] {
        assert!(send(&world, &event).await.is_none(), "{event}");
    }
    assert!(world.server.asked().is_empty());
}

async fn send(world: &World, event: &Value) -> Option<(Value, Report)> {
    let event = RawValue::from_string(event.to_string()).unwrap();
    let done = world.refresh.handle(&event, world.deadline()).await.ok()?;
    Some((serde_json::to_value(done.answer).unwrap(), done.report))
}

/// As SQS has it.
fn record(id: &str, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185"
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
        "awsRegion": "us-east-2"
    })
}
