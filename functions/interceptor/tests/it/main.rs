//! The interceptor, as the gateway sees it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod discovery;
mod golden;
mod identity;
mod isolation;
mod list;
mod opened;
mod outage;
mod outbound;
mod outcomes;
mod protocol;
mod refused;
mod renewal;
mod rounds;
mod schemas;
mod size;
mod start;
mod step_up;
mod support;
mod used;
#[path = "../../src/wiring.rs"]
mod wiring;
mod world;
