//! The pages before consent, as a browser sees them.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod answer;
mod client;
mod event;
mod look;
mod support;
mod wider;
mod world;
