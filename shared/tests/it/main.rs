//! What functions share, over real sockets and against servers that behave as told.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod http;
mod identity;
mod queue;
mod refresh;
mod sign_in;
mod support;
mod token;
