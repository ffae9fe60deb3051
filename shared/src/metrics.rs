//! One event in `CloudWatch`'s embedded metric format:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A metric's name, unit and value.
pub type Metric = (&'static str, &'static str, usize);

/// One line of JSON. `function_name` tells deployments of one account apart.
pub fn to_event(
    function_name: &str,
    outcome: &str,
    metrics: Vec<Metric>,
    now: SystemTime,
) -> String {
    let mut event = Map::new();
    let named = |(name, unit, _): &Metric| json!({ "Name": name, "Unit": unit });
    event.insert(
        "_aws".into(),
        json!({
            "Timestamp": now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis(),
            "CloudWatchMetrics": [{
                "Namespace": "Latchkey",
                "Dimensions": [["FunctionName"]],
                "Metrics": metrics.iter().map(named).collect::<Vec<_>>(),
            }],
        }),
    );
    event.insert("FunctionName".into(), function_name.into());
    event.insert("outcome".into(), outcome.into());
    event.extend(metrics.into_iter().map(|(name, _, value)| (name.into(), value.into())));
    Value::from(event).to_string()
}
