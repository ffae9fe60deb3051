//! The operator's command, the gateway stand-in and the demo servers, over real sockets.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

pub(crate) mod connect;
mod demo_flow;
mod demo_notes;
mod flow;
mod gateway_interception;
mod gateway_protocol;
mod gateway_targets;
mod stack;
mod support;
