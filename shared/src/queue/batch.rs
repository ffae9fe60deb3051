//! A batch of the queue as Lambda delivers it, and what Lambda is answered.

use serde::{Deserialize, Serialize};

/// A message as the queue delivers it: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// What the queue calls this delivery.
    #[serde(rename = "messageId")]
    pub id: String,
    /// What was sent.
    pub body: String,
}

/// Which messages stay in the queue. All others are done with.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Answer {
    /// These stay.
    pub fn of(returned: Vec<String>) -> Self {
        let failure = |id| Failure { item_identifier: id };
        Self { batch_item_failures: returned.into_iter().map(failure).collect() }
    }
}
