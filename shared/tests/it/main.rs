//! What functions share, over real sockets and against servers that behave as told.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod client;
mod doors;
mod http;
mod identity;
mod providers;
mod queue;
mod refresh;
mod registrant;
mod revocation;
mod sign_in;
mod support;
mod token;
