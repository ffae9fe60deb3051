//! How events come from Lambda: as the bytes that they are.
//!
//! The runtime reads an event into what its function asks for, and keeps the name of each member on the
//! way, in case there is an error to report. Ours has none, and borrows from the bytes, which the runtime
//! would not let it.

use lambda_runtime::layers::TracingLayer;
use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{Error, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use serde::Serialize;
use serde::de::IgnoredAny;
use std::cell::Cell;
use std::mem;

/// Has `answer` called for each event, one at a time.
pub(crate) async fn run<O: Serialize>(answer: impl AsyncFn(&[u8]) -> O) -> Result<(), Error> {
    let event = Cell::default();
    let take_aside = MapRequestLayer::new(|mut invocation: LambdaInvocation| {
        event.set(mem::replace(&mut invocation.body, "null".into()));
        invocation
    });
    let service = service_fn(async |_: LambdaEvent<IgnoredAny>| {
        let event = event.take();
        Ok::<_, Error>(answer(&event).await)
    });
    Runtime::new(service).layer(take_aside).layer(TracingLayer::new()).run().await
}
