//! The refresher's promises.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod event;
mod renewal;
mod report;
mod scale;
mod support;
mod sweep;
mod world;
