//! What invokes the function.

use crate::UnknownEvent;
use broker::queue::Delivery;
use serde::Deserialize;
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
            (Some(deliveries), None) => Ok(Self::Queue(deliveries)),
            (None, Some(Sweep {})) => Ok(Self::Schedule),
            (None, None) | (Some(_), Some(_)) => Err(UnknownEvent),
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Records")]
    records: Option<Vec<Delivery>>,
    sweep: Option<Sweep>,
}

#[derive(Deserialize)]
struct Sweep {}
