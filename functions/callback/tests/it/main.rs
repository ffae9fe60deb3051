//! The ways back from an authorization server and from the identity provider.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod answer;
mod client;
mod event;
mod outbound;
mod sign_in;
mod support;
#[path = "../../src/wiring.rs"]
mod wiring;
mod world;
