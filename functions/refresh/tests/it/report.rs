//! One event per sweep and batch, in which `CloudWatch` finds metrics.

use crate::world::at;
use refresh::{Renewals, Report, Swept};
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn every_number_of_a_sweep_is_a_metric() {
    let report = Report::Swept(Swept {
        due: 1,
        queued: 2,
        unqueued: 3,
        unreadable: 4,
        unanswered_shards: 5,
        unfinished_shards: 6,
        longest_due: Duration::from_millis(7900),
    });
    let numbers = metrics(&report, "swept");
    let expected = [
        ("Due", "Count", 1),
        ("Queued", "Count", 2),
        ("Unqueued", "Count", 3),
        ("UnreadableKeys", "Count", 4),
        ("UnansweredShards", "Count", 5),
        ("UnfinishedShards", "Count", 6),
        ("LongestDue", "Seconds", 7),
    ];
    assert_eq!(numbers, expected.map(|(name, unit, n)| (name.into(), unit.into(), n)));
}

#[test]
fn every_number_of_a_batch_is_a_metric() {
    let report = Report::Renewed(Renewals {
        renewed: 1,
        ended: 2,
        busy: 3,
        deferred: 4,
        failed: 5,
        let_go: 6,
        current: 7,
        returned: 8,
        unreadable: 9,
        dying: 10,
    });
    let numbers = metrics(&report, "renewed");
    let expected = [
        "Renewed",
        "Ended",
        "Busy",
        "Deferred",
        "Failed",
        "LetGo",
        "Current",
        "Returned",
        "UnreadableMessages",
        "Dying",
    ];
    let expected = expected.into_iter().zip(1..).map(|(name, n)| (name.into(), "Count".into(), n));
    assert_eq!(numbers, expected.collect::<Vec<_>>());
}

/// Name, unit and value of each metric that the event declares.
fn metrics(report: &Report, outcome: &str) -> Vec<(String, String, u64)> {
    let event = report.to_event("the-function", at(1_800_000_000));
    assert!(!event.contains('\n'));
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(event["outcome"], outcome);
    assert_eq!(event["FunctionName"], "the-function");
    assert_eq!(event["_aws"]["Timestamp"], 1_800_000_000_000_u64);
    let directive = &event["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "Latchkey");
    assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let metric = |metric: &Value| {
        let name = text(&metric["Name"]);
        let value = event[&name].as_u64().unwrap();
        (name, text(&metric["Unit"]), value)
    };
    directive["Metrics"].as_array().unwrap().iter().map(metric).collect()
}
