//! A person's connections, as their browser sees them, and the end of one.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod disconnect;
mod event;
mod forms;
mod list;
mod outbound;
mod outcome;
mod support;
#[path = "../../src/wiring.rs"]
mod wiring;
mod world;
