//! What invokes the function.

use broker::queue::Delivery;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Event {
    /// The schedule's: its input is `{"catalog":{}}`.
    Schedule,
    /// The queue's: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
    Queue(Vec<Delivery>),
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

/// An event that is neither of the schedule nor of the queue.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the event is neither the schedule's nor the queue's")]
pub struct UnknownEvent;
