//! What invokes the function, and what it is answered.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Event {
    /// The schedule's: its input is `{"catalog":{}}`.
    Schedule,
    /// The queue's: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
    Queue(Vec<Delivery>),
}

/// A message as the queue delivers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    /// What the queue calls this delivery.
    #[serde(rename = "messageId")]
    pub(crate) id: String,
    /// What was sent.
    pub(crate) body: String,
}

impl Event {
    /// Tells them by their shape.
    pub(crate) fn read(event: &RawValue) -> Result<Self, UnknownEvent> {
        let Envelope { records, catalog } =
            serde_json::from_str(event.get()).map_err(|_| UnknownEvent)?;
        match (records, catalog) {
            (Some(deliveries), None) => Ok(Self::Queue(deliveries)),
            (None, Some(Look {})) => Ok(Self::Schedule),
            (None, None) | (Some(_), Some(_)) => Err(UnknownEvent),
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Records")]
    records: Option<Vec<Delivery>>,
    catalog: Option<Look>,
}

#[derive(Deserialize)]
struct Look {}

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
    pub(crate) fn of(returned: Vec<String>) -> Self {
        let failure = |id| Failure { item_identifier: id };
        Self { batch_item_failures: returned.into_iter().map(failure).collect() }
    }
}

/// An event that is neither of the schedule nor of the queue.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the event is neither the schedule's nor the queue's")]
pub struct UnknownEvent;
