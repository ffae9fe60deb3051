//! The interceptor, as the gateway sees it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod golden;
mod identity;
mod isolation;
mod outage;
mod protocol;
mod renewal;
mod rounds;
mod schemas;
mod size;
mod support;
mod used;
mod world;
