//! What invokes the function, and what it is answered.

use crate::UnknownEvent;
use crate::renewal::Delivery;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Event {
    /// The schedule's: its input is `{"sweep":{}}`.
    Schedule,
    /// The queue's: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
    Queue(Vec<Delivery>),
}

impl Event {
    /// Tells them by their shape.
    pub(crate) fn read(event: &RawValue) -> Result<Self, UnknownEvent> {
        let Envelope { records, sweep } =
            serde_json::from_str(event.get()).map_err(|_| UnknownEvent)?;
        match (records, sweep) {
            (Some(records), None) => {
                let deliveries = records.into_iter();
                let delivery = |Record { message_id: id, body }| Delivery { id, body };
                Ok(Self::Queue(deliveries.map(delivery).collect()))
            }
            (None, Some(Sweep {})) => Ok(Self::Schedule),
            (None, None) | (Some(_), Some(_)) => Err(UnknownEvent),
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
    sweep: Option<Sweep>,
}

#[derive(Deserialize)]
struct Sweep {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    body: String,
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
    pub(crate) fn of(returned: Vec<String>) -> Self {
        let failure = |id| Failure { item_identifier: id };
        Self { batch_item_failures: returned.into_iter().map(failure).collect() }
    }
}
